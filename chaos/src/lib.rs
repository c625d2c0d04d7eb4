//! Simulation, fault injection and history checking.
//!
//! A run, simulated or of real processes, records a [`history::History`]: what clients asked and
//! saw. [`check::check`] judges it. [`sim`] plays whole replicas from a seed, [`process`] breaks real
//! ones; [`run`] is `xebec chaos`.

pub mod args;
pub mod check;
pub mod history;
pub mod history_file;
pub mod invariants;
pub mod process;
pub mod sim;

pub use args::Args;

use args::{CheckArgs, Command, FailoverArgs, KubeArgs, RunArgs};
use history::History;
use process::{ProcessError, stage};
use std::process::ExitCode;

/// `xebec chaos`. Call it on the main thread before any other thread is started: a run may start
/// the program again within namespaces of its own.
pub fn run(args: Args) -> ExitCode {
    let result = match args.command {
        None => break_replicas(args.run),
        Some(Command::Check(args)) => judge(&args),
        Some(Command::Failover(args)) => measure_failover(args),
        Some(Command::Kube(args)) => watch_kube(args),
        Some(Command::Sim(args)) => Ok(args.run()),
    };
    result.unwrap_or_else(|error| {
        eprintln!("chaos: {error}");
        ExitCode::from(2)
    })
}

fn runtime() -> Result<tokio::runtime::Runtime, ProcessError> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.enable_all().build().map_err(ProcessError::io("the runtime"))
}

fn break_replicas(mut args: RunArgs) -> Result<ExitCode, ProcessError> {
    stage::enter_place(&mut args.cluster)?;
    let verdict = runtime()?.block_on(process::run::run(&args))?;
    println!("\n{verdict}");
    Ok(if verdict.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn measure_failover(mut args: FailoverArgs) -> Result<ExitCode, ProcessError> {
    stage::enter_place(&mut args.cluster)?;
    let gaps = runtime()?.block_on(process::failover::failover(&args))?;
    println!("\n{gaps}");
    Ok(ExitCode::SUCCESS)
}

fn watch_kube(mut args: KubeArgs) -> Result<ExitCode, ProcessError> {
    stage::enter_place(&mut args.cluster)?;
    let verdict = runtime()?.block_on(process::kube::run(&args))?;
    println!("\n{verdict}");
    Ok(if verdict.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn judge(args: &CheckArgs) -> Result<ExitCode, ProcessError> {
    let history = History::load(&args.file).map_err(|error| ProcessError::Refused {
        what: "the history".to_owned(),
        message: error.to_string(),
    })?;
    let report = check::check(&history);
    let (operations, watches) = (history.operations.len(), history.watches.len());
    println!("{operations} operations, {watches} watches, {} faults\n", history.faults.len());
    println!("{report}");
    Ok(if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
