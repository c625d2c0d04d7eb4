//! Certificates and keys of the Kubernetes API.

use super::{Pair, Pki, PkiError, Purpose, Subject, files, names};
use rcgen::KeyPair;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::PathBuf;

/// Under these names Pods find the API.
const SERVICE_NAMES: [&str; 4] = [
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    "kubernetes.default.svc.cluster.local",
];

/// The group that may do everything, whatever the roles say.
const MASTERS: &str = "system:masters";

/// The files that the Kubernetes API of one replica uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KubeFiles {
    pub server: Pair,
    pub ca: PathBuf,
    /// Signs tokens of service accounts.
    pub service_account_key: PathBuf,
}

impl Pki {
    /// What the Kubernetes API of the replica `name` needs, made or renewed as needed; `addresses`
    /// are all those at which clients reach it.
    pub fn kube_replica(&self, name: &str, addresses: &[IpAddr]) -> Result<KubeFiles, PkiError> {
        let server = Pair::named(&self.dir, &format!("{name}-kube"));
        let mut names = names(name, addresses);
        names.extend(SERVICE_NAMES.map(str::to_owned));
        self.kube.ensure(&server, Subject::new(name), &names, Purpose::Server, self.now)?;
        Ok(KubeFiles {
            server,
            ca: self.kube.cert.clone(),
            service_account_key: self.service_account_key()?,
        })
    }

    /// The certificate of the administrator of Kubernetes.
    pub fn kube_admin(&self) -> Result<Pair, PkiError> {
        let pair = Pair::named(&self.dir, "kube-admin");
        let subject = Subject { common_name: "admin", organization: MASTERS };
        self.kube.ensure(&pair, subject, &BTreeSet::new(), Purpose::Client, self.now)?;
        Ok(pair)
    }

    pub fn kube_ca(&self) -> &std::path::Path {
        &self.kube.cert
    }

    /// Never replaced: it would make every token in use worthless.
    fn service_account_key(&self) -> Result<PathBuf, PkiError> {
        let path = self.dir.join("service-account.key");
        let key = match files::read(&path)? {
            Some(pem) => KeyPair::from_pem(&pem).map_err(|error| PkiError::Unusable {
                path: path.clone(),
                message: error.to_string(),
            })?,
            None => {
                let key = KeyPair::generate()?;
                files::write_private(&path, &key.serialize_pem())?;
                key
            }
        };
        let public = self.dir.join("service-account.pub");
        if files::read(&public)?.is_none() {
            files::write_public(&public, &key.public_key_pem())?;
        }
        Ok(path)
    }
}

#[cfg(test)]
mod tests {
    use super::super::inspect::facts;
    use super::*;
    use std::path::Path;
    use std::time::{Duration, SystemTime};

    fn open(dir: &Path) -> Pki {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600);
        Pki::open(dir, now).expect("opens")
    }

    #[test]
    fn no_authority_of_one_api_signs_for_the_other() {
        let dir = tempfile::tempdir().expect("a directory");
        let pki = open(dir.path());
        let read = |path: &Path| std::fs::read_to_string(path).expect("is there");
        let authority = |pair: Pair| facts(&read(&pair.cert)).expect("a certificate").authority_key;
        let own = |path: &Path| facts(&read(path)).expect("a certificate").subject_key;
        let kube = authority(pki.kube_admin().expect("signs"));
        assert_eq!(kube, own(pki.kube_ca()));
        assert_ne!(kube, own(pki.client_ca()));
        assert_ne!(kube, authority(pki.admin().expect("signs")));
    }

    #[test]
    fn servers_have_the_names_of_the_service() {
        let dir = tempfile::tempdir().expect("a directory");
        let files = open(dir.path());
        let files = files.kube_replica("m1", &[[10, 96, 0, 1].into()]).expect("signs");
        let pem = std::fs::read_to_string(files.server.cert).expect("is there");
        let names = facts(&pem).expect("a certificate").names;
        for name in ["10.96.0.1", "kubernetes.default.svc", "localhost", "m1"] {
            assert!(names.contains(name), "{name} in {names:?}");
        }
    }

    #[test]
    fn the_key_of_service_accounts_stays() {
        let dir = tempfile::tempdir().expect("a directory");
        let key = || {
            let path = open(dir.path()).kube_replica("m1", &[]).expect("signs").service_account_key;
            std::fs::read_to_string(path).expect("is there")
        };
        let first = key();
        assert_eq!(first, key());
        let public = std::fs::read_to_string(dir.path().join("service-account.pub"));
        assert!(public.expect("is there").starts_with("-----BEGIN PUBLIC KEY-----"));
    }
}
