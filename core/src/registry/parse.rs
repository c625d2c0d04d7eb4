//! Reads `core/schema/resources.txt`.

use super::resource::{
    GroupVersionKind, MessageRef, Resource, SelectableField, Subresource, Verb, Verbs, Version,
};
use super::{Group, Selection};
use crate::schema::{Arity, BUILT_IN, Kind, MessageId};
use std::sync::Arc;

const TEXT: &str = include_str!("../../schema/resources.txt");

/// A line that is not of the form. The compiled-in text cannot cause it: a test parses it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("resources: {0:?}")]
pub(super) struct ParseError(String);

/// A group while its resources are read.
struct Context<'t> {
    name: &'t str,
    package: &'t str,
    /// With whether each is served.
    versions: Vec<(&'t str, bool)>,
}

pub(super) fn built_in(
    selection: Selection,
) -> Result<(Vec<Group>, Vec<Arc<Resource>>), ParseError> {
    let mut groups: Vec<Group> = Vec::new();
    let mut resources: Vec<Resource> = Vec::new();
    let mut context = Context { name: "", package: "", versions: Vec::new() };
    for line in TEXT.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let error = || ParseError(line.to_owned());
        let (word, rest) = line.split_once(' ').ok_or_else(error)?;
        match word {
            "group" => {
                context = group(rest, selection).ok_or_else(error)?;
                let priority = attribute(rest, "priority").and_then(|text| text.parse().ok());
                let served = context.versions.iter().filter(|(_, served)| *served);
                groups.push(Group {
                    name: context.name.into(),
                    priority: priority.ok_or_else(error)?,
                    versions: served.map(|(name, _)| Box::from(*name)).collect(),
                });
            }
            "resource" => {
                let mut made = resource(&context, rest).ok_or_else(error)?;
                if let Some(other) = attribute(rest, "as") {
                    let (group, plural) = other.split_once('/').ok_or_else(error)?;
                    let group = if group == "core" { "" } else { group };
                    let is_other = |one: &&Resource| *one.group == *group && *one.plural == *plural;
                    let other = resources.iter().find(is_other).ok_or_else(error)?;
                    made.stored_as = Some(Arc::new(other.clone()));
                }
                resources.push(made);
            }
            "fields" => {
                let last = resources.last_mut().ok_or_else(error)?;
                for version in &mut last.versions {
                    let fields = rest.split(' ').map(|one| field(version.message.id(), one));
                    version.selectable = fields.collect();
                }
            }
            "deprecated" => {
                let last = resources.last_mut().ok_or_else(error)?;
                for version in &mut last.versions {
                    version.deprecation = Some(rest.into());
                }
            }
            "sub" => {
                let last = resources.last_mut().ok_or_else(error)?;
                let sub = subresource(&last.kind, rest).ok_or_else(error)?;
                last.subresources.push(sub);
            }
            _ => return Err(error()),
        }
    }
    groups.retain(|group| !group.versions.is_empty());
    resources.retain(|resource| !resource.versions.is_empty());
    Ok((groups, resources.into_iter().map(Arc::new).collect()))
}

/// The value of `name=value` among the words of a line.
fn attribute<'t>(line: &'t str, name: &str) -> Option<&'t str> {
    line.split(' ').find_map(|word| word.strip_prefix(name)?.strip_prefix('='))
}

fn list(line: &str, name: &str) -> Vec<Box<str>> {
    attribute(line, name).map_or(Vec::new(), |text| text.split(',').map(Box::from).collect())
}

fn verbs(line: &str, default: Verbs) -> Option<Verbs> {
    attribute(line, "verbs")
        .map_or(Some(default), |text| text.split(',').map(Verb::parse).collect())
}

fn group(line: &str, selection: Selection) -> Option<Context<'_>> {
    let mut words = line.split(' ');
    let name = words.next()?;
    let package = words.next()?;
    let versions = attribute(line, "versions")?.split(',').map(|version| {
        let stable = version.strip_suffix(":off");
        (stable.unwrap_or(version), stable.is_none() || selection == Selection::All)
    });
    let name = if name == "core" { "" } else { name };
    Some(Context { name, package, versions: versions.collect() })
}

