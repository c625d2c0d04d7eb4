//! [`Signals`]: being told to stop.

use crate::failure::Failure;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// SIGINT, SIGTERM, SIGHUP and SIGQUIT.
pub struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
    quit: Signal,
}

/// How to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// Others go on: hand leadership over first.
    Alone,
    /// SIGQUIT: the whole cluster stops, there is nobody to hand over to.
    WithAll,
}

impl Signals {
    /// From now on these signals do not end the process.
    pub fn install() -> Result<Self, Failure> {
        let install = |kind| signal(kind).map_err(|error| Failure::io("signals", &error));
        Ok(Self {
            interrupt: install(SignalKind::interrupt())?,
            terminate: install(SignalKind::terminate())?,
            hangup: install(SignalKind::hangup())?,
            quit: install(SignalKind::quit())?,
        })
    }

    /// Returns at the next of them.
    pub async fn stop(&mut self) -> Stop {
        tokio::select! {
            _ = self.interrupt.recv() => Stop::Alone,
            _ = self.terminate.recv() => Stop::Alone,
            _ = self.hangup.recv() => Stop::Alone,
            _ = self.quit.recv() => Stop::WithAll,
        }
    }
}
