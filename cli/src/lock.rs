//! [`DirLock`]: at most one process works on a directory.

use crate::failure::{Failure, Kind};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::path::Path;

/// Held until dropped, or until the process ends in whatever way. The file stays, with the id of
/// the last process that held it.
#[derive(Debug)]
pub struct DirLock {
    _file: File,
}

impl DirLock {
    /// Locks through the file `path`; `what` names the directory's use in the failure.
    pub fn acquire(path: &Path, what: &str) -> Result<Self, Failure> {
        let failed = |error: std::io::Error| Failure::io(path.display(), &error);
        let options = &mut OpenOptions::new();
        let options = options.read(true).write(true).create(true).truncate(false);
        let mut file = options.open(path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                let _ = file.read_to_string(&mut holder);
                let dir = path.parent().unwrap_or(path).display();
                return Err(Failure::new(
                    Kind::InUse,
                    format!("{what} {dir} is in use by process {}", holder.trim()),
                )
                .remedy("stop that process, or choose another directory"));
            }
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        file.set_len(0).map_err(failed)?;
        file.write_all(format!("{}\n", std::process::id()).as_bytes()).map_err(failed)?;
        Ok(Self { _file: file })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_holder_is_refused_until_the_first_is_gone() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("lock");
        let first = DirLock::acquire(&path, "the data in").expect("free");
        let failure = DirLock::acquire(&path, "the data in").expect_err("held");
        assert_eq!(failure.kind, Kind::InUse);
        assert!(failure.message.contains(&std::process::id().to_string()), "{failure}");
        drop(first);
        DirLock::acquire(&path, "the data in").expect("free again");
    }
}
