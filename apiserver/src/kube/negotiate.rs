//! [`Wanted`]: the form in which a client takes its answer.
//!
//! The form comes from the `Accept` header; `pretty` from the query or the user agent. Upstream's
//! order holds: the client's list is taken in order of quality, the first that can be made wins.

use super::call::Call;
use std::cmp::Reverse;
use xebec_core::status::Status;

/// How an object is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Media {
    Json,
    Yaml,
    Protobuf,
}

/// What is written of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Form {
    /// All.
    Object,
    /// `as=Table`; the version is `meta.k8s.io/v1` or `meta.k8s.io/v1beta1`.
    Table { api_version: &'static str },
    /// `as=PartialObjectMetadata(List)`.
    Partial { api_version: &'static str },
}

/// The outcome of negotiation.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Wanted {
    pub media: Media,
    pub form: Form,
    /// Indented JSON.
    pub pretty: bool,
    /// The client takes gzip.
    pub gzip: bool,
}

pub const JSON: &str = "application/json";
pub const YAML: &str = "application/yaml";
pub const PROTOBUF: &str = "application/vnd.kubernetes.protobuf";

impl Media {
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Json => JSON,
            Self::Yaml => YAML,
            Self::Protobuf => PROTOBUF,
        }
    }

    /// Of the body of a request, or of an answer.
    pub fn of(content_type: &str) -> Option<Self> {
        Some(match content_type.trim() {
            JSON => Self::Json,
            YAML => Self::Yaml,
            PROTOBUF => Self::Protobuf,
            _ => return None,
        })
    }
}

/// One entry of an `Accept` header.
pub(super) struct Clause<'a> {
    media: &'a str,
    quality_milli: u32,
    parameters: Vec<(&'a str, &'a str)>,
}

impl<'a> Clause<'a> {
    fn parse(text: &'a str) -> Self {
        let mut parts = text.split(';').map(str::trim);
        let media = parts.next().unwrap_or_default();
        let pairs = parts.filter_map(|part| part.split_once('='));
        let parameters: Vec<_> =
            pairs.map(|(key, value)| (key.trim(), value.trim().trim_matches('"'))).collect();
        let quality = parameters.iter().find(|(key, _)| *key == "q");
        let quality: f64 = quality.and_then(|(_, value)| value.parse().ok()).unwrap_or(1.0);
        Self { media, quality_milli: (quality.clamp(0.0, 1.0) * 1000.0) as u32, parameters }
    }

    /// All entries, the best first: what is equally good stays in the client's order.
    pub(super) fn parse_all(accept: &'a str) -> Vec<Self> {
        let mut clauses: Vec<Self> = accept.split(',').map(Self::parse).collect();
        clauses.sort_by_key(|clause| Reverse(clause.quality_milli));
        clauses
    }

    pub(super) fn media_type(&self) -> &'a str {
        self.media
    }

    /// `None` for what cannot be written.
    pub(super) fn media(&self) -> Option<Media> {
        match self.media {
            "*/*" | "application/*" => Some(Media::Json),
            other => Media::of(other),
        }
    }

    pub(super) fn get(&self, name: &str) -> Option<&'a str> {
        self.parameters.iter().find(|(key, _)| *key == name).map(|(_, value)| *value)
    }
}

/// What may be asked for beside the object itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offers {
    pub protobuf: bool,
    /// `as=Table`.
    pub tables: bool,
    /// `as=PartialObjectMetadata(List)`.
    pub metadata: bool,
}

impl Offers {
    pub const ALL: Self = Self { protobuf: true, tables: true, metadata: true };
    /// Errors, Scale and others without a table of their own.
    pub const PLAIN: Self = Self { protobuf: true, tables: false, metadata: false };
}

/// Chooses a form; 406 where nothing fits.
pub fn negotiate(call: &Call, offers: Offers) -> Result<Wanted, Status> {
    let accept = call.header("accept").unwrap_or_default();
    let chosen = choose(accept, offers).ok_or_else(not_acceptable)?;
    Ok(Wanted { media: chosen.0, form: chosen.1, ..plain_form(call) })
}

