//! Kubernetes' client for Python against every replica of a cluster. It is installed once, in the
//! versions of `clients/requirements.txt`, below the target directory.

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

#[test]
fn python_works_with_every_replica() {
    let Some(python) = python() else { return };
    let cluster = Cluster::start(&[]);
    let check = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/process/clients/check.py");
    let mut command = Command::new(python);
    command.arg(check).arg(cluster.path().join("admin.kubeconfig"));
    command.env_remove("KUBECONFIG").env("PYTHONDONTWRITEBYTECODE", "1");
    for number in 1..=3_u8 {
        command.arg(format!("https://{}:6443", cluster.network.address(10 + number)));
    }
    let printed = succeed(&mut command);
    for part in ["objects", "patches", "watches", "pages", "protobuf", "races", "discovery"] {
        assert!(printed.contains(part), "{part} was not tried:\n{printed}");
    }
}
