//! Uses a cluster as programs in Rust do, with kube-rs. Arguments: a kubeconfig, and the URL of every
//! replica. Panics at the first thing that is not as it must be.

use futures::{Stream, StreamExt, TryStreamExt};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{
    Api, ApiResource, DeleteParams, DynamicObject, GroupVersionKind, ListParams, Patch,
    PatchParams, PostParams, WatchEvent, WatchParams,
};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::runtime::wait::{await_condition, conditions};
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Client, Config, ResourceExt};
use serde_json::{Value, json};
use std::error::Error;
use std::time::Duration;

const NAMESPACE: &str = "rust";
const PATIENCE: Duration = Duration::from_secs(60);

type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result {
    let installed = rustls::crypto::aws_lc_rs::default_provider().install_default();
    installed.map_err(|_| "another crypto library is installed")?;
    let mut arguments = std::env::args().skip(1);
    let kubeconfig = arguments.next().ok_or("no kubeconfig is given")?;
    let mut replicas = Vec::new();
    for server in arguments {
        let read = Kubeconfig::read_from(&kubeconfig)?;
        let options = KubeConfigOptions::default();
        let mut config = Config::from_custom_kubeconfig(read, &options).await?;
        config.cluster_url = server.parse()?;
        replicas.push(Client::try_from(config)?);
    }
    let namespace = serde_json::from_value(json!({"metadata": {"name": NAMESPACE}}))?;
    let namespaces: Api<Namespace> = Api::all(replicas[0].clone());
    namespaces.create(&PostParams::default(), &namespace).await?;
    objects(&replicas).await?;
    println!("passed: objects");
    patches(&replicas).await?;
    println!("passed: patches");
    watches(&replicas).await?;
    println!("passed: watches");
    for streaming in [false, true] {
        watchers(&replicas, streaming).await?;
    }
    println!("passed: watchers");
    pages(&replicas).await?;
    println!("passed: pages");
    races(&replicas).await?;
    println!("passed: races");
    dynamic(&replicas).await?;
    println!("passed: discovery");
    custom(&replicas).await?;
    println!("passed: custom");
    Ok(())
}

fn config_maps(client: &Client) -> Api<ConfigMap> {
    Api::namespaced(client.clone(), NAMESPACE)
}

fn config_map(name: &str, data: &Value) -> Result<ConfigMap> {
    let labels = json!({"made-by": "kube-rs"});
    Ok(serde_json::from_value(json!({"metadata": {"name": name, "labels": labels}, "data": data}))?)
}

fn value<'a>(map: &'a ConfigMap, key: &str) -> &'a str {
    map.data.as_ref().and_then(|data| data.get(key)).map_or("", String::as_str)
}

/// The reason of a refusal, which must have this code.
fn refused<T>(code: u16, result: kube::Result<T>) -> String {
    match result {
        Err(kube::Error::Api(status)) if status.code == code => status.reason.clone(),
        Err(other) => panic!("{other} instead of {code}"),
        Ok(_) => panic!("not refused with {code}"),
    }
}

/// Create, read, replace, delete; each at another replica.
async fn objects(replicas: &[Client]) -> Result {
    let [one, two, three] = [0, 1, 2].map(|at| config_maps(&replicas[at]));
    let post = PostParams::default();
    let made = one.create(&post, &config_map("kept", &json!({"a": "1"}))?).await?;
    assert_eq!(two.get("kept").await?, made);
    let changed = ConfigMap { data: Some([("a".into(), "2".into())].into()), ..made.clone() };
    let changed = three.replace("kept", &post, &changed).await?;
    assert_eq!(value(&changed, "a"), "2");
    assert_eq!(refused(409, one.replace("kept", &post, &made).await), "Conflict");
    let again = config_map("kept", &json!({}))?;
    assert_eq!(refused(409, two.create(&post, &again).await), "AlreadyExists");
    assert_eq!(refused(422, two.create(&post, &config_map("No", &json!({}))?).await), "Invalid");
    assert!(two.get_metadata("kept").await?.metadata.uid.is_some());
    one.delete("kept", &DeleteParams::default()).await?;
    assert_eq!(refused(404, three.get("kept").await), "NotFound");
    Ok(())
}

fn deployment() -> Result<Deployment> {
    Ok(serde_json::from_value(json!({
        "metadata": {"name": "web", "labels": {"app": "web"}},
        "spec": {
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "c", "image": "nginx"}]},
            },
        },
    }))?)
}

