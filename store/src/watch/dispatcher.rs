//! The thread that dispatches in production.

use super::Hub;
use super::limits::{DISPATCH_PACE_US, PRIMED_SEGMENTS_MAX};
use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

/// Runs [`Hub::dispatch`] whenever something was published, until dropped.
pub struct Dispatcher {
    hub: Arc<Hub>,
    thread: Option<JoinHandle<()>>,
}

/// Tells the writer if the thread ends by a panic: a replica does not go on with mute watches.
struct Alarm<'a>(&'a Hub);

impl Drop for Alarm<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.inbox.fail();
        }
    }
}

impl Dispatcher {
    pub fn start(hub: Arc<Hub>) -> io::Result<Self> {
        let thread = std::thread::Builder::new().name("watch-dispatch".into()).spawn({
            let hub = hub.clone();
            move || run(&hub)
        })?;
        Ok(Self { hub, thread: Some(thread) })
    }
}

fn run(hub: &Hub) {
    let _alarm = Alarm(hub);
    let mut segments = 0;
    while segments < PRIMED_SEGMENTS_MAX && hub.prime() {
        segments += 1;
        hub.dispatch();
    }
    while hub.inbox.wait() {
        hub.dispatch();
        #[expect(clippy::disallowed_methods, reason = "a thread of its own, which blocks nobody")]
        std::thread::sleep(Duration::from_micros(DISPATCH_PACE_US));
    }
}

impl Drop for Dispatcher {
    fn drop(&mut self) {
        self.hub.inbox.close();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
            && !std::thread::panicking()
        {
            panic!("the watch dispatcher panicked");
        }
    }
}
