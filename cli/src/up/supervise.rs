//! Keeps one replica running: starts it, starts it again when it dies, stops it when told.

use super::backoff::Backoff;
use super::child::{Child, Exit};
use crate::failure::{Failure, Kind};
use std::path::PathBuf;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// What happens to a replica, for whoever shows it.
#[derive(Debug)]
pub enum Event {
    Started {
        name: String,
        pid: u32,
    },
    /// It died; `again_in` is None if it is not started again.
    Died {
        name: String,
        exit: Exit,
        again_in: Option<Duration>,
    },
    /// It could not even be started.
    NotStarted {
        name: String,
        failure: Failure,
    },
}

/// What to keep running, and how.
pub struct Supervisor {
    pub name: String,
    pub config: PathBuf,
    pub restart: bool,
    pub stop: CancellationToken,
    pub events: mpsc::Sender<Event>,
}

impl Supervisor {
    /// Returns when the replica has stopped for good.
    pub async fn run(self) {
        let mut backoff = Backoff::default();
        loop {
            let started = Instant::now();
            let Some(exit) = self.run_once().await else { return };
            let again_in = self.may_restart(&exit).then(|| backoff.after(started.elapsed()));
            self.tell(Event::Died { name: self.name.clone(), exit, again_in }).await;
            let Some(pause) = again_in else { return };
            tokio::select! {
                () = self.stop.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Runs the process until it dies; None if it was told to stop, or did not start.
    async fn run_once(&self) -> Option<Exit> {
        let mut child = match Child::start(&self.config) {
            Ok(child) => child,
            Err(failure) => {
                self.tell(Event::NotStarted { name: self.name.clone(), failure }).await;
                return None;
            }
        };
        let pid = child.pid().unwrap_or_default();
        self.tell(Event::Started { name: self.name.clone(), pid }).await;
        tokio::select! {
            () = self.stop.cancelled() => {
                if let Err(error) = child.stop().await {
                    tracing::warn!(name = self.name, %error, "the replica could not be stopped");
                }
                None
            }
            status = child.wait() => Some(child.into_exit(status.ok()?).await),
        }
    }

    fn may_restart(&self, exit: &Exit) -> bool {
        // Death by a signal always may pass.
        self.restart && exit.status.code().is_none_or(Kind::may_pass)
    }

    async fn tell(&self, event: Event) {
        // Nobody listens any more only when everything is being stopped.
        let _ = self.events.send(event).await;
    }
}
