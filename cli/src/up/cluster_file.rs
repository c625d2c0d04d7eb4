//! [`ClusterFile`]: the members that `xebec up` runs on this machine, remembered between starts.

use super::layout::Layout;
use crate::config::Url;
use crate::failure::{Failure, Kind};
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, Ipv4Addr};

/// Replicas that a new cluster has.
const REPLICAS: u8 = 3;

const API_PORT: u16 = 6443;

/// `cluster.toml`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClusterFile {
    pub token: String,
    /// True once every member has been up: from then on an empty data directory is lost data, not
    /// a new member.
    pub formed: bool,
    /// None in files of versions that did not serve it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api: Option<ApiAddresses>,
    pub members: Vec<LocalMember>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LocalMember {
    pub name: String,
    pub client_url: Url,
    pub peer_url: Url,
    /// True for a member that was added to the running cluster.
    #[serde(default)]
    pub join: bool,
}

/// Where the Kubernetes API is served: on the client address of every member, and by the leader.
/// Members do not know each other by these addresses: they may change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApiAddresses {
    pub port: u16,
    pub vip: IpAddr,
}

/// Addresses of a new cluster: consecutive ones from `base`, the same ports on each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Addresses {
    pub base: Ipv4Addr,
    pub client_port: u16,
    pub peer_port: u16,
}

impl ClusterFile {
    pub fn new(addresses: Addresses, token: &str) -> Result<Self, Failure> {
        let member = |number: u8| {
            let ip = u32::from(addresses.base).checked_add(u32::from(number))?;
            let ip = Ipv4Addr::from(ip);
            ip.is_loopback().then(|| LocalMember {
                name: format!("m{}", number + 1),
                client_url: Url::new(true, ip.into(), addresses.client_port),
                peer_url: Url::new(true, ip.into(), addresses.peer_port),
                join: false,
            })
        };
        let members: Option<Vec<_>> = (0..REPLICAS).map(member).collect();
        let members = members.ok_or_else(|| {
            let message =
                format!("{} and the two addresses after it are not loopback", addresses.base);
            Failure::new(Kind::Configuration, message)
                .remedy("xebec up runs all replicas on this machine: choose a base in 127.0.0.0/8")
        })?;
        if addresses.client_port == addresses.peer_port {
            let message = "--client-port and --peer-port must differ";
            return Err(Failure::new(Kind::Configuration, message));
        }
        Ok(Self { token: token.to_owned(), formed: false, api: None, members })
    }

