//! The Kubernetes API of this replica: its addresses, its files, its servers.

use super::errors;
use super::peers::{client_tls, read};
use super::vip::Vip;
use crate::config::{Api as Config, ServiceAccountKeys};
use crate::failure::Failure;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use xebec_apiserver::kube::access::Options as AccessOptions;
use xebec_apiserver::kube::api::{Api, Settings};
use xebec_apiserver::kube::authn::{
    Options as AuthenticationOptions, service_account::Options as ServiceAccountOptions,
};
use xebec_apiserver::kube::server::{Options, Timeouts};
use xebec_apiserver::{KubeServer, TlsOptions};
use xebec_raft::Replica;

/// What is claimed before the replica starts.
pub struct Kubernetes {
    listeners: Vec<TcpListener>,
    tls: TlsOptions,
    vip: Option<SocketAddr>,
    settings: Settings,
}

/// Binds the addresses and reads the files, or says what is wrong with them.
pub async fn claim(config: &Config) -> Result<Kubernetes, Failure> {
    let tls = client_tls(&config.tls)?;
    let listeners = super::listen(&config.listen).await?;
    let port = config.listen.first().map_or(0, SocketAddr::port);
    let settings = Settings {
        service_ranges: config.service_cidr.clone(),
        deny_external_ips: config.deny_external_ips,
        event_ttl: config.event_ttl,
        address: SocketAddr::new(config.advertise, port).to_string(),
        access: AccessOptions {
            authentication: AuthenticationOptions {
                client_ca_pem: tls.client_ca_pem.clone(),
                token_file: config.token_file.as_deref().map(text).transpose()?,
                anonymous: config.anonymous,
                service_accounts: service_accounts(&config.service_account)?,
                ..AuthenticationOptions::default()
            },
            aggregate_roles: config.aggregate_roles,
        },
    };
    Ok(Kubernetes { listeners, tls, vip: config.vip, settings })
}

fn text(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path).map_err(|error| Failure::io(path.display(), &error))
}

/// The keys of service accounts, if tokens are to be made.
fn service_accounts(keys: &ServiceAccountKeys) -> Result<Option<ServiceAccountOptions>, Failure> {
    let Some(signing) = &keys.signing else { return Ok(None) };
    let old = keys.old.iter().map(|path| read(path)).collect::<Result<_, _>>()?;
    Ok(Some(ServiceAccountOptions {
        issuers: vec![keys.issuer.clone()],
        signing_key_pem: read(signing)?,
        verification_keys_pem: old,
        extend_expiration: true,
        ..ServiceAccountOptions::default()
    }))
}

impl Kubernetes {
    /// Serves until `stop`; returns what says how this replica is.
    pub fn serve(
        self,
        replica: &Replica,
        stop: &CancellationToken,
        tasks: &mut JoinSet<()>,
    ) -> Result<Arc<Api>, Failure> {
        let api = Api::new(replica.clone(), self.settings);
        let api = api.map_err(|error| errors::configuration_failure("api", &error))?;
        let api = Arc::new(api);
        tasks.spawn(api.clone().run(stop.clone()));
        let options = Options { tls: self.tls, timeouts: Timeouts::default() };
        let server = KubeServer::new(&options, api.clone());
        let server = server.map_err(|error| errors::tls_failure("api", &error))?;
        tasks.spawn(server.clone().run_rebalance(stop.clone()));
        for listener in self.listeners {
            tasks.spawn(server.clone().run(listener, stop.clone()));
        }
        if let Some(address) = self.vip {
            tasks.spawn(Vip::new(address, replica.clone(), server).run(stop.clone()));
        }
        Ok(api)
    }
}
