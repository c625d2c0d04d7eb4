//! The certificates of a cluster on this machine: three authorities and what they sign.
//!
//! Replicas trust one authority among themselves, another for clients of the etcd API and a third
//! for clients of the Kubernetes API, because whoever holds a peer certificate can change any
//! data, a client of etcd every object, and a client of Kubernetes only what it may. Everything is ECDSA
//! P-256; keys are readable by their owner alone; a certificate near its end, or for other
//! addresses than wanted, is replaced when it is asked for.
//!
//! Layout below one directory: `ca.{crt,key}`, `peer-ca.{crt,key}` and `kube-ca.{crt,key}`,
//! `admin.{crt,key}` and `kube-admin.{crt,key}` for clients, `<name>.{crt,key}`,
//! `<name>-peer.{crt,key}` and `<name>-kube.{crt,key}` per replica, and `service-account.{key,pub}`
//! for the tokens of service accounts.

mod authority;
mod files;
mod inspect;
mod kube;

pub use authority::{Authority, Purpose, Subject};
pub use files::write_private;

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

const DAY: Duration = Duration::from_secs(86_400);
const AUTHORITY_VALIDITY: Duration = DAY.saturating_mul(3650);
const VALIDITY: Duration = DAY.saturating_mul(365);
/// A certificate that ends sooner than this is replaced.
const RENEW_BEFORE: Duration = DAY.saturating_mul(60);
/// Certificates begin this long ago, for clocks that are behind.
const BACKDATE: Duration = Duration::from_secs(3600);

#[derive(Debug, thiserror::Error)]
pub enum PkiError {
    #[error("{}: {source}", path.display())]
    Io { path: PathBuf, source: std::io::Error },
    #[error("{} cannot be used: {message}; remove it and what it signed to have new ones made", path.display())]
    Unusable { path: PathBuf, message: String },
    #[error("cannot make a certificate: {0}")]
    Sign(#[from] rcgen::Error),
}

/// A certificate and its key, as files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    pub cert: PathBuf,
    pub key: PathBuf,
}

impl Pair {
    fn named(dir: &Path, name: &str) -> Self {
        Self { cert: dir.join(format!("{name}.crt")), key: dir.join(format!("{name}.key")) }
    }
}

/// The files that one replica uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplicaFiles {
    pub client: Pair,
    pub client_ca: PathBuf,
    pub peer: Pair,
    pub peer_ca: PathBuf,
}

/// The directory of a cluster's certificates.
pub struct Pki {
    dir: PathBuf,
    now: SystemTime,
    clients: Authority,
    peers: Authority,
    kube: Authority,
}

impl Pki {
    /// Opens the directory, making the authorities that are missing or near their end.
    pub fn open(dir: &Path, now: SystemTime) -> Result<Self, PkiError> {
        files::create_private_dir(dir)?;
        let clients = Authority::open(&Pair::named(dir, "ca"), "Xebec client CA", now)?;
        let peers = Authority::open(&Pair::named(dir, "peer-ca"), "Xebec peer CA", now)?;
        let kube = Authority::open(&Pair::named(dir, "kube-ca"), "Xebec Kubernetes CA", now)?;
        Ok(Self { dir: dir.to_owned(), now, clients, peers, kube })
    }

    /// True if `dir` holds the authorities, so that certificates can be made there.
    pub fn exists(dir: &Path) -> bool {
        dir.join("ca.key").is_file() && dir.join("peer-ca.key").is_file()
    }

    /// The certificates of the replica `name` at `addresses`, made or renewed as needed.
    pub fn replica(&self, name: &str, addresses: &[IpAddr]) -> Result<ReplicaFiles, PkiError> {
        let (names, subject) = (names(name, addresses), Subject::new(name));
        let client = Pair::named(&self.dir, name);
        self.clients.ensure(&client, subject, &names, Purpose::Server, self.now)?;
        let peer = Pair::named(&self.dir, &format!("{name}-peer"));
        self.peers.ensure(&peer, subject, &names, Purpose::Peer, self.now)?;
        Ok(ReplicaFiles {
            client,
            client_ca: self.clients.cert.clone(),
            peer,
            peer_ca: self.peers.cert.clone(),
        })
    }

