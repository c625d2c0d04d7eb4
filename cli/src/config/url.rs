//! [`Url`]: `http://host:port` or `https://host:port`, as etcd writes addresses.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

/// An address of a replica. It has no path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Url {
    pub tls: bool,
    /// A host name, or an IP address without brackets.
    pub host: String,
    pub port: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    #[error("{url:?} must start with https:// or http://")]
    Scheme { url: String },
    #[error("{url:?} must end in host:port")]
    Address { url: String },
}

impl Url {
    pub fn new(tls: bool, ip: IpAddr, port: u16) -> Self {
        Self { tls, host: ip.to_string(), port }
    }

    /// The socket to listen on; None for a host name.
    pub fn socket(&self) -> Option<SocketAddr> {
        let ip = if self.host == "localhost" { "127.0.0.1" } else { &self.host };
        Some(SocketAddr::new(ip.parse().ok()?, self.port))
    }

    /// True if only processes of this machine can connect.
    pub fn is_loopback(&self) -> bool {
        self.socket().is_some_and(|socket| socket.ip().is_loopback())
    }

    /// True for `0.0.0.0` and `::`, where one can listen but not connect.
    pub fn is_unspecified(&self) -> bool {
        self.socket().is_some_and(|socket| socket.ip().is_unspecified())
    }
}

impl FromStr for Url {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        let (scheme, rest) =
            text.split_once("://").ok_or_else(|| UrlError::Scheme { url: text.to_owned() })?;
        let tls = match scheme {
            "https" => true,
            "http" => false,
            _ => return Err(UrlError::Scheme { url: text.to_owned() }),
        };
        let address = || UrlError::Address { url: text.to_owned() };
        let (host, port) = rest.trim_end_matches('/').rsplit_once(':').ok_or_else(address)?;
        let host = match host.strip_prefix('[') {
            Some(v6) => v6.strip_suffix(']').filter(|v6| v6.parse::<Ipv6Addr>().is_ok()),
            None => Some(host).filter(|host| !host.is_empty() && !host.contains([':', '/'])),
        };
        let host = host.ok_or_else(address)?.to_owned();
        Ok(Self { tls, host, port: port.parse().map_err(|_| address())? })
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "https" } else { "http" };
        if self.host.contains(':') {
            write!(f, "{scheme}://[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{scheme}://{}:{}", self.host, self.port)
        }
    }
}

impl TryFrom<String> for Url {
    type Error = UrlError;

    fn try_from(text: String) -> Result<Self, UrlError> {
        text.parse()
    }
}

impl From<Url> for String {
    fn from(url: Url) -> String {
        url.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trips() {
        for text in ["https://127.0.0.11:2379", "http://[::1]:80", "https://replica-1.example:1"] {
            assert_eq!(text.parse::<Url>().expect(text).to_string(), text);
        }
    }

    #[test]
    fn refuses_what_is_not_an_address() {
        for text in
            ["127.0.0.1:1", "ftp://a:1", "http://a", "http://:1", "http://a:b", "http://a/x:1"]
        {
            assert!(text.parse::<Url>().is_err(), "{text}");
        }
    }

    #[test]
    fn knows_loopback() {
        let loopback = |text: &str| text.parse::<Url>().expect(text).is_loopback();
        assert!(loopback("http://127.9.9.9:1") && loopback("http://localhost:1"));
        assert!(loopback("http://[::1]:1") && !loopback("http://10.0.0.1:1"));
        assert!(!loopback("http://replica.example:1") && !loopback("http://0.0.0.0:1"));
    }
}
