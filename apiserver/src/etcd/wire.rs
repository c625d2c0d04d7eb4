//! How messages become bytes.
//!
//! [`WireCodec`] decodes with prost and encodes anything that is [`Wire`]: every prost message,
//! and the two responses that would be wasteful as one. [`RangeReply`] writes the store's shared
//! key-value pairs straight into the send buffer. [`WatchReply`] is a few bytes of its own in
//! front of events that were encoded once for all their watchers.

use super::proto::etcdserverpb::{RangeResponse, ResponseHeader, WatchResponse};
use bytes::{BufMut, Bytes};
use prost::Message;
use prost::encoding::{WireType, encode_key, encode_varint, encoded_len_varint, key_len};
use std::marker::PhantomData;
use std::sync::Arc;
use tonic::Status;
use tonic::codec::{BufferSettings, Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use xebec_store::kv::KeyValue;
use xebec_store::watch::Batches;

/// First size of a response buffer: one small response. Larger ones reserve what they need.
const SEND_BUFFER_BYTES: usize = 256;
/// A stream's ready responses are gathered into chunks of about this size.
const SEND_CHUNK_BYTES: usize = 32 * 1024;

const TAG_RANGE_HEADER: u32 = 1;
const TAG_RANGE_KVS: u32 = 2;
const TAG_KV_VALUE: u32 = 5;

/// Something that can be written as one gRPC message.
pub trait Wire: Send + 'static {
    fn wire_len(&self) -> usize;

    /// Writes exactly [`Self::wire_len`] bytes; `out` has room for them.
    fn wire_encode(&self, out: &mut impl BufMut);
}

impl<M: Message + 'static> Wire for M {
    fn wire_len(&self) -> usize {
        self.encoded_len()
    }

    fn wire_encode(&self, out: &mut impl BufMut) {
        self.encode_raw(out);
    }
}

/// A `RangeResponse` of shared key-value pairs.
#[derive(Debug, Default)]
pub struct RangeReply {
    pub header: ResponseHeader,
    pub kvs: Vec<Arc<KeyValue>>,
    /// Leaves the values out.
    pub keys_only: bool,
    pub more: bool,
    pub count: i64,
}

impl RangeReply {
    /// The fields after `kvs`, as a message that has only those.
    fn tail(&self) -> RangeResponse {
        RangeResponse { more: self.more, count: self.count, ..RangeResponse::default() }
    }

    /// Length of a pair as a message.
    fn kv_len(&self, kv: &KeyValue) -> usize {
        let value = &kv.value;
        let left_out = if self.keys_only && !value.is_empty() {
            field_len(TAG_KV_VALUE, value.len())
        } else {
            0
        };
        kv.encoded_len() - left_out
    }

    fn encode_kv(&self, kv: &KeyValue, out: &mut impl BufMut) {
        encode_key(TAG_RANGE_KVS, WireType::LengthDelimited, out);
        encode_varint(self.kv_len(kv) as u64, out);
        if self.keys_only {
            KeyValue { value: Bytes::new(), ..kv.clone() }.encode_raw(out);
        } else {
            kv.encode_raw(out);
        }
    }
}

impl Wire for RangeReply {
    fn wire_len(&self) -> usize {
        let kvs: usize = self.kvs.iter().map(|kv| field_len(TAG_RANGE_KVS, self.kv_len(kv))).sum();
        field_len(TAG_RANGE_HEADER, self.header.encoded_len()) + kvs + self.tail().encoded_len()
    }

    fn wire_encode(&self, out: &mut impl BufMut) {
        field(TAG_RANGE_HEADER, &self.header, out);
        self.kvs.iter().for_each(|kv| self.encode_kv(kv, out));
        self.tail().encode_raw(out);
    }
}

/// A `WatchResponse` whose events are encoded already.
#[derive(Debug, Default)]
pub struct WatchReply {
    /// All fields but `events`, which stays empty.
    pub head: WatchResponse,
    pub events: EventRun,
}

/// Encoded events: whole `events` fields, one after the other.
#[derive(Debug, Default)]
pub enum EventRun {
    #[default]
    None,
    /// Of batches that all watches of a range share.
    Shared { batches: Batches, prev_kv: bool },
    /// Of a fragment.
    Cut(Bytes),
}

impl EventRun {
    pub fn len(&self) -> usize {
        match self {
            Self::None => 0,
            Self::Shared { batches, prev_kv } => {
                batches.iter().map(|batch| batch.encoded(*prev_kv).len()).sum()
            }
            Self::Cut(bytes) => bytes.len(),
        }
    }

    pub fn encode(&self, out: &mut impl BufMut) {
        match self {
            Self::None => {}
            Self::Shared { batches, prev_kv } => {
                batches.iter().for_each(|batch| out.put_slice(batch.encoded(*prev_kv)));
            }
            Self::Cut(bytes) => out.put_slice(bytes),
        }
    }
}

impl Wire for WatchReply {
    fn wire_len(&self) -> usize {
        self.head.encoded_len() + self.events.len()
    }

    fn wire_encode(&self, out: &mut impl BufMut) {
        self.head.encode_raw(out);
        self.events.encode(out);
    }
}

