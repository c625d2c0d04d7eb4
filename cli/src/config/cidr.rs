//! [`Cidr`]: a range of addresses, as `10.96.0.0/16`.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// A network: its first address, and the bits that all its addresses share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Cidr {
    network: IpAddr,
    bits: u8,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CidrError {
    #[error("{text:?} is not a range of addresses such as 10.96.0.0/16")]
    Form { text: String },
    #[error("{text:?} does not begin its range: write {network}/{bits}")]
    NotFirst { text: String, network: IpAddr, bits: u8 },
}

impl Cidr {
    pub fn bits(&self) -> u8 {
        self.bits
    }

    /// The first address that a Service can have: the `kubernetes` Service has it.
    pub fn first_host(&self) -> IpAddr {
        match self.network {
            IpAddr::V4(ip) => Ipv4Addr::from(u32::from(ip) | 1).into(),
            IpAddr::V6(ip) => Ipv6Addr::from(u128::from(ip) | 1).into(),
        }
    }
}

impl FromStr for Cidr {
    type Err = CidrError;

    fn from_str(text: &str) -> Result<Self, CidrError> {
        let form = || CidrError::Form { text: text.to_owned() };
        let (ip, bits) = text.split_once('/').ok_or_else(form)?;
        let ip: IpAddr = ip.parse().map_err(|_| form())?;
        let width = if ip.is_ipv4() { 32 } else { 128 };
        let bits: u8 = bits.parse().ok().filter(|bits| *bits <= width).ok_or_else(form)?;
        let network = match ip {
            IpAddr::V4(ip) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(bits)).unwrap_or(0);
                IpAddr::V4((u32::from(ip) & mask).into())
            }
            IpAddr::V6(ip) => {
                let mask = u128::MAX.checked_shl(128 - u32::from(bits)).unwrap_or(0);
                IpAddr::V6((u128::from(ip) & mask).into())
            }
        };
        if network != ip {
            return Err(CidrError::NotFirst { text: text.to_owned(), network, bits });
        }
        Ok(Self { network, bits })
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.network, self.bits)
    }
}

impl TryFrom<String> for Cidr {
    type Error = CidrError;

    fn try_from(text: String) -> Result<Self, CidrError> {
        text.parse()
    }
}

impl From<Cidr> for String {
    fn from(cidr: Cidr) -> String {
        cidr.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trips() {
        for (text, first) in
            [("10.96.0.0/16", "10.96.0.1"), ("fd00:1::/108", "fd00:1::1"), ("0.0.0.0/0", "0.0.0.1")]
        {
            let cidr: Cidr = text.parse().expect(text);
            assert_eq!(cidr.to_string(), text);
            assert_eq!(cidr.first_host().to_string(), first);
        }
        for bad in ["10.96.0.0", "10.96.0.0/33", "x/1", "10.96.0.0/-1", "10.96.1.0/16"] {
            assert!(bad.parse::<Cidr>().is_err(), "{bad}");
        }
    }
}
