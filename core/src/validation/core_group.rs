//! The core group: which rules each of its kinds has.

mod binding;
mod data;
mod endpoints;
pub(super) mod event;
mod limit_range;
mod namespace;
mod node;
pub(super) mod pv;
pub(super) mod pvc;
mod quota;
mod replication_controller;
pub(super) mod service;

use super::fields::{Fields, metadata};
use super::path::Path;
use super::{Rules, meta, pod};
use crate::value::Object;

pub(super) fn rules(kind: &str) -> Option<Rules> {
    Some(match kind {
        "Binding" => binding::RULES,
        "ConfigMap" => data::CONFIG_MAP,
        "Endpoints" => endpoints::RULES,
        "Event" => event::RULES,
        "LimitRange" => limit_range::RULES,
        "Namespace" => namespace::RULES,
        "Node" => node::RULES,
        "PersistentVolume" => pv::RULES,
        "PersistentVolumeClaim" => pvc::RULES,
        "Pod" => pod::RULES,
        "PodTemplate" => POD_TEMPLATE,
        "ReplicationController" => replication_controller::RULES,
        "ResourceQuota" => quota::RULES,
        "Secret" => data::SECRET,
        "Service" => service::RULES,
        "ServiceAccount" => SERVICE_ACCOUNT,
        _ => return None,
    })
}

const POD_TEMPLATE: Rules = Rules {
    create: |target, object, errors| {
        meta::on_create(target, object, meta::subdomain, errors);
        pod::template(object.part("template"), None, &Path::root("template"), errors);
    },
    update: |_, new, old, errors| {
        meta::on_update(new, old, errors);
        let old = Some(old.part("template"));
        pod::template(new.part("template"), old, &Path::root("template"), errors);
    },
    warnings: |_, new, old, warnings| {
        let old = old.map(|old| old.part("template"));
        let path = Path::root("template");
        pod::template_warnings(new.part("template"), old, &path, warnings);
    },
};

const ENFORCE_MOUNTABLE: &str = "kubernetes.io/enforce-mountable-secrets";

const SERVICE_ACCOUNT: Rules = Rules {
    create: |target, object, errors| meta::on_create(target, object, meta::subdomain, errors),
    update: |target, new, old, errors| {
        meta::on_update(new, old, errors);
        meta::on_create(target, new, meta::subdomain, errors);
    },
    warnings: |_, new, old, warnings| {
        let has = |object: &Object| metadata(object).part("annotations").has(ENFORCE_MOUNTABLE);
        if has(new) && !old.is_some_and(has) {
            warnings.push(format!(
                "metadata.annotations[{ENFORCE_MOUNTABLE}]: deprecated in v1.32+; prefer separate \
                 namespaces to isolate access to mounted secrets"
            ));
        }
    },
};
