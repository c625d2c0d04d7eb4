//! [`ListOptions`]: the parameters of lists and watches, and their validation.

use super::token::Token;
use crate::kube::call::Call;
use crate::kube::found::Found;
use crate::kube::selection::Selection;
use std::num::IntErrorKind;
use xebec_core::field_error::{FieldError, quoted};
use xebec_core::status::{GroupName, Status};
use xebec_store::kv::Revision;

/// `resourceVersionMatch`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VersionMatch {
    Exact,
    NotOlderThan,
}

/// What was asked for, checked as far as that can be done without looking at the keyspace.
#[derive(Debug, Clone)]
pub struct ListOptions {
    pub selection: Selection,
    /// `watch=1` was given; the older form of watches has it in the path alone.
    pub watch: bool,
    /// 0 for no limit.
    pub limit: usize,
    pub continues: String,
    /// As given: unset differs from `0`.
    pub resource_version: String,
    pub version_match: Option<VersionMatch>,
    pub timeout_s: Option<i64>,
    pub bookmarks: bool,
    pub initial_events: Option<bool>,
}

/// Which state of the keyspace a list shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Moment {
    /// Everything that was acknowledged before.
    Latest,
    /// Whatever this replica has, if it goes at least so far.
    NotBefore(Revision),
    Exactly(Revision),
}

impl ListOptions {
    /// Reads a request's parameters: 400 for malformed ones, 422 for what does not go together.
    pub fn parse(call: &Call, found: &Found) -> Result<Self, Status> {
        let text = |name| call.query.get(name).unwrap_or_default();
        let selection = Selection::parse(call, found)?;
        let number = |name| call.query.get(name).map_or(Ok(None), |text| int64(text).map(Some));
        let (limit, timeout_s) = (number("limit")?.unwrap_or(0), number("timeoutSeconds")?);
        let watch = call.query.flag("watch");
        let resource_version = text("resourceVersion").to_owned();
        let mut given_match = text("resourceVersionMatch");
        let mut initial_events = call.query.optional_flag("sendInitialEvents");
        // A watch from nowhere begins with all that there is.
        let from_nowhere = matches!(&*resource_version, "" | "0");
        if watch && from_nowhere && initial_events.is_none() && given_match.is_empty() {
            initial_events = Some(true);
            given_match = NOT_OLDER_THAN;
        }
        let options = Self {
            selection,
            watch,
            limit: usize::try_from(limit).unwrap_or(0),
            continues: text("continue").to_owned(),
            resource_version,
            version_match: match given_match {
                EXACT => Some(VersionMatch::Exact),
                NOT_OLDER_THAN => Some(VersionMatch::NotOlderThan),
                _ => None,
            },
            timeout_s,
            bookmarks: call.query.flag("allowWatchBookmarks"),
            initial_events,
        };
        let errors =
            if watch { options.check_watch(given_match) } else { options.check(given_match) };
        if !errors.is_empty() {
            let of = GroupName { group: "meta.k8s.io", name: "ListOptions" };
            return Err(Status::invalid(of, "", &errors));
        }
        let selection = options.selection.with_name(&call.info.name)?;
        Ok(Self { selection, ..options })
    }

    fn check(&self, given: &str) -> Vec<FieldError> {
        let mut errors = Vec::new();
        if !given.is_empty() {
            let mut forbid = |why: &str| errors.push(FieldError::forbidden(MATCH, why));
            if self.resource_version.is_empty() {
                forbid("resourceVersionMatch is forbidden unless resourceVersion is provided");
            }
            if !self.continues.is_empty() {
                forbid("resourceVersionMatch is forbidden when continue is provided");
            }
            if self.version_match.is_none() {
                errors.push(FieldError::not_supported(MATCH, given, &[EXACT, NOT_OLDER_THAN, ""]));
            }
            if self.version_match == Some(VersionMatch::Exact) && self.resource_version == "0" {
                errors.push(FieldError::forbidden(
                    MATCH,
                    "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"",
                ));
            }
        }
        if self.initial_events.is_some() {
            let why = "sendInitialEvents is forbidden for list";
            errors.push(FieldError::forbidden("sendInitialEvents", why));
        }
        errors
    }

