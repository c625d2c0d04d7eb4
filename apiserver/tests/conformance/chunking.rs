//! Lists in pages.

use crate::support::kube::version;
use crate::support::servers::Servers;
use futures::StreamExt;
use serde_json::{Value, json};

const TEMPLATES: &str = "/api/v1/namespaces/default/podtemplates";
const TOTAL: usize = 120;

async fn started() -> Servers {
    let servers = Servers::ready().await;
    let container = json!({"name": "c", "image": "i"});
    let make = |at: usize| {
        let template = json!({"spec": {"containers": [container]}});
        let object = json!({"metadata": {"name": name(at)}, "template": template});
        let servers = &servers;
        async move { servers.post(TEMPLATES, &object).await.done() }
    };
    futures::stream::iter((0..TOTAL).map(make)).buffer_unordered(20).collect::<Vec<_>>().await;
    servers
}

fn name(at: usize) -> String {
    format!("template-{at:04}")
}

/// A page that continues: its items follow those found, and it says what remains. Gives the token.
fn read(list: &Value, limit: usize, found: &mut usize) -> Option<String> {
    let items = list["items"].as_array().expect("items");
    assert!(items.len() <= limit);
    for item in items {
        assert_eq!(item["metadata"]["name"], name(*found));
        *found += 1;
    }
    let metadata = &list["metadata"];
    let Some(token) = metadata["continue"].as_str() else {
        assert_eq!(metadata.get("remainingItemCount"), None);
        return None;
    };
    assert_eq!(metadata["remainingItemCount"], TOTAL - *found);
    Some(token.to_owned())
}

#[tokio::test]
async fn pages_follow_each_other() {
    let servers = started().await;
    for limits in [[7, 12, 3], [12, 1, 30], [50, 40, 31]] {
        let (mut found, mut token, mut at) = (0, Some(String::new()), None);
        let mut limits = limits.into_iter().cycle();
        while let Some(last) = token {
            let limit = limits.next().expect("a limit");
            let list = servers.get(&format!("{TEMPLATES}?limit={limit}&continue={last}")).await;
            assert_eq!(*at.get_or_insert(version(&list)), version(&list));
            token = read(&list, limit, &mut found);
        }
        assert_eq!(found, TOTAL);
    }
    let all = servers.get(&format!("{TEMPLATES}?limit={}", TOTAL + 1)).await;
    assert_eq!(all["items"].as_array().map(Vec::len), Some(TOTAL));
    servers.stop().await;
}

#[tokio::test]
async fn pages_go_on_after_their_version_is_gone() {
    let servers = started().await;
    let limit = TOTAL / 10;
    let page = format!("{TEMPLATES}?limit={limit}");
    let first = servers.get(&page).await;
    let mut found = 0;
    let token = read(&first, limit, &mut found).expect("more");
    let second = format!("{page}&continue={token}");
    servers.get(&second).await;
    servers.post("/api/v1/namespaces", &json!({"metadata": {"name": "later"}})).await.done();
    servers.cluster.compact(version(&first) + 1).await;
    let expired = servers.call("GET", &second, &Value::Null).await;
    assert_eq!((expired.code, &expired.body["reason"]), (410, &json!("Expired")));
    let token = expired.body["metadata"]["continue"].as_str().expect("another token");

    let again = servers.get(&format!("{page}&continue={token}")).await;
    assert_ne!(version(&again), version(&first));
    assert_eq!(again["items"].as_array().map(Vec::len), Some(limit));
    let mut token = read(&again, limit, &mut found);
    while let Some(last) = token {
        let list = servers.get(&format!("{page}&continue={last}")).await;
        assert_eq!(version(&list), version(&again));
        token = read(&list, limit, &mut found);
    }
    assert_eq!(found, TOTAL);
    servers.stop().await;
}
