//! [`Encoder`]: objects at rest in protobuf.

use super::shape::{AtRest, Shape};
use xebec_core::codec::proto::{self, Transcoder};
use xebec_core::status::Status;

/// Encodes one object after another, in the same room.
#[derive(Debug, Default)]
pub struct Encoder {
    transcoder: Transcoder,
    text: Vec<u8>,
    /// What went through a tree.
    encoded: Vec<u8>,
}

impl Encoder {
    /// What is shown of an object, without an envelope.
    pub fn encode(&mut self, shape: &Shape, object: AtRest<'_>) -> Result<&[u8], Status> {
        let Self { transcoder, text, encoded } = self;
        let (schema, id) = shape.message();
        text.clear();
        if shape.push_verbatim(text, object, false)
            && let Some(encoded) = transcoder.encode(schema, id, text)
        {
            return Ok(encoded);
        }
        *encoded = proto::encode(schema, id, &shape.shown(object)?).map_err(Status::internal)?;
        Ok(encoded)
    }

    /// The same in an envelope.
    pub fn encode_enveloped(&mut self, shape: &Shape, object: AtRest<'_>) -> Result<&[u8], Status> {
        let Self { transcoder, text, encoded } = self;
        let (schema, id) = shape.message();
        let kind = (&*shape.api_version(), &*shape.resource().kind);
        text.clear();
        if shape.push_verbatim(text, object, false)
            && let Some(encoded) = transcoder.encode_enveloped(schema, id, kind, text)
        {
            return Ok(encoded);
        }
        let shown = shape.shown(object)?;
        *encoded = proto::encode_enveloped(schema, id, &shown).map_err(Status::internal)?;
        Ok(encoded)
    }
}
