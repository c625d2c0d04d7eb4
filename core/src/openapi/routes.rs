//! The operations that the API server offers, as both documents list them.

use super::definitions::{PATCH, Shown, VERSION_INFO, gvk, meta};
use super::options::{self, Parameter, of_meta};
use crate::registry::{Registry, Resource, Subresource, Verb, Version};
use crate::schema::{BUILT_IN, MessageId};
use crate::value::Value;
use std::collections::BTreeMap;

/// One HTTP method of one path.
#[derive(Debug, Clone)]
pub(super) struct Operation {
    pub method: &'static str,
    pub id: String,
    pub tag: String,
    pub description: String,
    pub consumes: &'static [&'static str],
    pub produces: Vec<&'static str>,
    pub parameters: Vec<Parameter>,
    /// With whether it must be there.
    pub body: Option<(Shown, bool)>,
    pub responses: Vec<(u16, Option<Shown>)>,
    pub action: &'static str,
    pub gvk: Option<Value>,
}

/// Operations by path.
pub(super) type Paths = BTreeMap<String, Vec<Operation>>;

pub(super) const MEDIA: [&str; 3] =
    ["application/json", "application/yaml", "application/vnd.kubernetes.protobuf"];
const STREAMS: [&str; 2] =
    ["application/json;stream=watch", "application/vnd.kubernetes.protobuf;stream=watch"];
const PATCHES: [&str; 4] = [
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
    "application/apply-patch+yaml",
];
const CUSTOM_PATCHES: [&str; 3] =
    ["application/json-patch+json", "application/merge-patch+json", "application/apply-patch+yaml"];

/// `rbac.authorization` becomes `RbacAuthorization`, or `rbacAuthorization`.
fn identifier(text: &str, capitalize_first: bool) -> String {
    let mut capitalize = capitalize_first;
    let mut id = String::with_capacity(text.len());
    for letter in text.chars() {
        if letter.is_ascii_alphanumeric() {
            id.push(if capitalize { letter.to_ascii_uppercase() } else { letter });
            capitalize = false;
        } else {
            capitalize = true;
        }
    }
    id
}

fn short_group(group: &str) -> &str {
    if group.is_empty() { "core" } else { group.strip_suffix(".k8s.io").unwrap_or(group) }
}

/// A document of discovery: what it is, its path, and what it shows.
fn document(
    path: &str,
    id: String,
    tag: &str,
    description: &str,
    shows: Shown,
) -> (String, Operation) {
    let operation = Operation {
        method: "get",
        id,
        tag: tag.to_owned(),
        description: description.to_owned(),
        consumes: &MEDIA,
        produces: MEDIA.to_vec(),
        parameters: Vec::new(),
        body: None,
        responses: vec![(200, Some(shows))],
        action: "",
        gvk: None,
    };
    (path.to_owned(), operation)
}

/// Operations that belong to no group version, by the name of the document that lists them.
pub(super) fn outside(registry: &Registry) -> Vec<(String, Paths)> {
    let one = |(path, operation): (String, Operation)| Paths::from([(path, vec![operation])]);
    let shows = |name: &str| Shown::Message(meta(name));
    let versions = "get available API versions";
    let api =
        document("/api/", "getCoreAPIVersions".into(), "core", versions, shows("APIVersions"));
    let apis = document("/apis/", "getAPIVersions".into(), "apis", versions, shows("APIGroupList"));
    let mut found = vec![
        (".well-known/openid-configuration".to_owned(), one(issuer())),
        ("api".to_owned(), one(api)),
        ("apis".to_owned(), one(apis)),
        ("logs".to_owned(), logs()),
        ("openid/v1/jwks".to_owned(), one(keys())),
        ("version".to_owned(), one(version())),
    ];
    for group in registry.groups().iter().filter(|group| !group.name.is_empty()) {
        let custom = registry.resources().any(|one| one.group == group.name && one.custom);
        if custom {
            continue;
        }
        let short = short_group(&group.name);
        let id = format!("get{}APIGroup", identifier(short, true));
        let path = format!("/apis/{}/", group.name);
        let tag = identifier(short, false);
        let about = "get information of a group";
        let entry = document(&path, id, &tag, about, shows("APIGroup"));
        found.push((format!("apis/{}", group.name), one(entry)));
    }
    found
}

