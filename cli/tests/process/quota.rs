//! Quotas of real replicas: a crowd of clients at all of them, and one that dies amid it.

use crate::harness::{Cluster, eventually, has, signal};
use crate::kubectl::has_kubectl;
use std::io::Write;
use std::process::{Command, Stdio};
use std::thread;

const LIMIT: usize = 40;
const CREATORS: usize = 64;
const PODS: &str = "/api/v1/namespaces/default/pods";
const QUOTAS: &str = "/api/v1/namespaces/default/resourcequotas";
/// What every pod of the crowd is given, and forty of them come to.
const SETUP: [(&str, &str); 3] = [
    (
        "/api/v1/namespaces/default/limitranges",
        r#"{"metadata":{"name":"l"},"spec":{"limits":[{"type":"Container",
        "defaultRequest":{"cpu":"100m"},"default":{"cpu":"100m"},"max":{"cpu":"100m"}}]}}"#,
    ),
    (QUOTAS, r#"{"metadata":{"name":"q"},"spec":{"hard":{"requests.cpu":"4","pods":"100"}}}"#),
    ("/api/v1/namespaces/default/serviceaccounts", r#"{"metadata":{"name":"default"}}"#),
];

/// One request to one replica; the code of the answer (0 if there is none) and its body.
fn send(cluster: &Cluster, number: usize, path: &str, body: Option<&str>) -> (u16, String) {
    let number = u8::try_from(number).expect("one of three");
    let url = format!("https://{}:6443{path}", cluster.network.address(10 + number));
    let pki = |file: &str| cluster.path().join("pki").join(file);
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--max-time", "70", "--write-out", "\n%{http_code}"]);
    curl.arg("--cacert").arg(pki("kube-ca.crt"));
    curl.arg("--cert").arg(pki("kube-admin.crt")).arg("--key").arg(pki("kube-admin.key"));
    if body.is_some() {
        curl.args(["--header", "content-type: application/json", "--data-binary", "@-"]);
    }
    curl.arg(url).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = curl.spawn().expect("curl starts");
    let input = child.stdin.take().expect("piped");
    // Whoever is not let in does not read what it was to send.
    _ = { input }.write_all(body.unwrap_or_default().as_bytes());
    let output = child.wait_with_output().expect("curl ends");
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let (body, code) = printed.rsplit_once('\n').unwrap_or_default();
    (code.parse().unwrap_or_default(), body.to_owned())
}

/// How many creations of one of the crowd were acknowledged: it tries two pods.
fn create(cluster: &Cluster, creator: usize) -> usize {
    let make = |n: usize| {
        let pod = format!(
            r#"{{"metadata":{{"name":"p-{creator}-{n}"}},
            "spec":{{"containers":[{{"name":"c","image":"i"}}]}}}}"#
        );
        let (code, body) = send(cluster, 1 + (creator + n) % 3, PODS, Some(&pod));
        assert!(code != 403 || body.contains("exceeded quota: q"), "{body}");
        code == 201
    };
    (0..2).filter(|n| make(*n)).count()
}

fn crowd(cluster: &Cluster) -> usize {
    thread::scope(|scope| {
        let start = |creator| scope.spawn(move || create(cluster, creator));
        let creators: Vec<_> = (0..CREATORS).map(start).collect();
        creators.into_iter().map(|one| one.join().expect("it does not panic")).sum()
    })
}

/// How many pods are stored, and what the quota says that they use.
fn stored(cluster: &Cluster) -> (usize, String) {
    let read = |path: &str| {
        let body = eventually("a replica answers", || {
            (1..=3).map(|number| send(cluster, number, path, None)).find(|(code, _)| *code == 200)
        });
        serde_json::from_str::<serde_json::Value>(&body.1).expect("JSON")
    };
    let quota = read(&format!("{QUOTAS}/q"));
    let pods = read(PODS)["items"].as_array().map_or(0, Vec::len);
    (pods, quota["status"]["used"]["requests.cpu"].as_str().unwrap_or_default().to_owned())
}

fn cpu(pods: usize) -> String {
    if pods.is_multiple_of(10) { (pods / 10).to_string() } else { format!("{pods}00m") }
}

#[test]
fn a_crowd_at_three_replicas_never_exceeds_a_quota_though_the_leader_dies() {
    if !has_kubectl() || !has("curl", "curl") {
        return;
    }
    let cluster = Cluster::start(&["--agents", "none"]);
    for (path, body) in SETUP {
        let (code, answer) = send(&cluster, 1, path, Some(body));
        assert_eq!(code, 201, "{answer}");
    }
    let leader = cluster.leader();
    let made = thread::scope(|scope| {
        let crowd = scope.spawn(|| crowd(&cluster));
        eventually("the crowd is at work", || (stored(&cluster).0 > 3).then_some(()));
        signal(cluster.replica(&leader), "KILL");
        crowd.join().expect("it does not panic")
    });
    // What was not answered may have been done: it is counted all the same.
    let (pods, used) = stored(&cluster);
    assert!(made <= pods && pods <= LIMIT, "{made} acknowledged, {pods} stored");
    assert_eq!(used, cpu(pods));
    // Whatever room is left is for others, to the last place.
    let rest = eventually("the quota is full", || {
        let n = stored(&cluster).0;
        if n == LIMIT {
            return Some(n);
        }
        let pod = format!(
            r#"{{"metadata":{{"generateName":"late-{n}-"}},
            "spec":{{"containers":[{{"name":"c","image":"i"}}]}}}}"#
        );
        send(&cluster, 1 + n % 3, PODS, Some(&pod));
        None
    });
    assert_eq!((rest, stored(&cluster)), (LIMIT, (LIMIT, cpu(LIMIT))));
}
