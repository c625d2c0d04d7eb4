//! CustomResourceDefinitions.

use super::conversion::{self, Lenient};
use super::form::Form;
use super::schema::{self, Strict};
use super::{approval, defaults, names, structural, tree, version};
use crate::custom::conditions::is_served;
use crate::custom::is_recognized_format;
use crate::field_error::{FieldError, Reason, quoted};
use crate::target::Target;
use crate::validation::fields::{Fields, Seen, metadata};
use crate::validation::internal;
use crate::validation::path::Path;
use crate::validation::{Errors, Rules, check, meta};
use crate::value::{Object, Value};

pub(super) const RULES: Rules = Rules { create, update, warnings };

const SCHEMA: &str = "k8s.io.apiextensions_apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps";

/// What is asked of a definition.
struct Options<'o> {
    strict: Strict,
    /// Every version has a schema.
    schemas: bool,
    structural: bool,
    conversion: Lenient,
    /// The definition that is replaced.
    old: Option<&'o Object>,
}

fn create(target: Target<'_>, object: &Object, errors: &mut Errors) {
    name(target, object, errors);
    let strict = Strict { types: true, atomic_sets: true, map_keys: true };
    let conversion = Lenient::of_new();
    let options = Options { strict, schemas: true, structural: true, conversion, old: None };
    spec(object.part("spec"), &options, errors);
    status(object, errors);
    approval::check(object, None, errors);
    preserve(object, None, errors);
}

fn update(target: Target<'_>, new: &Object, old: &Object, errors: &mut Errors) {
    meta::common_on_update(new, old, errors);
    if target.subresource == "status" {
        let path = Path::root("status.acceptedNames");
        names::check(new.part("status").part("acceptedNames"), &path, errors);
        return;
    }
    let (new_spec, old_spec) = (new.part("spec"), old.part("spec"));
    spec(new_spec, &after(old), errors);
    let mut fixed = |name: &str, new: &Object, old: &Object, path: &str| {
        let path = Path::root(path);
        check::immutable(errors, &path, new.value(name), old.value(name), "\"\"");
    };
    let (new_names, old_names) = (new_spec.part("names"), old_spec.part("names"));
    if is_served(old) {
        fixed("scope", new_spec, old_spec, "spec.scope");
        fixed("kind", new_names, old_names, "spec.names.kind");
    }
    fixed("group", new_spec, old_spec, "spec.group");
    fixed("plural", new_names, old_names, "spec.names.plural");
    status(new, errors);
    approval::check(new, Some(old), errors);
    preserve(new, Some(old), errors);
}

/// What is stored and would not pass may stay.
fn after(old: &Object) -> Options<'_> {
    let spec = old.part("spec");
    let form = Form::of(spec);
    let none = |holds: &dyn Fn(&Object) -> bool| !form.schemas().any(holds);
    let strict = Strict {
        types: none(&schema::has_bad_types),
        atomic_sets: none(&schema::has_loose_sets),
        map_keys: none(&schema::has_loose_keys),
    };
    let is_loose = |schema: &Object| {
        structural::unreadable(schema).is_some()
            || !structural::check(schema, &Path::root("")).is_empty()
    };
    Options {
        strict,
        schemas: form.versions().all(|(_, one)| one.part("schema").has("openAPIV3Schema")),
        structural: none(&is_loose),
        conversion: Lenient::after(spec, is_served(old)),
        old: Some(spec),
    }
}

fn name(target: Target<'_>, object: &Object, errors: &mut Errors) {
    let found = errors.len();
    meta::plain_on_create(target, object, meta::subdomain, errors);
    let (own, spec) = (metadata(object).text("name"), object.part("spec"));
    let wanted = format!("{}.{}", spec.part("names").text("plural"), spec.text("group"));
    if !own.is_empty() && own != wanted {
        let detail = "must be spec.names.plural+\".\"+spec.group";
        let error = FieldError::invalid("metadata.name", own, detail);
        let names = errors[found..].iter().take_while(|one| one.field == "metadata.name");
        errors.insert(found + names.count(), error);
    }
}

