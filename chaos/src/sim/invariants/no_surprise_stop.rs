//! A replica stops itself only for a cause: a fault of its disk, or its removal.

pub const NAME: &str = "no replica stops without a cause";

/// What may have made a replica stop.
#[derive(Debug, Clone, Copy, Default)]
pub struct Causes {
    pub disk_fault: bool,
    pub removed: bool,
}

pub fn check(host: usize, last_words: &str, causes: Causes) -> Option<String> {
    (!causes.disk_fault && !causes.removed).then(|| format!("host {host} stopped: {last_words}"))
}