fn issuer() -> (String, Operation) {
    let id = "getServiceAccountIssuerOpenIDConfiguration".to_owned();
    let about = "get the configuration of the issuer of service account tokens (OpenID discovery)";
    let path = "/.well-known/openid-configuration/";
    let (path, mut operation) = document(path, id, "WellKnown", about, Shown::Text);
    operation.consumes = &[];
    operation.produces = vec!["application/json"];
    (path, operation)
}

fn keys() -> (String, Operation) {
    let id = "getServiceAccountIssuerOpenIDKeyset".to_owned();
    let about = "get the public keys that verify service account tokens (JSON Web Key Set)";
    let (path, mut operation) = document("/openid/v1/jwks/", id, "openid", about, Shown::Text);
    operation.consumes = &[];
    operation.produces = vec!["application/jwk-set+json"];
    (path, operation)
}

fn version() -> (String, Operation) {
    let id = "getCodeVersion".to_owned();
    let about = "get the version information for this server";
    let shown = Shown::Named(VERSION_INFO);
    let (path, mut operation) = document("/version/", id, "version", about, shown);
    operation.consumes = &["application/json"];
    operation.produces = vec!["application/json"];
    (path, operation)
}

fn logs() -> Paths {
    let entry = |path: &str, id: &str, parameters: Vec<Parameter>| {
        let (path, operation) = document(path, id.to_owned(), "logs", "", Shown::Text);
        let (consumes, produces) = (&[][..], Vec::new());
        (path, vec![Operation { consumes, produces, parameters, responses: vec![], ..operation }])
    };
    let path = options::path("logpath", "path to the log");
    Paths::from([
        entry("/logs/", "logFileListHandler", vec![]),
        entry("/logs/{logpath}", "logFileHandler", vec![path]),
    ])
}

/// Operations of one group version.
pub(super) fn of_version(registry: &Registry, group: &str, version: &str) -> Paths {
    let root = match group {
        "" => format!("/api/{version}"),
        _ => format!("/apis/{group}/{version}"),
    };
    let short = short_group(group);
    let names = Names {
        prefix: format!("{}{}", identifier(short, true), identifier(version, true)),
        tag: format!("{}_{}", identifier(short, false), identifier(version, false)),
    };
    let mut paths = Paths::new();
    let resources = registry.in_version(group, version);
    if resources.iter().any(|(resource, _)| !resource.custom) {
        let id = format!("get{}APIResources", names.prefix);
        let shown = Shown::Message(meta("APIResourceList"));
        let about = "get available resources";
        let (path, operation) = document(&format!("{root}/"), id, &names.tag, about, shown);
        paths.insert(path, vec![operation]);
    }
    for (resource, version) in resources {
        Builder { root: &root, names: &names, resource, version, paths: &mut paths }.build();
    }
    paths
}

struct Names {
    /// `AppsV1`
    prefix: String,
    /// `apps_v1`
    tag: String,
}

/// Collects the operations of one resource.
struct Builder<'b> {
    root: &'b str,
    names: &'b Names,
    resource: &'b Resource,
    version: &'b Version,
    paths: &'b mut Paths,
}

/// What an operation is about: the resource or one of its subresources.
struct Target<'t> {
    /// The path of one object, below the root.
    item: String,
    kind: &'t str,
    /// The group, version and kind that are sent.
    gvk: (&'t str, &'t str, &'t str),
    shown: Shown,
    /// `Status`, or nothing.
    suffix: String,
    subresource: Option<&'t str>,
}

