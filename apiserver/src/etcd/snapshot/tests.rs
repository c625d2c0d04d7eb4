//! The snapshot file, written and read back, and what damage does to it.

use super::read::SnapshotError;
use super::write::write;
use super::{DIGEST_BYTES, Manifest, SnapshotFile};
use bytes::Bytes;
use proptest::prelude::*;
use std::any::Any;
use std::io::Write;
use xebec_store::LogPosition;
use xebec_store::engine::{Checkpoint, CheckpointFile, EngineError, Staging};

struct Files(Vec<CheckpointFile>, Vec<Vec<u8>>);

impl Files {
    fn new(contents: Vec<Vec<u8>>) -> Self {
        let files = contents.iter().enumerate().map(|(number, content)| CheckpointFile {
            name: format!("{number}.sst"),
            size_bytes: content.len() as u64,
            digest: Bytes::new(),
        });
        Self(files.collect(), contents)
    }
}

impl Checkpoint for Files {
    fn files(&self) -> Result<&[CheckpointFile], EngineError> {
        Ok(&self.0)
    }

    fn read(&self, file: usize, offset: u64, len: usize) -> Result<Bytes, EngineError> {
        let rest = &self.1[file][offset as usize..];
        Ok(Bytes::copy_from_slice(&rest[..rest.len().min(len)]))
    }
}

struct Stage(Vec<Vec<u8>>);

impl Staging for Stage {
    fn received_bytes(&self, file: usize) -> u64 {
        self.0[file].len() as u64
    }

    fn write(&mut self, file: usize, offset: u64, bytes: &[u8]) -> Result<(), EngineError> {
        assert_eq!(offset, self.received_bytes(file));
        self.0[file].extend_from_slice(bytes);
        Ok(())
    }

    fn as_any(&mut self) -> &mut dyn Any {
        self
    }
}

fn written(files: &Files) -> (Manifest, Vec<u8>) {
    let manifest = Manifest {
        cluster_id: 1,
        member_id: 2,
        position: LogPosition::new(3, 4),
        files: files.0.clone(),
        revision: 5,
        ..Manifest::default()
    };
    let mut out = Vec::new();
    let mut remaining_before = u64::MAX;
    write(&manifest, files, |chunk, remaining| {
        assert!(remaining < remaining_before || remaining == 0);
        remaining_before = remaining;
        out.extend_from_slice(&chunk);
        Ok(())
    })
    .unwrap();
    assert_eq!(remaining_before, 0);
    (manifest, out)
}

fn open(bytes: &[u8]) -> Result<SnapshotFile, SnapshotError> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    SnapshotFile::open(file.path())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn what_was_written_is_restored(
        contents in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..3_000), 0..5),
        large in 0..100_000_usize,
        received in 0..3_000_usize,
    ) {
        let mut contents = contents;
        contents.push(vec![9; large]);
        let files = Files::new(contents.clone());
        let (manifest, bytes) = written(&files);
        prop_assert_eq!(bytes.len() % 512, DIGEST_BYTES, "what etcdctl looks for");
        let mut snapshot = open(&bytes).unwrap();
        prop_assert_eq!(snapshot.manifest(), &manifest);
        prop_assert_eq!(snapshot.size_bytes(), bytes.len() as u64);
        let begun = contents.iter().map(|content| content[..received.min(content.len())].to_vec());
        let mut stage = Stage(begun.collect());
        snapshot.restore(&mut stage).unwrap();
        prop_assert_eq!(stage.0, contents);
    }

    #[test]
    fn any_damage_is_found(at in 0..2_000_usize, bit in 0..8_u8, cut in any::<bool>()) {
        let (_, mut bytes) = written(&Files::new(vec![vec![1; 700], vec![2; 40]]));
        let at = at % bytes.len();
        if cut {
            bytes.truncate(at);
        } else {
            bytes[at] ^= 1 << bit;
        }
        prop_assert!(open(&bytes).is_err());
    }

    #[test]
    fn arbitrary_bytes_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..2_000)) {
        prop_assert!(open(&bytes).is_err());
        let framed = [super::MAGIC, &super::VERSION.to_be_bytes()[..], &bytes].concat();
        prop_assert!(open(&framed).is_err());
    }
}
