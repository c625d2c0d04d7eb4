//! The secrets that a pod names, where its service account says which ones it may.

use xebec_core::edit;
use xebec_core::lifecycle;
use xebec_core::value::{Object, Value};

/// Why a pod may not be made as this service account.
pub fn refusal(pod: &Object, account: &Object) -> Option<String> {
    let allowed = names(edit::items(account, &["secrets"]));
    let of_volumes = edit::items(pod, &["spec", "volumes"]).iter().filter_map(|volume| {
        let secret = volume.get("secret")?.get("secretName").and_then(Value::as_str);
        Some((secret.unwrap_or_default(), "volume with".to_owned()))
    });
    let init = of_containers(pod, "initContainers", "init container");
    let usual = of_containers(pod, "containers", "container");
    let mut used = of_volumes.chain(init).chain(usual);
    let refused = used.find(|(secret, _)| !allowed.contains(secret));
    refused.map(|(secret, user)| secret_refusal(secret, &user, account)).or_else(|| {
        let allowed = names(edit::items(account, &["imagePullSecrets"]));
        let used = names(edit::items(pod, &["spec", "imagePullSecrets"]));
        let (at, secret) =
            used.iter().enumerate().find(|(_, secret)| !allowed.contains(*secret))?;
        Some(format!(
            "imagePullSecrets[{at}].name=\"{secret}\" is not allowed because service account {} \
             does not reference that imagePullSecret",
            lifecycle::name(account)
        ))
    })
}

/// Why containers may not be added to a pod of this service account.
pub fn ephemeral_refusal(pod: &Object, account: &Object) -> Option<String> {
    let allowed = names(edit::items(account, &["secrets"]));
    let mut used = of_containers(pod, "ephemeralContainers", "ephemeral container");
    let (secret, user) = used.find(|(secret, _)| !allowed.contains(secret))?;
    Some(secret_refusal(secret, &user, account))
}

/// Whether a pod names any secret.
pub fn are_named(pod: &Object) -> bool {
    let lists = ["initContainers", "containers", "ephemeralContainers"];
    let by_volume = |volume: &Value| {
        let sources = volume.get("projected").and_then(|one| one.get("sources"));
        let sources = sources.and_then(Value::as_array).unwrap_or_default();
        let members = volume.as_object().into_iter().flat_map(Object::iter);
        let refers = |source: &Value| {
            ["secretRef", "nodePublishSecretRef"].iter().any(|name| source.get(name).is_some())
        };
        volume.get("secret").is_some()
            || sources.iter().any(|source| source.get("secret").is_some())
            || members.into_iter().any(|(_, source)| refers(source))
    };
    lists.iter().any(|list| of_containers(pod, list, "").next().is_some())
        || edit::items(pod, &["spec", "volumes"]).iter().any(by_volume)
        || !edit::items(pod, &["spec", "imagePullSecrets"]).is_empty()
}

fn secret_refusal(secret: &str, user: &str, account: &Object) -> String {
    format!(
        "{user} secret.secretName=\"{secret}\" is not allowed because service account {} does not \
         reference that secret",
        lifecycle::name(account)
    )
}

fn names(list: &[Value]) -> Vec<&str> {
    list.iter().map(|one| one.get("name").and_then(Value::as_str).unwrap_or_default()).collect()
}

