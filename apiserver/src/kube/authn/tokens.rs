//! [`Tokens`]: users by bearer token: an ordered union, like that of all authenticators.

use super::bootstrap_token::BootstrapTokens;
use super::service_account::ServiceAccounts;
use super::token_file::TokenFile;
use super::{Options, OptionsError, Outcome};
use crate::kube::limits::TOKEN_BYTES_MAX;
use crate::kube::storage::Storage;
use crate::kube::user::User;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use http::HeaderMap;
use http::header::{AUTHORIZATION, SEC_WEBSOCKET_PROTOCOL, UPGRADE};
use std::borrow::Cow;
use std::sync::Arc;

/// What refuses a token that no authenticator knows.
const INVALID: &str = "invalid bearer token";

/// Before a token in the protocols of a WebSocket, for browsers, which cannot set headers.
const PROTOCOL_PREFIX: &str = "base64url.bearer.authorization.k8s.io.";

/// The ordered union of what knows tokens.
pub struct Tokens {
    file: Option<TokenFile>,
    accounts: Option<Arc<ServiceAccounts>>,
    bootstrap: Option<BootstrapTokens>,
}

/// Whose token it is, and for whom it was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bearer {
    pub user: User,
    /// Those of the asked audiences that the token is for; empty where it says nothing.
    pub audiences: Vec<String>,
}

impl Tokens {
    pub(super) fn new(options: Options, storage: Storage) -> Result<Self, OptionsError> {
        let file = options.token_file.as_deref().map(TokenFile::parse).transpose()?;
        let accounts = options.service_accounts;
        let accounts =
            accounts.map(|one| ServiceAccounts::new(one, storage.clone())).transpose()?;
        let bootstrap = options.bootstrap_tokens.then(|| BootstrapTokens::new(storage));
        Ok(Self { file, accounts: accounts.map(Arc::new), bootstrap })
    }

    pub fn accounts(&self) -> Option<&Arc<ServiceAccounts>> {
        self.accounts.as_ref()
    }

    /// Whose token it is; the audiences are the API server's own if none are given. The error is
    /// for logs and token reviews.
    pub async fn authenticate(&self, token: &str, audiences: &[String]) -> Result<Bearer, String> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(INVALID.to_owned());
        }
        if let Some(user) = self.file.as_ref().and_then(|file| file.find(token)) {
            return Ok(Bearer { user, audiences: Vec::new() });
        }
        let mut refused = None;
        if let Some(accounts) = &self.accounts {
            match accounts.authenticate(token, audiences).await {
                Ok(Some(bearer)) => return Ok(bearer),
                Ok(None) => {}
                Err(why) => refused = Some(why),
            }
        }
        match self.bootstrap.as_ref().map(|bootstrap| bootstrap.authenticate(token)) {
            Some(Outcome::Known(user)) => return Ok(Bearer { user, audiences: Vec::new() }),
            Some(Outcome::Refused(why)) => refused = refused.or(Some(why)),
            Some(Outcome::NotMine) | None => {}
        }
        Err(refused.unwrap_or_else(|| INVALID.to_owned()))
    }
}

/// The token that a request shows, if any.
pub fn of_request(headers: &HeaderMap) -> Result<Option<Cow<'_, str>>, &'static str> {
    if let Some(token) = of_header(headers) {
        return Ok(Some(Cow::Borrowed(token)));
    }
    let upgrades = headers.get(UPGRADE).is_some_and(|to| to.as_bytes() == b"websocket");
    if upgrades { of_protocols(headers).map(|token| token.map(Cow::Owned)) } else { Ok(None) }
}

fn of_header(headers: &HeaderMap) -> Option<&str> {
    let mut parts = headers.get(AUTHORIZATION)?.to_str().ok()?.trim().splitn(3, ' ');
    let scheme = parts.next()?;
    let token = parts.next()?;
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

fn of_protocols(headers: &HeaderMap) -> Result<Option<String>, &'static str> {
    let (mut token, mut others) = (None, false);
    let lines = headers.get_all(SEC_WEBSOCKET_PROTOCOL).iter().filter_map(|one| one.to_str().ok());
    for protocol in lines.flat_map(|line| line.split(',')).map(str::trim) {
        let Some(encoded) = protocol.strip_prefix(PROTOCOL_PREFIX) else {
            others = true;
            continue;
        };
        if token.is_some() {
            return Err("multiple base64.bearer.authorization tokens specified");
        }
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(encoded);
        let bytes = bytes.map_err(|_| "invalid base64.bearer.authorization token encoding")?;
        let text = String::from_utf8(bytes);
        token = Some(text.map_err(|_| "invalid base64.bearer.authorization token")?);
    }
    match token {
        Some(token) if token.is_empty() => Ok(None),
        // One must remain that the answer can name.
        Some(_) if !others => Err("missing additional subprotocol"),
        token => Ok(token),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().expect("a header"));
        }
        headers
    }

    #[test]
    fn tokens_stand_behind_the_word_bearer() {
        for (value, token) in [
            ("Bearer abc", Some("abc")),
            (" bearer abc def", Some("abc")),
            ("Bearer  abc", None),
            ("Bearer", None),
            ("Basic abc", None),
            ("", None),
        ] {
            let headers = headers(&[("authorization", value)]);
            assert_eq!(of_request(&headers).expect("valid").as_deref(), token, "{value}");
        }
    }

    #[test]
    fn a_websocket_may_show_its_token_as_a_protocol() {
        let token = format!("{PROTOCOL_PREFIX}{}", BASE64_URL_SAFE_NO_PAD.encode("abc"));
        let both = format!("{token}, v5.channel.k8s.io");
        let pairs = [("upgrade", "websocket"), ("sec-websocket-protocol", both.as_str())];
        assert_eq!(of_request(&headers(&pairs)).expect("valid").as_deref(), Some("abc"));
        let plain = headers(&pairs[1..]);
        assert_eq!(of_request(&plain).expect("no upgrade"), None);
        let twice = format!("{both}, {token}");
        for wrong in [token.as_str(), twice.as_str(), &format!("{PROTOCOL_PREFIX}!, x")] {
            let pairs = [("upgrade", "websocket"), ("sec-websocket-protocol", wrong)];
            assert!(of_request(&headers(&pairs)).is_err(), "{wrong}");
        }
    }
}
