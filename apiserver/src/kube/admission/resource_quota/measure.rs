//! [`Measure`]: what quotas count of the objects of one resource.

use super::scope::Scope;
use super::{claims, pods};
use crate::kube::admission::resource_list::ResourceList;
use xebec_core::edit;
use xebec_core::quantity::Quantity;
use xebec_core::value::{Object, Value};

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Measure {
    Pods,
    Services,
    Claims,
    DeviceClaims,
    /// Of these only the number of objects is counted.
    Other {
        group: String,
        plural: String,
    },
}

/// Never stored, or too many to be counted ever.
const IGNORED: [(&str, &str); 10] = [
    ("", "bindings"),
    ("", "componentstatuses"),
    ("", "events"),
    ("events.k8s.io", "events"),
    ("authentication.k8s.io", "tokenreviews"),
    ("authentication.k8s.io", "selfsubjectreviews"),
    ("authorization.k8s.io", "subjectaccessreviews"),
    ("authorization.k8s.io", "selfsubjectaccessreviews"),
    ("authorization.k8s.io", "localsubjectaccessreviews"),
    ("authorization.k8s.io", "selfsubjectrulesreviews"),
];

/// What could be counted before everything could.
const ALIASES: [&str; 4] = ["configmaps", "secrets", "replicationcontrollers", "resourcequotas"];

const DEVICES_SUFFIX: &str = ".deviceclass.resource.k8s.io/devices";
/// Devices of one claim: the most that `All` can come to.
const DEVICES_MAX: i64 = 32;

impl Measure {
    pub fn of(group: &str, plural: &str) -> Option<Self> {
        if IGNORED.contains(&(group, plural)) {
            return None;
        }
        Some(match (group, plural) {
            ("", "pods") => Self::Pods,
            ("", "services") => Self::Services,
            ("", "persistentvolumeclaims") => Self::Claims,
            ("resource.k8s.io", "resourceclaims") => Self::DeviceClaims,
            _ => Self::Other { group: group.to_owned(), plural: plural.to_owned() },
        })
    }

    /// Group and plural name.
    pub fn resource(&self) -> (&str, &str) {
        match self {
            Self::Pods => ("", "pods"),
            Self::Services => ("", "services"),
            Self::Claims => ("", "persistentvolumeclaims"),
            Self::DeviceClaims => ("resource.k8s.io", "resourceclaims"),
            Self::Other { group, plural } => (group, plural),
        }
    }

    /// Everything that is needed to count these names.
    pub fn for_names<'n>(names: impl Iterator<Item = &'n str>) -> Vec<Self> {
        let mut all = Vec::new();
        for measure in names.flat_map(Self::for_name) {
            if !all.contains(&measure) {
                all.push(measure);
            }
        }
        all
    }

    /// Whether a name stands for something that is there in every cluster.
    pub fn knows(name: &str) -> bool {
        !name.starts_with("count/") && Self::for_name(name).is_some()
    }

    fn for_name(name: &str) -> Option<Self> {
        if let Some(counted) = name.strip_prefix("count/") {
            let (plural, group) = counted.split_once('.').unwrap_or((counted, ""));
            return Self::of(group, plural);
        }
        if ALIASES.contains(&name) {
            return Self::of("", name);
        }
        let known = [Self::Pods, Self::Services, Self::Claims, Self::DeviceClaims];
        known.into_iter().find(|measure| measure.covers(name))
    }

    /// `count/deployments.apps`
    fn count_name(&self) -> String {
        match self.resource() {
            ("", plural) => format!("count/{plural}"),
            (group, plural) => format!("count/{plural}.{group}"),
        }
    }

    /// Whether what a quota limits by this name is measured here.
    pub fn covers(&self, name: &str) -> bool {
        if name.starts_with("count/") {
            return name == self.count_name();
        }
        match self {
            Self::Pods => pods::covers(name),
            Self::Services => {
                matches!(name, "services" | "services.nodeports" | "services.loadbalancers")
            }
            Self::Claims => claims::covers(name),
            Self::DeviceClaims => name.ends_with(DEVICES_SUFFIX),
            Self::Other { group, plural } => {
                group.is_empty() && name == plural && ALIASES.contains(&name)
            }
        }
    }

    /// What an object uses.
    pub fn usage(&self, object: &Object) -> ResourceList {
        let mut used = match self {
            Self::Pods => pods::usage(object),
            Self::Services => service_usage(object),
            Self::Claims => claims::usage(object),
            Self::DeviceClaims => device_usage(object),
            Self::Other { group, plural } => {
                let mut used = ResourceList::default();
                if group.is_empty() && ALIASES.contains(&plural.as_str()) {
                    used.set(plural.as_str(), Quantity::whole(1));
                }
                used
            }
        };
        used.set(self.count_name(), Quantity::whole(1));
        used
    }

    /// Whether two states of an object count alike, in every scope.
    pub fn is_same(&self, old: &Object, new: &Object) -> bool {
        match self {
            Self::Other { .. } => true,
            Self::Pods => pods::scopes_of(old) == pods::scopes_of(new) && self.uses_same(old, new),
            Self::Claims => {
                claims::classes(old) == claims::classes(new) && self.uses_same(old, new)
            }
            Self::Services | Self::DeviceClaims => self.uses_same(old, new),
        }
    }

    fn uses_same(&self, old: &Object, new: &Object) -> bool {
        self.usage(old).same(&self.usage(new))
    }

    /// Whether a write is refused where there is no room: one that makes an object, or changes what
    /// it needs by its owner's will. What a node reports is counted all the same.
    pub fn judges(&self, subresource: &str, new: &Object, old: Option<&Object>) -> bool {
        let Some(old) = old else { return subresource.is_empty() };
        match (self, subresource) {
            (Self::Pods, "") => pods::is_terminating(old) != pods::is_terminating(new),
            (Self::Pods, "resize")
            | (Self::Services, _)
            | (Self::Claims, "" | "status")
            | (Self::DeviceClaims, "") => true,
            _ => false,
        }
    }

    /// Why a quota cannot judge an object that does not say what it needs.
    pub fn missing(&self, hard: &ResourceList, object: &Object) -> Option<String> {
        if *self == Self::Pods { pods::missing(hard, object) } else { None }
    }

    pub fn is_in(&self, scope: &Scope, object: &Object) -> bool {
        match self {
            Self::Pods => pods::is_in(scope, object),
            Self::Claims if scope.name == "VolumeAttributesClass" => {
                scope.selects(&claims::classes(object))
            }
            _ => false,
        }
    }
}

