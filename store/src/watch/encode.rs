//! Events as they stand on the wire: field 11 of etcd's `WatchResponse`, repeated.
//!
//! An event is etcd's `mvccpb.Event`: `type = 1` (0 for a put, left out; 1 for a deletion),
//! `kv = 2`, `prev_kv = 3`.

use crate::kv::{Event, KeyValue};
use bytes::BufMut;
use prost::Message;
use prost::encoding::{WireType, encode_key, encode_varint, encoded_len_varint, key_len};

const EVENTS_TAG: u32 = 11;
const TYPE_TAG: u32 = 1;
const KV_TAG: u32 = 2;
const PREV_KV_TAG: u32 = 3;

/// `EventType.DELETE`.
const DELETE: u64 = 1;

/// Appends one `events` field of a `WatchResponse`, tag and length included. Without `prev_kv`
/// the previous version is left out, as etcd does for a watch that did not ask for it.
pub fn encode_event(event: &Event, prev_kv: bool, out: &mut impl BufMut) {
    encode_key(EVENTS_TAG, WireType::LengthDelimited, out);
    encode_varint(message_len(event, prev_kv) as u64, out);
    if event.is_delete() {
        encode_key(TYPE_TAG, WireType::Varint, out);
        encode_varint(DELETE, out);
    }
    encode_kv(KV_TAG, &event.kv, out);
    if let Some(prev) = shown_prev(event, prev_kv) {
        encode_kv(PREV_KV_TAG, prev, out);
    }
}

/// Length of what [`encode_event`] appends, in bytes.
pub fn encoded_event_len(event: &Event, prev_kv: bool) -> usize {
    delimited_len(EVENTS_TAG, message_len(event, prev_kv))
}

fn message_len(event: &Event, prev_kv: bool) -> usize {
    let kind = if event.is_delete() { key_len(TYPE_TAG) + encoded_len_varint(DELETE) } else { 0 };
    let prev = shown_prev(event, prev_kv);
    kind + delimited_len(KV_TAG, event.kv.encoded_len())
        + prev.map_or(0, |prev| delimited_len(PREV_KV_TAG, prev.encoded_len()))
}

fn shown_prev(event: &Event, prev_kv: bool) -> Option<&KeyValue> {
    if prev_kv { event.prev.as_deref() } else { None }
}

fn encode_kv(tag: u32, kv: &KeyValue, out: &mut impl BufMut) {
    encode_key(tag, WireType::LengthDelimited, out);
    encode_varint(kv.encoded_len() as u64, out);
    kv.encode_raw(out);
}

fn delimited_len(tag: u32, len: usize) -> usize {
    key_len(tag) + encoded_len_varint(len as u64) + len
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    /// The same facts as a derived message, against which the encoder is checked.
    #[derive(Clone, PartialEq, prost::Message)]
    struct WireEvent {
        #[prost(int32, tag = "1")]
        kind: i32,
        #[prost(message, optional, tag = "2")]
        kv: Option<KeyValue>,
        #[prost(message, optional, tag = "3")]
        prev_kv: Option<KeyValue>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    struct WireResponse {
        #[prost(message, repeated, tag = "11")]
        events: Vec<WireEvent>,
    }

    fn kv(key: &'static str, revision: i64, version: i64, value: Vec<u8>) -> Arc<KeyValue> {
        Arc::new(KeyValue {
            key: key.into(),
            create_revision: if version == 0 { 0 } else { 2 },
            mod_revision: revision,
            version,
            value: value.into(),
            lease: 0,
        })
    }

    fn wire(event: &Event, prev_kv: bool) -> WireEvent {
        WireEvent {
            kind: i32::from(event.is_delete()),
            kv: Some((*event.kv).clone()),
            prev_kv: event.prev.as_deref().filter(|_| prev_kv).cloned(),
        }
    }

    #[test]
    fn an_event_is_encoded_as_protobuf_says() {
        let events = [
            Event { kv: kv("a", 2, 1, vec![7; 300]), prev: None },
            Event { kv: kv("a", 3, 2, vec![]), prev: Some(kv("a", 2, 1, vec![7; 300])) },
            Event { kv: kv("a", 4, 0, vec![]), prev: Some(kv("a", 3, 2, vec![])) },
        ];
        for prev_kv in [false, true] {
            let mut bytes = Vec::new();
            let mut len = 0;
            for event in &events {
                encode_event(event, prev_kv, &mut bytes);
                len += encoded_event_len(event, prev_kv);
                assert_eq!(bytes.len(), len);
            }
            let expected =
                WireResponse { events: events.iter().map(|e| wire(e, prev_kv)).collect() };
            assert_eq!(bytes, expected.encode_to_vec());
        }
    }
}
