//! [`Subject`]: a pod, or what pods will be like, as checks look at it; and the words that their
//! findings share.

use std::collections::BTreeSet;
use xebec_core::edit;
use xebec_core::lifecycle;
use xebec_core::value::{Object, Value};

pub struct Subject<'p> {
    annotations: Option<&'p Object>,
    pub spec: &'p Object,
}

/// What a check has against a pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub reason: String,
    pub detail: String,
}

impl Finding {
    pub fn new(reason: impl Into<String>, detail: impl Into<String>) -> Option<Self> {
        Some(Self { reason: reason.into(), detail: detail.into() })
    }
}

impl<'p> Subject<'p> {
    /// Of a pod or a template.
    pub fn of(pod: &'p Object) -> Option<Self> {
        let annotations = edit::object(lifecycle::metadata(pod), &["annotations"]);
        Some(Self { annotations, spec: edit::object(pod, &["spec"])? })
    }

    /// Every container, of whatever kind.
    pub fn containers(&self) -> impl Iterator<Item = &'p Object> + use<'p> {
        let spec = self.spec;
        ["initContainers", "containers", "ephemeralContainers"]
            .into_iter()
            .flat_map(move |list| edit::items(spec, &[list]))
            .filter_map(Value::as_object)
    }

    /// What the pod says for all its containers.
    pub fn context(&self, path: &[&str]) -> Option<&'p Value> {
        edit::at(edit::object(self.spec, &["securityContext"])?, path)
    }

    pub fn volumes(&self) -> impl Iterator<Item = &'p Object> + use<'p> {
        edit::items(self.spec, &["volumes"]).iter().filter_map(Value::as_object)
    }

    pub fn annotations(&self) -> impl Iterator<Item = (&'p str, &'p str)> + use<'p> {
        let all = self.annotations.into_iter().flat_map(Object::iter);
        all.filter_map(|(key, value)| Some((key, value.as_str()?)))
    }

    /// The names of the containers of which something holds.
    pub fn named(&self, holds: impl FnMut(&&'p Object) -> bool) -> Vec<&'p str> {
        self.containers().filter(holds).map(|one| edit::text(one, &["name"])).collect()
    }

    pub fn is_windows(&self) -> bool {
        edit::text(self.spec, &["os", "name"]) == "windows"
    }

    /// Root in a user namespace is nobody outside of it.
    pub fn has_user_namespace(&self) -> bool {
        edit::at(self.spec, &["hostUsers"]).and_then(Value::as_bool) == Some(false)
    }
}

/// What a container says for itself.
pub fn context<'p>(container: &'p Object, path: &[&str]) -> Option<&'p Value> {
    edit::at(edit::object(container, &["securityContext"])?, path)
}

pub fn plural(singular: &'static str, plural: &'static str, count: usize) -> &'static str {
    if count == 1 { singular } else { plural }
}

/// `"a", "b"`
pub fn quoted<T: AsRef<str>>(items: impl IntoIterator<Item = T>) -> String {
    let items: Vec<String> = items.into_iter().map(|one| format!("\"{}\"", one.as_ref())).collect();
    items.join(", ")
}

/// `container "a"`, `containers "a", "b"`
pub fn containers(names: &[&str]) -> String {
    format!("{} {}", plural("container", "containers", names.len()), quoted(names))
}

/// `pod and container "a"`
pub fn setters(by_pod: bool, names: &[&str]) -> String {
    match (by_pod, names.is_empty()) {
        (true, true) => "pod".to_owned(),
        (true, false) => format!("pod and {}", containers(names)),
        (false, _) => containers(names),
    }
}

/// Collects values that are told in their order, each once.
pub type Told<'p> = BTreeSet<&'p str>;