fn field_len(tag: u32, len: usize) -> usize {
    key_len(tag) + encoded_len_varint(len as u64) + len
}

fn field(tag: u32, message: &impl Message, out: &mut impl BufMut) {
    encode_key(tag, WireType::LengthDelimited, out);
    encode_varint(message.encoded_len() as u64, out);
    message.encode_raw(out);
}

/// The codec of every method of the server.
#[derive(Debug)]
pub struct WireCodec<T, U>(PhantomData<(T, U)>);

impl<T, U> Default for WireCodec<T, U> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<T: Wire, U: Message + Default + 'static> Codec for WireCodec<T, U> {
    type Encode = T;
    type Decode = U;
    type Encoder = WireEncoder<T>;
    type Decoder = WireDecoder<U>;

    fn encoder(&mut self) -> Self::Encoder {
        WireEncoder(PhantomData)
    }

    fn decoder(&mut self) -> Self::Decoder {
        WireDecoder(PhantomData)
    }
}

#[derive(Debug)]
pub struct WireEncoder<T>(PhantomData<T>);

impl<T: Wire> Encoder for WireEncoder<T> {
    type Item = T;
    type Error = Status;

    fn encode(&mut self, item: T, out: &mut EncodeBuf<'_>) -> Result<(), Status> {
        out.reserve(item.wire_len());
        item.wire_encode(out);
        Ok(())
    }

    fn buffer_settings(&self) -> BufferSettings {
        BufferSettings::new(SEND_BUFFER_BYTES, SEND_CHUNK_BYTES)
    }
}

#[derive(Debug)]
pub struct WireDecoder<U>(PhantomData<U>);

impl<U: Message + Default> Decoder for WireDecoder<U> {
    type Item = U;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<U>, Status> {
        U::decode(from).map(Some).map_err(|error| {
            Status::internal(format!("grpc: failed to unmarshal the received message: {error}"))
        })
    }

    fn buffer_settings(&self) -> BufferSettings {
        BufferSettings::new(SEND_BUFFER_BYTES, SEND_CHUNK_BYTES)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::etcd::proto::mvccpb::Event;
    use proptest::prelude::*;
    use xebec_store::watch::EventBatch;

    fn encoded(wire: &impl Wire) -> Vec<u8> {
        let mut out = Vec::new();
        wire.wire_encode(&mut out);
        assert_eq!(out.len(), wire.wire_len());
        out
    }

    fn header(revision: i64) -> ResponseHeader {
        ResponseHeader { cluster_id: 7, member_id: u64::MAX, revision, raft_term: 3 }
    }

    prop_compose! {
        fn kv()(
            key in prop::collection::vec(any::<u8>(), 0..40),
            value in prop::collection::vec(any::<u8>(), 0..400),
            numbers in any::<[i64; 4]>(),
        ) -> KeyValue {
            let [create_revision, mod_revision, version, lease] = numbers;
            let (key, value) = (Bytes::from(key), Bytes::from(value));
            KeyValue { key, create_revision, mod_revision, version, value, lease }
        }
    }

    proptest! {
        #[test]
        fn range_reply_is_a_range_response(
            kvs in prop::collection::vec(kv(), 0..6),
            keys_only: bool,
            more: bool,
            count: i64,
            revision: i64,
        ) {
            let header = header(revision);
            let shared = kvs.iter().cloned().map(Arc::new).collect();
            let reply = RangeReply { header, kvs: shared, keys_only, more, count };
            let kvs = kvs.into_iter().map(|kv| {
                let value = if keys_only { Bytes::new() } else { kv.value.clone() };
                KeyValue { value, ..kv }
            });
            let expected =
                RangeResponse { header: Some(header), kvs: kvs.collect(), more, count };
            prop_assert_eq!(RangeResponse::decode(&encoded(&reply)[..]).unwrap(), expected);
        }

        #[test]
        fn watch_reply_is_a_watch_response(
            kvs in prop::collection::vec(kv(), 1..6),
            watch_id: i64,
            prev_kv: bool,
            cut: bool,
        ) {
            let head = WatchResponse { header: Some(header(9)), watch_id, ..Default::default() };
            let batches: Batches = kvs.iter().map(|kv| Arc::new(batch(kv))).collect();
            let mut events = EventRun::Shared { batches, prev_kv };
            if cut {
                let mut bytes = Vec::new();
                events.encode(&mut bytes);
                events = EventRun::Cut(bytes.into());
            }
            let reply = WatchReply { head: head.clone(), events };
            let decoded = WatchResponse::decode(&encoded(&reply)[..]).unwrap();
            let events = kvs.iter().map(|kv| Event {
                r#type: i32::from(kv.version == 0),
                kv: Some(kv.clone()),
                prev_kv: prev_kv.then(|| kv.clone()),
            });
            prop_assert_eq!(decoded, WatchResponse { events: events.collect(), ..head });
        }
    }

    fn batch(kv: &KeyValue) -> EventBatch {
        let kv = Arc::new(kv.clone());
        EventBatch::new([xebec_store::kv::Event { kv: kv.clone(), prev: Some(kv) }])
    }
}
