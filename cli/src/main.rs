//! The `xebec` binary: arguments, configuration, start-up order, shutdown.
//!
//! [`args::Arguments`] says what to do; each command is a module: [`server`] runs one replica,
//! [`up`] runs three as child processes, [`status`], [`member`] and [`snapshot`] are clients of the
//! etcd API. A command ends with `Ok` or with a [`failure::Failure`], which carries the message,
//! what to do, and the exit code.
//!
//! Invariant: this crate alone reads the environment, the wall clock and the command line, and
//! alone ends the process.

mod args;
mod client;
mod config;
mod failure;
mod lock;
mod logging;
mod member;
mod pki;
mod server;
mod signals;
mod snapshot;
mod status;
mod surroundings;
mod table;
mod up;
mod version;

use args::{Arguments, Command};
use clap::Parser;
use failure::{Failure, Kind};
use std::future::Future;
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(arguments.command) {
        Ok(code) => code,
        Err(failure) => {
            surroundings::warn(format_args!("xebec: {failure}"));
            failure.exit_code()
        }
    }
}

fn run(command: Command) -> Result<ExitCode, Failure> {
    match command {
        Command::Server(server) => {
            if let Some(config) = server.configure()? {
                on_all_cores(server::run(config))?;
            }
        }
        Command::Up(up) => on_this_thread(up::run(up))?,
        Command::Status(status) => on_this_thread(status::run(&status.connection))?,
        Command::Member(member) => {
            on_this_thread(member::run(member.command, &member.connection))?;
        }
        Command::Snapshot(snapshot) => on_this_thread(snapshot::run(snapshot))?,
        // Its exit code is a verdict.
        Command::Chaos(chaos) => return Ok(xebec_chaos::run(*chaos)),
        Command::Bench(bench) => on_all_cores(measure(bench))?,
        Command::Version => version::run(),
    }
    Ok(ExitCode::SUCCESS)
}

async fn measure(bench: xebec_bench::Command) -> Result<(), Failure> {
    let measured = xebec_bench::run(bench).await;
    measured.map_err(|error| Failure::new(Kind::Failed, error.to_string()))
}

fn on_all_cores(work: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.map_err(|error| Failure::io("runtime", &error))?.block_on(work)
}

fn on_this_thread(work: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| Failure::io("runtime", &error))?.block_on(work)
}