/// The secrets of which containers make variables, each with the words for who uses it.
fn of_containers<'p>(
    pod: &'p Object,
    list: &'static str,
    called: &'static str,
) -> impl Iterator<Item = (&'p str, String)> {
    let containers = edit::items(pod, &["spec", list]).iter().filter_map(Value::as_object);
    containers.flat_map(move |container| {
        let name = edit::text(container, &["name"]);
        let one = edit::items(container, &["env"]).iter().filter_map(move |variable| {
            let secret = variable.get("valueFrom")?.get("secretKeyRef")?.get("name");
            let variable = variable.get("name").and_then(Value::as_str).unwrap_or_default();
            let user = format!("{called} {name} with envVar {variable} referencing");
            Some((secret.and_then(Value::as_str).unwrap_or_default(), user))
        });
        let all = edit::items(container, &["envFrom"]).iter().filter_map(move |source| {
            let secret = source.get("secretRef")?.get("name");
            let user = format!("{called} {name} with envFrom referencing");
            Some((secret.and_then(Value::as_str).unwrap_or_default(), user))
        });
        one.chain(all)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kube::object::object;

    fn account() -> Object {
        object(
            r#"{"metadata":{"name":"a"},"secrets":[{"name":"own"}],
            "imagePullSecrets":[{"name":"pull"}]}"#,
        )
    }

    const VARIABLE: &str = r#""env":[{"name":"V","valueFrom":{"secretKeyRef":{"name":"NAME"}}}]"#;
    const SOURCE: &str = r#""envFrom":[{"secretRef":{"name":"NAME"}}]"#;

    fn pod(list: &str, container: &str, secret: &str) -> Object {
        let container = container.replace("NAME", secret);
        object(&format!(r#"{{"spec":{{"{list}":[{{"name":"c",{container}}}]}}}}"#))
    }

    const REFUSED: &str = "referencing secret.secretName=\"other\" is not allowed because service \
                           account a does not reference that secret";

    #[test]
    fn secrets_of_the_account_may_be_used_and_no_others() {
        for (list, called) in [("containers", "container"), ("initContainers", "init container")] {
            assert_eq!(refusal(&pod(list, VARIABLE, "own"), &account()), None);
            assert_eq!(
                refusal(&pod(list, VARIABLE, "other"), &account()).expect("refused"),
                format!("{called} c with envVar V {REFUSED}")
            );
        }
        let volume = object(r#"{"spec":{"volumes":[{"secret":{"secretName":"other"}}]}}"#);
        assert_eq!(
            refusal(&volume, &account()).expect("refused"),
            "volume with secret.secretName=\"other\" is not allowed because service account a \
             does not reference that secret"
        );
        let pull = object(r#"{"spec":{"imagePullSecrets":[{"name":"pull"},{"name":"x"}]}}"#);
        assert_eq!(
            refusal(&pull, &account()).expect("refused"),
            "imagePullSecrets[1].name=\"x\" is not allowed because service account a does not \
             reference that imagePullSecret"
        );
    }

    #[test]
    fn cve_2023_2728_ephemeral_containers_use_no_other_secrets() {
        let own = pod("ephemeralContainers", VARIABLE, "own");
        assert_eq!(ephemeral_refusal(&own, &account()), None);
        let other = pod("ephemeralContainers", VARIABLE, "other");
        assert_eq!(
            ephemeral_refusal(&other, &account()).expect("refused"),
            format!("ephemeral container c with envVar V {REFUSED}")
        );
    }

    #[test]
    fn cve_2024_3177_whole_secrets_are_asked_for_as_well() {
        for (list, called) in [("containers", "container"), ("initContainers", "init container")] {
            assert_eq!(
                refusal(&pod(list, SOURCE, "other"), &account()).expect("refused"),
                format!("{called} c with envFrom {REFUSED}")
            );
        }
        assert_eq!(
            ephemeral_refusal(&pod("ephemeralContainers", SOURCE, "other"), &account())
                .expect("refused"),
            format!("ephemeral container c with envFrom {REFUSED}")
        );
    }

    #[test]
    fn any_way_of_naming_a_secret_is_seen() {
        for list in ["containers", "initContainers", "ephemeralContainers"] {
            assert!(are_named(&pod(list, VARIABLE, "x")) && are_named(&pod(list, SOURCE, "x")));
        }
        for spec in [
            r#"{"volumes":[{"secret":{}}]}"#,
            r#"{"volumes":[{"projected":{"sources":[{"secret":{}}]}}]}"#,
            r#"{"volumes":[{"csi":{"nodePublishSecretRef":{}}}]}"#,
            r#"{"imagePullSecrets":[{"name":"x"}]}"#,
        ] {
            assert!(are_named(&object(&format!(r#"{{"spec":{spec}}}"#))), "{spec}");
        }
        assert!(!are_named(&object(r#"{"spec":{"volumes":[{"emptyDir":{}}],"containers":[{}]}}"#)));
    }
}
