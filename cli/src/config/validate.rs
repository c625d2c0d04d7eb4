//! From [`Settings`] with defaults to [`Config`]: every rule that a replica relies on.

use super::cluster::by_name;
use super::settings::{ClientSettings, LogFormat, PeerSettings, Settings};
use super::units::{ByteSize, Retention};
use super::{Client, ClientTls, Cluster, Config, ConfigError, Log, Peer, PeerTls, Storage, Url};
use std::collections::BTreeSet;
use std::net::SocketAddr;

impl Settings {
    /// Checks what a value means together with the others.
    pub fn validate(self) -> Result<Config, ConfigError> {
        let settings = self.with_defaults();
        let name = settings.name.clone().unwrap_or_default();
        if name.is_empty() || name.contains(['=', ',', '/']) || name.chars().any(char::is_control) {
            return Err(ConfigError::invalid("name", "must not be empty nor contain = , /"));
        }
        let insecure = settings.insecure.unwrap_or_default();
        let client = client(&settings.client, insecure)?;
        let peer = peer(&settings.peer, insecure)?;
        if let Some(shared) = client.listen.iter().find(|address| peer.listen.contains(address)) {
            let problem = format!("{shared} is in client.listen too; choose another port");
            return Err(ConfigError::invalid("peer.listen", problem));
        }
        let api = super::api::api(&settings.api)?;
        let cluster = cluster(&settings, &name, &peer)?;
        let storage = Storage {
            disk_reserve_bytes: settings.storage.disk_reserve.map(|reserve| reserve.0),
            retention: settings.storage.auto_compaction_retention.unwrap_or(Retention::All),
        };
        let log = log(&settings)?;
        let data_dir = settings.data_dir.unwrap_or_default();
        Ok(Config { name, data_dir, cluster, client, peer, api, storage, log })
    }
}

fn client(settings: &ClientSettings, insecure: bool) -> Result<Client, ConfigError> {
    let urls = settings.listen.as_deref().unwrap_or_default();
    let listen = sockets("client.listen", urls)?;
    let tls = if scheme("client.listen", urls, insecure)? {
        let missing = || {
            let remedy =
                "give --client-cert and --client-key, or --insecure for plain HTTP on loopback";
            ConfigError::invalid("client.cert", format!("https needs a certificate: {remedy}"))
        };
        Some(ClientTls {
            cert: settings.cert.clone().ok_or_else(missing)?,
            key: settings.key.clone().ok_or_else(missing)?,
            client_ca: settings.ca.clone().filter(|_| settings.cert_auth == Some(true)),
        })
    } else {
        None
    };
    if settings.cert_auth == Some(true) && settings.ca.is_none() {
        let problem = "needs client.ca: the authorities whose certificates to accept";
        return Err(ConfigError::invalid("client.cert_auth", problem));
    }
    let advertise = settings.advertise.clone().unwrap_or_default();
    connectable("client.advertise", &advertise)?;
    Ok(Client { listen, advertise, tls })
}

fn peer(settings: &PeerSettings, insecure: bool) -> Result<Peer, ConfigError> {
    let urls = settings.listen.as_deref().unwrap_or_default();
    let listen = sockets("peer.listen", urls)?;
    let tls = if scheme("peer.listen", urls, insecure)? {
        let missing = || {
            let remedy = "give --peer-cert, --peer-key and --peer-ca, or --insecure for plain HTTP on loopback";
            ConfigError::invalid("peer.cert", format!("https needs certificates: {remedy}"))
        };
        Some(PeerTls {
            cert: settings.cert.clone().ok_or_else(missing)?,
            key: settings.key.clone().ok_or_else(missing)?,
            ca: settings.ca.clone().ok_or_else(missing)?,
        })
    } else {
        None
    };
    let advertise = settings.advertise.clone().unwrap_or_default();
    connectable("peer.advertise", &advertise)?;
    Ok(Peer { listen, advertise, tls })
}

fn cluster(settings: &Settings, name: &str, peer: &Peer) -> Result<Cluster, ConfigError> {
    const KEY: &str = "cluster.initial";
    let members = by_name(settings.cluster.initial.as_deref().unwrap_or_default());
    let mut seen = BTreeSet::new();
    for url in members.iter().flat_map(|(_, urls)| urls) {
        if !seen.insert(url) {
            return Err(ConfigError::invalid(KEY, format!("{url} stands there twice")));
        }
    }
    let own = members.iter().find(|(member, _)| member == name).map(|(_, urls)| urls);
    let own = own.ok_or_else(|| {
        ConfigError::invalid(KEY, format!("does not name this replica ({name:?})"))
    })?;
    if own.iter().collect::<BTreeSet<_>>() != peer.advertise.iter().collect() {
        let problem = format!(
            "gives {name} other URLs than peer.advertise ({})",
            peer.advertise.iter().map(Url::to_string).collect::<Vec<_>>().join(", ")
        );
        return Err(ConfigError::invalid(KEY, problem));
    }
    let token = settings.cluster.token.clone().unwrap_or_default();
    Ok(Cluster { members, token, join: settings.cluster.join.unwrap_or_default() })
}