fn service_usage(service: &Object) -> ResourceList {
    let ports = edit::items(service, &["spec", "ports"]);
    let all = i64::try_from(ports.len()).unwrap_or(i64::MAX);
    let chosen = ports.iter().filter(|port| port.get("nodePort").is_some());
    let kind = edit::text(service, &["spec", "type"]);
    let allocates = edit::at(service, &["spec", "allocateLoadBalancerNodePorts"]);
    let node_ports = match kind {
        "LoadBalancer" if allocates == Some(&Value::Bool(false)) => {
            i64::try_from(chosen.count()).unwrap_or(i64::MAX)
        }
        "NodePort" | "LoadBalancer" => all,
        _ => 0,
    };
    let mut used = ResourceList::default();
    used.set("services", Quantity::whole(1));
    used.set("services.nodeports", Quantity::whole(node_ports));
    used.set("services.loadbalancers", Quantity::whole(i64::from(kind == "LoadBalancer")));
    used
}

/// Devices by class; of alternatives the most that one could take.
fn device_usage(claim: &Object) -> ResourceList {
    let mut used = ResourceList::default();
    for request in edit::items(claim, &["spec", "devices", "requests"]) {
        let mut most = ResourceList::default();
        let alternatives = request.get("firstAvailable").and_then(Value::as_array);
        let alternatives = alternatives.unwrap_or_default().iter();
        for one in alternatives.chain(request.get("exactly")).filter_map(Value::as_object) {
            let count = match edit::text(one, &["allocationMode"]) {
                "ExactCount" => edit::int(one, &["count"]).unwrap_or_default(),
                "All" => DEVICES_MAX,
                _ => 0,
            };
            let mut own = ResourceList::default();
            let class = edit::text(one, &["deviceClassName"]);
            own.set(format!("{class}{DEVICES_SUFFIX}"), Quantity::whole(count));
            most.raise(&own);
        }
        used.add(&most);
    }
    used
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kube::object::object;

    #[test]
    fn names_lead_to_what_is_counted() {
        let other = |group: &str, plural: &str| Measure::of(group, plural).expect("counted");
        for (name, expected) in [
            ("pods", Some(Measure::Pods)),
            ("count/pods", Some(Measure::Pods)),
            ("limits.memory", Some(Measure::Pods)),
            ("requests.nvidia.com/gpu", Some(Measure::Pods)),
            ("requests.storage", Some(Measure::Claims)),
            ("gold.storageclass.storage.k8s.io/requests.storage", Some(Measure::Claims)),
            ("services.nodeports", Some(Measure::Services)),
            ("gpu.deviceclass.resource.k8s.io/devices", Some(Measure::DeviceClaims)),
            ("configmaps", Some(other("", "configmaps"))),
            ("count/deployments.apps", Some(other("apps", "deployments"))),
            ("count/events", None),
            ("nonsense", None),
        ] {
            assert_eq!(Measure::for_name(name), expected, "{name}");
        }
    }

    #[test]
    fn services_use_ports_by_their_type() {
        let service = |rest: &str| {
            let text = format!(r#"{{"spec":{{"ports":[{{"nodePort":30000}},{{}}],{rest}}}}}"#);
            Measure::Services.usage(&object(&text)).to_string()
        };
        let text = "count/services=1,services=1,services.loadbalancers=";
        assert_eq!(service(r#""type":"ClusterIP""#), format!("{text}0,services.nodeports=0"));
        assert_eq!(service(r#""type":"NodePort""#), format!("{text}0,services.nodeports=2"));
        assert_eq!(
            service(r#""type":"LoadBalancer","allocateLoadBalancerNodePorts":false"#),
            format!("{text}1,services.nodeports=1")
        );
    }

    #[test]
    fn device_claims_use_the_most_of_their_alternatives() {
        let claim = object(
            r#"{"spec":{"devices":{"requests":[
            {"exactly":{"deviceClassName":"a","allocationMode":"ExactCount","count":2}},
            {"firstAvailable":[
                {"deviceClassName":"a","allocationMode":"ExactCount","count":1},
                {"deviceClassName":"b","allocationMode":"All"}]}]}}}"#,
        );
        assert_eq!(
            Measure::DeviceClaims.usage(&claim).to_string(),
            format!(
                "a{DEVICES_SUFFIX}=3,b{DEVICES_SUFFIX}=32,count/resourceclaims.resource.k8s.io=1"
            )
        );
    }

    #[test]
    fn objects_of_any_resource_are_counted() {
        let maps = Measure::of("", "configmaps").expect("counted");
        assert_eq!(maps.usage(&Object::new()).to_string(), "configmaps=1,count/configmaps=1");
        let things = Measure::of("example.com", "things").expect("counted");
        assert_eq!(things.usage(&Object::new()).to_string(), "count/things.example.com=1");
        assert!(things.covers("count/things.example.com") && !things.covers("things"));
        assert_eq!(Measure::of("events.k8s.io", "events"), None);
    }
}
