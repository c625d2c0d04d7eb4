//! Cutting a large response between events.

use super::super::limits::MESSAGE_BYTES_MAX;
use super::super::proto::etcdserverpb::WatchResponse;
use super::super::wire::EventRun;
use bytes::{Bytes, BytesMut};
use prost::encoding::{decode_key, decode_varint};

/// The same response in parts of less than [`MESSAGE_BYTES_MAX`], except where one event is
/// larger. All but the last say that more follows.
pub(super) fn fragments(head: WatchResponse, events: &EventRun) -> Vec<(WatchResponse, EventRun)> {
    let mut all = BytesMut::with_capacity(events.len());
    events.encode(&mut all);
    let mut cuts = cut(all.freeze(), MESSAGE_BYTES_MAX);
    let last = cuts.pop();
    let marked = WatchResponse { fragment: true, ..head.clone() };
    let mut parts: Vec<_> =
        cuts.into_iter().map(|part| (marked.clone(), EventRun::Cut(part))).collect();
    parts.extend(last.map(|part| (head, EventRun::Cut(part))));
    parts
}

/// Cuts concatenated fields into runs of less than `max` bytes, or of one field.
fn cut(mut fields: Bytes, max: usize) -> Vec<Bytes> {
    let mut parts = Vec::new();
    let mut len = 0;
    while len < fields.len() {
        let field = field_len(&fields[len..]);
        if len > 0 && len + field >= max {
            parts.push(fields.split_to(len));
            len = 0;
        }
        len += field;
    }
    parts.push(fields);
    parts
}

/// Length of the length-delimited field in front, tag included.
fn field_len(fields: &[u8]) -> usize {
    let mut rest = fields;
    let read = decode_key(&mut rest).and_then(|_| decode_varint(&mut rest));
    let len = read.expect("events were encoded by the store");
    let len = usize::try_from(len).expect("an event is in memory");
    fields.len() - rest.len() + len
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use prost::Message;
    use std::sync::Arc;
    use xebec_store::kv::{Event, KeyValue};
    use xebec_store::watch::{Batches, EventBatch};

    fn event(number: usize, value_len: usize) -> Event {
        let kv = KeyValue {
            key: Bytes::from(format!("k{number}")),
            mod_revision: 5,
            version: 1,
            value: Bytes::from(vec![7; value_len]),
            ..Default::default()
        };
        Event { kv: Arc::new(kv), prev: None }
    }

    proptest! {
        #[test]
        fn parts_are_whole_events_and_add_up(
            lens in prop::collection::vec(0..300_usize, 1..40),
            max in 50..2_000_usize,
        ) {
            let events: Vec<Event> =
                lens.iter().enumerate().map(|(n, len)| event(n, *len)).collect();
            let whole = EventBatch::new(events).encoded(false).clone();
            let parts = cut(whole.clone(), max);
            let mut decoded = Vec::new();
            for part in &parts {
                let response = WatchResponse::decode(part.clone()).unwrap();
                prop_assert!(!response.events.is_empty());
                prop_assert!(part.len() < max || response.events.len() == 1);
                decoded.extend(response.events);
            }
            prop_assert_eq!(decoded, WatchResponse::decode(whole).unwrap().events);
        }
    }

    #[test]
    fn all_but_the_last_part_announce_another() {
        let batch = EventBatch::new((0..4).map(|n| event(n, 1_000_000)).collect::<Vec<_>>());
        let batches: Batches = [Arc::new(batch)].into_iter().collect();
        let run = EventRun::Shared { batches, prev_kv: false };
        let head = WatchResponse { watch_id: 3, ..Default::default() };
        let marks: Vec<_> =
            fragments(head, &run).iter().map(|(head, _)| (head.watch_id, head.fragment)).collect();
        assert_eq!(marks, [(3, true), (3, false)], "two events of 1 MB fit into one part");
    }
}
