//! Streams of frames through the filter, cut anywhere.

use super::{FRAME_HEADER_BYTES, LenientAuthority, PREFACE_BYTES, hpack, huffman};
use proptest::prelude::*;
use tokio::io::AsyncReadExt;

fn frame(kind: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
    let len = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&len[1..], &[kind, flags, 0, 0, 0, 1], payload].concat()
}

/// POST, path and authority as grpc-go writes them.
fn block(authority: &str, coded: bool) -> Vec<u8> {
    let mut out = vec![0x83, 0x86, 0x44, 4];
    out.extend_from_slice(b"/a/b");
    out.push(0x41);
    if coded {
        let coded = huffman::encode(authority);
        out.push(0x80 | u8::try_from(coded.len()).unwrap());
        out.extend(coded);
    } else {
        hpack::put_string(authority.as_bytes(), &mut out);
    }
    out.extend_from_slice(&[0x5f, 1, b'x']);
    out
}

/// What comes out of a stream that arrives in pieces of the given sizes.
fn through(stream: &[u8], pieces: &[usize]) -> Vec<u8> {
    let mut filter = filter(stream, pieces);
    let mut out = Vec::new();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(filter.read_to_end(&mut out)).unwrap();
    out
}

fn filter(stream: &[u8], pieces: &[usize]) -> LenientAuthority<Pieces> {
    let mut rest = stream.to_vec();
    let mut all = Vec::new();
    for size in pieces.iter().cycle().take(10_000) {
        let size = (*size).clamp(1, rest.len().max(1));
        if rest.is_empty() {
            break;
        }
        all.push(rest.drain(..size).collect::<Vec<u8>>());
    }
    all.push(rest);
    LenientAuthority::new(Pieces(all.into()))
}

struct Pieces(std::collections::VecDeque<Vec<u8>>);

impl tokio::io::AsyncRead for Pieces {
    fn poll_read(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
        out: &mut tokio::io::ReadBuf<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        if let Some(piece) = self.0.pop_front().filter(|piece| !piece.is_empty()) {
            let len = piece.len().min(out.remaining());
            out.put_slice(&piece[..len]);
            if len < piece.len() {
                self.0.push_front(piece[len..].to_vec());
            }
        }
        std::task::Poll::Ready(Ok(()))
    }
}

fn stream(authority: &str, coded: bool, flags: u8, payload: &[u8]) -> Vec<u8> {
    let mut headers = block(authority, coded);
    if flags & super::FLAG_PRIORITY != 0 {
        headers.splice(0..0, [0; 5]);
    }
    if flags & super::FLAG_PADDED != 0 {
        headers.insert(0, 3);
        headers.extend([0; 3]);
    }
    [
        vec![b'P'; PREFACE_BYTES],
        frame(4, 0, &[]),
        frame(1, 4 | flags, &headers),
        frame(0, 1, payload),
        frame(1, 4 | flags, &headers),
    ]
    .concat()
}

proptest! {
    #[test]
    fn urls_become_hosts_and_the_rest_stays(
        pieces in prop::collection::vec(1..200_usize, 1..8),
        scheme in prop::sample::select(vec!["http://", "https://"]),
        coded: bool,
        flags in prop::sample::select(vec![0, super::FLAG_PADDED, super::FLAG_PRIORITY, 0x28]),
        payload in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let given = stream(&format!("{scheme}127.0.0.1:2379"), coded, flags, &payload);
        let expected = stream("127.0.0.1:2379", false, flags, &payload);
        prop_assert_eq!(through(&given, &pieces), expected);
    }

    #[test]
    fn hosts_pass_through(
        pieces in prop::collection::vec(1..200_usize, 1..8),
        coded: bool,
        payload in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let given = stream("127.0.0.1:2379", coded, 0, &payload);
        prop_assert_eq!(through(&given, &pieces), given);
    }

    #[test]
    fn arbitrary_bytes_pass_through_or_stay_as_long(
        bytes in prop::collection::vec(any::<u8>(), 0..400),
        pieces in prop::collection::vec(1..50_usize, 1..4),
    ) {
        prop_assert!(through(&bytes, &pieces).len() <= bytes.len() + FRAME_HEADER_BYTES);
    }
}