/// JSON of a whole object, with what does not depend on the `Accept` header.
pub(super) fn plain_form(call: &Call) -> Wanted {
    let (pretty, gzip) = (is_pretty(call), takes_gzip(call));
    Wanted { media: Media::Json, form: Form::Object, pretty, gzip }
}

pub(super) fn takes_gzip(call: &Call) -> bool {
    call.header("accept-encoding").is_some_and(|all| {
        all.split(',').any(|one| one.split(';').next().is_some_and(|name| name.trim() == "gzip"))
    })
}

/// The form of an error: the client's choice if it can be had, else JSON.
pub fn of_error(call: &Call) -> Wanted {
    let wanted = negotiate(call, Offers::PLAIN).unwrap_or_else(|_| plain_form(call));
    Wanted { gzip: false, ..wanted }
}

/// Browsers and curl get indented answers unless they say otherwise.
fn is_pretty(call: &Call) -> bool {
    call.query.optional_flag("pretty").unwrap_or_else(|| {
        ["curl", "Wget", "Mozilla/5.0"].iter().any(|who| call.user_agent().starts_with(who))
    })
}

fn choose(accept: &str, offers: Offers) -> Option<(Media, Form)> {
    if accept.trim().is_empty() {
        return Some((Media::Json, Form::Object));
    }
    Clause::parse_all(accept).iter().find_map(|clause| {
        let media = clause.media()?;
        let form = form(clause, media, offers)?;
        // Bare metadata is of a kind that has protobuf, whatever it was taken from.
        let whole = !matches!(form, Form::Partial { .. });
        if media == Media::Protobuf && whole && !offers.protobuf {
            return None;
        }
        Some((media, form))
    })
}

fn form(clause: &Clause<'_>, media: Media, offers: Offers) -> Option<Form> {
    let Some(kind) = clause.get("as") else { return Some(Form::Object) };
    let (group, version) =
        (clause.get("g").unwrap_or_default(), clause.get("v").unwrap_or_default());
    let api_version = match (group, version) {
        ("meta.k8s.io", "v1") => "meta.k8s.io/v1",
        ("meta.k8s.io", "v1beta1") => "meta.k8s.io/v1beta1",
        _ => return None,
    };
    match kind {
        // Tables have no protobuf form.
        "Table" if offers.tables && media != Media::Protobuf => Some(Form::Table { api_version }),
        "PartialObjectMetadata" | "PartialObjectMetadataList" if offers.metadata => {
            Some(Form::Partial { api_version })
        }
        _ => None,
    }
}

fn not_acceptable() -> Status {
    Status::not_acceptable(&[JSON, YAML, PROTOBUF])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_that_can_be_made_is_taken() {
        let table = Form::Table { api_version: "meta.k8s.io/v1" };
        for (accept, media, form) in [
            ("", Media::Json, Form::Object),
            ("*/*", Media::Json, Form::Object),
            ("application/vnd.kubernetes.protobuf,application/json", Media::Protobuf, Form::Object),
            ("application/json;q=0.5, application/yaml", Media::Yaml, Form::Object),
            ("application/json;as=Table;v=v1;g=meta.k8s.io,application/json", Media::Json, table),
            (
                "application/json;as=Table;v=v2;g=meta.k8s.io,application/json",
                Media::Json,
                Form::Object,
            ),
            ("text/html, */*;q=0.1", Media::Json, Form::Object),
        ] {
            assert_eq!(choose(accept, Offers::ALL), Some((media, form)), "{accept}");
        }
        assert_eq!(choose("text/html", Offers::ALL), None);
        let no_protobuf = Offers { protobuf: false, ..Offers::ALL };
        assert_eq!(choose(PROTOBUF, no_protobuf), None);
        let metadata = format!("{PROTOBUF};as=PartialObjectMetadata;g=meta.k8s.io;v=v1");
        let partial = Form::Partial { api_version: "meta.k8s.io/v1" };
        assert_eq!(choose(&metadata, no_protobuf), Some((Media::Protobuf, partial.clone())));
        let no_tables = Offers { tables: false, ..Offers::ALL };
        assert_eq!(choose("application/json;as=Table;v=v1;g=meta.k8s.io", no_tables), None);
        assert_eq!(choose(&metadata, no_tables), Some((Media::Protobuf, partial)));
        assert_eq!(choose(&metadata, Offers::PLAIN), None);
    }
}
