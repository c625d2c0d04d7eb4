//! [`Kept`]: items of a list that are encoded already.
//!
//! A list in protobuf says how long it is before its first item, so every item is encoded to be
//! measured. What fits into the room that all lists of a server share is kept, and need not be
//! encoded again to be sent.

use crate::kube::limits::{LIST_KEPT_BYTES_MAX, LISTS_KEPT_KIB_MAX};
use std::collections::VecDeque;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Room is taken in pieces of this size.
const PIECE_KIB: u32 = 256;

/// What the lists of a server may keep together.
#[derive(Debug, Clone)]
pub struct Room(Arc<Semaphore>);

impl Default for Room {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(LISTS_KEPT_KIB_MAX)))
    }
}

/// The first items of a list, in their order.
#[derive(Debug)]
pub struct Kept {
    items: VecDeque<Vec<u8>>,
    room: Room,
    held: Option<OwnedSemaphorePermit>,
    /// Of the room that is held.
    left_bytes: usize,
    total_bytes: usize,
    full: bool,
}

impl Kept {
    pub fn new(room: Room) -> Self {
        Self {
            items: VecDeque::new(),
            room,
            held: None,
            left_bytes: 0,
            total_bytes: 0,
            full: false,
        }
    }

    /// Keeps the next item, if there is room for it and there was for all before.
    pub fn push(&mut self, item: &[u8]) {
        let bytes = item.len() + size_of::<Vec<u8>>();
        self.full = self.full || !self.reserve(bytes);
        if !self.full {
            self.left_bytes -= bytes;
            self.total_bytes += bytes;
            self.items.push_back(item.to_vec());
        }
    }

    /// The next item, once; nothing when the kept ones are used up.
    pub fn next(&mut self) -> Option<Vec<u8>> {
        self.items.pop_front()
    }

    fn reserve(&mut self, bytes: usize) -> bool {
        if self.total_bytes + bytes > LIST_KEPT_BYTES_MAX {
            return false;
        }
        while self.left_bytes < bytes {
            let Ok(piece) = self.room.0.clone().try_acquire_many_owned(PIECE_KIB) else {
                return false;
            };
            match &mut self.held {
                Some(held) => held.merge(piece),
                None => self.held = Some(piece),
            }
            self.left_bytes += PIECE_KIB as usize * 1_024;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1_024 * 1_024;

    #[test]
    fn items_come_back_in_order_until_the_list_is_full() {
        let mut kept = Kept::new(Room::default());
        for number in 0..=u8::try_from(LIST_KEPT_BYTES_MAX / MIB).expect("not many") {
            kept.push(&vec![number; MIB]);
        }
        // One that would fit is not kept behind one that did not.
        kept.push(&[0]);
        let mut firsts = Vec::new();
        while let Some(item) = kept.next() {
            assert_eq!(item.len(), MIB);
            firsts.push(item[0]);
        }
        assert_eq!(firsts.len(), LIST_KEPT_BYTES_MAX / MIB - 1);
        assert!(firsts.is_sorted());
    }

    #[test]
    fn lists_share_the_room_and_give_it_back() {
        let room = Room::default();
        let fill = || {
            let mut kept = Kept::new(room.clone());
            for _ in 0..LIST_KEPT_BYTES_MAX / MIB {
                kept.push(&vec![1; MIB]);
            }
            kept
        };
        let all: Vec<Kept> = (0..LISTS_KEPT_KIB_MAX).step_by(1_024).map(|_| fill()).collect();
        let bytes: usize = all.iter().map(|kept| kept.total_bytes).sum();
        assert!(bytes <= LISTS_KEPT_KIB_MAX * 1_024, "{bytes}");
        assert!(all.last().is_some_and(|kept| kept.items.is_empty()));
        drop(all);
        assert_eq!(room.0.available_permits(), LISTS_KEPT_KIB_MAX);
    }
}
