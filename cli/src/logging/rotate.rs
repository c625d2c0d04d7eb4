//! [`RotatingFile`]: a log file that begins anew at a size; some older ones are kept beside it as
//! `<file>.1` (the newest) to `<file>.5`.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Older files that are kept.
const KEPT: usize = 5;

pub(super) struct RotatingFile {
    path: PathBuf,
    file: File,
    size_bytes: u64,
    size_bytes_max: u64,
}

impl RotatingFile {
    /// Goes on with an existing file.
    pub(super) fn open(path: &Path, size_bytes_max: u64) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        let size_bytes = file.metadata()?.len();
        Ok(Self { path: path.to_owned(), file, size_bytes, size_bytes_max })
    }

    fn older(&self, number: usize) -> PathBuf {
        let mut name = self.path.as_os_str().to_owned();
        name.push(format!(".{number}"));
        PathBuf::from(name)
    }

    fn rotate(&mut self) -> io::Result<()> {
        for number in (1..KEPT).rev() {
            rename_if_there(&self.older(number), &self.older(number + 1))?;
        }
        rename_if_there(&self.path, &self.older(1))?;
        self.file = OpenOptions::new().create(true).append(true).open(&self.path)?;
        self.size_bytes = self.file.metadata()?.len();
        Ok(())
    }
}

fn rename_if_there(from: &Path, to: &Path) -> io::Result<()> {
    match std::fs::rename(from, to) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

impl Write for RotatingFile {
    /// Takes whole events: a file never ends within one.
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let full = self.size_bytes + event.len() as u64 > self.size_bytes_max;
        if full && self.size_bytes > 0 {
            self.rotate()?;
        }
        self.file.write_all(event)?;
        self.size_bytes += event.len() as u64;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_a_bounded_number_of_whole_files() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("m1.log");
        let mut file = RotatingFile::open(&path, 25).expect("opens");
        for number in 0..40 {
            file.write_all(format!("event {number:02}\n").as_bytes()).expect("writes");
        }
        let read = |path: &Path| std::fs::read_to_string(path).expect("is there");
        assert_eq!(read(&path), "event 38\nevent 39\n");
        assert_eq!(read(&file.older(1)), "event 36\nevent 37\n");
        assert_eq!(read(&file.older(KEPT)), "event 28\nevent 29\n");
        assert!(!file.older(KEPT + 1).exists());
    }

    #[test]
    fn goes_on_after_a_restart() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("m1.log");
        for _ in 0..2 {
            let mut file = RotatingFile::open(&path, 20).expect("opens");
            file.write_all(b"0123456789\n").expect("writes");
        }
        assert_eq!(std::fs::read_to_string(&path).expect("is there"), "0123456789\n");
        assert!(dir.path().join("m1.log.1").exists());
    }
}
