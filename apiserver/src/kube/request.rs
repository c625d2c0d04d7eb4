//! [`RequestInfo`]: what a method and a path ask for, as authorization and handlers see it.

use super::query::Query;
use http::Method;

/// The parts of a request for a resource, or the path of another one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RequestInfo {
    pub is_resource: bool,
    pub path: String,
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`; for other
    /// requests the method in lower case.
    pub verb: &'static str,
    /// Empty for the core group.
    pub group: String,
    pub version: String,
    /// Empty where there is none.
    pub namespace: String,
    pub resource: String,
    pub subresource: String,
    pub name: String,
    /// What follows a subresource: `/proxy/<rest>`.
    pub rest: String,
}

impl RequestInfo {
    /// Reads a path as upstream's request info factory does: `/api/v1/…`, `/apis/<group>/<version>/…`.
    pub fn new(method: &Method, path: &str, query: &Query) -> Self {
        // Decoded as a whole, as upstream's: a slash separates however it is written.
        let path = percent_encoding::percent_decode_str(path).decode_utf8_lossy().into_owned();
        let mut info = Self { verb: lower(method), ..Self::default() };
        info.read(&path, method, query);
        info.path = path;
        info
    }

    fn read(&mut self, path: &str, method: &Method, query: &Query) {
        let trimmed = path.trim_matches('/');
        let mut parts: Vec<&str> =
            if trimmed.is_empty() { Vec::new() } else { trimmed.split('/').collect() };
        if parts.len() < 3 {
            return;
        }
        match parts.remove(0) {
            "api" => {}
            "apis" if parts.len() >= 3 => self.group = parts.remove(0).to_owned(),
            _ => return,
        }
        self.is_resource = true;
        self.version = parts.remove(0).to_owned();
        self.verb = match *method {
            Method::POST => "create",
            Method::GET | Method::HEAD => "get",
            Method::PUT => "update",
            Method::PATCH => "patch",
            Method::DELETE => "delete",
            _ => "",
        };
        // The deprecated form of watches.
        let watches = parts.first() == Some(&"watch") && parts.len() > 1;
        if watches {
            parts.remove(0);
            self.verb = "watch";
        }
        self.read_resource(&parts);
        if self.name.is_empty() || watches {
            self.read_collection(method, query);
        }
    }

    fn read_resource(&mut self, parts: &[&str]) {
        let mut parts = parts;
        if parts.first() == Some(&"namespaces") && parts.len() > 1 {
            parts[1].clone_into(&mut self.namespace);
            // `namespaces/x/status` is a part of the namespace itself.
            if parts.len() > 2 && !matches!(parts[2], "status" | "finalize") {
                parts = &parts[2..];
            }
        }
        let part = |at: usize| parts.get(at).copied().unwrap_or_default().to_owned();
        self.resource = part(0);
        self.name = part(1);
        self.subresource = part(2);
        self.rest = parts.get(3..).map(|rest| rest.join("/")).unwrap_or_default();
    }

    /// A collection is listed, watched or deleted; a selected name makes that a request for it.
    fn read_collection(&mut self, method: &Method, query: &Query) {
        match self.verb {
            "get" => {
                self.verb = if query.flag("watch") { "watch" } else { "list" };
            }
            "delete" if *method == Method::DELETE => self.verb = "deletecollection",
            _ => {}
        }
        if matches!(self.verb, "list" | "watch" | "deletecollection") && self.name.is_empty() {
            let selector = query.get("fieldSelector").unwrap_or_default();
            let named = selector.split(',').find_map(|one| one.strip_prefix("metadata.name="));
            if let Some(name) = named {
                self.name = name.trim_start_matches('=').to_owned();
            }
        }
    }

    /// True if one object is meant, not a collection.
    pub fn is_object(&self) -> bool {
        !matches!(self.verb, "list" | "watch" | "deletecollection") && !self.name.is_empty()
    }
}

fn lower(method: &Method) -> &'static str {
    match *method {
        Method::GET => "get",
        Method::HEAD => "head",
        Method::POST => "post",
        Method::PUT => "put",
        Method::PATCH => "patch",
        Method::DELETE => "delete",
        Method::OPTIONS => "options",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(method: &Method, uri: &str) -> RequestInfo {
        let (path, query) = uri.split_once('?').unwrap_or((uri, ""));
        RequestInfo::new(method, path, &Query::parse(query))
    }

    fn words(method: &Method, uri: &str) -> String {
        let i = info(method, uri);
        let words =
            [i.verb, &i.group, &i.version, &i.namespace, &i.resource, &i.name, &i.subresource];
        words.join(",")
    }

    #[test]
    fn resources_are_told_from_their_paths() {
        for (method, uri, expected) in [
            (Method::GET, "/api/v1/pods", "list,,v1,,pods,,"),
            (Method::GET, "/api/v1/namespaces/a/pods?watch=true", "watch,,v1,a,pods,,"),
            (Method::GET, "/api/v1/watch/namespaces/a/pods", "watch,,v1,a,pods,,"),
            (Method::GET, "/api/v1/namespaces/a", "get,,v1,a,namespaces,a,"),
            (Method::PUT, "/api/v1/namespaces/a/finalize", "update,,v1,a,namespaces,a,finalize"),
            (
                Method::POST,
                "/apis/apps/v1/namespaces/a/deployments",
                "create,apps,v1,a,deployments,,",
            ),
            (
                Method::PATCH,
                "/apis/apps/v1/namespaces/a/deployments/d/scale",
                "patch,apps,v1,a,deployments,d,scale",
            ),
            (Method::DELETE, "/api/v1/nodes", "deletecollection,,v1,,nodes,,"),
            (Method::DELETE, "/api/v1/nodes/n", "delete,,v1,,nodes,n,"),
            (Method::GET, "/api/v1/namespaces/a%2Fpods/%70", "get,,v1,a,pods,p,"),
            (Method::GET, "/api/v1/pods?fieldSelector=metadata.name%3Dx", "list,,v1,,pods,x,"),
        ] {
            assert_eq!(words(&method, uri), expected, "{uri}");
        }
    }

    #[test]
    fn other_paths_are_no_resources() {
        for uri in
            ["/", "/api", "/api/v1", "/apis/apps", "/apis/apps/v1", "/healthz", "/openapi/v3/x"]
        {
            let info = info(&Method::GET, uri);
            assert!(!info.is_resource, "{uri}");
            assert_eq!(info.verb, "get");
        }
    }
}
