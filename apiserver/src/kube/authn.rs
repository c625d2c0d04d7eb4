//! [`Authentication`]: who makes a request: an ordered union of authenticators.
//!
//! A client certificate comes first, then a bearer token. A credential that is shown and does not
//! hold up makes the request fail unless another one holds; only a request without any credential
//! is anonymous. What an unknown client can make this cost is bounded: a token is looked at only
//! if it is short enough, and a signature verified only if its issuer and key are this cluster's.

pub mod bootstrap_token;
pub mod certificate;
pub mod jwt;
pub mod keys;
pub mod service_account;
pub mod token_file;
pub mod tokens;

use super::storage::Storage;
use super::user::User;
use certificate::ClientCertificates;
use http::HeaderMap;
use keys::KeyError;
use rustls_pki_types::CertificateDer;
use service_account::Options as ServiceAccountOptions;
use token_file::TokenFileError;
use tokens::Tokens;
use xebec_core::status::Status;

/// What credentials are taken.
#[derive(Debug, Clone)]
pub struct Options {
    /// Authorities of client certificates, as PEM; `None` takes no certificates.
    pub client_ca_pem: Option<Vec<u8>>,
    /// The text of a file of static tokens: `token,user,uid,"group,group"` on each line.
    pub token_file: Option<String>,
    pub bootstrap_tokens: bool,
    pub service_accounts: Option<ServiceAccountOptions>,
    /// Requests without a credential are those of `system:anonymous`.
    pub anonymous: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            client_ca_pem: None,
            token_file: None,
            bootstrap_tokens: true,
            service_accounts: None,
            anonymous: true,
        }
    }
}

/// Why the settings do not make an authenticator.
#[derive(Debug, thiserror::Error)]
pub enum OptionsError {
    #[error("the client authorities are not usable: {message}")]
    ClientCa { message: String },
    #[error("the file of tokens is not usable")]
    TokenFile(#[from] TokenFileError),
    #[error("the keys of service accounts are not usable")]
    Keys(#[from] KeyError),
    #[error("service accounts need an issuer")]
    Issuer,
}

/// The ordered union.
pub struct Authentication {
    certificates: Option<ClientCertificates>,
    tokens: Tokens,
    anonymous: bool,
}

/// What one authenticator makes of a request.
pub enum Outcome {
    Known(User),
    /// It finds no credential of its kind.
    NotMine,
    /// The credential does not hold up; why, for logs and token reviews.
    Refused(String),
}

impl Authentication {
    pub fn new(options: Options, storage: Storage) -> Result<Self, OptionsError> {
        let certificates =
            options.client_ca_pem.as_deref().map(ClientCertificates::new).transpose()?;
        let anonymous = options.anonymous;
        Ok(Self { certificates, tokens: Tokens::new(options, storage)?, anonymous })
    }

    pub fn tokens(&self) -> &Tokens {
        &self.tokens
    }

    /// The user, or 401.
    pub async fn authenticate(
        &self,
        peer_certificates: &[CertificateDer<'_>],
        headers: &HeaderMap,
    ) -> Result<User, Status> {
        let mut refused: Vec<String> = Vec::new();
        if let Some(certificates) = &self.certificates {
            match certificates.authenticate(peer_certificates) {
                Outcome::Known(user) => return Ok(known(user)),
                Outcome::Refused(why) => refused.push(why),
                Outcome::NotMine => {}
            }
        }
        match tokens::of_request(headers) {
            Ok(None) => {}
            Ok(Some(token)) => match self.tokens.authenticate(&token, &[]).await {
                Ok(found) => return Ok(known(found.user)),
                Err(why) => refused.push(why),
            },
            Err(why) => refused.push(why.to_owned()),
        }
        if refused.is_empty() && self.anonymous {
            return Ok(User::anonymous());
        }
        tracing::debug!(?refused, "a request is not authenticated");
        Err(Status::unauthorized())
    }
}

/// Whoever is known is in `system:authenticated`, whatever said so.
pub fn known(mut user: User) -> User {
    if user.name != User::ANONYMOUS && !user.is_in(User::UNAUTHENTICATED) {
        user.add_group(User::AUTHENTICATED);
    }
    user
}
