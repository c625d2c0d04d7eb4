//! [`Authority`]: a certificate authority in two files, and what it signs.

use super::inspect::facts;
use super::{AUTHORITY_VALIDITY, BACKDATE, Pair, PkiError, RENEW_BEFORE, VALIDITY, files};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

/// What a certificate is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    Server,
    Client,
    /// Both ends of a connection between replicas.
    Peer,
}

impl Purpose {
    fn usages(self) -> Vec<ExtendedKeyUsagePurpose> {
        use ExtendedKeyUsagePurpose::{ClientAuth, ServerAuth};
        match self {
            Self::Server => vec![ServerAuth],
            Self::Client => vec![ClientAuth],
            Self::Peer => vec![ServerAuth, ClientAuth],
        }
    }
}

/// Whose certificate it is.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    pub common_name: &'a str,
    /// In the Kubernetes API: a group that the user is in.
    pub organization: &'a str,
}

impl<'a> Subject<'a> {
    pub fn new(common_name: &'a str) -> Self {
        Self { common_name, organization: "xebec" }
    }
}

pub struct Authority {
    pub(super) cert: PathBuf,
    issuer: Issuer<'static, KeyPair>,
    /// Identifier of its key: certificates of an earlier authority are told apart by it.
    key_id: Option<Vec<u8>>,
}

impl Authority {
    /// Reads the authority, or makes it if its certificate is absent or near its end. One that is
    /// there but unreadable is an error: a new one would lock out everybody with an old one.
    pub(super) fn open(pair: &Pair, name: &str, now: SystemTime) -> Result<Self, PkiError> {
        let unusable = |path: &PathBuf| {
            let path = path.clone();
            move |message: String| PkiError::Unusable { path, message }
        };
        let pem = match files::read(&pair.cert)? {
            None => Self::create(pair, name, now)?,
            Some(pem) => {
                let facts = facts(&pem).ok_or("no certificate".to_owned());
                let facts = facts.map_err(unusable(&pair.cert))?;
                if facts.not_after > now + VALIDITY { pem } else { Self::create(pair, name, now)? }
            }
        };
        let key = files::read(&pair.key)?.unwrap_or_default();
        let key = KeyPair::from_pem(&key).map_err(|e| unusable(&pair.key)(e.to_string()))?;
        let issuer = Issuer::from_ca_cert_pem(&pem, key);
        let issuer = issuer.map_err(|error| unusable(&pair.cert)(error.to_string()))?;
        let key_id = facts(&pem).and_then(|facts| facts.subject_key);
        Ok(Self { cert: pair.cert.clone(), issuer, key_id })
    }

    fn create(pair: &Pair, name: &str, now: SystemTime) -> Result<String, PkiError> {
        let key = KeyPair::generate()?;
        let mut params = params(Subject::new(name), &BTreeSet::new(), now, AUTHORITY_VALIDITY)?;
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let pem = params.self_signed(&key)?.pem();
        // The key first: a certificate without its key would be an authority that cannot sign.
        files::write_private(&pair.key, &key.serialize_pem())?;
        files::write_public(&pair.cert, &pem)?;
        Ok(pem)
    }

    /// Leaves a certificate alone that is good for `names` and long enough; else makes another.
    pub(super) fn ensure(
        &self,
        pair: &Pair,
        subject: Subject<'_>,
        names: &BTreeSet<String>,
        purpose: Purpose,
        now: SystemTime,
    ) -> Result<(), PkiError> {
        let existing = files::read(&pair.cert)?.and_then(|pem| facts(&pem));
        let good = existing.is_some_and(|facts| {
            facts.not_after > now + RENEW_BEFORE
                && facts.names == *names
                && facts.authority_key == self.key_id
        });
        if good && pair.key.is_file() {
            return Ok(());
        }
        let key = KeyPair::generate()?;
        let mut params = params(subject, names, now, VALIDITY)?;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = purpose.usages();
        params.use_authority_key_identifier_extension = true;
        let pem = params.signed_by(&key, &self.issuer)?.pem();
        // The certificate last: until it is there, the pair counts as absent and is made again.
        if let Err(error) = std::fs::remove_file(&pair.cert)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            return Err(PkiError::Io { path: pair.cert.clone(), source: error });
        }
        files::write_private(&pair.key, &key.serialize_pem())?;
        files::write_public(&pair.cert, &pem)
    }
}

fn params(
    subject: Subject<'_>,
    names: &BTreeSet<String>,
    now: SystemTime,
    validity: Duration,
) -> Result<CertificateParams, PkiError> {
    let mut params = CertificateParams::new(names.iter().cloned().collect::<Vec<_>>())?;
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, subject.common_name);
    params.distinguished_name.push(DnType::OrganizationName, subject.organization);
    let since_epoch = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    params.not_before = epoch + since_epoch.saturating_sub(BACKDATE);
    params.not_after = epoch + since_epoch + validity;
    Ok(params)
}
