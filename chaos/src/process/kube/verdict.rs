//! What a run found, for a person.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

#[derive(Default)]
pub struct Verdict {
    pub seed: u64,
    pub faults: u32,
    pub lasted: Duration,
    pub writes: usize,
    pub events: usize,
    pub bookmarks: usize,
    pub contests: u64,
    pub reads: u64,
    pub findings: Vec<String>,
    /// Where the logs are, if they are kept.
    pub out: Option<PathBuf>,
}

impl Verdict {
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty()
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "  faults      {} in {} s", self.faults, self.lasted.as_secs())?;
        writeln!(f, "  writes      {}", self.writes)?;
        writeln!(f, "  events      {} at all watches, {} bookmarks", self.events, self.bookmarks)?;
        writeln!(f, "  contests    {} decided", self.contests)?;
        writeln!(f, "  reads       {} with resourceVersion=0", self.reads)?;
        for finding in &self.findings {
            writeln!(f, "  BROKEN  {finding}")?;
        }
        let word = if self.is_clean() { "PASSED" } else { "FAILED" };
        writeln!(f, "{word}, seed {}", self.seed)?;
        if let Some(out) = &self.out {
            writeln!(f, "logs: {}", out.display())?;
        }
        Ok(())
    }
}
