//! What the binary alone may ask of its surroundings: clock, environment, standard output.

use crate::failure::{Failure, Kind};
use std::fmt::Display;
use std::io::Write;
use std::path::PathBuf;
use std::time::SystemTime;

/// The wall clock, for certificates and for the time that commands carry.
#[expect(clippy::disallowed_methods, reason = "the one place where the binary reads the clock")]
pub fn now() -> SystemTime {
    SystemTime::now()
}

#[expect(clippy::disallowed_methods, reason = "the binary is what reads the environment")]
fn environment(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}

/// Where `xebec up` keeps its data unless told otherwise: `~/.local/share/xebec`, or below
/// `$XDG_DATA_HOME`.
pub fn default_data_dir() -> Result<PathBuf, Failure> {
    let base = environment("XDG_DATA_HOME")
        .or_else(|| environment("HOME").map(|home| home.join(".local/share")));
    base.map(|base| base.join("xebec")).ok_or_else(|| {
        Failure::new(Kind::Configuration, "neither HOME nor XDG_DATA_HOME is set")
            .remedy("say where the data belongs: --data DIR")
    })
}

/// `path` from the root, so that it means the same in another directory.
pub fn absolute(path: &std::path::Path) -> Result<PathBuf, Failure> {
    std::path::absolute(path).map_err(|error| Failure::io(path.display(), &error))
}

/// A line to standard output. That nobody reads it any more is not an error.
pub fn say(line: impl Display) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// A line to standard error.
pub fn warn(line: impl Display) {
    let _ = writeln!(std::io::stderr(), "{line}");
}
