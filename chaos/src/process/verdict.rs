//! What a run found, for a person.

use super::gaps::Effect;
use super::journal::Counts;
use crate::check::Report;
use comfy_table::{Table, presets};
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

#[derive(Default)]
pub struct Verdict {
    pub seed: u64,
    pub lasted: Duration,
    pub rounds: u32,
    pub effects: BTreeMap<String, Effect>,
    pub counts: Counts,
    pub reports: Vec<(PathBuf, Report)>,
    pub findings: Vec<String>,
    /// What this place could not do.
    pub skipped: Vec<String>,
    pub out: PathBuf,
    pub out_is_kept: bool,
}

impl Verdict {
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty() && self.reports.iter().all(|(_, report)| report.is_clean())
    }

    pub fn faults(&self) -> u32 {
        self.effects.values().map(|effect| effect.count).sum()
    }

    pub fn add_effects(&mut self, effects: BTreeMap<String, Effect>) {
        for (kind, effect) in effects {
            let there = self.effects.entry(kind).or_default();
            there.count += effect.count;
            there.longest_gap = there.longest_gap.max(effect.longest_gap);
        }
    }

    /// Every report that is not clean; the last one if all are.
    fn write_reports(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let broken = self.reports.iter().filter(|(_, report)| !report.is_clean()).count();
        if broken == 0 {
            return self.reports.last().map_or(Ok(()), |(_, report)| writeln!(f, "{report}"));
        }
        for (file, report) in self.reports.iter().filter(|(_, report)| !report.is_clean()) {
            writeln!(f, "  {}:\n{report}", file.display())?;
        }
        Ok(())
    }

    fn table(&self) -> Table {
        let mut table = Table::new();
        table.load_style(presets::NOTHING);
        table.set_header(["  fault", "count", "longest gap between acknowledged writes"]);
        for (kind, effect) in &self.effects {
            let gap = format!("{} ms", effect.longest_gap.as_millis());
            table.add_row([format!("  {kind}"), effect.count.to_string(), gap]);
        }
        table
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Counts { ok, failed, unknown, refused_no_space, watch_events, watches } = self.counts;
        writeln!(f, "{}\n", self.table())?;
        writeln!(f, "  faults      {} in {} s", self.faults(), self.lasted.as_secs())?;
        writeln!(f, "  histories   {}", self.rounds)?;
        writeln!(f, "  requests    {ok} ok, {failed} failed, {unknown} of unknown outcome")?;
        writeln!(f, "  no space    {refused_no_space} refused")?;
        writeln!(f, "  watches     {watches} with {watch_events} events")?;
        for skipped in &self.skipped {
            writeln!(f, "  skipped     {skipped}")?;
        }
        writeln!(f)?;
        self.write_reports(f)?;
        for finding in &self.findings {
            writeln!(f, "  BROKEN  {finding}")?;
        }
        let word = if self.is_clean() { "PASSED" } else { "FAILED" };
        writeln!(f, "{word}, seed {}", self.seed)?;
        if self.out_is_kept {
            writeln!(f, "history and logs: {}", self.out.display())?;
        }
        Ok(())
    }
}