fn spec(spec: &Object, options: &Options<'_>, errors: &mut Errors) {
    let path = Path::root("spec");
    let form = Form::of(spec);
    group(spec.text("group"), &path.child("group"), errors);
    match spec.text("scope") {
        "" => errors.push(FieldError::required(path.child("scope"), "")),
        scope => check::one_of(errors, path.child("scope"), scope, &["Cluster", "Namespaced"]),
    }
    let pruned = !spec.flag("preserveUnknownFields");
    schemas_are_there(&form, options, pruned, &path.child("versions"), errors);
    let mut structural = options.structural || pruned;
    let has = |holds: fn(&Object) -> bool| {
        form.schemas().any(|schema| tree::any(schema, &mut |node| holds(node)))
    };
    if has(|node| node.has("default")) {
        structural = true;
        if !pruned {
            let detail = "must be false in order to use defaults in the schema";
            let path = path.child("preserveUnknownFields");
            errors.push(FieldError::invalid(path, &Value::Bool(true), detail));
        }
    }
    structural |= has(is_extended);
    versions(&form, options, structural, &path, errors);
    let own = spec.part("names");
    names::required(own, &path.child("names"), errors);
    names::check(own, &path.child("names"), errors);
    common(&form, options, structural, &path, errors);
    conversion::check(spec, options.conversion, &path.child("conversion"), errors);
}

fn is_extended(node: &Object) -> bool {
    let list = |name: &str| !node.list(name).is_empty();
    node.flag("x-kubernetes-embedded-resource")
        || node.has("x-kubernetes-preserve-unknown-fields")
        || node.flag("x-kubernetes-int-or-string")
        || list("x-kubernetes-list-map-keys")
        || node.has("x-kubernetes-list-type")
        || list("x-kubernetes-validations")
}

fn group(group: &str, path: &Path<'_>, errors: &mut Errors) {
    let messages = crate::names::dns_1123_subdomain(group);
    if group.is_empty() {
        errors.push(FieldError::required(path, ""));
    } else if !messages.is_empty() {
        errors.push(FieldError::invalid(path, group, &messages.join(",")));
    } else if !group.contains('.') {
        let detail = "should be a domain with at least one dot";
        errors.push(FieldError::invalid(path, group, detail));
    }
}

fn schemas_are_there(
    form: &Form<'_>,
    options: &Options<'_>,
    pruned: bool,
    path: &Path<'_>,
    errors: &mut Errors,
) {
    let schema = form.common("schema").and_then(Value::as_object);
    if schema.is_some_and(|schema| schema.has("openAPIV3Schema")) {
        return;
    }
    for (at, version) in form.versions() {
        let detail = if options.schemas { "" } else { "because otherwise all fields are pruned" };
        let needed = options.schemas || (pruned && version.flag("served"));
        if needed && !version.part("schema").has("openAPIV3Schema") {
            let path = path.index(at);
            errors.push(FieldError::required(path.child("schema.openAPIV3Schema"), detail));
        }
    }
}

fn versions(
    form: &Form<'_>,
    options: &Options<'_>,
    structural: bool,
    path: &Path<'_>,
    errors: &mut Errors,
) {
    let of_versions = path.child("versions");
    let mut seen = Seen::default();
    let (mut stored, mut unique) = (0, true);
    for (at, version) in form.versions() {
        let path = of_versions.index(at);
        stored += usize::from(version.flag("storage"));
        let name = version.text("name");
        unique &= !seen.again(name);
        names::label(name, &path.child("name"), errors);
        version::deprecation_warning(version, &path, errors);
        let status = form.has_status(version);
        let own = |name: &str| form.own(version, name);
        validation(own("schema"), (status, structural), options, &path.child("schema"), errors);
        version::subresources(own("subresources"), &path.child("subresources"), errors);
        let columns = "additionalPrinterColumns";
        version::columns(own(columns), &path.child(columns), errors);
        let fields = own("selectableFields").and_then(Value::as_array).unwrap_or_default();
        let schema = version.part("schema").object("openAPIV3Schema");
        // Upstream looks only for a schema that the version has for itself.
        let schema = schema.filter(|_| own("schema").is_some());
        let before = options.old.is_some_and(|old| was_long(old, name, fields));
        let path = path.child("selectableFields");
        match schema {
            _ if fields.is_empty() => {}
            Some(schema) => version::selectable(fields, schema, before, &path, errors),
            None => {
                let detail =
                    "may only be set when `version.schema.openAPIV3Schema` is not included";
                errors.push(FieldError::invalid(path, "", detail));
            }
        }
    }
    let mut refuse = |is: bool, detail: &str| {
        if is {
            let shown = form.shown();
            errors.push(FieldError::shown(Reason::Invalid, of_versions, &shown, detail));
        }
    };
    refuse(!unique, "must contain unique version names");
    refuse(stored != 1, "must have exactly one version marked as storage version");
    if let Some((_, first)) = form.versions().next()
        && !first.text("name").is_empty()
    {
        names::label(first.text("name"), &path.child("version"), errors);
    }
}

