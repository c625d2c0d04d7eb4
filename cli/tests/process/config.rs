//! What `xebec server` says to a configuration that cannot work, and how it exits.

use crate::harness::{text, xebec};

/// Exit code and output of `xebec server` with these flags.
fn server(arguments: &[&str]) -> (i32, String) {
    let output = xebec().arg("server").args(arguments).output().expect("the binary starts");
    (output.status.code().unwrap_or(-1), text(&output))
}

#[test]
fn plain_http_needs_permission_and_loopback() {
    let (code, said) = server(&["--client-listen", "http://127.0.0.1:1"]);
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("say --insecure"), "{said}");
    let (code, said) = server(&["--insecure", "--client-listen", "http://0.0.0.0:1"]);
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("reachable from other machines"), "{said}");
}

#[test]
fn tls_needs_certificates_that_can_be_read() {
    let (code, said) = server(&[]);
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("--client-cert and --client-key"), "{said}");
}

#[test]
fn an_unknown_key_is_named_with_its_line() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("m1.toml");
    std::fs::write(&file, "name = \"m1\"\ndata-dir = \"x\"\n").expect("writable");
    let (code, said) = server(&["--config", file.to_str().expect("UTF-8")]);
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("line 2") && said.contains("data-dir"), "{said}");
}

#[test]
fn the_printed_configuration_is_accepted() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = dir.path().join("m1.toml");
    let arguments = ["--insecure", "--name", "m7", "--print-config"];
    let output = xebec().arg("server").args(arguments).output().expect("the binary starts");
    assert!(output.status.success(), "{}", text(&output));
    std::fs::write(&file, &output.stdout).expect("writable");
    let path = file.to_str().expect("UTF-8");
    let again = xebec().args(["server", "--config", path, "--print-config"]).output();
    assert_eq!(again.expect("the binary starts").stdout, output.stdout);
    assert!(String::from_utf8_lossy(&output.stdout).contains("name = \"m7\""));
}

#[test]
fn foreign_data_is_left_alone() {
    let dir = tempfile::tempdir().expect("a directory");
    std::fs::write(dir.path().join("thesis.txt"), "").expect("writable");
    let (code, said) = server(&["--insecure", "--data-dir", dir.path().to_str().expect("UTF-8")]);
    assert_eq!(code, 3, "{said}");
    assert!(said.contains("thesis.txt") && said.contains("->"), "{said}");
}