fn resource(context: &Context<'_>, line: &str) -> Option<Resource> {
    let mut words = line.split(' ');
    let (plural, kind, scope) = (words.next()?, words.next()?, words.next()?);
    let has = |flag: &str| line.split(' ').any(|word| word == flag);
    let named: Vec<&str> = match attribute(line, "versions") {
        Some(text) => text.split(',').collect(),
        None => vec![context.versions.first()?.0],
    };
    let message = |version: &str| BUILT_IN.find(&format!("{}.{version}.{kind}", context.package));
    let mut versions = Vec::new();
    for name in &named {
        let (_, served) = context.versions.iter().find(|(version, _)| version == name)?;
        if *served {
            versions.push(plain_version(name, message(name)?));
        }
    }
    let stored = !has("unstored");
    let hashed = match attribute(line, "hash") {
        Some(text) => text.split_once('/')?,
        None => (context.name, *named.first()?),
    };
    Some(Resource {
        group: context.name.into(),
        kind: kind.into(),
        list_kind: format!("{kind}List").into(),
        plural: plural.into(),
        singular: kind.to_ascii_lowercase().into(),
        short_names: list(line, "short"),
        categories: list(line, "category"),
        namespaced: scope == "namespaced",
        verbs: verbs(line, Verbs::ALL)?,
        storage_version: versions.first().filter(|_| stored).map(|one| one.name.clone()),
        versions,
        stored_as: None,
        hashed: stored.then(|| GroupVersionKind {
            group: if hashed.0 == "core" { "" } else { hashed.0 }.into(),
            version: hashed.1.into(),
            kind: kind.into(),
        }),
        key_prefix: format!("/registry/{}/", attribute(line, "key").unwrap_or(plural)).into(),
        subresources: Vec::new(),
        generation: has("generation"),
        deletes_object: attribute(line, "deletes") == Some("object"),
        custom: false,
        terminating: false,
        unserved: Vec::new(),
        conversion: None,
    })
}

fn plain_version(name: &str, id: MessageId) -> Version {
    Version {
        name: name.into(),
        message: MessageRef::BuiltIn(id),
        selectable: Vec::new(),
        columns: Vec::new(),
        openapi: None,
        deprecation: None,
        subresources: None,
        scale: None,
    }
}

/// `name` or `name=path,path`.
fn field(message: MessageId, word: &str) -> SelectableField {
    let (name, paths) = word.split_once('=').unwrap_or((word, word));
    let paths: Vec<Vec<Box<str>>> = paths
        .split(',')
        .filter(|path| !path.is_empty())
        .map(|path| path.split('.').map(Box::from).collect())
        .collect();
    let absent = paths.first().map_or("", |path| absent(message, path));
    SelectableField { name: name.into(), paths, absent }
}

/// What an unset field of a message reads as.
fn absent(mut message: MessageId, path: &[Box<str>]) -> &'static str {
    let mut last = Kind::String;
    for step in path {
        let at = BUILT_IN.message(message);
        let Some(found) = at.json_path(step) else { return "" };
        let (field, inline) = found.split_last().expect("a path of a field has a last step");
        let mut holder = at;
        for outer in inline {
            if let Kind::Message(inner) = holder.fields[*outer as usize].kind {
                holder = BUILT_IN.message(inner);
            }
        }
        let field = &holder.fields[*field as usize];
        last = field.kind;
        match field.kind {
            Kind::Message(inner) if field.arity == Arity::One => message = inner,
            _ => break,
        }
    }
    match last {
        Kind::Bool => "false",
        Kind::Int32 | Kind::Int64 => "0",
        _ => "",
    }
}

fn subresource(parent: &str, line: &str) -> Option<Subresource> {
    let name = line.split(' ').next()?;
    let (foreign, kind) = match attribute(line, "kind") {
        None => (None, parent),
        Some(text) => match text.rsplit_once('/') {
            None => (None, text),
            Some((version, kind)) => {
                let (group, version) = version.split_once('/')?;
                (Some((group.into(), version.into())), kind)
            }
        },
    };
    let default = [Verb::Get, Verb::Patch, Verb::Update].into_iter().collect();
    Some(Subresource {
        name: name.into(),
        kind: kind.into(),
        foreign,
        verbs: verbs(line, default)?,
    })
}
