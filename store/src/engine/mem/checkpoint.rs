//! A checkpoint in memory: one file per space, its entries as a protobuf message.

use super::super::{Checkpoint, CheckpointFile, EngineError, Space};
use super::disk::{Spaces, Value};
use bytes::Bytes;
use prost::Message;
use xxhash_rust::xxh3::xxh3_128;

#[derive(Clone, PartialEq, prost::Message)]
struct Content {
    #[prost(message, repeated, tag = "1")]
    entries: Vec<Pair>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Pair {
    #[prost(bytes = "bytes", tag = "1")]
    key: Bytes,
    #[prost(bytes = "bytes", tag = "2")]
    value: Bytes,
}

pub(super) struct MemCheckpoint {
    files: Vec<CheckpointFile>,
    contents: Vec<Bytes>,
}

impl MemCheckpoint {
    pub fn new(spaces: &Spaces) -> Result<Self, EngineError> {
        let mut checkpoint = Self { files: Vec::new(), contents: Vec::new() };
        for (name, map) in spaces.iter() {
            let mut content = Content::default();
            for (key, value) in map {
                let value = value.read(name, key)?.clone();
                content.entries.push(Pair { key: key.clone(), value });
            }
            let bytes = Bytes::from(content.encode_to_vec());
            checkpoint.files.push(CheckpointFile {
                name: (*name).to_owned(),
                size_bytes: bytes.len() as u64,
                digest: digest(&bytes),
            });
            checkpoint.contents.push(bytes);
        }
        Ok(checkpoint)
    }
}

impl Checkpoint for MemCheckpoint {
    fn files(&self) -> Result<&[CheckpointFile], EngineError> {
        Ok(&self.files)
    }

    fn read(&self, file: usize, offset: u64, len: usize) -> Result<Bytes, EngineError> {
        let content = &self.contents[file];
        let from = usize::try_from(offset).unwrap_or(usize::MAX).min(content.len());
        Ok(content.slice(from..from.saturating_add(len).min(content.len())))
    }
}

/// xxh3-128, big-endian.
pub(super) fn digest(bytes: &[u8]) -> Bytes {
    Bytes::copy_from_slice(&xxh3_128(bytes).to_be_bytes())
}

/// Puts one file's entries into the space of its name.
pub(super) fn restore(
    names: &[Space],
    name: &str,
    bytes: &[u8],
    spaces: &mut Spaces,
) -> Result<(), EngineError> {
    let corrupt = || EngineError::Corrupt { message: format!("checkpoint file {name:?}") };
    let space = names.iter().find(|space| **space == name).ok_or_else(corrupt)?;
    let content = Content::decode(bytes).map_err(|_| corrupt())?;
    for pair in content.entries {
        spaces.put(space, pair.key, Value::Good(pair.value));
    }
    Ok(())
}
