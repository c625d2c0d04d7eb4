//! Ports that are given twice, or that may be meant for each other, for people to read.

use super::super::super::fields::Fields;
use super::super::super::path::Path;
use super::super::all_containers;
use super::WARNINGS_MAX;
use crate::value::Object;
use std::collections::HashMap;

/// A container's port and its protocol.
type Key<'s> = (i64, &'s str);

/// The ports seen so far, so that those that meet another are found without looking at all.
#[derive(Default)]
struct Known<'s> {
    ports: Vec<(String, &'s Object)>,
    of_key: HashMap<Key<'s>, Vec<usize>>,
    /// By the port of the host.
    of_host: HashMap<(Key<'s>, i64), Vec<usize>>,
    /// And by the host's address.
    of_address: HashMap<(Key<'s>, i64, &'s str), Vec<usize>>,
}

fn key(port: &Object) -> Key<'_> {
    (port.int("containerPort").unwrap_or(0), port.text("protocol"))
}

fn host(port: &Object) -> i64 {
    port.int("hostPort").unwrap_or(0)
}

impl<'s> Known<'s> {
    fn add(&mut self, path: String, port: &'s Object) {
        let (at, key, host) = (self.ports.len(), key(port), host(port));
        self.ports.push((path, port));
        self.of_key.entry(key).or_default().push(at);
        self.of_host.entry((key, host)).or_default().push(at);
        self.of_address.entry((key, host, port.text("hostIP"))).or_default().push(at);
    }

    /// Where the ports are that a port meets, in their order.
    fn meeting(&self, port: &Object) -> Vec<usize> {
        let (key, host, address) = (key(port), host(port), port.text("hostIP"));
        let lists = match (host, address) {
            (0, _) => [self.of_key.get(&key), None, None],
            (_, "") => [self.of_host.get(&(key, 0)), self.of_host.get(&(key, host)), None],
            _ => [
                self.of_host.get(&(key, 0)),
                self.of_address.get(&(key, host, address)),
                self.of_address.get(&(key, host, "")),
            ],
        };
        let lists = lists.into_iter().flatten();
        let mut all: Vec<usize> =
            lists.flat_map(|list| list.iter().take(WARNINGS_MAX).copied()).collect();
        all.sort_unstable();
        all
    }
}

pub(super) fn of(spec: &Object, path: &Path<'_>, warnings: &mut Vec<String>) {
    let mut known = Known::default();
    for (list, at, container) in all_containers(spec) {
        for (port_at, port) in container.objects("ports") {
            let path = path.child(list);
            let path = path.index(at);
            let path = path.child("ports");
            let path = path.index(port_at);
            let (host, own) = (host(port), port.text("hostIP"));
            if !own.is_empty() && host == 0 {
                warnings.push(format!(
                    "{path}: hostIP set without hostPort: {{Name:{} HostPort:{host} \
                     ContainerPort:{} Protocol:{} HostIP:{own}}}",
                    port.text("name"),
                    port.int("containerPort").unwrap_or(0),
                    port.text("protocol"),
                ));
            }
            for at in known.meeting(port) {
                if warnings.len() >= WARNINGS_MAX {
                    return;
                }
                let (other_path, other) = &known.ports[at];
                let other_host = self::host(other);
                let what = if own == other.text("hostIP") && host == other_host {
                    "duplicate"
                } else if host == 0 || other_host == 0 {
                    "overlapping"
                } else {
                    "dangerously ambiguous"
                };
                warnings.push(format!("{path}: {what} port definition with {other_path}"));
            }
            known.add(path.to_string(), port);
        }
    }
}
