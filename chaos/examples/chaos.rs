//! `xebec chaos` without the rest of xebec: for runs against another build, or against etcd.

use clap::Parser;
use std::process::ExitCode;

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    args: xebec_chaos::Args,
}

fn main() -> ExitCode {
    xebec_chaos::run(Cli::parse().args)
}
