//! [`ClientCertificates`]: users by client certificate: the common name is the user, organizations
//! are its groups.
//!
//! A verified chain is remembered by its bytes for a while: verifying costs more than all else that
//! a small request does.

use super::{OptionsError, Outcome};
use crate::kube::clock;
use crate::kube::limits::{CERTIFICATE_REMEMBERED_S, CREDENTIALS_REMEMBERED_MAX};
use crate::kube::user::User;
use parking_lot::RwLock;
use rustls::RootCertStore;
use rustls::crypto::aws_lc_rs;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, UnixTime};
use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;
use x509_parser::oid_registry::Oid;
use x509_parser::prelude::{FromDer, X509Certificate};

/// `1.3.6.1.4.1.57683.2`: the user's uid, in the subject.
const UID: &[u64] = &[1, 3, 6, 1, 4, 1, 57_683, 2];

pub struct ClientCertificates {
    verifier: Arc<dyn ClientCertVerifier>,
    remembered: RwLock<HashMap<Box<[u8]>, Remembered>>,
}

struct Remembered {
    user: User,
    /// Seconds since the epoch.
    until: u64,
}

impl ClientCertificates {
    pub fn new(authorities_pem: &[u8]) -> Result<Self, OptionsError> {
        let fault = |message: String| OptionsError::ClientCa { message };
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(authorities_pem) {
            let certificate = certificate.map_err(|error| fault(error.to_string()))?;
            roots.add(certificate).map_err(|error| fault(error.to_string()))?;
        }
        let provider = Arc::new(aws_lc_rs::default_provider());
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
        let verifier = verifier.build().map_err(|error| fault(error.to_string()))?;
        Ok(Self { verifier, remembered: RwLock::default() })
    }

    /// The chain begins with the client's own certificate.
    pub fn authenticate(&self, chain: &[CertificateDer<'_>]) -> Outcome {
        let now = clock::now().seconds.max(0).cast_unsigned();
        let key: Cow<'_, [u8]> = match chain {
            [] => return Outcome::NotMine,
            [one] => Cow::Borrowed(one),
            many => Cow::Owned(many.iter().flat_map(|one| one.iter().copied()).collect()),
        };
        if let Some(held) = self.remembered.read().get(&*key)
            && now < held.until
        {
            return Outcome::Known(held.user.clone());
        }
        match self.verify(&chain[0], &chain[1..], now) {
            Ok(Some((user, expires))) => {
                let until = expires.min(now + CERTIFICATE_REMEMBERED_S);
                self.remember(key.into(), Remembered { user: user.clone(), until });
                Outcome::Known(user)
            }
            Ok(None) => Outcome::NotMine,
            Err(why) => Outcome::Refused(why),
        }
    }

    fn remember(&self, key: Box<[u8]>, held: Remembered) {
        let mut remembered = self.remembered.write();
        if remembered.len() >= CREDENTIALS_REMEMBERED_MAX {
            remembered.clear();
        }
        remembered.insert(key, held);
    }

    /// The user and when the certificate expires; none where it names no user.
    fn verify(
        &self,
        own: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        now: u64,
    ) -> Result<Option<(User, u64)>, String> {
        let at = UnixTime::since_unix_epoch(Duration::from_secs(now));
        self.verifier
            .verify_client_cert(own, others, at)
            .map_err(|error| format!("verifying a client certificate failed: {error}"))?;
        let (_, parsed) = X509Certificate::from_der(own).map_err(|error| error.to_string())?;
        let expires = parsed.validity().not_after.timestamp().max(0).cast_unsigned();
        let user = user_of(own, &parsed)?;
        Ok(user.map(|user| (user, expires)))
    }
}