impl<'b> Builder<'b> {
    fn build(&mut self) {
        let resource = self.resource;
        let scope = if resource.namespaced { "namespaces/{namespace}/" } else { "" };
        let collection = format!("{scope}{}", resource.plural);
        let target = Target {
            item: format!("{collection}/{{name}}"),
            kind: &resource.kind,
            gvk: (&resource.group, &self.version.name, &resource.kind),
            shown: self.shown(&resource.kind),
            suffix: String::new(),
            subresource: None,
        };
        if resource.verbs.has(Verb::List) {
            self.lists(&target, &collection);
        }
        if resource.verbs.has(Verb::Create) {
            self.add(&collection, self.create(&target));
        }
        if resource.verbs.has(Verb::DeleteCollection) {
            self.add(&collection, self.delete_collection(&target));
        }
        self.items(&target, |verb| resource.verbs.has(verb));
        for subresource in resource.subresources_in(self.version) {
            self.subresource(&target.item, subresource);
        }
    }

    /// What a kind of the resource's own version is shown as.
    fn shown(&self, kind: &str) -> Shown {
        if self.resource.custom {
            let name = custom_name(&self.resource.group, &self.version.name, kind);
            return Shown::Custom(name.into());
        }
        let of_resource = &BUILT_IN.message(self.version.message.id()).name;
        let (package, _) = of_resource.rsplit_once('.').expect("messages have packages");
        self.message(package, kind)
    }

    fn message(&self, package: &str, kind: &str) -> Shown {
        let found: Option<MessageId> = BUILT_IN.find(&format!("{package}.{kind}"));
        Shown::Message(found.expect("the table has every kind of the registry"))
    }

    fn operation(
        &self,
        method: &'static str,
        action: &'static str,
        verb: &str,
        target: &Target<'_>,
    ) -> Operation {
        let namespaced = if self.resource.namespaced { "Namespaced" } else { "" };
        let (collection, verb) = match verb {
            "deletecollection" => ("Collection", "delete"),
            verb => ("", verb),
        };
        let mut parameters = Vec::new();
        if self.resource.namespaced {
            let about = "object name and auth scope, such as for teams and projects";
            parameters.push(options::path("namespace", about));
        }
        if action != "connect" {
            parameters.push(options::pretty());
        }
        let mut produces = MEDIA.to_vec();
        if matches!(action, "list" | "watch" | "watchlist") {
            produces.extend(STREAMS);
        }
        let (group, version, kind) = target.gvk;
        Operation {
            method,
            id: format!(
                "{verb}{}{collection}{namespaced}{}{}",
                self.names.prefix, target.kind, target.suffix
            ),
            tag: self.names.tag.clone(),
            description: describe(action, target),
            consumes: &["*/*"],
            produces,
            parameters,
            body: None,
            responses: Vec::new(),
            action,
            gvk: Some(gvk(group, version, kind)),
        }
    }

    fn add(&mut self, path: &str, operation: Operation) {
        self.paths.entry(format!("{}/{path}", self.root)).or_default().push(operation);
    }

    /// A parameter that is the name of an object.
    fn name(&self, target: &Target<'_>) -> Parameter {
        options::path("name", &format!("name of the {}", target.gvk.2))
    }