fn log(settings: &Settings) -> Result<Log, ConfigError> {
    let log = &settings.log;
    let filter = log.filter.clone().unwrap_or_default();
    if let Err(error) = filter.parse::<tracing_subscriber::filter::Targets>() {
        return Err(ConfigError::invalid("log.filter", error.to_string()));
    }
    let file_size_bytes_max = log.file_size.unwrap_or(ByteSize(0)).0;
    if file_size_bytes_max < 4096 {
        return Err(ConfigError::invalid("log.file_size", "must be at least 4KiB"));
    }
    let format = log.format.unwrap_or(LogFormat::Text);
    Ok(Log { format, filter, file: log.file.clone(), file_size_bytes_max })
}

/// True for TLS. All URLs of a listener have one scheme.
fn scheme(key: &'static str, urls: &[Url], insecure: bool) -> Result<bool, ConfigError> {
    let plain: Vec<&Url> = urls.iter().filter(|url| !url.tls).collect();
    let Some(first) = plain.first() else { return Ok(true) };
    if plain.len() != urls.len() {
        return Err(ConfigError::invalid(key, "mixes http and https; use one of them"));
    }
    if let Some(exposed) = plain.iter().find(|url| !url.is_loopback()) {
        let problem = format!(
            "{exposed} is reachable from other machines: plain HTTP is for loopback only, use https"
        );
        return Err(ConfigError::invalid(key, problem));
    }
    if !insecure {
        let problem = format!("{first} is plain HTTP: use https, or say --insecure");
        return Err(ConfigError::invalid(key, problem));
    }
    Ok(false)
}

pub(super) fn sockets(key: &'static str, urls: &[Url]) -> Result<Vec<SocketAddr>, ConfigError> {
    if urls.is_empty() {
        return Err(ConfigError::invalid(key, "must not be empty"));
    }
    let socket = |url: &Url| {
        url.socket().ok_or_else(|| {
            ConfigError::invalid(key, format!("{url}: listen on an IP address, not a name"))
        })
    };
    urls.iter().map(socket).collect()
}

fn connectable(key: &'static str, urls: &[Url]) -> Result<(), ConfigError> {
    if urls.is_empty() {
        return Err(ConfigError::invalid(key, "must not be empty"));
    }
    match urls.iter().find(|url| url.is_unspecified()) {
        None => Ok(()),
        Some(url) => {
            let problem = format!("{url}: nobody can connect there; give the address to use");
            Err(ConfigError::invalid(key, problem))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    fn secure() -> Settings {
        let mut settings = Settings::default();
        settings.client.cert = Some(PathBuf::from("c.crt"));
        settings.client.key = Some(PathBuf::from("c.key"));
        settings.peer.cert = Some(PathBuf::from("p.crt"));
        settings.peer.key = Some(PathBuf::from("p.key"));
        settings.peer.ca = Some(PathBuf::from("p-ca.crt"));
        settings
    }

    fn urls(text: &str) -> Option<Vec<Url>> {
        Some(text.split(',').map(|url| url.parse().expect("a URL")).collect())
    }

    fn problem(change: impl FnOnce(&mut Settings)) -> String {
        let mut settings = secure();
        change(&mut settings);
        settings.validate().expect_err("should be refused").to_string()
    }

    #[test]
    fn accepts_tls_and_insecure_loopback() {
        let config = secure().validate().expect("complete");
        assert!(config.client.tls.is_some() && config.peer.tls.is_some());
        let insecure = Settings { insecure: Some(true), ..Settings::default() };
        let config = insecure.validate().expect("complete");
        assert!(config.client.tls.is_none() && config.peer.tls.is_none());
        assert_eq!(config.cluster.members.len(), 1);
    }

    #[test]
    fn refuses_what_cannot_work() {
        type Change = fn(&mut Settings);
        let cases: &[(&str, Change)] = &[
            ("name: must not be empty", |s| s.name = Some("a=b".to_owned())),
            ("client.cert: https needs", |s| s.client.cert = None),
            ("peer.cert: https needs", |s| s.peer.ca = None),
            ("plain HTTP: use https", |s| s.client.listen = urls("http://127.0.0.1:1")),
            ("reachable from other machines", |s| {
                s.insecure = Some(true);
                s.client.listen = urls("http://0.0.0.0:1");
            }),
            ("mixes http and https", |s| {
                s.peer.listen = urls("http://127.0.0.1:1,https://127.0.0.1:2");
            }),
            ("not a name", |s| s.client.listen = urls("https://host.example:1")),
            ("nobody can connect", |s| s.client.listen = urls("https://0.0.0.0:1")),
            ("choose another port", |s| s.peer.listen = urls("https://127.0.0.1:2379")),
            ("needs client.ca", |s| s.client.cert_auth = Some(true)),
            ("does not name this replica", |s| {
                s.cluster.initial = Some(vec!["x=https://127.0.0.1:2380".parse().expect("ok")]);
            }),
            ("other URLs than peer.advertise", |s| {
                s.cluster.initial = Some(vec!["default=https://127.0.0.1:1".parse().expect("ok")]);
            }),
            ("stands there twice", |s| {
                let both = ["default=https://127.0.0.1:2380", "b=https://127.0.0.1:2380"];
                s.cluster.initial = Some(both.map(|text| text.parse().expect("ok")).into());
            }),
            ("log.filter", |s| s.log.filter = Some("info,,=x=".to_owned())),
            ("log.file_size", |s| s.log.file_size = Some(ByteSize(1))),
        ];
        for (expected, change) in cases {
            let problem = problem(change);
            assert!(problem.contains(expected), "{expected:?} not in {problem:?}");
        }
    }
}