fn user_of(der: &[u8], certificate: &X509Certificate<'_>) -> Result<Option<User>, String> {
    let subject = certificate.subject();
    let text = |attribute: &x509_parser::x509::AttributeTypeAndValue<'_>| {
        attribute.as_str().map(str::to_owned).map_err(|error| error.to_string())
    };
    let Some(name) = subject.iter_common_name().last() else { return Ok(None) };
    let name = text(name)?;
    if name.is_empty() {
        return Ok(None);
    }
    let groups = subject.iter_organization().map(text).collect::<Result<_, _>>()?;
    let oid = Oid::from(UID).map_err(|_| "the uid's OID".to_owned())?;
    let uids: Vec<String> = subject.iter_by_oid(&oid).map(text).collect::<Result<_, _>>()?;
    let uid = match uids.as_slice() {
        [] => String::new(),
        [one] if !one.is_empty() => one.clone(),
        [_] => return Err("UID cannot be an empty string".to_owned()),
        many => return Err(format!("expected 1 UID, but found multiple: {many:?}")),
    };
    let mut user = User { name, uid, groups, ..User::default() };
    user.set_extra(User::CREDENTIAL_ID, fingerprint(der));
    Ok(Some(user))
}

fn fingerprint(der: &[u8]) -> String {
    let digest = ::aws_lc_rs::digest::digest(&::aws_lc_rs::digest::SHA256, der);
    let mut text = "X509SHA256=".to_owned();
    for byte in digest.as_ref() {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{
        BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose,
        IsCa, KeyPair,
    };

    type Authority = CertifiedIssuer<'static, KeyPair>;

    fn authority() -> Authority {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        CertifiedIssuer::self_signed(params, key).expect("an authority")
    }

    fn client(
        by: &Authority,
        name: &str,
        change: impl FnOnce(&mut CertificateParams),
    ) -> CertificateDer<'static> {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.distinguished_name.push(DnType::OrganizationName, "g");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        change(&mut params);
        let key = KeyPair::generate().expect("a key");
        params.signed_by(&key, by).expect("signed").der().clone()
    }

    fn authenticator(of: &Authority) -> ClientCertificates {
        ClientCertificates::new(of.pem().as_bytes()).expect("a verifier")
    }

    #[test]
    fn a_good_certificate_names_user_and_groups() {
        let authority = authority();
        let certificates = authenticator(&authority);
        let own = client(&authority, "ann", |_| {});
        for _ in ["verified", "remembered"] {
            let Outcome::Known(user) = certificates.authenticate(std::slice::from_ref(&own)) else {
                panic!("not known");
            };
            assert_eq!((user.name.as_str(), user.groups), ("ann", vec!["g".to_owned()]));
            assert!(user.extra[User::CREDENTIAL_ID][0].starts_with("X509SHA256="));
        }
        assert!(matches!(certificates.authenticate(&[]), Outcome::NotMine));
        let nameless = client(&authority, "", |_| {});
        assert!(matches!(certificates.authenticate(&[nameless]), Outcome::NotMine));
    }

    #[test]
    fn strangers_and_the_expired_are_refused() {
        let (ours, theirs) = (authority(), authority());
        let certificates = authenticator(&ours);
        let year = |year| rcgen::date_time_ymd(year, 1, 1);
        for own in [
            client(&theirs, "ann", |_| {}),
            client(&ours, "ann", |params| params.not_after = year(2000)),
            client(&ours, "ann", |params| params.not_before = year(3000)),
            client(&ours, "ann", |params| {
                params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
            }),
            CertificateDer::from(vec![1, 2, 3]),
        ] {
            assert!(matches!(certificates.authenticate(&[own]), Outcome::Refused(_)));
        }
        assert!(certificates.remembered.read().is_empty());
    }

    #[test]
    fn a_chain_may_have_authorities_between() {
        let root = authority();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "between");
        let key = KeyPair::generate().expect("a key");
        let between = CertifiedIssuer::signed_by(params, key, &root).expect("an authority");
        let own = client(&between, "ann", |_| {});
        let certificates = authenticator(&root);
        let alone = certificates.authenticate(std::slice::from_ref(&own));
        assert!(matches!(alone, Outcome::Refused(_)));
        let with = certificates.authenticate(&[own, between.der().clone()]);
        assert!(matches!(with, Outcome::Known(_)));
    }
}
