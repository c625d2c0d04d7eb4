//! `xebec chaos sim`: the command.

use super::sweep::sweep;
use super::{Outcome, Scenario, Settings};
use clap::ValueEnum;
use std::io::Write;
use std::process::ExitCode;

/// Lines of the trace that are shown with a failure.
const TAIL_SHOWN: usize = 60;

/// Play the deterministic simulation: whole replicas on simulated time, network and disks.
#[derive(Debug, Clone, clap::Args)]
pub struct SimArgs {
    /// The first seed.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// How many seeds to play, counting up.
    #[arg(long, default_value_t = 1)]
    pub seeds: u64,
    /// Simulated time under faults, in milliseconds.
    #[arg(long, default_value_t = 10_000)]
    pub steps: u64,
    /// What the runs aim at.
    #[arg(long, value_enum, default_value_t = Scenario::Any)]
    pub scenario: Scenario,
    /// Seeds played at the same time; each runs on one thread.
    #[arg(long, default_value_t = default_threads())]
    pub threads: usize,
    /// Play on after a seed has failed.
    #[arg(long)]
    pub keep_going: bool,
    /// Write the whole trace of the (one) seed to this file.
    #[arg(long)]
    pub trace: Option<std::path::PathBuf>,
}

fn default_threads() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

impl SimArgs {
    /// Plays, prints, and says whether all is well.
    pub fn run(&self) -> ExitCode {
        let mut failed = 0;
        sweep(
            self.seed,
            self.seeds,
            self.threads,
            |seed| {
                let settings = self.scenario.settings(seed, self.steps);
                Settings { full_trace: self.trace.is_some(), ..settings }
            },
            |outcome| {
                let well = outcome.violations.is_empty();
                print!("{}", describe(outcome, self.scenario, self.steps));
                if let Some(path) = &self.trace
                    && let Err(error) = write_trace(path, outcome)
                {
                    eprintln!("cannot write {}: {error}", path.display());
                }
                failed += u64::from(!well);
                well || self.keep_going
            },
        );
        if failed == 0 {
            return ExitCode::SUCCESS;
        }
        println!("{failed} seeds failed");
        ExitCode::FAILURE
    }
}

fn write_trace(path: &std::path::Path, outcome: &Outcome) -> std::io::Result<()> {
    let mut file = std::io::BufWriter::new(std::fs::File::create(path)?);
    for line in &outcome.full_trace {
        writeln!(file, "{line}")?;
    }
    file.flush()
}

/// One line for a run that went well; for another one, all that helps to find out why.
pub fn describe(outcome: &Outcome, scenario: Scenario, steps: u64) -> String {
    let stats = &outcome.stats;
    let mut text = format!(
        "seed {} trace {:016x}: {} ms, {} acknowledged, {} unknown, revision {}, {} leaders, \
         {} lives, {} faults, {} watch events, {} catch-ups, {} snapshots\n",
        outcome.seed,
        outcome.trace_hash,
        stats.simulated_ms,
        stats.acknowledged,
        stats.unknown,
        stats.revision,
        stats.leaders,
        stats.lives,
        stats.faults,
        stats.watch_events,
        stats.catch_ups,
        stats.snapshots,
    );
    if outcome.violations.is_empty() {
        return text;
    }
    for line in &outcome.tail[outcome.tail.len().saturating_sub(TAIL_SHOWN)..] {
        text.push_str(&format!("  {line}\n"));
    }
    for violation in &outcome.violations {
        text.push_str(&format!("BROKEN {violation}\n"));
    }
    let seed = outcome.seed;
    let name = scenario.to_possible_value().map_or_else(String::new, |value| {
        if scenario == Scenario::Any {
            String::new()
        } else {
            format!(" --scenario {}", value.get_name())
        }
    });
    text.push_str(&format!("again: xebec chaos sim --seed {seed} --steps {steps}{name}\n"));
    text
}
