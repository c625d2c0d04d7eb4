//! Volumes made of keys and of facts about the pod: projected ones, and the downward API's.

use crate::field_error::FieldError;
use crate::validation::Errors;
use crate::validation::check;
use crate::validation::fields::{Fields, Seen};
use crate::validation::path::Path;
use crate::validation::pod::{Options, env};
use crate::value::Object;

const TOKEN_LIFE_MIN_S: i64 = 10 * 60;
const TOKEN_LIFE_MAX_S: i64 = 1 << 32;

/// Facts that a file may show; labels and annotations as a whole, too.
const FACTS: [&str; 5] = [
    "metadata.annotations",
    "metadata.labels",
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
];

pub(crate) fn volume(source: &Object, path: &Path<'_>, options: &Options, errors: &mut Errors) {
    check::file_mode(errors, &path.child("defaultMode"), source.int("defaultMode"));
    let mut taken = Seen::default();
    for (at, one) in source.objects("sources") {
        let list = path.child("sources");
        self::source(one, (path, &list.index(at)), &mut taken, options, errors);
    }
}

/// One source; `volume` is the path of the whole volume, to which upstream ascribes some errors.
fn source<'s>(
    source: &'s Object,
    (volume, path): (&Path<'_>, &Path<'_>),
    taken: &mut Seen<'s>,
    options: &Options,
    errors: &mut Errors,
) {
    let mut count = 0;
    for name in ["secret", "configMap"] {
        let Some(inner) = source.object(name) else { continue };
        count += 1;
        let path = path.child(name);
        check::need(errors, &path, inner, "name");
        for (at, item) in inner.objects("items") {
            let path = path.child("items");
            key_to_path(item, &path.index(at), errors);
            take(item.text("path"), inner.text("name"), volume, taken, errors);
        }
    }
    if let Some(inner) = source.object("downwardAPI") {
        count += 1;
        for (_, file) in inner.objects("items") {
            downward_file(file, &path.child("downwardAPI"), errors);
            let target = file.text("path");
            take(target, target, volume, taken, errors);
        }
    }
    if let Some(token) = source.object("serviceAccountToken") {
        count += 1;
        self::token(token, (volume, &path.child("serviceAccountToken")), options, errors);
    }
    if count > 1 {
        let detail = "may not specify more than 1 volume type per source";
        errors.push(FieldError::forbidden(path, detail));
    }
}

/// Notes a path of the volume; a second one of the same name is an error that shows `value`.
fn take<'s>(
    target: &'s str,
    value: &str,
    volume: &Path<'_>,
    taken: &mut Seen<'s>,
    errors: &mut Errors,
) {
    if !target.is_empty() && taken.again(target) {
        errors.push(FieldError::invalid(volume, value, "conflicting duplicate paths"));
    }
}

fn token(
    token: &Object,
    (volume, path): (&Path<'_>, &Path<'_>),
    options: &Options,
    errors: &mut Errors,
) {
    let life_s = token.int("expirationSeconds").unwrap_or(0);
    let path = path.child("expirationSeconds");
    if life_s < TOKEN_LIFE_MIN_S {
        let detail = "may not specify a duration less than 10 minutes";
        errors.push(FieldError::invalid(path, &life_s, detail));
    }
    if life_s > TOKEN_LIFE_MAX_S {
        let detail = "may not specify a duration larger than 2^32 seconds";
        errors.push(FieldError::invalid(path, &life_s, detail));
    }
    let target = token.text("path");
    if target.is_empty() {
        errors.push(FieldError::required(volume.child("path"), ""));
    } else if !options.any_token_path {
        check::unreserved_path(errors, &volume.child("path"), target);
    }
}

pub(crate) fn key_to_path(item: &Object, path: &Path<'_>, errors: &mut Errors) {
    check::need(errors, path, item, "key");
    check::need(errors, path, item, "path");
    check::unreserved_path(errors, &path.child("path"), item.text("path"));
    check::file_mode(errors, &path.child("mode"), item.int("mode"));
}

pub(crate) fn downward(source: &Object, path: &Path<'_>, errors: &mut Errors) {
    check::file_mode(errors, &path.child("defaultMode"), source.int("defaultMode"));
    for (_, file) in source.objects("items") {
        downward_file(file, path, errors);
    }
}

fn downward_file(file: &Object, path: &Path<'_>, errors: &mut Errors) {
    check::need(errors, path, file, "path");
    check::unreserved_path(errors, &path.child("path"), file.text("path"));
    match (file.object("fieldRef"), file.object("resourceFieldRef")) {
        (Some(field), resource) => {
            env::field_ref(field, &FACTS, &path.child("fieldRef"), errors);
            if resource.is_some() {
                let detail = "fieldRef and resourceFieldRef can not be specified simultaneously";
                errors.push(FieldError::invalid(path, "resource", detail));
            }
        }
        (None, Some(resource)) => {
            env::resource_ref(resource, true, &path.child("resourceFieldRef"), errors);
        }
        (None, None) => {
            let detail = "one of fieldRef and resourceFieldRef is required";
            errors.push(FieldError::required(path, detail));
        }
    }
    check::file_mode(errors, &path.child("mode"), file.int("mode"));
}
