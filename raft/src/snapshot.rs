//! The keyspace as openraft's snapshot: a checkpoint of the engine, sent file by file.
//!
//! The receiver says how much of each file it has; an interrupted transfer goes on there, since
//! the sender keeps its checkpoint for a while. Every file is checked against its digest before
//! the checkpoint takes the place of the engine.

use crate::limits::{SNAPSHOT_CHUNK_BYTES, SNAPSHOT_CHUNKS_IN_FLIGHT, SNAPSHOT_STALL};
use crate::network::Network;
use crate::runtime::blocking;
use crate::transport::{Duplex, Lane, Method, Target, TransportError};
use crate::types::{SnapshotMeta, Vote};
use crate::wire::{
    Hello, LogIdMessage, SnapshotChunk, SnapshotOffer, SnapshotProgress, SnapshotResume,
    StoredMembershipMessage, VoteMessage, decode, encode, malformed,
};
use bytes::Bytes;
use std::sync::Arc;
use xebec_store::engine::{Checkpoint, CheckpointFile, EngineHome, Staging};

/// openraft's snapshot data: it has three lives.
pub enum SnapshotData {
    /// "Built": the keyspace is durable up to there. There is nothing to send.
    Persisted,
    /// To be sent.
    Checkpoint(Arc<dyn Checkpoint>),
    /// Received whole, to be installed.
    Staged(Box<dyn Staging>),
}

/// Sends a snapshot and returns the receiver's vote when it is installed there.
pub async fn send_snapshot(
    network: &Network,
    target: &Target,
    vote: Vote,
    meta: &SnapshotMeta,
    data: SnapshotData,
) -> Result<Vote, TransportError> {
    let SnapshotData::Checkpoint(checkpoint) = data else {
        return Err(TransportError::Refused { message: "no checkpoint to send".to_string() });
    };
    let source = checkpoint.clone();
    // Reads every file for its digest, the first time.
    let files = blocking(move || source.files().map(<[CheckpointFile]>::to_vec)).await;
    let files = files.map_err(malformed)?;
    let transport = &network.transport;
    let mut duplex =
        transport.open(target, Lane::Snapshot, Method::Snapshot, SNAPSHOT_STALL).await?;
    let header = network.header(target.member_id);
    let offer = SnapshotOffer {
        header,
        vote: VoteMessage::from(&vote),
        last: meta.last_log_id.as_ref().map(LogIdMessage::from),
        membership: StoredMembershipMessage::from(&meta.last_membership),
        files,
    };
    send(&duplex, encode(&Hello { header, session: 0, term: 0 })).await?;
    send(&duplex, encode(&offer)).await?;
    let resume: SnapshotResume = decode(receive(&mut duplex).await?)?;
    if resume.received_bytes.len() != offer.files.len() {
        return Err(malformed("the file counts differ"));
    }
    let mut sender = Sender { duplex, sent: 0, acknowledged: 0 };
    for (index, file) in offer.files.iter().enumerate() {
        let from = resume.received_bytes[index];
        sender.send_file(&checkpoint, index, from, file.size_bytes).await?;
    }
    sender.finish().await
}

struct Sender {
    duplex: Duplex,
    sent: u64,
    acknowledged: u64,
}

impl Sender {
    async fn send_file(
        &mut self,
        checkpoint: &Arc<dyn Checkpoint>,
        file: usize,
        from: u64,
        size: u64,
    ) -> Result<(), TransportError> {
        let mut offset = from;
        while offset < size {
            let source = checkpoint.clone();
            let data = blocking(move || source.read(file, offset, SNAPSHOT_CHUNK_BYTES)).await;
            let data = data.map_err(malformed)?;
            if data.is_empty() {
                return Err(malformed("a checkpoint file is shorter than it says"));
            }
            let length = data.len() as u64;
            let chunk = SnapshotChunk { file: index(file)?, offset, data, done: false };
            while self.sent - self.acknowledged >= SNAPSHOT_CHUNKS_IN_FLIGHT {
                self.take_progress().await?;
            }
            send(&self.duplex, encode(&chunk)).await?;
            self.sent += 1;
            offset += length;
        }
        Ok(())
    }

    async fn finish(mut self) -> Result<Vote, TransportError> {
        let done = SnapshotChunk { done: true, ..SnapshotChunk::default() };
        send(&self.duplex, encode(&done)).await?;
        loop {
            if let Some(vote) = self.take_progress().await? {
                return Ok(vote);
            }
        }
    }

    async fn take_progress(&mut self) -> Result<Option<Vote>, TransportError> {
        let progress: SnapshotProgress = decode(receive(&mut self.duplex).await?)?;
        self.acknowledged = self.acknowledged.max(progress.chunks);
        Ok(progress.installed.map(Vote::from))
    }
}

/// Takes the files of an offered snapshot, from where an earlier attempt stopped. Returns the
/// whole staging area; the verdict is the caller's to send.
pub async fn receive_snapshot(
    duplex: &mut Duplex,
    home: &Arc<dyn EngineHome>,
    offer: &SnapshotOffer,
) -> Result<Box<dyn Staging>, TransportError> {
    let files = offer.files.clone();
    let staging_home = home.clone();
    let staged = blocking(move || staging_home.stage(&files)).await;
    let mut staging = staged.map_err(malformed)?;
    let received_bytes = (0..offer.files.len()).map(|file| staging.received_bytes(file)).collect();
    send(duplex, encode(&SnapshotResume { received_bytes })).await?;
    let mut chunks = 0;
    loop {
        let chunk: SnapshotChunk = decode(receive(duplex).await?)?;
        if chunk.done {
            return Ok(staging);
        }
        let file = chunk.file as usize;
        if file >= offer.files.len() || chunk.offset != staging.received_bytes(file) {
            return Err(malformed("a piece that does not fit"));
        }
        let written = blocking(move || {
            let result = staging.write(file, chunk.offset, &chunk.data);
            (staging, result)
        });
        let (back, result) = written.await;
        staging = back;
        result.map_err(malformed)?;
        chunks += 1;
        send(duplex, encode(&SnapshotProgress { chunks, installed: None })).await?;
    }
}

async fn send(duplex: &Duplex, message: Bytes) -> Result<(), TransportError> {
    let sent = tokio::time::timeout(SNAPSHOT_STALL, duplex.tx.send(message)).await;
    sent.map_err(|_| TransportError::Timeout)?.map_err(|_| closed())
}

async fn receive(duplex: &mut Duplex) -> Result<Bytes, TransportError> {
    let received = tokio::time::timeout(SNAPSHOT_STALL, duplex.rx.recv()).await;
    received.map_err(|_| TransportError::Timeout)?.ok_or_else(closed)?
}

fn index(file: usize) -> Result<u32, TransportError> {
    u32::try_from(file).map_err(malformed)
}

fn closed() -> TransportError {
    TransportError::Closed { message: "the snapshot stream ended".to_string() }
}
