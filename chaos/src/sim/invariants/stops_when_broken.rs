//! A replica that cannot write says why and stops; it never limps on.

use crate::sim::host::Host;

pub const NAME: &str = "a replica whose disk failed stops";

/// What is under way may end first.
const GRACE_US: u64 = 1_000_000;

pub fn check(host: &Host, now_us: u64) -> Option<String> {
    let disks = [("log", &host.log), ("keyspace", &host.state)];
    let (name, at_us) =
        disks.into_iter().find_map(|(name, disk)| Some((name, disk.failed_us()?)))?;
    let limps = host.is_up() && !host.paused && at_us + GRACE_US < now_us;
    limps.then(|| {
        let index = host.index;
        format!("host {index} runs {} ms after its {name} failed", (now_us - at_us) / 1_000)
    })
}
