//! What a run has: its binary, its place, its certificates, its directory.

use super::ProcessError;
use super::disk::Disks;
use super::network::{Network, Node};
use super::sandbox;
use super::tls::{Authority, ServerFiles};
use crate::args::{ClusterArgs, Place};
use std::path::{Path, PathBuf};
use tonic::transport::ClientTlsConfig;

const CLIENT_PORT: u16 = 2379;
const PEER_PORT: u16 = 2380;

pub struct Stage {
    pub binary: PathBuf,
    pub network: Network,
    pub disks: Disks,
    /// Logs and histories.
    pub out: PathBuf,
    pub seed: u64,
    pub client_tls: ClientTlsConfig,
    authority: Authority,
    /// Removed at the end unless something was wrong.
    pub out_is_ours: bool,
}

/// Environment variables that carry choices of the outer program into the sandbox.
const OUT_VARIABLE: &str = "XEBEC_CHAOS_OUT";
const SEED_VARIABLE: &str = "XEBEC_CHAOS_SEED";

/// Makes the choices that must be the same inside and outside a sandbox, and enters one if the
/// arguments ask for it and the machine can. Call it before any thread is started.
pub fn enter_place(args: &mut ClusterArgs) -> Result<(), ProcessError> {
    if sandbox::is_inside() {
        return Ok(());
    }
    let seed = *args.seed.get_or_insert_with(rand::random);
    if args.place == Place::Loopback {
        return Ok(());
    }
    match sandbox::missing() {
        None => {
            let mut environment = vec![(SEED_VARIABLE, seed.to_string().into())];
            if args.out.is_none() {
                environment.push((OUT_VARIABLE, own_out(seed).into()));
            }
            Err(sandbox::enter(&environment))
        }
        Some(reason) if args.place == Place::Namespaces => {
            Err(ProcessError::NoNamespaces(reason))
        }
        Some(reason) => {
            println!("no namespaces here, so no network or disk faults: {reason}");
            Ok(())
        }
    }
}

fn own_out(seed: u64) -> PathBuf {
    std::env::temp_dir().join(format!("xebec-chaos-{:x}-{seed:x}", std::process::id()))
}

impl Stage {
    pub async fn set(args: &ClusterArgs) -> Result<Self, ProcessError> {
        let seed = args.seed.unwrap_or_default();
        let out = match (&args.out, std::env::var_os(OUT_VARIABLE)) {
            (Some(out), _) => out.clone(),
            (None, Some(out)) => out.into(),
            (None, None) => own_out(seed),
        };
        std::fs::create_dir_all(&out)
            .map_err(ProcessError::io(format!("directory {}", out.display())))?;
        let (network, disks) = if sandbox::is_inside() {
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
