//! What an existing certificate says: whether it can stay.

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::prelude::X509Certificate;

/// The facts of a certificate that decide about its renewal.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Facts {
    pub not_after: SystemTime,
    /// DNS names and addresses that it is for.
    pub names: BTreeSet<String>,
    /// Identifier of the key that signed it, if it says so.
    pub authority_key: Option<Vec<u8>>,
    /// Identifier of its own key, if it says so.
    pub subject_key: Option<Vec<u8>>,
}

/// None if the text holds no certificate.
pub(super) fn facts(pem: &str) -> Option<Facts> {
    let der = CertificateDer::from_pem_slice(pem.as_bytes()).ok()?;
    let (_, certificate) = x509_parser::parse_x509_certificate(&der).ok()?;
    let not_after_s = u64::try_from(certificate.validity().not_after.timestamp()).ok()?;
    Some(Facts {
        not_after: SystemTime::UNIX_EPOCH + Duration::from_secs(not_after_s),
        names: names(&certificate),
        authority_key: find(&certificate, |extension| match extension {
            ParsedExtension::AuthorityKeyIdentifier(key) => Some(key.key_identifier.as_ref()?.0),
            _ => None,
        }),
        subject_key: find(&certificate, |extension| match extension {
            ParsedExtension::SubjectKeyIdentifier(key) => Some(key.0),
            _ => None,
        }),
    })
}

fn find(
    certificate: &X509Certificate<'_>,
    wanted: impl for<'a> Fn(&'a ParsedExtension<'a>) -> Option<&'a [u8]>,
) -> Option<Vec<u8>> {
    let extensions = certificate.iter_extensions();
    extensions.map(|extension| extension.parsed_extension()).find_map(wanted).map(<[u8]>::to_vec)
}

fn names(certificate: &X509Certificate<'_>) -> BTreeSet<String> {
    let extension = certificate.subject_alternative_name().ok().flatten();
    let general = extension.map(|extension| extension.value.general_names.as_slice());
    general.unwrap_or_default().iter().filter_map(name).collect()
}

fn name(general: &GeneralName<'_>) -> Option<String> {
    match general {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(octets) => match octets.len() {
            4 => Some(std::net::IpAddr::from(<[u8; 4]>::try_from(*octets).ok()?).to_string()),
            16 => Some(std::net::IpAddr::from(<[u8; 16]>::try_from(*octets).ok()?).to_string()),
            _ => None,
        },
        _ => None,
    }
}
