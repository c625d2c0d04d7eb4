//! [`World`]: one replica with a namespace for ConfigMaps, for tests of lists and watches.

use super::Cluster;
use super::kube::Kube;
use serde_json::{Value, json};

pub const MAPS: &str = "/api/v1/namespaces/a/configmaps";
pub const PROTOBUF: &str = "application/vnd.kubernetes.protobuf";

pub struct World {
    pub cluster: Cluster,
    pub kube: Kube,
}

impl World {
    pub async fn start() -> Self {
        let cluster = Cluster::start(1).await;
        let kube = Kube::new(cluster.nodes[0].replica.clone());
        kube.create_namespace("a").await;
        Self { cluster, kube }
    }

    pub async fn map(&self, name: &str, labels: Value) -> Value {
        let metadata = json!({"name": name, "labels": labels});
        self.kube.create(MAPS, &json!({"metadata": metadata, "data": {"k": name}})).await
    }

    pub async fn compact(&self, revision: i64) {
        self.cluster.compact(revision).await;
    }

    pub async fn stop(self) {
        self.cluster.stop().await;
    }
}
