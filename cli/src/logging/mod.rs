//! Where events go: standard error or a file that is rotated, as text or JSON.

mod rotate;

use crate::config::{Log, LogFormat};
use crate::failure::{Failure, Kind};
use rotate::RotatingFile;
use std::io::IsTerminal;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::writer::BoxMakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Sends the events of this process where the configuration says, from now on.
pub fn install(log: &Log) -> Result<(), Failure> {
    let filter: Targets = log
        .filter
        .parse()
        .map_err(|error| Failure::new(Kind::Configuration, format!("log.filter: {error}")))?;
    let (writer, colours) = match &log.file {
        Some(path) => {
            let file = RotatingFile::open(path, log.file_size_bytes_max)
                .map_err(|error| Failure::io(path.display(), &error))?;
            (BoxMakeWriter::new(std::sync::Mutex::new(file)), false)
        }
        None => (BoxMakeWriter::new(std::io::stderr), std::io::stderr().is_terminal()),
    };
    let registry = tracing_subscriber::registry().with(filter);
    // An event that cannot be written is lost; reporting that on a closed stderr would panic.
    let layer = tracing_subscriber::fmt::layer()
        .with_writer(writer)
        .with_ansi(colours)
        .log_internal_errors(false);
    let installed = match log.format {
        LogFormat::Text => registry.with(layer).try_init(),
        LogFormat::Json => registry.with(layer.json().flatten_event(true)).try_init(),
    };
    installed.map_err(|error| Failure::new(Kind::Failed, format!("log: {error}")))
}