/// Whether the version had as many selectable fields, the same, before.
fn was_long(old: &Object, name: &str, fields: &[Value]) -> bool {
    let before = old.objects("versions").find(|(_, one)| one.text("name") == name);
    before.is_some_and(|(_, before)| {
        let before = before.list("selectableFields");
        version::is_long(before) && before == fields
    })
}

/// What all versions have alike.
fn common(
    form: &Form<'_>,
    options: &Options<'_>,
    structural: bool,
    path: &Path<'_>,
    errors: &mut Errors,
) {
    let status = form.versions().any(|(_, version)| form.has_status(version));
    let schema = form.common("schema");
    let of_schema = path.child("validation");
    validation(schema, (status, structural), options, &of_schema, errors);
    let subresources = path.child("subresources");
    version::subresources(form.common("subresources"), &subresources, errors);
    let columns = "additionalPrinterColumns";
    version::columns(form.common(columns), &path.child(columns), errors);
    let fields = form.common("selectableFields").and_then(Value::as_array).unwrap_or_default();
    let path = path.child("selectableFields");
    if fields.is_empty() {
        return;
    }
    let Some(schema) = schema.and_then(Value::as_object) else {
        let detail = "may only be set when validations.schema is included";
        errors.push(FieldError::invalid(path, "", detail));
        return;
    };
    let mut names = form.versions().map(|(_, version)| version.text("name"));
    let before = options.old.is_some_and(|old| names.all(|name| was_long(old, name, fields)));
    version::selectable(fields, schema.part("openAPIV3Schema"), before, &path, errors);
}

/// A schema where it stands; `status`: the subresource of that name is served.
fn validation(
    held: Option<&Value>,
    (status, structural): (bool, bool),
    options: &Options<'_>,
    path: &Path<'_>,
    errors: &mut Errors,
) {
    let schema = held.and_then(Value::as_object).and_then(|held| held.object("openAPIV3Schema"));
    let Some(schema) = schema else { return };
    let found = errors.len();
    let path = path.child("openAPIV3Schema");
    if status {
        root_with_status(schema, &path, errors);
    }
    if schema.flag("nullable") {
        let detail = "nullable cannot be true at the root";
        errors.push(FieldError::forbidden(path.child("nullable"), detail));
    }
    let unreadable = structural::unreadable(schema).filter(|_| structural);
    if structural && unreadable.is_none() {
        let loose = structural::check(schema, &path);
        let wrong = if loose.is_empty() { defaults::check(schema, &path) } else { loose };
        errors.extend(wrong);
    }
    schema::check(schema, options.strict, &path, errors);
    if let Some(why) = unreadable.filter(|_| errors.len() == found) {
        errors.push(FieldError::invalid(path, "", &why));
    }
}

const AT_ROOT: [(&str, &str); 22] = [
    ("description", "Description"),
    ("type", "Type"),
    ("format", "Format"),
    ("title", "Title"),
    ("maximum", "Maximum"),
    ("exclusiveMaximum", "ExclusiveMaximum"),
    ("minimum", "Minimum"),
    ("exclusiveMinimum", "ExclusiveMinimum"),
    ("maxLength", "MaxLength"),
    ("minLength", "MinLength"),
    ("pattern", "Pattern"),
    ("maxItems", "MaxItems"),
    ("minItems", "MinItems"),
    ("uniqueItems", "UniqueItems"),
    ("multipleOf", "MultipleOf"),
    ("required", "Required"),
    ("items", "Items"),
    ("properties", "Properties"),
    ("externalDocs", "ExternalDocs"),
    ("example", "Example"),
    ("x-kubernetes-preserve-unknown-fields", "XPreserveUnknownFields"),
    ("x-kubernetes-validations", "XValidations"),
];

