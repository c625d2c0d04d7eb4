//! [`Connection`]: which cluster a command talks to, and with which certificates.

use super::{Client, Tls, failure};
use crate::failure::{Failure, Kind};
use crate::surroundings::default_data_dir;
use crate::up::{ClusterFile, Layout};
use clap::Args;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Without any of these, the cluster of `xebec up` in its usual place.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Connection")]
pub struct Connection {
    /// Client URLs of the cluster, separated by commas.
    #[arg(
        long,
        env = "ETCDCTL_ENDPOINTS",
        value_name = "URL,...",
        value_delimiter = ',',
        global = true
    )]
    endpoints: Vec<String>,

    /// Authorities of the servers' certificates, PEM.
    #[arg(long, env = "ETCDCTL_CACERT", value_name = "FILE", global = true)]
    cacert: Option<PathBuf>,

    /// Certificate to show, PEM.
    #[arg(long, env = "ETCDCTL_CERT", value_name = "FILE", requires = "key", global = true)]
    cert: Option<PathBuf>,

    /// Its private key, PEM.
    #[arg(long, env = "ETCDCTL_KEY", value_name = "FILE", requires = "cert", global = true)]
    key: Option<PathBuf>,

    /// Take addresses and certificates from this directory of `xebec up`; goes before the others.
    #[arg(long, value_name = "DIR", global = true)]
    data: Option<PathBuf>,

    /// How long to wait for each answer, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 5, global = true)]
    timeout_s: u64,
}

/// A [`Connection`] with everything found.
pub struct Endpoints {
    pub clients: Vec<Client>,
    /// The directory of `xebec up`, if that is where the addresses come from.
    pub layout: Option<Layout>,
}

impl Connection {
    /// The cluster of `xebec up` in `dir`.
    pub fn of_directory(dir: &Path) -> Self {
        Self { data: Some(dir.to_owned()), timeout_s: 5, ..Self::default() }
    }

    pub fn resolve(&self) -> Result<Endpoints, Failure> {
        let timeout = Duration::from_secs(self.timeout_s.max(1));
        if self.data.is_none() && !self.endpoints.is_empty() {
            let tls = self.tls()?;
            return Ok(Endpoints {
                clients: clients(&self.endpoints, &tls, timeout)?,
                layout: None,
            });
        }
        let dir = match &self.data {
            Some(dir) => crate::surroundings::absolute(dir)?,
            None => default_data_dir()?,
        };
        let layout = Layout::new(dir);
        let Some(cluster) = ClusterFile::read(&layout)? else {
            let message = format!("there is no cluster in {}", layout.root().display());
            return Err(Failure::new(Kind::Configuration, message)
                .remedy("start one with xebec up, or say where it is: --endpoints or --data"));
        };
        let pki = layout.pki();
        let tls =
            read_tls(&pki.join("ca.crt"), Some((&pki.join("admin.crt"), &pki.join("admin.key"))))?;
        let clients = clients(&cluster.client_urls(), &tls, timeout)?;
        Ok(Endpoints { clients, layout: Some(layout) })
    }

    fn tls(&self) -> Result<Tls, Failure> {
        let identity = self.cert.as_deref().zip(self.key.as_deref());
        match &self.cacert {
            Some(ca) => read_tls(ca, identity),
            None if identity.is_some() => {
                Err(Failure::new(Kind::Configuration, "--cert needs --cacert as well"))
            }
            None => Ok(Tls::default()),
        }
    }
}

fn read_tls(ca: &Path, identity: Option<(&Path, &Path)>) -> Result<Tls, Failure> {
    let read =
        |path: &Path| std::fs::read(path).map_err(|error| Failure::io(path.display(), &error));
    let identity = match identity {
        Some((cert, key)) => Some((read(cert)?, read(key)?)),
        None => None,
    };
    Ok(Tls { ca: Some(read(ca)?), identity })
}

fn clients(urls: &[String], tls: &Tls, timeout: Duration) -> Result<Vec<Client>, Failure> {
    // etcdctl takes addresses without a scheme too.
    let with_scheme = |url: &String| match url.contains("://") {
        true => url.clone(),
        false if tls.ca.is_some() => format!("https://{url}"),
        false => format!("http://{url}"),
    };
    urls.iter().map(|url| Client::new(&with_scheme(url), tls, timeout)).collect()
}

impl Endpoints {
    /// The first replica that answers and knows a leader.
    pub async fn any(&self) -> Result<&Client, Failure> {
        let mut last = Failure::new(Kind::Unavailable, "there are no endpoints");
        for client in &self.clients {
            match client.status().await {
                Ok(status) if status.leader != 0 => return Ok(client),
                Ok(_) => {
                    let message = format!("{}: no leader", client.url);
                    last = Failure::new(Kind::Unavailable, message)
                        .remedy("a majority of the members must run: see xebec status");
                }
                Err(status) => {
                    last = failure(&client.url, &status)
                        .remedy("is the cluster running? see xebec up and --endpoints");
                }
            }
        }
        Err(last)
    }
}
