//! What the judges found, and how it is shown.

use std::fmt;

/// One contradiction of the contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    pub message: String,
    /// Ids of the operations and watches that show it.
    pub records: Vec<u64>,
}

impl Violation {
    /// More than so many of one kind say nothing more.
    pub const KEPT_MAX: usize = 100;

    pub fn new(message: impl Into<String>, records: impl IntoIterator<Item = u64>) -> Self {
        Self { message: message.into(), records: records.into_iter().collect() }
    }
}

/// The verdict: what every check found.
#[derive(Debug, Default)]
pub struct Report {
    pub checks: Vec<(&'static str, Vec<Violation>)>,
}

impl Report {
    pub fn add(&mut self, name: &'static str, violations: Vec<Violation>) {
        self.checks.push((name, violations));
    }

    pub fn is_clean(&self) -> bool {
        self.checks.iter().all(|(_, violations)| violations.is_empty())
    }

    /// The violations of one check; none if it did not run.
    pub fn of(&self, name: &str) -> &[Violation] {
        let found = self.checks.iter().find(|(check, _)| *check == name);
        found.map_or(&[], |(_, violations)| violations)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// So many violations of each check are shown.
        const SHOWN_MAX: usize = 5;
        for (name, violations) in &self.checks {
            if violations.is_empty() {
                writeln!(f, "  ok      {name}")?;
                continue;
            }
            writeln!(f, "  BROKEN  {name}: {} violations", violations.len())?;
            for violation in violations.iter().take(SHOWN_MAX) {
                writeln!(f, "          {} (records {:?})", violation.message, violation.records)?;
            }
        }
        Ok(())
    }
}
