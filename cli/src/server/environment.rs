//! What consensus takes from its surroundings: the clock, the disk, and a way to say that it
//! cannot go on.

use nix::sys::statvfs::statvfs;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;
use tokio::sync::watch;
use xebec_raft::Environment;
use xebec_raft::options::{FatalHook, FreeSpace, WallClock};

struct SystemClock;

impl WallClock for SystemClock {
    fn now_ms(&self) -> u64 {
        let since_epoch = crate::surroundings::now().duration_since(SystemTime::UNIX_EPOCH);
        since_epoch.map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }
}

/// The file system that a directory is on.
struct Disk {
    dir: PathBuf,
    reserve_bytes: Option<u64>,
}

impl FreeSpace for Disk {
    fn free_bytes(&self) -> io::Result<u64> {
        let stat = statvfs(&self.dir)?;
        Ok(stat.blocks_available().saturating_mul(stat.fragment_size()))
    }

    fn total_bytes(&self) -> io::Result<u64> {
        let stat = statvfs(&self.dir)?;
        Ok(stat.blocks().saturating_mul(stat.fragment_size()))
    }

    fn reserve_bytes(&self) -> Option<u64> {
        self.reserve_bytes
    }
}

/// Carries the reason of a fatal stop to the main loop.
struct Fatal(watch::Sender<Option<String>>);

impl FatalHook for Fatal {
    fn stop(&self, reason: &str) {
        self.0.send_if_modified(|current| {
            let first = current.is_none();
            if first {
                *current = Some(reason.to_owned());
            }
            first
        });
    }
}

/// Resolves when the replica says that it cannot go on.
pub struct FatalSignal(watch::Receiver<Option<String>>);

impl FatalSignal {
    pub async fn reason(&mut self) -> String {
        match self.0.wait_for(Option::is_some).await {
            Ok(reason) => reason.clone().unwrap_or_default(),
            // The replica is gone without a reason: nothing to wait for.
            Err(_) => std::future::pending().await,
        }
    }
}

/// The real surroundings of a replica with its data in `dir`.
pub fn system(dir: PathBuf, reserve_bytes: Option<u64>) -> (Environment, FatalSignal) {
    let (sender, receiver) = watch::channel(None);
    let environment = Environment {
        clock: Arc::new(SystemClock),
        disk: Arc::new(Disk { dir, reserve_bytes }),
        fatal: Arc::new(Fatal(sender)),
    };
    (environment, FatalSignal(receiver))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_first_reason_counts() {
        let (environment, mut fatal) = system("/".into(), None);
        environment.fatal.stop("the log cannot be written");
        environment.fatal.stop("something later");
        assert_eq!(fatal.reason().await, "the log cannot be written");
    }

    #[test]
    fn the_disk_has_a_size() {
        let (environment, _) = system("/".into(), None);
        let total = environment.disk.total_bytes().expect("readable");
        assert!(total > 0 && environment.disk.free_bytes().expect("readable") <= total);
    }
}
