//! [`ProtobufList`]: lists as protobuf, in upstream's envelope.
//!
//! The envelope says how long the list is before its first item, so that the items have to be
//! measured before.

use super::frame::ListMeta;
use crate::kube::negotiate::Form;
use crate::kube::shape::{Shape, meta_message};
use xebec_core::codec::proto;
use xebec_core::schema::{BUILT_IN, MessageId};
use xebec_core::status::Status;

/// The parts of a list around its items.
#[derive(Debug)]
pub struct ProtobufList {
    kind: String,
    api_version: String,
    /// The field of the metadata, whole.
    metadata: Vec<u8>,
    /// The metadata comes before the items.
    metadata_first: bool,
    items_tag: u32,
    items_bytes: usize,
}

const DELIMITED: u32 = 2;

impl ProtobufList {
    /// A list whose items take `items_bytes` in all, see [`Self::item_bytes`].
    pub fn new(shape: &Shape, meta: &ListMeta, items_bytes: usize) -> Result<Self, Status> {
        let (kind, api_version) = match shape.form() {
            Form::Partial { api_version } => {
                ("PartialObjectMetadataList", (*api_version).to_owned())
            }
            _ => (&*shape.resource().list_kind, shape.api_version()),
        };
        // Lists have their metadata in field 1 and their items in field 2, but for one.
        let swapped = kind == "PartialObjectMetadataList" && api_version.ends_with("/v1beta1");
        let (metadata_tag, items_tag) = if swapped { (2, 1) } else { (1, 2) };
        let list_meta: MessageId = meta_message("v1", "ListMeta");
        let content =
            proto::encode(&BUILT_IN, list_meta, &meta.typed()).map_err(Status::internal)?;
        let mut metadata = Vec::with_capacity(content.len() + 2);
        push_field(&mut metadata, metadata_tag, &content);
        Ok(Self {
            kind: kind.to_owned(),
            api_version,
            metadata,
            metadata_first: !swapped,
            items_tag,
            items_bytes,
        })
    }

    /// What an item of a length takes in a list.
    pub fn item_bytes(len: usize) -> usize {
        // The key of a field with a tag below 16 is one byte.
        1 + varint_len(len) + len
    }

    pub fn head(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(proto::MAGIC);
        let mut kind = Vec::new();
        push_field(&mut kind, 1, self.api_version.as_bytes());
        push_field(&mut kind, 2, self.kind.as_bytes());
        push_field(out, 1, &kind);
        push_key(out, 2);
        push_varint(out, self.metadata.len() + self.items_bytes);
        if self.metadata_first {
            out.extend_from_slice(&self.metadata);
        }
    }

    pub fn item(&self, out: &mut Vec<u8>, item: &[u8]) {
        push_field(out, self.items_tag, item);
    }

    pub fn tail(&self, out: &mut Vec<u8>) {
        if !self.metadata_first {
            out.extend_from_slice(&self.metadata);
        }
        // Neither encoding nor content type: as the envelope says.
        push_field(out, 3, b"");
        push_field(out, 4, b"");
    }
}

fn push_key(out: &mut Vec<u8>, tag: u32) {
    push_varint(out, (tag << 3 | DELIMITED) as usize);
}

/// Writes a field of bytes.
pub fn push_field(out: &mut Vec<u8>, tag: u32, bytes: &[u8]) {
    push_key(out, tag);
    push_varint(out, bytes.len());
    out.extend_from_slice(bytes);
}

fn push_varint(out: &mut Vec<u8>, mut number: usize) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn varint_len(number: usize) -> usize {
    let bits = usize::BITS - (number | 1).leading_zeros();
    (bits as usize).div_ceil(7)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_told_before_they_are_written() {
        for len in [0, 1, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152] {
            let mut out = Vec::new();
            push_field(&mut out, 2, &vec![0; len]);
            assert_eq!(out.len(), ProtobufList::item_bytes(len), "{len}");
        }
    }
}
