//! `xebec snapshot`: backups.

use clap::Args;

#[derive(Debug, Args)]
pub struct Snapshot {}

pub async fn run(_: Snapshot) -> Result<(), crate::failure::Failure> {
    Ok(())
}
