//! Schemas of custom resources: a message for each version, and the metadata that all share.

use super::{Arity, BUILT_IN, Field, Kind, Message, MessageId, Omit, Schema, Shape};
use crate::custom::Structural;
use std::collections::HashMap;

const META: &str = "k8s.io.apimachinery.pkg.apis.meta.v1.";
/// Those that are referred to come first.
const SHARED: [&str; 3] = ["OwnerReference", "ManagedFieldsEntry", "ObjectMeta"];

impl Schema {
    /// The schema of a custom kind; the ids are those of the versions, in their order. A version
    /// without a structural schema keeps nothing but metadata.
    pub(crate) fn custom(
        versions: impl IntoIterator<Item = (String, Structural)>,
    ) -> (Self, Vec<MessageId>) {
        let mut schema = Self::default();
        let mut known = HashMap::new();
        for name in SHARED {
            let full = format!("{META}{name}");
            let built_in = BUILT_IN.find(&full).expect("the table holds the metadata of objects");
            let fields = known_fields(BUILT_IN.message(built_in), &known);
            let message = Message { name: full, ..plain(fields) };
            let message = Message { atomic: BUILT_IN.message(built_in).atomic, ..message };
            known.insert(built_in, schema.add(message));
        }
        let metadata = schema.find(&format!("{META}ObjectMeta")).expect("it was just added");
        let mut ids = Vec::new();
        for (name, structural) in versions {
            let fields = vec![metadata_field(metadata)];
            let custom = Some(Box::new(structural));
            ids.push(schema.add(Message { name, typed: true, custom, ..plain(fields) }));
        }
        (schema, ids)
    }

    fn add(&mut self, message: Message) -> MessageId {
        let id = MessageId(self.messages.len() as u32);
        self.by_name.insert(message.name.clone(), id);
        self.messages.push(message);
        id
    }
}

fn plain(fields: Vec<Field>) -> Message {
    let mut by_tag: Vec<u16> = (0..fields.len() as u16).collect();
    by_tag.sort_by_key(|at| fields[*at as usize].tag);
    let names = fields.iter().enumerate();
    Message {
        name: String::new(),
        typed: false,
        atomic: false,
        open: false,
        union: None,
        by_tag,
        by_json: names.map(|(at, field)| (field.json.clone(), Box::from([at as u16]))).collect(),
        fields,
        shape: Shape::Object,
        custom: None,
    }
}

fn known_fields(message: &Message, known: &HashMap<MessageId, MessageId>) -> Vec<Field> {
    let mut fields = message.fields.clone();
    for field in &mut fields {
        if let Kind::Message(id) = &mut field.kind {
            *id = *known.get(id).expect("what metadata refers to was added before");
        }
    }
    fields
}

/// Metadata is there if it was given.
fn metadata_field(id: MessageId) -> Field {
    Field {
        tag: 1,
        name: "metadata".to_owned(),
        json: "metadata".to_owned(),
        kind: Kind::Message(id),
        arity: Arity::One,
        pointer: true,
        omit: Omit::Empty,
        inline: false,
        required: false,
        default: None,
        list: super::ListType::Atomic,
        list_stated: false,
        atomic: false,
        granular: false,
        merge_key: None,
        patch: super::PatchStrategy::default(),
        gate: None,
        rules: Vec::new(),
    }
}
