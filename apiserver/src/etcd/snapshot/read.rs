//! Reading a snapshot file: checked as a whole before anything of it is used.

use super::{
    BLOCK_BYTES, DIGEST_BYTES, MAGIC, MANIFEST_BYTES_MAX, Manifest, PREFIX_BYTES, VERSION,
    padding_bytes,
};
use aws_lc_rs::digest::{Context as Digest, SHA256};
use prost::Message;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use xebec_store::engine::{EngineError, Staging};

/// Read at a time.
const BUFFER_BYTES: usize = 1_048_576;

/// Why a file is no snapshot, or not one that can be used.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    #[error("the snapshot file does not read")]
    Io(#[from] io::Error),
    #[error("not a snapshot of xebec")]
    Foreign,
    #[error("the snapshot has format {found}; this build knows up to {VERSION}")]
    Version { found: u32 },
    #[error("the snapshot is cut short or has bytes too many")]
    Length,
    #[error("the snapshot is damaged: its digest does not fit")]
    Digest,
    #[error("the snapshot is damaged: {message}")]
    Manifest { message: String },
    #[error("the snapshot cannot be put in place")]
    Staging(#[from] EngineError),
}

/// An open snapshot whose digest has been checked.
#[derive(Debug)]
pub struct SnapshotFile {
    file: File,
    manifest: Manifest,
    /// Where the contents of the first file begin.
    contents: u64,
    len: u64,
}

impl SnapshotFile {
    /// Opens and checks; reads the whole file.
    pub fn open(path: &Path) -> Result<Self, SnapshotError> {
        Self::check(File::open(path)?)
    }

    fn check(mut file: File) -> Result<Self, SnapshotError> {
        let len = file.metadata()?.len();
        let body = len.checked_sub(DIGEST_BYTES as u64).ok_or(SnapshotError::Length)?;
        let manifest_len = read_prefix(&mut file)?;
        if body % BLOCK_BYTES != 0 {
            return Err(SnapshotError::Length);
        }
        check_digest(&mut file, body)?;
        let manifest = read_manifest(&mut file, manifest_len)?;
        let contents = (PREFIX_BYTES + manifest_len) as u64;
        let end = contents.saturating_add(manifest.content_bytes());
        if end.checked_add(padding_bytes(end.min(body))) != Some(body) {
            return Err(SnapshotError::Length);
        }
        Ok(Self { file, manifest, contents, len })
    }

    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    pub fn size_bytes(&self) -> u64 {
        self.len
    }

    /// Copies the files into a staging area made for the manifest's list of files. What is there
    /// already is not copied again.
    pub fn restore(&mut self, staging: &mut dyn Staging) -> Result<(), SnapshotError> {
        let mut start = self.contents;
        let mut buffer = vec![0; BUFFER_BYTES];
        for (number, file) in self.manifest.files.iter().enumerate() {
            let mut offset = staging.received_bytes(number).min(file.size_bytes);
            self.file.seek(SeekFrom::Start(start + offset))?;
            while offset < file.size_bytes {
                let left = usize::try_from(file.size_bytes - offset).unwrap_or(BUFFER_BYTES);
                let chunk = &mut buffer[..left.min(BUFFER_BYTES)];
                self.file.read_exact(chunk)?;
                staging.write(number, offset, chunk)?;
                offset += chunk.len() as u64;
            }
            start += file.size_bytes;
        }
        Ok(())
    }
}

/// Returns the length of the manifest.
fn read_prefix(file: &mut File) -> Result<usize, SnapshotError> {
    let mut prefix = [0; PREFIX_BYTES];
    file.read_exact(&mut prefix).map_err(|_| SnapshotError::Foreign)?;
    let (magic, numbers) = prefix.split_at(MAGIC.len());
    if magic != MAGIC {
        return Err(SnapshotError::Foreign);
    }
    let number = |at: usize| {
        u32::from_be_bytes([numbers[at], numbers[at + 1], numbers[at + 2], numbers[at + 3]])
    };
    if number(0) != VERSION {
        return Err(SnapshotError::Version { found: number(0) });
    }
    let len = usize::try_from(number(4)).ok().filter(|len| *len <= MANIFEST_BYTES_MAX);
    len.ok_or(SnapshotError::Length)
}

fn check_digest(file: &mut File, body: u64) -> Result<(), SnapshotError> {
    file.rewind()?;
    let mut digest = Digest::new(&SHA256);
    let mut buffer = vec![0; BUFFER_BYTES];
    let mut left = body;
    while left > 0 {
        let len = usize::try_from(left).unwrap_or(BUFFER_BYTES).min(BUFFER_BYTES);
        file.read_exact(&mut buffer[..len])?;
        digest.update(&buffer[..len]);
        left -= len as u64;
    }
    let mut expected = [0; DIGEST_BYTES];
    file.read_exact(&mut expected)?;
    if digest.finish().as_ref() == expected { Ok(()) } else { Err(SnapshotError::Digest) }
}

fn read_manifest(file: &mut File, len: usize) -> Result<Manifest, SnapshotError> {
    file.seek(SeekFrom::Start(PREFIX_BYTES as u64))?;
    let mut bytes = vec![0; len];
    file.read_exact(&mut bytes).map_err(|_| SnapshotError::Length)?;
    Manifest::decode(&bytes[..])
        .map_err(|error| SnapshotError::Manifest { message: error.to_string() })
}
