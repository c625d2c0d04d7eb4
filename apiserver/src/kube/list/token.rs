//! [`Token`]: where the next page of a list begins, as clients carry it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use xebec_store::kv::Revision;

/// The state that all pages show, and the first key of the next one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// `None` goes on with the latest state, which may differ from that of the pages before.
    pub revision: Option<Revision>,
    /// Relative to the keys of the list.
    pub start: String,
}

/// What stands in a token: upstream's form, so that clients that look into it find what they know.
#[derive(Serialize, Deserialize)]
struct Content<'t> {
    #[serde(rename = "v", default)]
    version: std::borrow::Cow<'t, str>,
    #[serde(rename = "rv", default)]
    revision: Revision,
    #[serde(default)]
    start: std::borrow::Cow<'t, str>,
}

const VERSION: &str = "meta.k8s.io/v1";

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    #[error("continue key is not valid: {0}")]
    Malformed(String),
    #[error(
        "continue key is not valid: incorrect encoded start resourceVersion (version meta.k8s.io/v1)"
    )]
    Revision,
    #[error("continue key is not valid: encoded start key empty (version meta.k8s.io/v1)")]
    Empty,
    #[error("continue key is not valid: server does not recognize this encoded version {0}")]
    Version(String),
}

impl Token {
    pub fn encode(&self) -> String {
        let content = Content {
            version: VERSION.into(),
            revision: self.revision.unwrap_or(-1),
            start: self.start.as_str().into(),
        };
        let json = serde_json::to_vec(&content).expect("numbers and strings serialize");
        URL_SAFE_NO_PAD.encode(json)
    }

    pub fn decode(text: &str) -> Result<Self, TokenError> {
        let malformed = |error: &dyn std::fmt::Display| TokenError::Malformed(error.to_string());
        let json = URL_SAFE_NO_PAD.decode(text).map_err(|error| malformed(&error))?;
        let content: Content<'_> =
            serde_json::from_slice(&json).map_err(|error| malformed(&error))?;
        if content.version != VERSION {
            return Err(TokenError::Version(content.version.into_owned()));
        }
        if content.revision == 0 {
            return Err(TokenError::Revision);
        }
        if content.start.is_empty() {
            return Err(TokenError::Empty);
        }
        // A key that could lead out of the list is not one of its.
        let start = content.start.strip_prefix('/').unwrap_or(&content.start);
        let cleaned = start.split('/').all(|part| !matches!(part, "" | "." | ".."));
        if !cleaned {
            return Err(TokenError::Malformed(content.start.into_owned()));
        }
        let revision = Some(content.revision).filter(|revision| *revision > 0);
        Ok(Self { revision, start: start.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_upstreams() {
        let token = Token { revision: Some(7), start: "a/b\0".to_owned() };
        let json = br#"{"v":"meta.k8s.io/v1","rv":7,"start":"a/b\u0000"}"#;
        assert_eq!(token.encode(), URL_SAFE_NO_PAD.encode(json));
        assert_eq!(Token::decode(&token.encode()), Ok(token));
        let latest = Token { revision: None, start: "x".to_owned() };
        assert_eq!(Token::decode(&latest.encode()), Ok(latest));
    }

    #[test]
    fn tokens_do_not_lead_out_of_their_list() {
        for start in ["../x", "a/../../x", "/", "//a", "a/./b", ".", "a//b", "a/"] {
            let token = Token { revision: Some(1), start: start.to_owned() };
            let error = Token::decode(&token.encode()).expect_err(start);
            assert!(matches!(error, TokenError::Malformed(_)), "{start}");
        }
    }

    #[test]
    fn what_is_no_token_is_told() {
        for (json, expected) in [
            ("{", "continue key is not valid: "),
            ("{}", "continue key is not valid: server does not recognize this encoded version"),
            (r#"{"v":"meta.k8s.io/v1","start":"a"}"#, "continue key is not valid: incorrect"),
            (r#"{"v":"meta.k8s.io/v1","rv":1}"#, "continue key is not valid: encoded start key"),
        ] {
            let error = Token::decode(&URL_SAFE_NO_PAD.encode(json)).expect_err(json);
            assert!(error.to_string().starts_with(expected), "{error}");
        }
        assert!(Token::decode("!").is_err());
    }
}
