//! The same with real threads: a writer that never waits, the dispatcher, and streams that are
//! quick or slow, come and go.

use crate::disk::Disk;
use crate::world::{World, put, range, spec};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use xebec_store::kv::Revision;
use xebec_store::watch::{
    Delivery, Dispatcher, HistoryReader, Hub, Limits, ScanLimit, WatchStream,
};

const REVISIONS: Revision = 20_000;

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Waits as a runtime would: nothing but the waker ends the wait.
fn wait(stream: &mut WatchStream) {
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut ready = pin!(|cx: &mut Context<'_>| stream.poll_ready(cx));
    while ready(&mut Context::from_waker(&waker)) == Poll::Pending {
        std::thread::park();
    }
}

/// Follows `watches` watches of one range from the start to the last revision.
fn follow(hub: &Arc<Hub>, watches: i64, nap_every: usize) {
    let mut stream = hub.open();
    let mut next = vec![2; usize::try_from(watches).expect("a small number")];
    for id in 0..watches {
        stream.watch(id, spec(range("k", "l"), 2));
    }
    let mut taken = 0;
    while next.iter().any(|next| *next <= REVISIONS) {
        wait(&mut stream);
        while let Some(delivery) = stream.next(100) {
            match delivery {
                Delivery::Events { id, batches, .. } => {
                    let next = &mut next[usize::try_from(id).expect("a small number")];
                    for batch in batches.iter() {
                        assert_eq!(batch.revision(), *next);
                        *next += 1;
                    }
                    let synced = stream.synced_revision(id).expect("a live watch");
                    assert!(synced < *next);
                }
                Delivery::Behind(catch_up) => stream.resume(catch_up.read()),
                Delivery::Compacted { .. } => panic!("nothing was compacted"),
            }
            taken += 1;
            if taken % nap_every == 0 {
                std::thread::yield_now();
            }
        }
    }
}

#[test]
fn watch_survives_real_threads() {
    let limits = Limits { history_bytes: 200_000, rings_bytes: 20_000, inbox_bytes: 300_000 };
    let mut world = World::new(limits);
    let hub = world.hub.clone();
    let dispatcher = Dispatcher::start(hub.clone()).expect("a thread");
    std::thread::scope(|scope| {
        for (watches, nap_every) in [(1, 1_000_000), (3, 1), (20, 7)] {
            let hub = &hub;
            scope.spawn(move || follow(hub, watches, nap_every));
        }
        // One that opens and cancels all the time.
        scope.spawn(|| {
            while hub.revision() < REVISIONS {
                let mut stream = hub.open();
                for id in 0..50 {
                    stream.watch(id, spec(range("k", ["", "l", "m"][id as usize % 3]), 0));
                    stream.cancel(id / 2);
                }
                while let Some(Delivery::Events { .. }) = stream.next(10) {}
            }
        });
        for _ in 1..REVISIONS {
            world.apply(&[put("k", "v")]);
        }
    });
    drop(dispatcher);
    assert_eq!(hub.revision(), REVISIONS);
    let all = ScanLimit { revisions: usize::MAX, bytes: usize::MAX, examined: usize::MAX };
    let disk: &Disk = &world.disk;
    assert_eq!(
        disk.scan(&range("k", ""), 0, REVISIONS, all).expect("a sound disk").batches.len(),
        19_999
    );
}
