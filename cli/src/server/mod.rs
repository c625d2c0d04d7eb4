//! `xebec server`: one replica, from configuration to a drained stop.

mod data_dir;
mod environment;
mod parent;

pub use data_dir::MemberFile;

use crate::config::{self, Config, Settings, commented_toml};
use crate::failure::Failure;
use crate::surroundings::say;
use clap::Args;
use std::path::PathBuf;

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    xebec server --insecure --data-dir ./alone        one replica on loopback, without TLS\n  \
    xebec server --config m1.toml                     settings from a file\n  \
    xebec server --config m1.toml --print-config      all settings in force, as such a file\n\n\
    All settings with their defaults: docs/configuration.md.")]
pub struct Server {
    /// Read settings from this TOML file; flags override it.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Print the settings in force as TOML, and exit.
    #[arg(long)]
    print_config: bool,

    /// Stop when this process, which must be the parent, ends.
    #[arg(long, value_name = "PID", hide = true)]
    parent_pid: Option<u32>,

    #[command(flatten)]
    settings: Settings,
}

impl Server {
    /// None if there is nothing to run.
    pub fn configure(self) -> Result<Option<Config>, Failure> {
        let settings = config::load(self.config.as_deref(), &self.settings)?;
        if self.print_config {
            say(commented_toml(&settings).trim_end());
            return Ok(None);
        }
        if let Some(parent) = self.parent_pid {
            parent::die_with(parent)?;
        }
        Ok(Some(settings.validate()?))
    }
}

pub async fn run(config: Config) -> Result<(), Failure> {
    drop(config);
    Ok(())
}
