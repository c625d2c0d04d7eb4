//! As much of HTTP/2 (RFC 9113) as it takes to ask for a watch and to count what comes: frames,
//! and headers without compression (RFC 7541). A full client costs more for each event than a good
//! server, which would then not be what is measured.

use super::access::Access;

pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const RST_STREAM: u8 = 3;
pub const SETTINGS: u8 = 4;
pub const PING: u8 = 6;
pub const GOAWAY: u8 = 7;
pub const WINDOW_UPDATE: u8 = 8;

/// On HEADERS and DATA; ACK on SETTINGS and PING.
pub const END_STREAM: u8 = 1;
pub const ACK: u8 = 1;
const END_HEADERS: u8 = 4;
const PADDED: u8 = 8;

pub const FRAME_HEADER_BYTES: usize = 9;
/// The largest window there is: a watch is read as fast as it comes.
pub const WINDOW_BYTES: u32 = i32::MAX as u32;
const WINDOW_BYTES_INITIAL: u32 = 65_535;
/// What a window may shrink by before it is opened again.
pub const WINDOW_STEP_BYTES: u32 = WINDOW_BYTES / 2;

/// What stands before the payload of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame {
    pub length: usize,
    pub kind: u8,
    pub flags: u8,
    pub stream: u32,
}

impl Frame {
    /// The frame at the beginning of `bytes`, if its header is whole.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let header: &[u8; FRAME_HEADER_BYTES] = bytes.first_chunk()?;
        let number = |at: usize| {
            u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]])
        };
        Some(Self {
            length: (number(0) >> 8) as usize,
            kind: header[3],
            flags: header[4],
            stream: number(5) & 0x7FFF_FFFF,
        })
    }

    pub fn has(self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// The payload of DATA or HEADERS without padding.
    pub fn content(self, payload: &[u8]) -> &[u8] {
        match payload.split_first() {
            Some((padding, rest)) if self.has(PADDED) => {
                &rest[..rest.len().saturating_sub(usize::from(*padding))]
            }
            _ => payload,
        }
    }
}

/// Appends a frame.
pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8], to: &mut Vec<u8>) {
    let length = u32::try_from(payload.len()).expect("frames are small").to_be_bytes();
    to.extend_from_slice(&length[1..]);
    to.extend_from_slice(&[kind, flags]);
    to.extend_from_slice(&stream.to_be_bytes());
    to.extend_from_slice(payload);
}

pub fn window_update(stream: u32, by: u32, to: &mut Vec<u8>) {
    frame(WINDOW_UPDATE, 0, stream, &by.to_be_bytes(), to);
}

/// What a client says first: no pushes, no compression of headers, the largest windows.
pub fn preface(to: &mut Vec<u8>) {
    const HEADER_TABLE_SIZE: u8 = 1;
    const ENABLE_PUSH: u8 = 2;
    const INITIAL_WINDOW_SIZE: u8 = 4;
    to.extend_from_slice(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    let mut settings = Vec::new();
    for (name, value) in
        [(HEADER_TABLE_SIZE, 0), (ENABLE_PUSH, 0), (INITIAL_WINDOW_SIZE, WINDOW_BYTES)]
    {
        settings.extend_from_slice(&[0, name]);
        settings.extend_from_slice(&value.to_be_bytes());
    }
    frame(SETTINGS, 0, 0, &settings, to);
    window_update(0, WINDOW_BYTES - WINDOW_BYTES_INITIAL, to);
}

/// Indices in the static table of headers.
const AUTHORITY: u8 = 1;
const PATH: u8 = 4;
const ACCEPT: u8 = 19;
const AUTHORIZATION: u8 = 23;
const USER_AGENT: u8 = 58;
const METHOD_GET: u8 = 0x82;
const SCHEME_HTTPS: u8 = 0x87;
const STATUS_200: u8 = 0x88;

/// Appends a GET of a stream's.
pub fn get(
    stream: u32,
    authority: &str,
    (path, accept): (&str, &str),
    access: &Access,
    to: &mut Vec<u8>,
) {
    let mut block = vec![METHOD_GET, SCHEME_HTTPS];
    header(AUTHORITY, authority.as_bytes(), &mut block);
    header(PATH, path.as_bytes(), &mut block);
    header(ACCEPT, accept.as_bytes(), &mut block);
    header(USER_AGENT, b"xebec-bench", &mut block);
    if let Some(value) = &access.authorization {
        header(AUTHORIZATION, value.as_bytes(), &mut block);
    }
    frame(HEADERS, END_STREAM | END_HEADERS, stream, &block, to);
}

/// A header without indexing, its name from the static table.
fn header(name: u8, value: &[u8], to: &mut Vec<u8>) {
    integer(0, 4, name.into(), to);
    integer(0, 7, value.len(), to);
    to.extend_from_slice(value);
}

/// An integer with a prefix of so many bits (RFC 7541 §5.1).
fn integer(pattern: u8, bits: u8, value: usize, to: &mut Vec<u8>) {
    let most = (1_usize << bits) - 1;
    if value < most {
        to.push(pattern | value as u8);
        return;
    }
    to.push(pattern | most as u8);
    let mut rest = value - most;
    while rest >= 0x80 {
        to.push((rest & 0x7F) as u8 | 0x80);
        rest >>= 7;
    }
    to.push(rest as u8);
}

/// True if a block of headers begins with the status 200. Before it there may only be the
/// admission that headers are not compressed.
pub fn is_ok(mut block: &[u8]) -> bool {
    const TABLE_SIZE_ZERO: u8 = 0x20;
    while let Some((&TABLE_SIZE_ZERO, rest)) = block.split_first() {
        block = rest;
    }
    block.first() == Some(&STATUS_200)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_read_as_they_are_written() {
        let mut bytes = Vec::new();
        frame(DATA, END_STREAM, 7, b"abc", &mut bytes);
        let read = Frame::parse(&bytes).expect("a whole header");
        assert_eq!(read, Frame { length: 3, kind: DATA, flags: END_STREAM, stream: 7 });
        assert_eq!(read.content(&bytes[FRAME_HEADER_BYTES..]), b"abc");
        assert_eq!(Frame::parse(&bytes[..8]), None);
    }

    #[test]
    fn padding_is_no_content() {
        let padded = Frame { length: 6, kind: DATA, flags: PADDED, stream: 1 };
        assert_eq!(padded.content(b"\x02abcxx"), b"abc");
        assert_eq!(padded.content(b"\x09abc"), b"");
    }

    #[test]
    fn integers_are_those_of_the_rfc() {
        let written = |bits, value| {
            let mut bytes = Vec::new();
            integer(0, bits, value, &mut bytes);
            bytes
        };
        // RFC 7541, C.1.
        assert_eq!(written(5, 10), [10]);
        assert_eq!(written(5, 1_337), [31, 154, 10]);
        assert_eq!(written(8, 42), [42]);
    }

    #[test]
    fn only_the_status_200_is_good() {
        assert!(is_ok(&[0x88, 0x10]));
        assert!(is_ok(&[0x20, 0x88]));
        assert!(!is_ok(&[0x8d]), "404");
        assert!(!is_ok(&[]));
    }
}