    fn check_watch(&self, given: &str) -> Vec<FieldError> {
        let mut errors = Vec::new();
        let not_older = self.version_match == Some(VersionMatch::NotOlderThan);
        if self.initial_events.is_some() && !not_older {
            let why = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan";
            errors.push(FieldError::forbidden(MATCH, why));
        }
        if !given.is_empty() {
            if self.initial_events.is_none() {
                errors.push(FieldError::forbidden(
                    MATCH,
                    "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided",
                ));
            }
            if !not_older {
                errors.push(FieldError::not_supported(MATCH, given, &[NOT_OLDER_THAN]));
            }
            if !self.continues.is_empty() {
                let why = "resourceVersionMatch is forbidden when continue is provided";
                errors.push(FieldError::forbidden(MATCH, why));
            }
        }
        errors
    }

    /// The token of the page that this one follows.
    pub fn token(&self) -> Result<Option<Token>, Status> {
        if self.continues.is_empty() {
            return Ok(None);
        }
        let token = Token::decode(&self.continues);
        let bad = |error| Status::bad_request(format!("invalid continue token: {error}"));
        let token = token.map_err(bad)?;
        if !matches!(&*self.resource_version, "" | "0") {
            let message = "specifying resource version is not allowed when using continue";
            return Err(Status::bad_request(message));
        }
        Ok(Some(token))
    }

    /// Which state a list without a token shows.
    pub fn moment(&self) -> Result<Moment, Status> {
        let revision = self
            .revision()
            .map_err(|error| Status::bad_request(format!("invalid resource version: {error}")))?;
        Ok(match (self.version_match, revision) {
            // Zero allows any state. A client that goes from replica to replica should still never
            // see time run backwards.
            (_, 0) => Moment::Latest,
            (Some(VersionMatch::Exact), revision) => Moment::Exactly(revision),
            (Some(VersionMatch::NotOlderThan), revision) => Moment::NotBefore(revision),
            (None, revision) if self.limit > 0 => Moment::Exactly(revision),
            (None, revision) => Moment::NotBefore(revision),
        })
    }

    /// The resource version as a number; zero if there is none.
    pub fn revision(&self) -> Result<Revision, FieldError> {
        let text = &*self.resource_version;
        if matches!(text, "" | "0") {
            return Ok(0);
        }
        let why = match text.parse::<u64>() {
            // Go's parser takes no sign.
            Ok(_) if text.starts_with('+') => "invalid syntax",
            // Beyond what a revision can be: the future, for sure.
            Ok(number) => return Ok(Revision::try_from(number).unwrap_or(Revision::MAX)),
            Err(error) if *error.kind() == IntErrorKind::PosOverflow => "value out of range",
            Err(_) => "invalid syntax",
        };
        let detail = format!("strconv.ParseUint: parsing {}: {why}", quoted(text));
        Err(FieldError::invalid("resourceVersion", text, &detail))
    }

    /// The limit that counts: upstream ignores it where any state would do.
    pub fn page_limit(&self) -> Option<usize> {
        (self.limit > 0 && self.resource_version != "0").then_some(self.limit)
    }
}

const MATCH: &str = "resourceVersionMatch";
const EXACT: &str = "Exact";
const NOT_OLDER_THAN: &str = "NotOlderThan";

fn int64(text: &str) -> Result<i64, Status> {
    text.parse::<i64>().map_err(|error| {
        let why = match error.kind() {
            IntErrorKind::PosOverflow | IntErrorKind::NegOverflow => "value out of range",
            _ => "invalid syntax",
        };
        Status::bad_request(format!("strconv.ParseInt: parsing {}: {why}", quoted(text)))
    })
}
