//! [`Shape`]: in which form objects at rest are shown to a client of a list or a watch.
//!
//! An object that is stored as the client wants it is shown by its bytes, with the resource version
//! put in. Everything else goes through a tree.

use super::call::Call;
use super::found::Found;
use super::negotiate::{Form, Media, Wanted};
use super::object::{push_version, splice_at};
use super::selection::at_rest;
use std::sync::Arc;
use xebec_core::convert::{convert, from_stored};
use xebec_core::field_error::FieldError;
use xebec_core::registry::{Resource, Version};
use xebec_core::schema::{BUILT_IN, MessageId, Schema};
use xebec_core::status::Status;
use xebec_core::table::{Include, Printer, TableOptions, partial_object};
use xebec_core::time::Timestamp;
use xebec_core::value::{Object, Value};
use xebec_store::kv::{KeyValue, Revision};

/// How the objects of one resource are written.
#[derive(Debug)]
pub struct Shape {
    resource: Arc<Resource>,
    version: usize,
    media: Media,
    form: Form,
    include: Include,
    printer: Option<Printer>,
    /// How bytes at rest begin that need no tree to be shown, if any do.
    verbatim: Option<Box<[u8]>>,
}

/// An object at rest, and the resource version under which it is shown.
#[derive(Debug, Clone, Copy)]
pub struct AtRest<'b> {
    pub json: &'b [u8],
    pub revision: Revision,
}

impl<'b> From<&'b KeyValue> for AtRest<'b> {
    fn from(kv: &'b KeyValue) -> Self {
        Self { json: &kv.value, revision: kv.mod_revision }
    }
}

impl Shape {
    /// 400 if a table is wanted with rows of an unknown kind.
    pub fn new(found: &Found, wanted: &Wanted, call: &Call) -> Result<Self, Status> {
        let is_table = matches!(wanted.form, Form::Table { .. });
        let include = if is_table { include(call)? } else { Include::default() };
        Ok(Self::of(found, wanted, include))
    }

    pub fn of(found: &Found, wanted: &Wanted, include: Include) -> Self {
        let (resource, stored) = (&found.resource, found.resource.stored_version());
        let is_stored = resource.stored_as.is_none() && stored.name == found.version().name;
        let whole = wanted.form == Form::Object && wanted.media != Media::Yaml;
        let is_table = matches!(wanted.form, Form::Table { .. });
        Self {
            resource: resource.clone(),
            version: found.version_index(),
            media: wanted.media,
            form: wanted.form.clone(),
            include,
            printer: is_table.then(|| Printer::new(resource, found.version())),
            // A definition may have changed since a custom object was written.
            verbatim: (is_stored && whole && !resource.custom).then(|| at_rest(resource)),
        }
    }

    pub fn resource(&self) -> &Arc<Resource> {
        &self.resource
    }

    pub fn version(&self) -> &Version {
        &self.resource.versions[self.version]
    }

    pub fn api_version(&self) -> String {
        self.resource.api_version(self.version())
    }

    pub fn media(&self) -> Media {
        self.media
    }

    pub fn form(&self) -> &Form {
        &self.form
    }

    pub fn include(&self) -> Include {
        self.include
    }

    /// What fills the rows, if tables are wanted.
    pub fn printer(&self) -> Option<&Printer> {
        self.printer.as_ref()
    }

    /// True if objects mostly are shown by their bytes, that is, at next to no cost.
    pub fn is_verbatim(&self) -> bool {
        self.verbatim.is_some() && self.media == Media::Json
    }

    /// The schema of what is written.
    pub fn message(&self) -> (&Schema, MessageId) {
        if let Form::Partial { api_version } = &self.form {
            return (&BUILT_IN, meta_message(api_version, "PartialObjectMetadata"));
        }
        // Tables have no protobuf; negotiation knows.
        let message = &self.version().message;
        (message.schema(), message.id())
    }

    /// Writes an object as JSON by its bytes; false if that cannot be done. In a typed list kind
    /// and version are left out, for the list says them.
    pub fn push_verbatim(&self, out: &mut Vec<u8>, object: AtRest<'_>, typed_list: bool) -> bool {
        let Some(head) = &self.verbatim else { return false };
        let Some(rest) = object.json.strip_prefix(&**head) else { return false };
        let Some(at) = splice_at(rest) else { return false };
        if typed_list {
            out.push(b'{');
        } else {
            out.extend_from_slice(head);
        }
        out.extend_from_slice(&rest[..at]);
        push_version(out, object.revision);
        out.extend_from_slice(&rest[at..]);
        true
    }

    /// The object in the client's version, whatever is to be shown of it.
    pub fn whole(&self, object: AtRest<'_>) -> Result<Object, Status> {
        let mut whole = in_version(&self.resource, self.version(), object.json)?;
        super::object::set_resource_version(&mut whole, object.revision);
        Ok(whole)
    }

    /// What is shown of an object: itself, or bare metadata. Tables are made of rows.
    pub fn shown(&self, object: AtRest<'_>) -> Result<Object, Status> {
        let whole = self.whole(object)?;
        let Form::Partial { api_version } = self.form else { return Ok(whole) };
        let partial = partial_object(&self.resource.kind, &Value::Object(whole), api_version);
        match partial {
            Value::Object(partial) => Ok(partial),
            _ => Err(Status::internal("bare metadata is no object")),
        }
    }

    /// How tables are made at a time.
    pub fn table_options(&self, now: Timestamp, no_headers: bool) -> TableOptions<'_> {
        let api_version = match self.form {
            Form::Table { api_version } | Form::Partial { api_version } => api_version,
            Form::Object => "",
        };
        TableOptions { include: self.include, no_headers, api_version, now }
    }
}

/// An object at rest in a version of its kind, without a resource version.
pub fn in_version(resource: &Resource, version: &Version, json: &[u8]) -> Result<Object, Status> {
    let unreadable = |error: &dyn std::fmt::Display| {
        Status::internal(format!("a stored object cannot be read: {error}"))
    };
    let value: Value = serde_json::from_slice(json).map_err(|error| unreadable(&error))?;
    let Value::Object(object) = value else { return Err(unreadable(&"it is no object")) };
    let stored = object.get("apiVersion").and_then(Value::as_str).unwrap_or_default();
    let converted = if resource.custom {
        from_stored(resource, object, version)
    } else if stored == resource.api_version(version) {
        return Ok(object);
    } else {
        convert(resource, object, version)
    };
    converted.map_err(|error| unreadable(&error))
}

/// A message of `meta.k8s.io`.
pub fn meta_message(api_version: &str, kind: &str) -> MessageId {
    let version = api_version.rsplit('/').next().unwrap_or_default();
    let find =
        |version| BUILT_IN.find(&format!("k8s.io.apimachinery.pkg.apis.meta.{version}.{kind}"));
    find(version).or_else(|| find("v1")).expect("the schema has all messages of meta/v1")
}

/// `includeObject`.
fn include(call: &Call) -> Result<Include, Status> {
    let given = call.query.get("includeObject").unwrap_or_default();
    Include::parse(given).ok_or_else(|| {
        let why = "must be 'Metadata', 'Object', 'None', or empty";
        let error = FieldError::invalid("includeObject", given, why);
        Status::bad_request(format!("Unable to convert to Table as requested: {error}"))
    })
}