async fn patches(replicas: &[Client]) -> Result {
    let [one, two, _] =
        [0, 1, 2].map(|at| Api::<Deployment>::namespaced(replicas[at].clone(), NAMESPACE));
    let made = one.create(&PostParams::default(), &deployment()?).await?;
    assert_eq!(made.spec.and_then(|spec| spec.replicas), Some(1), "defaults are filled in");
    let params = PatchParams::default();
    let merge = json!({"metadata": {"labels": {"app": null, "tier": "front"}}});
    let changed = two.patch("web", &params, &Patch::Merge(&merge)).await?;
    assert!(changed.labels().contains_key("tier") && !changed.labels().contains_key("app"));
    let side =
        json!({"spec": {"template": {"spec": {"containers": [{"name": "s", "image": "i"}]}}}});
    let changed = two.patch("web", &params, &Patch::Strategic(&side)).await?;
    let pods = changed.spec.and_then(|spec| spec.template.spec).ok_or("no Pods")?;
    assert_eq!(pods.containers.len(), 2, "lists are merged by their key");

    let apply = |replicas: i32| {
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
               "spec": {"replicas": replicas}})
    };
    let me = PatchParams::apply("kube-rs");
    let applied = one.patch("web", &me.clone().force(), &Patch::Apply(apply(3))).await?;
    assert!(applied.managed_fields().iter().any(|f| f.manager.as_deref() == Some("kube-rs")));
    let other = PatchParams::apply("another");
    assert_eq!(refused(409, two.patch("web", &other, &Patch::Apply(apply(4))).await), "Conflict");
    let scaled =
        two.patch_scale("web", &params, &Patch::Merge(json!({"spec": {"replicas": 2}}))).await?;
    assert_eq!(scaled.spec.and_then(|spec| spec.replicas), Some(2));
    Ok(())
}

/// A watch that breaks off goes on at another replica where it was.
async fn watches(replicas: &[Client]) -> Result {
    let maps: Vec<Api<ConfigMap>> = replicas.iter().map(config_maps).collect();
    let mut reached =
        maps[0].list(&ListParams::default()).await?.metadata.resource_version.ok_or("none")?;
    for number in 0..6 {
        let map = config_map(&format!("w{number}"), &json!({}))?;
        maps[number % 3].create(&PostParams::default(), &map).await?;
    }
    let mut told = Vec::new();
    for turn in 0..3 {
        let params = WatchParams::default().labels("made-by=kube-rs").timeout(60);
        let mut events = Box::pin(maps[turn].watch(&params, &reached).await?);
        for _ in 0..2 {
            match tokio::time::timeout(PATIENCE, events.try_next()).await?? {
                Some(WatchEvent::Added(map)) => {
                    reached = map.resource_version().ok_or("no version")?;
                    told.push(map.name_any());
                }
                other => return Err(format!("{other:?} after {told:?}").into()),
            }
        }
    }
    assert_eq!(told, ["w0", "w1", "w2", "w3", "w4", "w5"]);
    Ok(())
}

/// The runtime's watcher, on which controllers stand: a list, or a watch that begins with what there
/// is; then changes.
async fn watchers(replicas: &[Client], streaming: bool) -> Result {
    let maps = config_maps(&replicas[1]);
    let mut config = watcher::Config::default().labels("made-by=kube-rs");
    if streaming {
        config = config.streaming_lists();
    }
    let mut events = Box::pin(watcher(maps.clone(), config));
    let mut initial = 0;
    loop {
        match next(&mut events).await? {
            Event::Init => {}
            Event::InitApply(_) => initial += 1,
            Event::InitDone => break,
            other => return Err(format!("{other:?} too early").into()),
        }
    }
    assert_eq!(initial, 6, "streaming: {streaming}");
    let name = format!("seen-{streaming}");
    config_maps(&replicas[2])
        .create(&PostParams::default(), &config_map(&name, &json!({}))?)
        .await?;
    config_maps(&replicas[0]).delete(&name, &DeleteParams::default()).await?;
    assert!(matches!(next(&mut events).await?, Event::Apply(map) if map.name_any() == name));
    assert!(matches!(next(&mut events).await?, Event::Delete(map) if map.name_any() == name));
    Ok(())
}

async fn next(
    events: &mut (impl Stream<Item = watcher::Result<Event<ConfigMap>>> + Unpin),
) -> Result<Event<ConfigMap>> {
    let event = tokio::time::timeout(PATIENCE, events.next()).await?;
    Ok(event.ok_or("the watcher ended")??)
}

async fn pages(replicas: &[Client]) -> Result {
    let mut names = Vec::new();
    let mut params = ListParams::default().labels("made-by=kube-rs").limit(4);
    for replica in replicas {
        let page = config_maps(replica).list(&params).await?;
        names.extend(page.items.iter().map(ResourceExt::name_any));
        match page.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => params = params.continue_token(&token),
            None => break,
        }
    }
    assert_eq!(names, ["w0", "w1", "w2", "w3", "w4", "w5"]);
    Ok(())
}

/// Everybody counts, nobody's count is lost: who conflicts reads again.
async fn races(replicas: &[Client]) -> Result {
    const EACH: usize = 15;
    let post = PostParams::default();
    config_maps(&replicas[0]).create(&post, &config_map("count", &json!({"n": "0"}))?).await?;
    let count = |client: Client| async move {
        let (maps, mut done) = (config_maps(&client), 0);
        while done < EACH {
            let mut map = maps.get("count").await?;
            let number: usize = value(&map, "n").parse().unwrap_or_default();
            map.data = Some([("n".to_owned(), (number + 1).to_string())].into());
            match maps.replace("count", &PostParams::default(), &map).await {
                Ok(_) => done += 1,
                Err(kube::Error::Api(status)) if status.code == 409 => {}
                Err(error) => return Err(error),
            }
        }
        kube::Result::Ok(())
    };
    let counted = futures::future::join_all(replicas.iter().cloned().map(count)).await;
    counted.into_iter().collect::<kube::Result<Vec<()>>>()?;
    let map = config_maps(&replicas[1]).get("count").await?;
    assert_eq!(value(&map, "n"), (EACH * replicas.len()).to_string());
    Ok(())
}

