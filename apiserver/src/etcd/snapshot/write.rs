//! A checkpoint becomes a stream of messages.

use super::super::context::Context;
use super::super::limits::SNAPSHOT_CHUNK_BYTES;
use super::super::proto::etcdserverpb::SnapshotResponse;
use super::{MAGIC, Manifest, PREFIX_BYTES, VERSION, padding_bytes};
use crate::version;
use aws_lc_rs::digest::{Context as Digest, SHA256};
use bytes::{BufMut, Bytes, BytesMut};
use futures::stream::{BoxStream, StreamExt};
use prost::Message;
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;
use xebec_store::engine::{Checkpoint, EngineError};

/// Messages read ahead of the client.
const READ_AHEAD: usize = 8;

/// Makes a checkpoint and streams it, as fast as the client reads; ends early if it goes away.
pub fn stream(context: Arc<Context>) -> BoxStream<'static, Result<SnapshotResponse, Status>> {
    let (sender, receiver) = mpsc::channel(READ_AHEAD);
    let tasks = context.tasks.clone();
    tasks.spawn_blocking(move || {
        let made = make(&context).map_err(|error| Failure::Status(status(&error)));
        let sent = made.and_then(|(manifest, checkpoint)| {
            let chunks = |blob, remaining_bytes| {
                let version = version::STORAGE.to_owned();
                let response = SnapshotResponse { remaining_bytes, blob, version, header: None };
                sender.blocking_send(Ok(response)).map_err(|_| Failure::ClientGone)
            };
            write(&manifest, &*checkpoint, chunks)
        });
        if let Err(Failure::Status(status)) = sent {
            tracing::error!(%status, "snapshot");
            // The client may be gone too; then nobody is left to tell.
            drop(sender.blocking_send(Err(status)));
        }
    });
    ReceiverStream::new(receiver).boxed()
}

#[derive(Debug)]
pub(super) enum Failure {
    ClientGone,
    Status(Status),
}

fn status(error: &EngineError) -> Status {
    Status::unavailable(format!("etcdserver: {error}"))
}

fn make(context: &Context) -> Result<(Manifest, Arc<dyn Checkpoint>), EngineError> {
    let store = context.replica.store();
    let view = store.view();
    let (position, membership, checkpoint) = store.checkpoint()?;
    let manifest = Manifest {
        cluster_id: context.cluster_id,
        member_id: context.member_id,
        position,
        membership,
        files: checkpoint.files()?.to_vec(),
        revision: view.revision(),
        key_count: view.key_count(),
        hash: view.hash(),
        server_version: version::SERVER.to_owned(),
    };
    Ok((manifest, checkpoint))
}

/// Hands the file to `send`, chunk by chunk, each with the number of bytes still to come before
/// the digest. A file that ends early (a damaged checkpoint) is an error.
pub(super) fn write(
    manifest: &Manifest,
    checkpoint: &dyn Checkpoint,
    send: impl FnMut(Bytes, u64) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let head = head(manifest);
    let len = head.len() as u64 + manifest.content_bytes();
    let padding = padding_bytes(len);
    let mut out = Writer { send, digest: Digest::new(&SHA256), remaining: len + padding };
    out.put(head)?;
    for (number, file) in manifest.files.iter().enumerate() {
        let mut offset = 0;
        while offset < file.size_bytes {
            let read = checkpoint.read(number, offset, SNAPSHOT_CHUNK_BYTES);
            let chunk = read.map_err(|error| Failure::Status(status(&error)))?;
            if chunk.is_empty() || chunk.len() as u64 > file.size_bytes - offset {
                let text = format!("etcdserver: snapshot file {} changed size", file.name);
                return Err(Failure::Status(Status::data_loss(text)));
            }
            offset += chunk.len() as u64;
            out.put(chunk)?;
        }
    }
    out.put(vec![0; usize::try_from(padding).expect("less than a block")].into())?;
    out.finish()
}

fn head(manifest: &Manifest) -> Bytes {
    let manifest = manifest.encode_to_vec();
    let mut head = BytesMut::with_capacity(PREFIX_BYTES + manifest.len());
    head.put_slice(MAGIC);
    head.put_u32(VERSION);
    head.put_u32(u32::try_from(manifest.len()).expect("a list of some hundred files"));
    head.put_slice(&manifest);
    head.freeze()
}

struct Writer<S> {
    send: S,
    digest: Digest,
    remaining: u64,
}

impl<S: FnMut(Bytes, u64) -> Result<(), Failure>> Writer<S> {
    fn put(&mut self, mut bytes: Bytes) -> Result<(), Failure> {
        while !bytes.is_empty() {
            let chunk = bytes.split_to(bytes.len().min(SNAPSHOT_CHUNK_BYTES));
            self.digest.update(&chunk);
            self.remaining -= chunk.len() as u64;
            (self.send)(chunk, self.remaining)?;
        }
        Ok(())
    }

    fn finish(mut self) -> Result<(), Failure> {
        let digest = Bytes::copy_from_slice(self.digest.finish().as_ref());
        (self.send)(digest, 0)
    }
}
