//! A command, encoded once: as the element of a `CommandBatch` that it will be in the log.
//!
//! A batch is put together by concatenating fragments; nothing is encoded twice.

use bytes::{BufMut, Bytes, BytesMut};
use prost::encoding::{WireType, encode_key, encode_varint, encoded_len_varint};
use xebec_store::command::Body;

const FIXED64_FIELD_BYTES: usize = 9;

/// `commands` of `CommandBatch` (2), with `origin` (1), `id` (2) and the body of `Command`. The id
/// is left open until the waiter table gives one.
#[derive(Debug)]
pub struct Fragment {
    bytes: BytesMut,
    id_at: usize,
}

impl Fragment {
    pub fn new(origin: u64, body: &Body) -> Self {
        let command_bytes = 2 * FIXED64_FIELD_BYTES + body.encoded_len();
        let prefix_bytes = 1 + encoded_len_varint(command_bytes as u64);
        let mut bytes = BytesMut::with_capacity(prefix_bytes + command_bytes);
        encode_key(2, WireType::LengthDelimited, &mut bytes);
        encode_varint(command_bytes as u64, &mut bytes);
        encode_key(1, WireType::SixtyFourBit, &mut bytes);
        bytes.put_u64_le(origin);
        encode_key(2, WireType::SixtyFourBit, &mut bytes);
        let id_at = bytes.len();
        bytes.put_u64_le(0);
        body.encode(&mut bytes);
        Self { bytes, id_at }
    }

    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    pub fn with_id(mut self, id: u64) -> Bytes {
        self.bytes[self.id_at..self.id_at + 8].copy_from_slice(&id.to_le_bytes());
        self.bytes.freeze()
    }
}

/// An encoded `CommandBatch` of these fragments.
pub fn assemble<'a>(time_ms: u64, fragments: impl Iterator<Item = &'a Bytes> + Clone) -> Bytes {
    let size: usize = fragments.clone().map(Bytes::len).sum();
    let mut batch = BytesMut::with_capacity(FIXED64_FIELD_BYTES + size);
    encode_key(1, WireType::SixtyFourBit, &mut batch);
    batch.put_u64_le(time_ms);
    fragments.for_each(|fragment| batch.extend_from_slice(fragment));
    batch.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;
    use prost::Message;
    use xebec_store::command::{Command, CommandBatch, LeaseRevoke, Put};

    #[test]
    fn an_assembled_batch_is_what_prost_reads_and_writes() {
        let put = Body::Put(Put {
            key: Bytes::from_static(b"key"),
            value: Bytes::from(vec![7; 300]),
            ..Put::default()
        });
        let revoke = Body::LeaseRevoke(LeaseRevoke { id: 5 });
        let fragments =
            [Fragment::new(9, &put).with_id(1), Fragment::new(9, &revoke).with_id(u64::MAX)];
        let assembled = assemble(1234, fragments.iter());
        let expected = CommandBatch {
            time_ms: 1234,
            commands: vec![
                Command { origin: 9, id: 1, body: Some(put) },
                Command { origin: 9, id: u64::MAX, body: Some(revoke) },
            ],
        };
        assert_eq!(CommandBatch::decode(assembled.clone()), Ok(expected.clone()));
        assert_eq!(assembled, expected.encode_to_vec());
    }
}
