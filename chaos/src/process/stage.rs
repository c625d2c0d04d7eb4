//! What a run has: its binary, its place, its certificates, its directory.

use super::ProcessError;
use super::disk::Disks;
use super::network::{Network, Node};
use super::sandbox;
use super::tls::{Authority, KubeIdentity, ServerFiles};
use crate::args::{ClusterArgs, OWN_OUT, Place, SANDBOXED, SEED};
use std::path::{Path, PathBuf};
use tonic::transport::ClientTlsConfig;

const CLIENT_PORT: u16 = 2379;
const PEER_PORT: u16 = 2380;
const KUBE_PORT: u16 = 6443;

pub struct Stage {
    pub binary: PathBuf,
    pub network: Network,
    pub disks: Disks,
    /// Logs and histories.
    pub out: PathBuf,
    pub seed: u64,
    pub client_tls: ClientTlsConfig,
    authority: Authority,
    /// The replicas serve the Kubernetes API too.
    pub serves_kube: bool,
    /// Removed at the end unless something was wrong.
    pub out_is_ours: bool,
}

/// Makes the choices that must be the same inside and outside a sandbox, and enters one if the
/// arguments ask for it and the machine can. Call it before any thread is started.
pub fn enter_place(args: &mut ClusterArgs) -> Result<(), ProcessError> {
    if args.sandboxed {
        return Ok(());
    }
    let missing = match args.place {
        Place::Loopback => None,
        Place::Auto | Place::Namespaces => Some(sandbox::missing()),
    };
    if let Some(Some(reason)) = &missing {
        if args.place == Place::Namespaces {
            return Err(ProcessError::NoNamespaces(reason.clone()));
        }
        println!("no namespaces here, so no network or disk faults: {reason}");
    }
    #[expect(
        clippy::disallowed_methods,
        reason = "a run that names no seed draws one, and says it"
    )]
    let seed = *args.seed.get_or_insert_with(rand::random);
    if args.out.is_none() {
        let dir = tempfile::Builder::new().prefix("xebec-chaos-").tempdir();
        args.own_out = Some(dir.map_err(ProcessError::io("a temporary directory"))?.keep());
    }
    if missing != Some(None) {
        return Ok(());
    }
    let mut environment = vec![(SEED, seed.to_string().into()), (SANDBOXED, "true".into())];
    environment.extend(args.own_out.as_ref().map(|out| (OWN_OUT, out.into())));
    Err(sandbox::enter(&environment))
}

impl Stage {
    pub async fn set(args: &ClusterArgs) -> Result<Self, ProcessError> {
        let seed = args.seed.unwrap_or_default();
        let no_out = || ProcessError::Refused {
            what: "directory for the history".to_owned(),
            message: "none was chosen".to_owned(),
        };
        let out = args.out.as_ref().or(args.own_out.as_ref()).ok_or_else(no_out)?.clone();
        std::fs::create_dir_all(&out)
            .map_err(ProcessError::io(format!("directory {}", out.display())))?;
        let (network, disks) = if args.sandboxed {
            sandbox::prepare().await?;
            (Network::bridged().await?, Disks::Own("/run/disks".into()))
        } else {
            (Network::loopback(std::process::id()), Disks::Directory(out.join("data")))
        };
        let binary = match &args.binary {
            Some(binary) => binary.clone(),
            None => std::env::current_exe().map_err(ProcessError::io("this program"))?,
        };
        let authority = Authority::new(&out.join("tls"))?;
        Ok(Self {
            binary,
            network,
            disks,
            seed,
            client_tls: authority.client()?,
            authority,
            serves_kube: false,
            out_is_ours: args.out.is_none(),
            out,
        })
    }

    pub fn is_etcd(&self) -> bool {
        self.binary.file_name().is_some_and(|name| name == "etcd")
    }

    pub fn client_url(&self, node: Node) -> String {
        format!("https://{}:{CLIENT_PORT}", self.network.address(node))
    }

    pub fn kube_url(&self, node: Node) -> String {
        format!("https://{}:{KUBE_PORT}", self.network.address(node))
    }

    /// For a client that may do everything in the Kubernetes API.
    pub fn kube_credentials(&self) -> Result<KubeIdentity, ProcessError> {
        self.authority.kube_identity()
    }

    pub fn peer_url(&self, node: Node) -> String {
        format!("https://{}:{PEER_PORT}", self.network.address(node))
    }

    /// Makes the place and the disk of a replica.
    pub async fn add(&self, node: Node) -> Result<(), ProcessError> {
        self.network.add(node).await?;
        self.disks.add(node).await
    }

    pub async fn remove(&self, node: Node) -> Result<(), ProcessError> {
        self.network.remove(node).await?;
        self.disks.remove(node).await
    }

    pub fn server_files(&self, node: Node) -> Result<ServerFiles, ProcessError> {
        let address = self.network.address(node).parse().map_err(|_| ProcessError::Refused {
            what: "address".to_owned(),
            message: self.network.address(node),
        })?;
        self.authority.server(&format!("r{node}"), address)
    }

    pub fn history_file(&self, round: u32) -> PathBuf {
        self.out.join(format!("history-{round}.jsonl"))
    }

    /// Removes the data of the replicas, and all the rest too if nobody needs it.
    pub fn strike(&self, is_clean: bool) {
        let remove = |path: &Path| {
            if let Err(error) = std::fs::remove_dir_all(path) {
                println!("cannot remove {}: {error}", path.display());
            }
        };
        match &self.disks {
            _ if is_clean && self.out_is_ours => remove(&self.out),
            Disks::Directory(data) if data.exists() => remove(data),
            _ => {}
        }
    }
}