/// The schema of the status is taken out of the whole one, and so nothing above it may say more.
fn root_with_status(schema: &Object, path: &Path<'_>, errors: &mut Errors) {
    let kind = schema.text("type");
    let set = |value: &Value| !value.is_null() && *value != Value::Bool(false);
    let foreign = |name: &str| !AT_ROOT.iter().any(|(known, _)| *known == name);
    let fields = || schema.iter().filter(|(_, value)| set(value));
    let odd = fields().any(|(name, _)| foreign(name));
    // These come before the type in upstream's order.
    let early = fields().any(|(name, _)| matches!(name, "id" | "$schema" | "$ref"));
    if !early && !matches!(kind, "" | "object") {
        let detail = "only \"object\" is allowed as the type at the root of the schema if the \
                      status subresource is enabled";
        errors.push(FieldError::invalid(path.child("type"), kind, detail));
    } else if odd {
        let names: Vec<&str> = AT_ROOT.iter().map(|(_, name)| *name).collect();
        let detail = format!(
            "only [{}] fields are allowed at the root of the schema if the status subresource is \
             enabled",
            names.join(" ")
        );
        let shown = internal::shown_object(SCHEMA, schema);
        errors.push(FieldError::shown(Reason::Invalid, path, &shown, &detail));
    }
}

/// Names that were accepted, and the versions of which something may be stored.
fn status(object: &Object, errors: &mut Errors) {
    let status = object.part("status");
    let path = Path::root("status.acceptedNames");
    names::check(status.part("acceptedNames"), &path, errors);
    let path = Path::root("status.storedVersions");
    let stored = status.list("storedVersions");
    if stored.is_empty() {
        let detail = "must have at least one stored version";
        errors.push(FieldError::invalid(path, &Value::Null, detail));
        return;
    }
    let mut left: Vec<(usize, &str)> = status.texts("storedVersions").enumerate().collect();
    for (_, version) in object.part("spec").objects("versions") {
        let name = version.text("name");
        // A name given twice is missing the second time, as upstream has it.
        if version.flag("storage") && !left.iter().any(|(_, stored)| *stored == name) {
            let shown = Value::Array(stored.to_vec());
            let detail = format!("must have the storage version {name}");
            errors.push(FieldError::invalid(path, &shown, &detail));
        }
        left.retain(|(_, stored)| *stored != name);
    }
    for (at, stored) in left {
        let detail = format!(
            "missing from spec.versions; {stored} was previously a storage version, and must \
             remain in spec.versions until a storage migration ensures no data remains persisted \
             in {stored} and removes {stored} from status.storedVersions"
        );
        errors.push(FieldError::invalid(path.index(at), stored, &detail));
    }
}

fn preserve(new: &Object, old: Option<&Object>, errors: &mut Errors) {
    let keeps = |object: &Object| object.part("spec").flag("preserveUnknownFields");
    if keeps(new) && !old.is_some_and(keeps) {
        let detail = "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in \
                      spec.versions[*].schema instead";
        let path = Path::root("spec.preserveUnknownFields");
        errors.push(FieldError::invalid(path, &Value::Bool(true), detail));
    }
}

/// Formats that are not known are not checked.
fn warnings(target: Target<'_>, new: &Object, old: Option<&Object>, found: &mut Vec<String>) {
    if !target.subresource.is_empty() {
        return;
    }
    let before = old.map(unknown_formats).unwrap_or_default();
    let unknown = unknown_formats(new).into_iter().filter(|format| !before.contains(format));
    found.extend(unknown.map(|format| format!("unrecognized format {}", quoted(&format))));
}

fn unknown_formats(definition: &Object) -> Vec<String> {
    let mut found = Vec::new();
    for schema in Form::of(definition.part("spec")).schemas() {
        tree::any(schema, &mut |node| {
            let format = node.text("format");
            if !format.is_empty() && !is_recognized_format(format, node.text("type")) {
                found.push(format.to_owned());
            }
            false
        });
    }
    found
}