    /// None if there is no cluster in this directory yet.
    pub fn read(layout: &Layout) -> Result<Option<Self>, Failure> {
        let path = layout.cluster();
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Failure::io(path.display(), &error)),
        };
        let file = toml::from_str(&text)
            .map_err(|error| Failure::new(Kind::Data, format!("{}: {error}", path.display())))?;
        Ok(Some(file))
    }

    pub fn write(&self, layout: &Layout) -> Result<(), Failure> {
        let text = toml::to_string(self).expect("a cluster file is made of TOML's types");
        let text = format!("# The replicas that `xebec up` runs; written by it.\n\n{text}");
        Ok(crate::pki::write_private(&layout.cluster(), &text)?)
    }

    /// Refuses addresses other than those that the cluster was made with: its members know each
    /// other by them.
    pub fn check(&self, addresses: Addresses, layout: &Layout) -> Result<(), Failure> {
        let wanted = Self::new(addresses, &self.token)?;
        let differs = |member: &LocalMember| {
            let same_name = self.members.iter().find(|other| other.name == member.name);
            same_name.filter(|other| {
                other.client_url != member.client_url || other.peer_url != member.peer_url
            })
        };
        match wanted.members.iter().find_map(differs) {
            None => Ok(()),
            Some(member) => Err(Failure::new(
                Kind::Configuration,
                format!(
                    "the cluster in {} has {} at {} and {}",
                    layout.root().display(),
                    member.name,
                    member.client_url,
                    member.peer_url
                ),
            )
            .remedy("start it with the addresses it was made with, or give another --data")),
        }
    }

    /// Where the Kubernetes API is served. Usually the virtual address is the one before the first
    /// member's: 127.0.0.10.
    pub fn api(&self) -> ApiAddresses {
        self.api.unwrap_or_else(|| {
            let first = self.members.first().and_then(|member| member.client_url.socket());
            let before = match first.map(|socket| socket.ip()) {
                Some(IpAddr::V4(ip)) if ip.is_loopback() && ip.octets()[3] > 1 => {
                    Ipv4Addr::from(u32::from(ip) - 1)
                }
                _ => Ipv4Addr::new(127, 0, 0, 10),
            };
            ApiAddresses { port: API_PORT, vip: before.into() }
        })
    }

    /// Moves the Kubernetes API.
    pub fn set_api(&mut self, port: Option<u16>, vip: Option<IpAddr>) -> Result<(), Failure> {
        let usual = self.api();
        let api = ApiAddresses { port: port.unwrap_or(usual.port), vip: vip.unwrap_or(usual.vip) };
        self.api = Some(api);
        let refuse = |message: String| Err(Failure::new(Kind::Configuration, message));
        for member in &self.members {
            let ports = [member.client_url.port, member.peer_url.port];
            if ports.contains(&api.port) {
                return refuse(format!("{} has port {} for other things", member.name, api.port));
            }
            if self.api_url(member).socket().is_some_and(|socket| socket.ip() == api.vip) {
                return refuse(format!("{} is the address of {}", api.vip, member.name));
            }
        }
        Ok(())
    }

    /// Where a member serves the Kubernetes API.
    pub fn api_url(&self, member: &LocalMember) -> Url {
        Url { tls: true, host: member.client_url.host.clone(), port: self.api().port }
    }

    /// Where the leader serves it.
    pub fn vip_url(&self) -> Url {
        let api = self.api();
        Url::new(true, api.vip, api.port)
    }

    pub fn client_urls(&self) -> Vec<String> {
        self.members.iter().map(|member| member.client_url.to_string()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADDRESSES: Addresses =
        Addresses { base: Ipv4Addr::new(127, 0, 0, 11), client_port: 2379, peer_port: 2380 };

    #[test]
    fn is_read_as_it_was_written() {
        let dir = tempfile::tempdir().expect("a directory");
        let layout = Layout::new(dir.path().to_owned());
        assert_eq!(ClusterFile::read(&layout).expect("readable"), None);
        let file = ClusterFile::new(ADDRESSES, "t").expect("loopback");
        assert_eq!(file.client_urls()[2], "https://127.0.0.13:2379");
        file.write(&layout).expect("writable");
        assert_eq!(ClusterFile::read(&layout).expect("readable"), Some(file));
    }

    #[test]
    fn a_file_of_a_version_without_kubernetes_is_read() {
        let text = "token = 't'\nformed = true\n[[members]]\nname = 'm1'\n\
                    client_url = 'https://127.0.0.11:2379'\npeer_url = 'https://127.0.0.11:2380'\n";
        let mut file: ClusterFile = toml::from_str(text).expect("valid");
        assert_eq!(file.vip_url().to_string(), "https://127.0.0.10:6443");
        assert_eq!(file.api_url(&file.members[0]).to_string(), "https://127.0.0.11:6443");
        file.set_api(Some(7443), None).expect("free");
        assert_eq!(file.vip_url().to_string(), "https://127.0.0.10:7443");
        assert!(file.set_api(Some(2380), None).is_err(), "taken by peers");
        assert!(file.set_api(None, Some([127, 0, 0, 11].into())).is_err(), "taken by m1");
    }

    #[test]
    fn addresses_are_for_life() {
        let layout = Layout::new("/x".into());
        let file = ClusterFile::new(ADDRESSES, "t").expect("loopback");
        assert!(file.check(ADDRESSES, &layout).is_ok());
        let failure = file.check(Addresses { peer_port: 1, ..ADDRESSES }, &layout);
        assert_eq!(failure.map_err(|failure| failure.kind), Err(Kind::Configuration));
    }

    #[test]
    fn stays_on_this_machine() {
        for base in [Ipv4Addr::new(10, 0, 0, 1), Ipv4Addr::new(127, 255, 255, 254)] {
            assert!(ClusterFile::new(Addresses { base, ..ADDRESSES }, "t").is_err());
        }
    }
}
