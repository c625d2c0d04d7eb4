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

impl Dispatcher {
    pub fn start(hub: Arc<Hub>) -> io::Result<Self> {
        let thread = std::thread::Builder::new().name("watch-dispatch".into()).spawn({
            let hub = hub.clone();
            move || {
                let mut segments = 0;
                while segments < PRIMED_SEGMENTS_MAX && hub.prime() {
                    segments += 1;
                    hub.dispatch();
                }
                while hub.inbox.wait() {
                    hub.dispatch();
                    std::thread::sleep(Duration::from_micros(DISPATCH_PACE_US));
                }
            }
        })?;
        Ok(Self { hub, thread: Some(thread) })
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
