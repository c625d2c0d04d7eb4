//! Bytes from outside never make the keyspace panic: a batch that decodes is applied or refused,
//! whatever it says. Seeded and bounded; the seed of a failure is in its message.

use bytes::Bytes;
use prost::Message;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use xebec_store::command::CommandBatch;
use xebec_store::engine::mem::MemHome;
use xebec_store::engine::{Durability, EngineHome};
use xebec_store::{Entry, LogPosition, Options, Payload, Store};

const MEMBER: u64 = 1;

/// SplitMix64.
struct Rng(u64);

impl Rng {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    /// Small and extreme numbers, where the limits are.
    fn number(&mut self) -> u64 {
        match self.below(6) {
            0 => 0,
            1 => u64::MAX,
            2 => 1 << 63,
            3 => self.next(),
            _ => self.below(8),
        }
    }
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(u8::try_from(value & 0x7f).expect("seven bits") | 0x80);
        value >>= 7;
    }
    out.push(u8::try_from(value).expect("seven bits"));
}

/// Bytes that look like a protobuf message with messages in it: most of them decode as something.
fn message(rng: &mut Rng, depth: u32) -> Vec<u8> {
    let mut out = Vec::new();
    for _ in 0..rng.below(5) {
        let tag = rng.below(12) + 1;
        let wire = if depth > 0 { [0, 1, 2, 2, 2][rng.below(5) as usize] } else { rng.below(3) };
        varint(&mut out, (tag << 3) | wire);
        match wire {
            0 => {
                let number = rng.number();
                varint(&mut out, number);
            }
            1 => out.extend(rng.number().to_le_bytes()),
            _ => {
                let inner = if depth > 0 && rng.below(4) > 0 {
                    message(rng, depth - 1)
                } else {
                    (0..rng.below(4)).map(|_| b'a' + rng.below(3) as u8).collect()
                };
                varint(&mut out, inner.len() as u64);
                out.extend(inner);
            }
        }
    }
    out
}

/// A batch of one command by this member, with a body made up by `rng`.
fn batch(rng: &mut Rng) -> Vec<u8> {
    let mut command = Vec::new();
    command.push(1 << 3 | 1);
    command.extend(MEMBER.to_le_bytes());
    varint(&mut command, (rng.below(7) + 3) << 3 | 2);
    let body = message(rng, 5);
    varint(&mut command, body.len() as u64);
    command.extend(body);
    let mut batch = vec![2 << 3 | 2];
    varint(&mut batch, command.len() as u64);
    batch.extend(command);
    batch
}

fn open(home: &Arc<MemHome>) -> Store {
    let options = Options { load_threads: 1, dispatcher: false, ..Options::new(MEMBER) };
    Store::open(home.clone() as Arc<dyn EngineHome>, options).expect("the keyspace opens")
}

#[test]
fn no_batch_of_commands_makes_the_keyspace_panic() {
    const BATCHES: u64 = 4_000;
    let home = Arc::new(MemHome::new(xebec_store::disk::SPACES, Durability::Unlogged));
    let store = open(&home);
    let mut applied = 0;
    for seed in 0..BATCHES {
        let bytes = batch(&mut Rng(seed));
        let Ok(decoded) = CommandBatch::decode(bytes.as_slice()) else { continue };
        applied += 1;
        let position = LogPosition { term: 1, index: applied };
        let entry = Entry { position, payload: Payload::Commands(decoded.clone()) };
        let result = catch_unwind(AssertUnwindSafe(|| store.apply(vec![entry])));
        let result = result.unwrap_or_else(|_| panic!("seed {seed} panics: {decoded:?}"));
        result.unwrap_or_else(|error| panic!("seed {seed}: {error}: {decoded:?}"));
    }
    assert!(applied > BATCHES / 4, "only {applied} of {BATCHES} batches decode at all");
    let (revision, hash) = (store.view().revision(), store.view().hash());
    drop(store);
    let view = open(&home).view();
    assert_eq!((view.revision(), view.hash()), (revision, hash), "what was applied reads back");
}

#[test]
fn no_bytes_make_the_decoding_of_a_batch_panic() {
    for seed in 0..20_000 {
        let mut rng = Rng(seed);
        let length = rng.below(64);
        let noise: Vec<u8> = (0..length).map(|_| rng.next() as u8).collect();
        let mut spoilt = batch(&mut rng);
        let at = rng.below(spoilt.len() as u64) as usize;
        spoilt[at] ^= 1 << rng.below(8);
        spoilt.truncate(rng.below(spoilt.len() as u64 + 1) as usize);
        for bytes in [noise, spoilt] {
            let decoded = catch_unwind(|| CommandBatch::decode(Bytes::from(bytes)).is_ok());
            assert!(decoded.is_ok(), "seed {seed} panics");
        }
    }
}
