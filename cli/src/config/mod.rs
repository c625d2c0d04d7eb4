//! The configuration of one replica: read from a file and flags, completed with defaults, and
//! validated once. What comes out, [`Config`], needs no further checks of its values.
//!
//! Invariant: every setting is a flag and a key of the file, with one text for both.

mod api;
mod cluster;
mod document;
mod error;
mod settings;
mod units;
mod url;
mod validate;

pub use cluster::{InitialMember, by_name};
pub use document::commented_toml;
pub use error::ConfigError;
pub use settings::{LogFormat, Settings};
pub use units::{ByteSize, Retention, Span};
pub use url::Url;

use ipnet::IpNet;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A complete and consistent configuration.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    pub name: String,
    pub data_dir: PathBuf,
    pub cluster: Cluster,
    pub client: Client,
    pub peer: Peer,
    /// None: the Kubernetes API is not served.
    pub api: Option<Api>,
    pub storage: Storage,
    pub log: Log,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Cluster {
    /// All members of a new cluster, this one among them.
    pub members: Vec<(String, Vec<Url>)>,
    pub token: String,
    pub join: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Client {
    pub listen: Vec<SocketAddr>,
    pub advertise: Vec<Url>,
    /// None: plain HTTP on loopback.
    pub tls: Option<ClientTls>,
}

/// Files of the client API's TLS.
#[derive(Debug, Clone, PartialEq)]
pub struct ClientTls {
    pub cert: PathBuf,
    pub key: PathBuf,
    /// Authorities whose certificates clients must show; None asks for none.
    pub client_ca: Option<PathBuf>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Peer {
    pub listen: Vec<SocketAddr>,
    pub advertise: Vec<Url>,
    /// None: plain HTTP on loopback.
    pub tls: Option<PeerTls>,
}

/// Files of the mutual TLS between replicas.
#[derive(Debug, Clone, PartialEq)]
pub struct PeerTls {
    pub cert: PathBuf,
    pub key: PathBuf,
    pub ca: PathBuf,
}

/// The Kubernetes API.
#[derive(Debug, Clone, PartialEq)]
pub struct Api {
    pub listen: Vec<SocketAddr>,
    pub advertise: IpAddr,
    /// `client_ca` is whom to know, not whom to let in.
    pub tls: ClientTls,
    pub token_file: Option<PathBuf>,
    pub anonymous: bool,
    pub service_account: ServiceAccountKeys,
    /// The first is of the family that Services usually have.
    pub service_cidr: Vec<IpNet>,
    pub deny_external_ips: bool,
    pub aggregate_roles: bool,
    pub event_ttl: Duration,
    pub vip: Option<SocketAddr>,
}

/// Files and facts of service-account tokens.
#[derive(Debug, Clone, PartialEq)]
pub struct ServiceAccountKeys {
    /// None: no tokens are made.
    pub signing: Option<PathBuf>,
    pub old: Vec<PathBuf>,
    pub issuer: String,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Storage {
    /// None: the usual share of the disk.
    pub disk_reserve_bytes: Option<u64>,
    pub retention: Retention,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Log {
    pub format: LogFormat,
    pub filter: String,
    pub file: Option<PathBuf>,
    pub file_size_bytes_max: u64,
}

/// Defaults of the Kubernetes API.
const ISSUER: &str = "https://kubernetes.default.svc.cluster.local";
const SERVICES: &str = "10.96.0.0/16";
const EVENT_TTL: Duration = Duration::from_secs(3_600);

/// Reads the file, if any, lays the flags over it and fills in the defaults.
pub fn load(file: Option<&Path>, flags: &Settings) -> Result<Settings, ConfigError> {
    let mut settings = toml::Table::new();
    if let Some(path) = file {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
        let parsed: Settings = toml::from_str(&text).map_err(|error| ConfigError::Parse {
            path: path.to_owned(),
            message: error.to_string(),
        })?;
        settings = table(&parsed);
    }
    overlay(&mut settings, table(flags));
    let merged: Settings = settings.try_into().expect("two valid settings make a valid one");
    Ok(merged.with_defaults())
}

fn table(settings: &Settings) -> toml::Table {
    toml::Table::try_from(settings).expect("settings are made of TOML's types")
}

/// Puts the values of `over` in the place of those in `base`, section by section.
fn overlay(base: &mut toml::Table, over: toml::Table) {
    for (key, value) in over {
        match (base.get_mut(&key), value) {
            (Some(toml::Value::Table(below)), toml::Value::Table(above)) => overlay(below, above),
            (_, value) => {
                base.insert(key, value);
            }
        }
    }
}

impl Settings {
    /// Every setting that has a default has a value afterwards.
    #[must_use]
    pub fn with_defaults(mut self) -> Self {
        let name = self.name.get_or_insert_with(|| "default".to_owned()).clone();
        self.data_dir.get_or_insert_with(|| PathBuf::from(format!("{name}.xebec")));
        let tls = !*self.insecure.get_or_insert(false);
        let listen = |port| vec![Url { tls, host: "127.0.0.1".to_owned(), port }];

        let client = &mut self.client;
        let urls = client.listen.get_or_insert_with(|| listen(2379)).clone();
        client.advertise.get_or_insert(urls);
        client.cert_auth.get_or_insert(client.ca.is_some());

        let peer = &mut self.peer;
        let urls = peer.listen.get_or_insert_with(|| listen(2380)).clone();
        let peer_urls = peer.advertise.get_or_insert(urls).clone();

        let api = &mut self.api;
        let urls = api.listen.get_or_insert_with(|| {
            vec![Url { tls: true, host: "127.0.0.1".to_owned(), port: 6443 }]
        });
        let first = urls.first().and_then(Url::socket).map(|socket| socket.ip());
        api.advertise = api.advertise.or(first.filter(|ip| !ip.is_unspecified()));
        api.service_account_issuer.get_or_insert_with(|| ISSUER.to_owned());
        api.service_cidr
            .get_or_insert_with(|| vec![SERVICES.parse().expect("a range of addresses")]);
        api.deny_external_ips.get_or_insert(false);
        api.aggregate_roles.get_or_insert(true);
        api.anonymous.get_or_insert(true);
        api.event_ttl.get_or_insert(Span(EVENT_TTL));

        let alone =
            peer_urls.into_iter().map(|peer_url| InitialMember { name: name.clone(), peer_url });
        self.cluster.initial.get_or_insert_with(|| alone.collect());
        self.cluster.token.get_or_insert_with(|| "xebec".to_owned());
        self.cluster.join.get_or_insert(false);

        self.storage.auto_compaction_retention.get_or_insert(Retention::All);

        self.log.format.get_or_insert(LogFormat::Text);
        self.log.filter.get_or_insert_with(|| "info,openraft=error".to_owned());
        self.log.file_size.get_or_insert(ByteSize(16 << 20));
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    fn file(text: &str) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().expect("a temporary file");
        std::fs::write(file.path(), text).expect("writable");
        file
    }

    #[test]
    fn flags_override_the_file() {
        let file =
            file("name = \"a\"\n[client]\nlisten = [\"https://127.0.0.1:1\"]\nca = \"ca\"\n");
        let mut flags = Settings { name: Some("b".to_owned()), ..Settings::default() };
        flags.client.listen = Some(vec!["https://127.0.0.1:2".parse().expect("a URL")]);
        let settings = load(Some(file.path()), &flags).expect("valid");
        assert_eq!(settings.name.as_deref(), Some("b"));
        assert_eq!(settings.client.listen, flags.client.listen);
        assert_eq!(settings.client.ca, Some(PathBuf::from("ca")), "other keys of the section stay");
        assert_eq!(settings.client.cert_auth, Some(true));
    }

    #[test]
    fn an_unknown_key_is_refused_with_its_line() {
        let file = file("name = \"a\"\n\n[client]\nlisen = [\"https://127.0.0.1:1\"]\n");
        let error = load(Some(file.path()), &Settings::default()).expect_err("a misspelt key");
        let text = error.to_string().replace(&file.path().display().to_string(), "FILE");
        expect![[r#"
            FILE: TOML parse error at line 4, column 1
              |
            4 | lisen = ["https://127.0.0.1:1"]
              | ^^^^^
            unknown field `lisen`, expected one of `listen`, `advertise`, `cert`, `key`, `ca`, `cert_auth`
        "#]]
        .assert_eq(&text);
    }

    #[test]
    fn a_bad_value_is_refused_with_its_line() {
        let file = file("[storage]\ndisk_reserve = \"12 apples\"\n");
        let error = load(Some(file.path()), &Settings::default()).expect_err("not a size");
        let text = error.to_string();
        assert!(text.contains("line 2") && text.contains("a size such as 512MiB"), "{text}");
    }
}