    /// The certificate of the administrator: full rights on the client API.
    pub fn admin(&self) -> Result<Pair, PkiError> {
        let pair = Pair::named(&self.dir, "admin");
        let subject = Subject::new("xebec-admin");
        self.clients.ensure(&pair, subject, &BTreeSet::new(), Purpose::Client, self.now)?;
        Ok(pair)
    }

    pub fn client_ca(&self) -> &Path {
        &self.clients.cert
    }
}

/// What the certificates of a replica are for.
fn names(name: &str, addresses: &[IpAddr]) -> BTreeSet<String> {
    let mut names: BTreeSet<String> = addresses.iter().map(IpAddr::to_string).collect();
    names.extend(["127.0.0.1", "::1", "localhost"].map(str::to_owned));
    if rcgen::string::Ia5String::try_from(name).is_ok() {
        names.insert(name.to_owned());
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    /// 2026-01-01T00:00:00Z.
    const NOW: SystemTime = SystemTime::UNIX_EPOCH;

    fn now() -> SystemTime {
        NOW + Duration::from_secs(1_767_225_600)
    }

    fn replica(dir: &Path, now: SystemTime, ip: [u8; 4]) -> Vec<u8> {
        let pki = Pki::open(dir, now).expect("opens");
        let files = pki.replica("m1", &[ip.into()]).expect("signs");
        std::fs::read(files.client.cert).expect("is there")
    }

    #[test]
    fn certificates_are_kept_until_they_must_change() {
        let dir = tempfile::tempdir().expect("a directory");
        let first = replica(dir.path(), now(), [127, 0, 0, 11]);
        assert_eq!(first, replica(dir.path(), now() + DAY, [127, 0, 0, 11]), "kept");
        let later = now() + VALIDITY - RENEW_BEFORE + DAY;
        let renewed = replica(dir.path(), later, [127, 0, 0, 11]);
        assert_ne!(first, renewed, "renewed near its end");
        assert_ne!(renewed, replica(dir.path(), later, [127, 0, 0, 21]), "another address");
    }

    #[test]
    fn a_new_authority_signs_anew() {
        let dir = tempfile::tempdir().expect("a directory");
        let first = replica(dir.path(), now(), [127, 0, 0, 11]);
        std::fs::remove_file(dir.path().join("ca.crt")).expect("was there");
        assert_ne!(first, replica(dir.path(), now(), [127, 0, 0, 11]));
    }

    #[test]
    fn keys_are_private() {
        let dir = tempfile::tempdir().expect("a directory");
        let pki = Pki::open(&dir.path().join("pki"), now()).expect("opens");
        let files = pki.replica("m1", &[[127, 0, 0, 11].into()]).expect("signs");
        let admin = pki.admin().expect("signs");
        let mode = |path: &Path| std::fs::metadata(path).expect("is there").permissions().mode();
        for key in [&files.client.key, &files.peer.key, &admin.key] {
            assert_eq!(mode(key) & 0o777, 0o600, "{}", key.display());
        }
        assert_eq!(mode(&dir.path().join("pki")) & 0o777, 0o700);
    }

    #[test]
    fn an_unreadable_authority_is_an_error_not_a_new_one() {
        let dir = tempfile::tempdir().expect("a directory");
        replica(dir.path(), now(), [127, 0, 0, 11]);
        std::fs::write(dir.path().join("ca.key"), "no key").expect("writable");
        let error = Pki::open(dir.path(), now()).err().expect("refused").to_string();
        assert!(error.contains("ca.key") && error.contains("remove it"), "{error}");
    }
}
