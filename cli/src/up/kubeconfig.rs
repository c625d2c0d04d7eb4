//! The kubeconfig of the administrator: everything in one file, for `kubectl` and other clients.

use crate::config::Url;
use crate::failure::Failure;
use crate::pki::{Pair, write_private};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::path::Path;

/// Writes the file, for its owner alone: it holds a private key.
pub fn write(path: &Path, server: &Url, ca: &Path, admin: &Pair) -> Result<(), Failure> {
    let text = kubeconfig(server, &encoded(ca)?, (&encoded(&admin.cert)?, &encoded(&admin.key)?));
    Ok(write_private(path, &text)?)
}

fn encoded(path: &Path) -> Result<String, Failure> {
    let bytes = std::fs::read(path).map_err(|error| Failure::io(path.display(), &error))?;
    Ok(STANDARD.encode(bytes))
}

fn kubeconfig(server: &Url, ca: &str, (cert, key): (&str, &str)) -> String {
    format!(
        "apiVersion: v1\n\
         kind: Config\n\
         clusters:\n\
         - name: xebec\n  \
           cluster:\n    \
             server: {server}\n    \
             certificate-authority-data: {ca}\n\
         users:\n\
         - name: kubernetes-admin\n  \
           user:\n    \
             client-certificate-data: {cert}\n    \
             client-key-data: {key}\n\
         contexts:\n\
         - name: kubernetes-admin@xebec\n  \
           context:\n    \
             cluster: xebec\n    \
             user: kubernetes-admin\n\
         current-context: kubernetes-admin@xebec\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    #[test]
    fn has_what_clients_look_for() {
        let server = "https://127.0.0.10:6443".parse().expect("a URL");
        expect![[r#"
            apiVersion: v1
            kind: Config
            clusters:
            - name: xebec
              cluster:
                server: https://127.0.0.10:6443
                certificate-authority-data: Y2E=
            users:
            - name: kubernetes-admin
              user:
                client-certificate-data: Y2VydA==
                client-key-data: a2V5
            contexts:
            - name: kubernetes-admin@xebec
              context:
                cluster: xebec
                user: kubernetes-admin
            current-context: kubernetes-admin@xebec
        "#]]
        .assert_eq(&kubeconfig(&server, "Y2E=", ("Y2VydA==", "a2V5")));
    }
}
