//! Kubernetes' client for Python, and kube-rs, against every replica of a cluster. The former is
//! installed once, in the versions of `clients/requirements.txt`, below the target directory; the
//! latter is a crate of its own in `clients/kube-rs`, which is built on demand.

use crate::harness::{Cluster, has, succeed, text};
use std::path::{Path, PathBuf};
use std::process::Command;

const REQUIREMENTS: &str = include_str!("clients/requirements.txt");

/// Where the client is; `None`, with a loud message, where it cannot be had.
fn python() -> Option<PathBuf> {
    if !has("python3", "python3-venv") {
        return None;
    }
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("python");
    let (python, sign) = (place.join("bin/python"), place.join("installed.txt"));
    if std::fs::read_to_string(&sign).is_ok_and(|installed| installed == REQUIREMENTS) {
        return Some(python);
    }
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/process/clients");
    let mut venv = Command::new("python3");
    venv.args(["-m", "venv", "--clear"]).arg(&place);
    let mut install = Command::new(&python);
    install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
    install.args(["--retries=1", "--timeout=20", "-r"]).arg(here.join("requirements.txt"));
    for command in [&mut venv, &mut install] {
        let output = command.output().expect("the program starts");
        if !output.status.success() {
            eprintln!("SKIPPED: no Python client (python3-venv, PyPI): {}", text(&output));
            return None;
        }
    }
    std::fs::write(sign, REQUIREMENTS).expect("the target directory is writable");
    Some(python)
}

/// What a check is told: the kubeconfig, and every replica.
fn arguments(cluster: &Cluster) -> Vec<String> {
    let kubeconfig = cluster.path().join("admin.kubeconfig").display().to_string();
    let server = |number: u8| format!("https://{}:6443", cluster.network.address(10 + number));
    [kubeconfig].into_iter().chain((1..=3).map(server)).collect()
}

fn assert_passed(printed: &str, parts: &[&str]) {
    for part in parts {
        assert!(printed.contains(part), "{part} was not tried:\n{printed}");
    }
}

#[test]
fn python_works_with_every_replica() {
    let Some(python) = python() else { return };
    let cluster = Cluster::start(&[]);
    let check = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/process/clients/check.py");
    let mut command = Command::new(python);
    command.env_remove("KUBECONFIG").env("PYTHONDONTWRITEBYTECODE", "1");
    let printed = succeed(command.arg(check).args(arguments(&cluster)));
    let parts =
        ["objects", "patches", "watches", "pages", "protobuf", "races", "discovery", "custom"];
    assert_passed(&printed, &parts);
}

#[test]
#[ignore = "builds kube-rs, which takes minutes: `make clients`"]
fn kube_rs_works_with_every_replica() {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/process/clients/kube-rs");
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("it is below the target");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["run", "--locked", "--quiet", "--manifest-path"]).arg(manifest.join("Cargo.toml"));
    cargo.arg("--target-dir").arg(target).arg("--");
    let cluster = Cluster::start(&[]);
    let printed = succeed(cargo.env_remove("KUBECONFIG").args(arguments(&cluster)));
    let parts =
        ["objects", "patches", "watches", "watchers", "pages", "races", "discovery", "custom"];
    assert_passed(&printed, &parts);
}
