//! JSON Web Tokens in compact form, as far as service accounts use them.

use super::keys::{PublicKey, SigningKey};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::{Deserialize, Deserializer};
use xebec_core::value::Value;

/// What a token says, before anybody vouches for it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct Claims {
    pub iss: String,
    pub sub: String,
    #[serde(deserialize_with = "one_or_many")]
    pub aud: Vec<String>,
    pub exp: Option<Seconds>,
    pub nbf: Option<Seconds>,
    pub iat: Option<Seconds>,
    pub jti: String,
    #[serde(rename = "kubernetes.io")]
    pub bound: Option<Bound>,
    #[serde(rename = "kubernetes.io/serviceaccount/namespace")]
    pub legacy_namespace: String,
    #[serde(rename = "kubernetes.io/serviceaccount/secret.name")]
    pub legacy_secret: String,
    #[serde(rename = "kubernetes.io/serviceaccount/service-account.name")]
    pub legacy_account: String,
    #[serde(rename = "kubernetes.io/serviceaccount/service-account.uid")]
    pub legacy_uid: String,
}

/// The service account of a token and what the token is bound to.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct Bound {
    pub namespace: String,
    pub serviceaccount: Reference,
    pub pod: Option<Reference>,
    pub secret: Option<Reference>,
    pub node: Option<Reference>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct Reference {
    pub name: String,
    pub uid: String,
}

/// Seconds since the epoch; a fraction is cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Seconds(pub i64);

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let number = f64::deserialize(from)?;
        Ok(Self(number as i64))
    }
}

fn one_or_many<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Audience {
        One(String),
        Many(Vec<String>),
    }
    Ok(match Audience::deserialize(from)? {
        Audience::One(one) => vec![one],
        Audience::Many(many) => many,
    })
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Header {
    alg: String,
    kid: String,
}

/// A token taken apart, not verified.
#[derive(Debug)]
pub struct Token<'t> {
    header: Header,
    pub claims: Claims,
    signed: &'t [u8],
    signature: Vec<u8>,
}

impl<'t> Token<'t> {
    /// `None` for what is no token in compact form.
    pub fn parse(text: &'t str) -> Option<Self> {
        let (signed, signature) = text.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        let decode = |part: &str| BASE64_URL_SAFE_NO_PAD.decode(part).ok();
        Some(Self {
            header: serde_json::from_slice(&decode(header)?).ok()?,
            claims: serde_json::from_slice(&decode(claims)?).ok()?,
            signed: signed.as_bytes(),
            signature: decode(signature)?,
        })
    }

    /// True if one of the keys signed it: the one that the token names, if it names one.
    pub fn verify(&self, keys: &[PublicKey]) -> Result<(), &'static str> {
        let mut named = keys
            .iter()
            .filter(|key| self.header.kid.is_empty() || self.header.kid == key.id)
            .peekable();
        if named.peek().is_none() {
            return Err("invalid signature, no keys found");
        }
        // The key says how it signs; a token that says otherwise is not believed.
        let verified = named.any(|key| {
            key.algorithm.name() == self.header.alg && key.verifies(self.signed, &self.signature)
        });
        if verified { Ok(()) } else { Err("go-jose/go-jose: error in cryptographic primitive") }
    }
}

/// Makes a token. Members of the claims are written in the order given: upstream sorts them.
pub fn sign(key: &SigningKey, claims: &Value) -> String {
    let header =
        format!(r#"{{"alg":"{}","kid":"{}"}}"#, key.public.algorithm.name(), key.public.id);
    let claims = serde_json::to_vec(claims).expect("a tree is always serializable");
    let mut token = BASE64_URL_SAFE_NO_PAD.encode(header);
    token.push('.');
    BASE64_URL_SAFE_NO_PAD.encode_string(claims, &mut token);
    let signature = key.sign(token.as_bytes());
    token.push('.');
    BASE64_URL_SAFE_NO_PAD.encode_string(signature, &mut token);
    token
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> SigningKey {
        let pair = rcgen::KeyPair::generate().expect("a key");
        SigningKey::read(pair.serialize_pem().as_bytes()).expect("read")
    }

    #[test]
    fn a_signed_token_verifies_with_its_key_alone() {
        let (ours, theirs) = (key(), key());
        let claims = serde_json::from_str(
            r#"{"aud":"a","exp":1.5e9,"iss":"me","kubernetes.io":{"namespace":"n","pod":{"name":"p","uid":"u"}}}"#,
        );
        let text = sign(&ours, &claims.expect("claims"));
        let token = Token::parse(&text).expect("a token");
        assert_eq!(token.claims.aud, ["a"]);
        assert_eq!(token.claims.exp, Some(Seconds(1_500_000_000)));
        let bound = token.claims.bound.as_ref().expect("bound");
        assert_eq!(bound.pod.as_ref().map(|pod| pod.uid.as_str()), Some("u"));
        assert!(token.verify(std::slice::from_ref(&theirs.public)).is_err());
        assert_eq!(token.verify(&[theirs.public, ours.public]), Ok(()));
    }

    #[test]
    fn tampering_is_seen() {
        let key = key();
        let text = sign(&key, &Value::Object(xebec_core::value::Object::new()));
        let other = BASE64_URL_SAFE_NO_PAD.encode(r#"{"iss":"x"}"#);
        let parts: Vec<&str> = text.split('.').collect();
        let forged = format!("{}.{other}.{}", parts[0], parts[2]);
        let keys = [key.public];
        assert!(Token::parse(&forged).expect("a token").verify(&keys).is_err());
        let none = BASE64_URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#);
        let unsigned = format!("{none}.{other}.");
        assert!(Token::parse(&unsigned).expect("a token").verify(&keys).is_err());
        for text in ["", "a.b", "a.b.c", "!.!.!"] {
            assert!(Token::parse(text).is_none(), "{text}");
        }
    }
}
