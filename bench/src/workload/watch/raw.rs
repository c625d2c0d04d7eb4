//! Calls whose responses stay bytes: a client that decoded each of a million events would
//! measure itself.

use bytes::{Buf, Bytes};
use prost::Message;
use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};
use std::marker::PhantomData;
use tokio_stream::Stream;
use tonic::client::Grpc;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::transport::Channel;
use tonic::{Request, Status, Streaming};
use xebec_apiserver::etcd::proto::etcdserverpb::{RangeRequest, WatchRequest};

/// Fields of `WatchResponse`.
const CREATED: u32 = 3;
const EVENTS: u32 = 11;

/// Protobuf out, bytes in.
struct RawCodec<T>(PhantomData<T>);

impl<T: Message + Send + 'static> Codec for RawCodec<T> {
    type Encode = T;
    type Decode = Bytes;
    type Encoder = RawEncoder<T>;
    type Decoder = RawDecoder;

    fn encoder(&mut self) -> Self::Encoder {
        RawEncoder(PhantomData)
    }

    fn decoder(&mut self) -> Self::Decoder {
        RawDecoder
    }
}

struct RawEncoder<T>(PhantomData<T>);

impl<T: Message> Encoder for RawEncoder<T> {
    type Item = T;
    type Error = Status;

    fn encode(&mut self, item: T, out: &mut EncodeBuf<'_>) -> Result<(), Status> {
        item.encode(out).map_err(|error| Status::internal(error.to_string()))
    }
}

struct RawDecoder;

impl Decoder for RawDecoder {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(from.copy_to_bytes(from.remaining())))
    }
}

pub async fn range(channel: Channel, request: RangeRequest) -> Result<Bytes, Status> {
    let mut grpc = grpc(channel).await?;
    let path = http::uri::PathAndQuery::from_static("/etcdserverpb.KV/Range");
    let codec = RawCodec::<RangeRequest>(PhantomData);
    Ok(grpc.unary(Request::new(request), path, codec).await?.into_inner())
}

pub async fn watch<S>(channel: Channel, requests: S) -> Result<Streaming<Bytes>, Status>
where
    S: Stream<Item = WatchRequest> + Send + 'static,
{
    let mut grpc = grpc(channel).await?;
    let path = http::uri::PathAndQuery::from_static("/etcdserverpb.Watch/Watch");
    let codec = RawCodec::<WatchRequest>(PhantomData);
    Ok(grpc.streaming(Request::new(requests), path, codec).await?.into_inner())
}

async fn grpc(channel: Channel) -> Result<Grpc<Channel>, Status> {
    let mut grpc = Grpc::new(channel)
        .max_decoding_message_size(crate::target::Target::message_size_max_bytes());
    grpc.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
    Ok(grpc)
}

/// True for the response that confirms the creation of a watch.
pub fn is_created(response: &Bytes) -> bool {
    let mut created = false;
    walk(response.clone(), |field, value| created |= field == CREATED && value == 1);
    created
}

/// The number of events in a response.
pub fn events(response: &Bytes) -> u64 {
    let mut count = 0;
    walk(response.clone(), |field, _| count += u64::from(field == EVENTS));
    count
}

/// Calls `visit` with each top-level field and its value, if that is a number. What is not
/// protobuf ends the walk: a wrong count then shows as lost events.
fn walk(mut bytes: Bytes, mut visit: impl FnMut(u32, u64)) {
    while bytes.has_remaining() {
        let Ok((field, wire)) = decode_key(&mut bytes) else { return };
        let value = match wire {
            WireType::Varint => decode_varint(&mut bytes).ok(),
            _ => skip_field(wire, field, &mut bytes, DecodeContext::default()).ok().map(|()| 0),
        };
        let Some(value) = value else { return };
        visit(field, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use xebec_apiserver::etcd::proto::etcdserverpb::WatchResponse;

    #[test]
    fn counts_events_without_decoding_them() {
        let mut response = WatchResponse { watch_id: 5, ..WatchResponse::default() };
        response.events = vec![Default::default(); 3];
        assert_eq!(events(&response.encode_to_vec().into()), 3);
        assert!(!is_created(&response.encode_to_vec().into()));
        let created = WatchResponse { created: true, ..WatchResponse::default() };
        assert!(is_created(&created.encode_to_vec().into()));
        assert_eq!(events(&Bytes::from_static(&[0xff; 4])), 0);
    }
}
