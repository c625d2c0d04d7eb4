//! [`SigningKey`] and [`PublicKey`]: the keys of service accounts' tokens.
//!
//! A key's id is the digest of its public half, as upstream's: replicas that share a key agree on
//! it, and so does whoever checks tokens by the published set.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED,
    ECDSA_P384_SHA384_FIXED_SIGNING, ECDSA_P521_SHA512_FIXED, ECDSA_P521_SHA512_FIXED_SIGNING,
    EcdsaKeyPair, EcdsaSigningAlgorithm, KeyPair as _, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_SHA256, RsaKeyPair, VerificationAlgorithm,
};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use rustls_pki_types::pem::{PemObject, SectionKind};
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::public_key::PublicKey as Parsed;
use x509_parser::x509::SubjectPublicKeyInfo;
use xebec_core::value::{Object, Value};

/// Why a key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error("not PEM: {message}")]
    Pem { message: String },
    #[error("no key in {what}")]
    Missing { what: &'static str },
    #[error("a key is neither RSA of at least 2048 bits nor on the curves P-256, P-384 or P-521")]
    Kind,
}

/// How a key signs, by its name in tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    Rs256,
    Es256,
    Es384,
    Es512,
}

impl Algorithm {
    pub fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::Es512 => "ES512",
        }
    }

    fn verification(self) -> &'static dyn VerificationAlgorithm {
        match self {
            Self::Rs256 => &RSA_PKCS1_2048_8192_SHA256,
            Self::Es256 => &ECDSA_P256_SHA256_FIXED,
            Self::Es384 => &ECDSA_P384_SHA384_FIXED,
            Self::Es512 => &ECDSA_P521_SHA512_FIXED,
        }
    }
}

/// What checks signatures.
pub struct PublicKey {
    pub id: String,
    pub algorithm: Algorithm,
    key: ParsedPublicKey,
    /// The key in the published set.
    pub jwk: Object,
}

impl PublicKey {
    /// All keys of a PEM text: public keys, certificates, or the public halves of private keys.
    pub fn read_all(pem: &[u8]) -> Result<Vec<Self>, KeyError> {
        let mut keys = Vec::new();
        for section in sections(pem)? {
            match section {
                (SectionKind::PublicKey, der) => keys.push(Self::from_der(&der)?),
                (SectionKind::Certificate, der) => {
                    let (_, parsed) =
                        X509Certificate::from_der(&der).map_err(|_| KeyError::Kind)?;
                    keys.push(Self::from_der(parsed.public_key().raw)?);
                }
                (kind, der) => {
                    if let Some(key) = SigningKey::from_section(kind, &der)? {
                        keys.push(key.public);
                    }
                }
            }
        }
        Ok(keys)
    }

    /// From a `SubjectPublicKeyInfo`.
    fn from_der(der: &[u8]) -> Result<Self, KeyError> {
        let (_, info) = SubjectPublicKeyInfo::from_der(der).map_err(|_| KeyError::Kind)?;
        let encode = |bytes: &[u8]| Value::from(BASE64_URL_SAFE_NO_PAD.encode(bytes));
        let (algorithm, parts): (_, Vec<(&str, Value)>) =
            match info.parsed().map_err(|_| KeyError::Kind)? {
                Parsed::RSA(rsa) => {
                    let parts = [("n", rsa.modulus), ("e", rsa.exponent)];
                    let parts = parts.map(|(name, bytes)| (name, encode(unsigned(bytes))));
                    (Algorithm::Rs256, parts.to_vec())
                }
                Parsed::EC(point) => {
                    // An uncompressed point: a byte that says so, and both coordinates.
                    let (head, coordinates) = point.data().split_first().ok_or(KeyError::Kind)?;
                    let (algorithm, curve) = match (head, coordinates.len()) {
                        (4, 64) => (Algorithm::Es256, "P-256"),
                        (4, 96) => (Algorithm::Es384, "P-384"),
                        (4, 132) => (Algorithm::Es512, "P-521"),
                        _ => return Err(KeyError::Kind),
                    };
                    let (x, y) = coordinates.split_at(coordinates.len() / 2);
                    let parts = vec![("crv", curve.into()), ("x", encode(x)), ("y", encode(y))];
                    (algorithm, parts)
                }
                _ => return Err(KeyError::Kind),
            };
        let key = ParsedPublicKey::new(algorithm.verification(), der);
        let key = key.map_err(|_| KeyError::Kind)?;
        let id = BASE64_URL_SAFE_NO_PAD.encode(digest(&SHA256, der).as_ref());
        let jwk = jwk(&id, algorithm, parts);
        Ok(Self { id, algorithm, key, jwk })
    }

    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        self.key.verify_sig(message, signature).is_ok()
    }
}

