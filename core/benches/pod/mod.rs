//! The Pod of the benchmarks.

use xebec_core::codec::json;
use xebec_core::schema::{BUILT_IN, MessageId};
use xebec_core::value::Object;

pub fn id() -> MessageId {
    BUILT_IN.find("k8s.io.api.core.v1.Pod").expect("Pod")
}

/// About 3 KB as JSON without its managed fields.
pub fn pod_json() -> String {
    let container = |name: &str| {
        format!(
            r#"{{"name":"{name}","image":"registry.example.com/team/{name}:v1.2.3",
            "command":["/bin/{name}","--config","/etc/{name}/config.yaml"],
            "ports":[{{"name":"http","containerPort":8080,"protocol":"TCP"}},
                     {{"name":"metrics","containerPort":9090,"protocol":"TCP"}}],
            "env":[{{"name":"A","value":"1"}},{{"name":"B","value":"2"}},
                   {{"name":"C","valueFrom":{{"secretKeyRef":{{"name":"s","key":"k"}}}}}}],
            "resources":{{"limits":{{"cpu":"500m","memory":"1Gi"}},"requests":{{"cpu":"100m"}}}},
            "livenessProbe":{{"httpGet":{{"path":"/healthz","port":8080,"scheme":"HTTP"}},
                "timeoutSeconds":1,"periodSeconds":10,"successThreshold":1,"failureThreshold":3}},
            "volumeMounts":[{{"name":"config","mountPath":"/etc/{name}"}},
                            {{"name":"token","mountPath":"/var/run/secrets","readOnly":true}}],
            "terminationMessagePath":"/dev/termination-log","terminationMessagePolicy":"File",
            "imagePullPolicy":"IfNotPresent"}}"#
        )
    };
    format!(
        r#"{{"apiVersion":"v1","kind":"Pod","metadata":{{"name":"web-0","namespace":"default",
        "uid":"5e0b1d0a-3d2f-4f0e-9f52-000000000000",
        "labels":{{"app":"web","tier":"front","pod-template-hash":"5d9"}},
        "annotations":{{"example.com/a":"x","example.com/b":"y"}},
        "ownerReferences":[{{"apiVersion":"apps/v1","kind":"ReplicaSet","name":"web","uid":"u",
            "controller":true,"blockOwnerDeletion":true}}]}},
        "spec":{{"volumes":[{{"name":"config","configMap":{{"name":"c","defaultMode":420}}}},
                            {{"name":"token","emptyDir":{{}}}}],
        "containers":[{},{},{}],"restartPolicy":"Always","terminationGracePeriodSeconds":30,
        "dnsPolicy":"ClusterFirst","serviceAccountName":"default","serviceAccount":"default",
        "securityContext":{{"runAsNonRoot":true}},"schedulerName":"default-scheduler",
        "tolerations":[{{"key":"node.kubernetes.io/not-ready","operator":"Exists",
            "effect":"NoExecute","tolerationSeconds":300}}],"priority":0,
        "enableServiceLinks":true,"preemptionPolicy":"PreemptLowerPriority"}},
        "status":{{"phase":"Pending","qosClass":"Burstable"}}}}"#,
        container("web"),
        container("proxy"),
        container("agent")
    )
}

pub fn decode(text: &str) -> Object {
    json::decode(&BUILT_IN, id(), text.as_bytes()).expect("a pod").object
}