    fn lists(&mut self, target: &Target<'_>, collection: &str) {
        let watched = self.resource.verbs.has(Verb::Watch) && !self.resource.custom;
        let list = self.shown(&self.resource.list_kind);
        let mut operation = self.operation("get", "list", "list", target);
        operation.parameters.extend(of_meta("ListOptions"));
        operation.responses = vec![(200, Some(list))];
        let mut watch_list = self.operation("get", "watchlist", "watch", target);
        watch_list.id.push_str("List");
        watch_list.parameters.extend(of_meta("ListOptions"));
        watch_list.responses = vec![(200, Some(Shown::Message(meta("WatchEvent"))))];
        if self.resource.namespaced {
            let everywhere = |operation: &Operation| {
                let mut operation = operation.clone();
                operation.id =
                    format!("{}ForAllNamespaces", operation.id.replacen("Namespaced", "", 1));
                operation.parameters.retain(|parameter| !parameter.in_path);
                operation
            };
            let plural = self.resource.plural.to_string();
            self.add(&plural, everywhere(&operation));
            if watched {
                self.add(&format!("watch/{plural}"), everywhere(&watch_list));
            }
        }
        self.add(collection, operation);
        if watched {
            let mut watch = self.operation("get", "watch", "watch", target);
            watch.parameters.extend(of_meta("ListOptions"));
            watch.parameters.push(self.name(target));
            watch.responses = watch_list.responses.clone();
            self.add(&format!("watch/{collection}"), watch_list);
            self.add(&format!("watch/{}", target.item), watch);
        }
    }

    fn create(&self, target: &Target<'_>) -> Operation {
        let mut operation = self.operation("post", "post", "create", target);
        operation.parameters.extend(of_meta("CreateOptions"));
        operation.body = Some((target.shown.clone(), true));
        operation.responses =
            [200, 201, 202].map(|code| (code, Some(target.shown.clone()))).to_vec();
        operation
    }

    fn delete_collection(&self, target: &Target<'_>) -> Operation {
        let mut operation =
            self.operation("delete", "deletecollection", "deletecollection", target);
        operation.parameters.extend(of_meta("DeleteOptions"));
        let list = of_meta("ListOptions").into_iter();
        let list = list.filter(|one| one.name != "watch" && one.name != "allowWatchBookmarks");
        operation.parameters.extend(list);
        operation.body = Some((Shown::Message(meta("DeleteOptions")), false));
        operation.responses = vec![(200, Some(Shown::Message(meta("Status"))))];
        operation
    }

    /// Reading, replacing, patching and deleting one object.
    fn items(&mut self, target: &Target<'_>, has: impl Fn(Verb) -> bool) {
        let shown = |codes: &[u16]| -> Vec<_> {
            codes.iter().map(|code| (*code, Some(target.shown.clone()))).collect()
        };
        let mut operations = Vec::new();
        if has(Verb::Get) {
            let mut read = self.operation("get", "get", "read", target);
            read.responses = shown(&[200]);
            operations.push(read);
        }
        if has(Verb::Update) {
            let mut replace = self.operation("put", "put", "replace", target);
            replace.parameters.extend(of_meta("UpdateOptions"));
            replace.body = Some((target.shown.clone(), true));
            replace.responses = shown(&[200, 201]);
            operations.push(replace);
        }
        if has(Verb::Patch) {
            let mut patch = self.operation("patch", "patch", "patch", target);
            patch.consumes = if self.resource.custom { &CUSTOM_PATCHES } else { &PATCHES };
            patch.parameters.extend(of_meta("PatchOptions"));
            patch.body = Some((Shown::Named(PATCH), true));
            patch.responses = shown(&[200, 201]);
            operations.push(patch);
        }
        if has(Verb::Delete) {
            let mut delete = self.operation("delete", "delete", "delete", target);
            delete.parameters.extend(of_meta("DeleteOptions"));
            delete.body = Some((Shown::Message(meta("DeleteOptions")), false));
            let gives = match self.resource.deletes_object {
                true => target.shown.clone(),
                false => Shown::Message(meta("Status")),
            };
            delete.responses = [200, 202].map(|code| (code, Some(gives.clone()))).to_vec();
            operations.push(delete);
        }
        for mut operation in operations {
            operation.parameters.push(self.name(target));
            self.add(&target.item, operation);
        }
    }

