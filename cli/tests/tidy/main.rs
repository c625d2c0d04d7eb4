//! The house rules that a compiler cannot hold: what every file says first, how long it may grow,
//! which words stay out, which crate may know which, and that golden files are never changed.
//!
//! Every rule returns a list of findings and has a test of its own that feeds it a breach.

mod dependencies;
mod golden;
mod source;

use std::path::{Path, PathBuf};
use std::process::Command;

/// The root of the workspace.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("cli/ has a parent").to_path_buf()
}

/// Files under version control, relative to the root; None where there is no git to ask.
fn tracked_files() -> Option<Vec<PathBuf>> {
    let listing = git(&["ls-files", "--cached", "--others", "--exclude-standard", "-z"])?;
    let files = listing.split('\0').filter(|name| !name.is_empty()).map(PathBuf::from);
    Some(files.filter(|file| root().join(file).is_file()).collect())
}

fn git(arguments: &[&str]) -> Option<String> {
    // A repository of another user is refused by default; CI mounts clones that way.
    let output = Command::new("git")
        .args(["-c", "safe.directory=*"])
        .args(arguments)
        .current_dir(root())
        .output()
        .ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

fn assert_clean(rule: &str, findings: &[String]) {
    assert!(findings.is_empty(), "{rule}:\n  {}", findings.join("\n  "));
}
