//! A history as JSON lines: one record per line, in the order in which they were finished.

use crate::history::{Fault, HashSample, History, Operation, Revision, Watch};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

/// One line of the file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Record {
    /// See [`History::base`].
    Base(Revision),
    Operation(Operation),
    Watch(Watch),
    Hash(HashSample),
    Fault(Fault),
}

#[derive(Debug, thiserror::Error)]
pub enum HistoryFileError {
    #[error("history {path}")]
    Io { path: PathBuf, source: io::Error },
    #[error("history {path}, line {line}")]
    Line { path: PathBuf, line: usize, source: serde_json::Error },
}

impl History {
    pub fn push(&mut self, record: Record) {
        match record {
            Record::Base(revision) => self.base = revision,
            Record::Operation(operation) => self.operations.push(operation),
            Record::Watch(watch) => self.watches.push(watch),
            Record::Hash(sample) => self.hashes.push(sample),
            Record::Fault(fault) => self.faults.push(fault),
        }
    }

    pub fn load(path: &Path) -> Result<Self, HistoryFileError> {
        let io_error = |source| HistoryFileError::Io { path: path.to_owned(), source };
        let file = BufReader::new(File::open(path).map_err(io_error)?);
        let mut history = Self::default();
        for (index, line) in file.lines().enumerate() {
            let line = line.map_err(io_error)?;
            let record = serde_json::from_str(&line).map_err(|source| HistoryFileError::Line {
                path: path.to_owned(),
                line: index + 1,
                source,
            })?;
            history.push(record);
        }
        Ok(history)
    }

    pub fn save(&self, path: &Path) -> Result<(), HistoryFileError> {
        let io_error = |source| HistoryFileError::Io { path: path.to_owned(), source };
        let mut file = BufWriter::new(File::create(path).map_err(io_error)?);
        self.write(&mut file).map_err(io_error)?;
        file.flush().map_err(io_error)
    }

    fn write(&self, out: &mut impl Write) -> io::Result<()> {
        /// The shape of [`Record`] over borrowed data.
        #[derive(Serialize)]
        #[serde(rename_all = "snake_case")]
        enum Line<'a> {
            Base(Revision),
            Operation(&'a Operation),
            Watch(&'a Watch),
            Hash(&'a HashSample),
            Fault(&'a Fault),
        }
        let lines = std::iter::once(Line::Base(self.base));
        let lines = lines.chain(self.operations.iter().map(Line::Operation));
        let lines = lines.chain(self.watches.iter().map(Line::Watch));
        let lines = lines.chain(self.hashes.iter().map(Line::Hash));
        let lines = lines.chain(self.faults.iter().map(Line::Fault));
        for line in lines {
            serde_json::to_writer(&mut *out, &line)?;
            out.write_all(b"\n")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::fixture::Fixture;

    #[test]
    fn a_history_reads_back() {
        let mut history = Fixture::busy(4, 50).history;
        history.base = 17;
        let file = tempfile::NamedTempFile::new().expect("a temporary file");
        history.save(file.path()).expect("writable");
        assert_eq!(History::load(file.path()).expect("readable"), history);
    }

    #[test]
    fn a_broken_line_is_named() {
        let file = tempfile::NamedTempFile::new().expect("a temporary file");
        std::fs::write(file.path(), "{\"base\":1}\n{\"base\":\n").expect("writable");
        let error = History::load(file.path()).expect_err("a broken line");
        assert!(error.to_string().ends_with("line 2"), "{error}");
    }
}