    fn subresource(&mut self, item: &str, subresource: &'b Subresource) {
        let kind = &subresource.kind;
        let (gvk, shown) = match &subresource.foreign {
            Some((group, version)) => {
                let package = format!("k8s.io.api.{}.{version}", short_group(group));
                ((&**group, &**version, &**kind), self.message(&package, kind))
            }
            None => {
                let gvk = (&*self.resource.group, &*self.version.name, &**kind);
                (gvk, self.shown(kind))
            }
        };
        let (first, rest) = subresource.name.split_at(1);
        let target = Target {
            item: format!("{item}/{}", subresource.name),
            kind: &self.resource.kind,
            gvk,
            shown,
            suffix: format!("{}{rest}", first.to_ascii_uppercase()),
            subresource: Some(&subresource.name),
        };
        if kind.ends_with("Options") {
            return self.connect(&target);
        }
        if &*subresource.name == "log" {
            return self.log(&target);
        }
        if subresource.verbs.has(Verb::Create) {
            let mut create = self.create(&target);
            create.parameters.push(self.name(&target));
            self.add(&target.item, create);
        }
        self.items(&target, |verb| verb != Verb::Create && subresource.verbs.has(verb));
    }

    fn log(&mut self, target: &Target<'_>) {
        let mut read = self.operation("get", "get", "read", target);
        read.produces.insert(0, "text/plain");
        let options = BUILT_IN.find("k8s.io.api.core.v1.PodLogOptions").expect("of the table");
        read.parameters.extend(options::of_message(BUILT_IN.message(options)));
        read.parameters.push(self.name(target));
        read.responses = vec![(200, Some(Shown::Text))];
        self.add(&target.item, read);
    }

    /// Streams and proxies, whatever the method.
    fn connect(&mut self, target: &Target<'_>) {
        const ALL: [&str; 7] = ["delete", "get", "head", "options", "patch", "post", "put"];
        const SOME: [&str; 2] = ["get", "post"];
        let proxy = target.subresource == Some("proxy");
        let Shown::Message(options) = target.shown else { return };
        for method in if proxy { &ALL[..] } else { &SOME[..] } {
            let mut operation = self.operation(method, "connect", "connect", target);
            let (first, rest) = method.split_at(1);
            let named = format!("{}{rest}", first.to_ascii_uppercase());
            let prefix = format!("connect{}", self.names.prefix);
            operation.id = operation.id.replacen(&prefix, &format!("{prefix}{named}"), 1);
            operation.produces = vec!["*/*"];
            operation.parameters.extend(options::of_message(BUILT_IN.message(options)));
            operation.parameters.push(self.name(target));
            operation.responses = vec![(200, Some(Shown::Text))];
            if proxy {
                let mut below = operation.clone();
                below.id.push_str("WithPath");
                below.parameters.push(options::path("path", "path to the resource"));
                self.add(&format!("{}/{{path}}", target.item), below);
            }
            self.add(&target.item, operation);
        }
    }
}

/// The definition of a custom kind: `com.example.v1.Widget`.
pub(super) fn custom_name(group: &str, version: &str, kind: &str) -> String {
    let mut parts: Vec<&str> = group.split('.').collect();
    parts.reverse();
    format!("{}.{version}.{kind}", parts.join("."))
}

/// What an operation does, in few words.
fn describe(action: &str, target: &Target<'_>) -> String {
    let (kind, of) = (target.kind, target.subresource.map(|name| format!("{name} of ")));
    let of = of.unwrap_or_default();
    match action {
        "get" => format!("read {of}the specified {kind}"),
        "put" => format!("replace {of}the specified {kind}"),
        "patch" => format!("partially update {of}the specified {kind}"),
        "post" => format!("create {of}a {kind}"),
        "delete" => format!("delete {of}a {kind}"),
        "deletecollection" => format!("delete collection of {kind}"),
        "list" => format!("list or watch objects of kind {kind}"),
        "connect" => format!("connect requests to {of}{kind}"),
        _ => format!("watch {kind}; deprecated: use the 'watch' parameter with a list operation"),
    }
}