/// Nothing is known but what discovery tells.
async fn dynamic(replicas: &[Client]) -> Result {
    let discovery = kube::discovery::Discovery::new(replicas[0].clone()).run_aggregated().await?;
    let group = discovery.get("coordination.k8s.io").ok_or("no such group")?;
    let (resource, _): (ApiResource, _) = group.recommended_kind("Lease").ok_or("no Leases")?;
    let leases: Api<DynamicObject> =
        Api::namespaced_with(replicas[1].clone(), NAMESPACE, &resource);
    let lease = DynamicObject::new("l", &resource).data(json!({"spec": {"holderIdentity": "me"}}));
    leases.create(&PostParams::default(), &lease).await?;
    let got = leases.get("l").await?;
    assert_eq!(got.data["spec"]["holderIdentity"], "me");
    Ok(())
}

fn definition() -> Result<CustomResourceDefinition> {
    let count = json!({"type": "integer", "maximum": 9});
    let size = json!({"type": "string", "default": "m"});
    let spec = json!({"type": "object", "properties": {"count": count, "size": size}});
    let status = json!({"type": "object", "properties": {"count": count}});
    let schema = json!({"type": "object", "properties": {"spec": spec, "status": status}});
    let scale = json!({"specReplicasPath": ".spec.count", "statusReplicasPath": ".status.count"});
    Ok(serde_json::from_value(json!({
        "metadata": {"name": "widgets.rust.example.com"},
        "spec": {
            "group": "rust.example.com",
            "scope": "Namespaced",
            "names": {"plural": "widgets", "kind": "Widget"},
            "versions": [{
                "name": "v1",
                "served": true,
                "storage": true,
                "subresources": {"status": {}, "scale": scale},
                "schema": {"openAPIV3Schema": schema},
            }],
        },
    }))?)
}

/// What is defined at one replica is there at the others at once, until it is deleted.
async fn custom(replicas: &[Client]) -> Result {
    let definitions: Api<CustomResourceDefinition> = Api::all(replicas[0].clone());
    let (post, name) = (PostParams::default(), "widgets.rust.example.com");
    let defined = definitions.create(&post, &definition()?).await?;
    let established = conditions::is_crd_established();
    let waiting = await_condition(definitions.clone(), name, established);
    tokio::time::timeout(PATIENCE, waiting).await??;
    let kind = GroupVersionKind::gvk("rust.example.com", "v1", "Widget");
    let (resource, _) = kube::discovery::pinned_kind(&replicas[1], &kind).await?;
    let [one, two, three] = [0, 1, 2].map(|at| {
        Api::<DynamicObject>::namespaced_with(replicas[at].clone(), NAMESPACE, &resource)
    });
    let widget = |spec: Value| DynamicObject::new("a", &resource).data(json!({"spec": spec}));
    let made = two.create(&post, &widget(json!({"count": 1}))).await?;
    assert_eq!(made.data["spec"], json!({"count": 1, "size": "m"}));
    let status = Patch::Merge(json!({"status": {"count": 1}, "spec": {"count": 7}}));
    let merge = PatchParams::default();
    let changed = three.patch_status("a", &merge, &status).await?;
    assert_eq!(
        (&changed.data["status"]["count"], &changed.data["spec"]["count"]),
        (&json!(1), &json!(1))
    );
    let scale = Patch::Merge(json!({"spec": {"replicas": 4}}));
    one.patch_scale("a", &merge, &scale).await?;
    let scale = two.get_scale("a").await?;
    assert_eq!(scale.spec.and_then(|spec| spec.replicas), Some(4));
    let apply = PatchParams::apply("kube-rs").force();
    let applied = three.patch("a", &apply, &Patch::Apply(&widget(json!({"size": "s"})))).await?;
    assert_eq!(applied.data["spec"], json!({"count": 4, "size": "s"}));
    let wrong = Patch::Merge(json!({"spec": {"count": 10}}));
    assert_eq!(refused(422, one.patch("a", &merge, &wrong).await), "Invalid");
    let listed = one.list(&ListParams::default()).await?;
    assert_eq!(listed.items.len(), 1);
    definitions.delete(name, &DeleteParams::default()).await?;
    let uid = defined.metadata.uid.unwrap_or_default();
    let gone = conditions::is_deleted(&uid);
    tokio::time::timeout(PATIENCE, await_condition(definitions, name, gone)).await??;
    assert_eq!(refused(404, two.get("a").await), "NotFound");
    Ok(())
}