/// In the order in which upstream writes its fields.
fn jwk(id: &str, algorithm: Algorithm, parts: Vec<(&str, Value)>) -> Object {
    let mut jwk = Object::new();
    jwk.push("use", "sig".into());
    jwk.push("kty", if algorithm == Algorithm::Rs256 { "RSA" } else { "EC" }.into());
    jwk.push("kid", id.into());
    let (curve, rest): (Vec<_>, Vec<_>) = parts.into_iter().partition(|(name, _)| *name == "crv");
    curve.into_iter().for_each(|(name, value)| jwk.push(name, value));
    jwk.push("alg", algorithm.name().into());
    rest.into_iter().for_each(|(name, value)| jwk.push(name, value));
    jwk
}

/// A number without the zero that keeps it positive.
fn unsigned(bytes: &[u8]) -> &[u8] {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    &bytes[zeros..]
}

/// What signs.
pub struct SigningKey {
    pair: Pair,
    pub public: PublicKey,
}

enum Pair {
    Rsa(Box<RsaKeyPair>),
    Ecdsa(Box<EcdsaKeyPair>),
}

impl SigningKey {
    /// The first private key of a PEM text.
    pub fn read(pem: &[u8]) -> Result<Self, KeyError> {
        for (kind, der) in sections(pem)? {
            if let Some(key) = Self::from_section(kind, &der)? {
                return Ok(key);
            }
        }
        Err(KeyError::Missing { what: "the signing key" })
    }

    /// `None` for a section that is no private key.
    fn from_section(kind: SectionKind, der: &[u8]) -> Result<Option<Self>, KeyError> {
        let rsa = match kind {
            SectionKind::RsaPrivateKey => RsaKeyPair::from_der(der).ok(),
            SectionKind::PrivateKey => RsaKeyPair::from_pkcs8(der).ok(),
            SectionKind::EcPrivateKey => None,
            _ => return Ok(None),
        };
        if let Some(pair) = rsa {
            let public = AsDer::<PublicKeyX509Der<'_>>::as_der(pair.public_key());
            let public = PublicKey::from_der(public.map_err(|_| KeyError::Kind)?.as_ref())?;
            return Ok(Some(Self { pair: Pair::Rsa(Box::new(pair)), public }));
        }
        let curves: [&'static EcdsaSigningAlgorithm; 3] = [
            &ECDSA_P256_SHA256_FIXED_SIGNING,
            &ECDSA_P384_SHA384_FIXED_SIGNING,
            &ECDSA_P521_SHA512_FIXED_SIGNING,
        ];
        let pair = curves.iter().find_map(|curve| {
            let pkcs8 = || EcdsaKeyPair::from_pkcs8(curve, der).ok();
            EcdsaKeyPair::from_private_key_der(curve, der).ok().or_else(pkcs8)
        });
        let pair = pair.ok_or(KeyError::Kind)?;
        let public = AsDer::<PublicKeyX509Der<'_>>::as_der(pair.public_key());
        let public = PublicKey::from_der(public.map_err(|_| KeyError::Kind)?.as_ref())?;
        Ok(Some(Self { pair: Pair::Ecdsa(Box::new(pair)), public }))
    }

    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match &self.pair {
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature)
                    .expect("a key that was read signs");
                signature
            }
            Pair::Ecdsa(pair) => {
                let signature = pair.sign(&random, message).expect("a key that was read signs");
                signature.as_ref().to_vec()
            }
        }
    }
}

fn sections(pem: &[u8]) -> Result<Vec<(SectionKind, Vec<u8>)>, KeyError> {
    let sections = <(SectionKind, Vec<u8>)>::pem_slice_iter(pem).collect::<Result<_, _>>();
    sections.map_err(|error| KeyError::Pem { message: error.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_RSA_SHA256};

    #[test]
    fn every_kind_of_key_signs_and_verifies() {
        for (kind, algorithm) in [
            (&PKCS_RSA_SHA256, Algorithm::Rs256),
            (&PKCS_ECDSA_P256_SHA256, Algorithm::Es256),
            (&PKCS_ECDSA_P384_SHA384, Algorithm::Es384),
        ] {
            let pair = rcgen::KeyPair::generate_for(kind).expect("a key");
            let key = SigningKey::read(pair.serialize_pem().as_bytes()).expect("read");
            assert_eq!(key.public.algorithm, algorithm);
            let signature = key.sign(b"message");
            let public = PublicKey::read_all(pair.public_key_pem().as_bytes()).expect("read");
            assert_eq!(public.len(), 1);
            assert_eq!(public[0].id, key.public.id);
            assert!(public[0].verifies(b"message", &signature));
            assert!(!public[0].verifies(b"another", &signature));
            let halves = PublicKey::read_all(pair.serialize_pem().as_bytes()).expect("read");
            assert_eq!(halves[0].id, key.public.id);
        }
    }

    #[test]
    fn what_is_no_key_is_told() {
        assert!(matches!(SigningKey::read(b""), Err(KeyError::Missing { .. })));
        let text = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
        assert!(matches!(SigningKey::read(text.as_bytes()), Err(KeyError::Kind)));
    }
}
