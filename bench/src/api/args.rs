//! The command line of `xebec bench api`.

use super::access::{Access, Credentials};
use super::kubeconfig;
use super::row::{ALL, Row};
use super::rows::ListOf;
use super::watchers::Encoding;
use crate::BenchError;
use std::path::{Path, PathBuf};

#[derive(Debug, clap::Args)]
pub struct ApiArgs {
    /// Where the servers are and who asks; options below take precedence
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// Context of the kubeconfig; its current one if not given
    #[arg(long, requires = "kubeconfig")]
    context: Option<String>,
    /// URLs of the servers, separated by commas; connections are spread over them
    #[arg(
        long,
        value_name = "URL,…",
        value_delimiter = ',',
        required_unless_present = "kubeconfig"
    )]
    server: Vec<String>,
    /// Certificates of the authorities that the servers' certificates are signed by, PEM
    #[arg(long, value_name = "FILE", required_unless_present = "kubeconfig")]
    ca: Option<PathBuf>,
    /// Certificate of the client, PEM
    #[arg(long, value_name = "FILE", requires = "key")]
    cert: Option<PathBuf>,
    /// Private key of the client, PEM
    #[arg(long, value_name = "FILE", requires = "cert")]
    key: Option<PathBuf>,
    /// Bearer token to send
    #[arg(long)]
    token: Option<String>,
    /// Process ids of the servers (and of their etcd), for CPU and memory
    #[arg(long, value_delimiter = ',', value_name = "PID,…")]
    pub(super) pids: Vec<u32>,
    /// Rows to measure, separated by commas; all of them if not given
    #[arg(long, value_delimiter = ',', value_enum, value_name = "ROW,…")]
    only: Vec<Row>,
    /// Length of each load
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    pub(super) seconds: u64,
    /// Requests in flight
    #[arg(long, default_value_t = 64, value_parser = in_range(1, 10_000))]
    pub(super) clients: usize,
    /// Connections that the requests go through
    #[arg(long, default_value_t = 6, value_parser = in_range(1, 1_000))]
    pub(super) connections: usize,
    /// Connections that the watches are spread over; more if a server would not take so many
    /// watches on one
    #[arg(long, default_value_t = 30, value_parser = in_range(1, 5_000))]
    pub(super) watch_connections: usize,
    /// What watches are read in
    #[arg(long, value_enum, default_value_t = Encoding::Json)]
    pub(super) watch_encoding: Encoding,
    /// What the lists are of
    #[arg(long, value_enum, default_value_t = ListOf::Configmaps)]
    pub(super) list_of: ListOf,
    /// How many of them
    #[arg(long, default_value_t = 12_000, value_parser = in_range(1, 1_000_000))]
    pub(super) objects: usize,
    /// Draw the fan-out of watches to this file
    #[arg(long, value_name = "FILE")]
    pub(super) svg: Option<PathBuf>,
    /// Leave the namespaces behind instead of removing them
    #[arg(long)]
    pub(super) keep: bool,
}

fn in_range(least: usize, most: usize) -> impl Fn(&str) -> Result<usize, String> + Clone {
    move |text| match text.parse() {
        Ok(number) if (least..=most).contains(&number) => Ok(number),
        _ => Err(format!("not a number from {least} to {most}")),
    }
}

impl ApiArgs {
    pub(super) fn rows(&self) -> Vec<Row> {
        if self.only.is_empty() { ALL.to_vec() } else { self.only.clone() }
    }

    pub(super) fn access(&self) -> Result<Access, BenchError> {
        let mut credentials = match &self.kubeconfig {
            Some(path) => kubeconfig::load(path, self.context.as_deref())?,
            None => Credentials::default(),
        };
        if !self.server.is_empty() {
            credentials.servers.clone_from(&self.server);
            credentials.server_name = None;
        }
        if let Some(ca) = &self.ca {
            credentials.ca_pem = Some(read(ca)?);
        }
        if let (Some(cert), Some(key)) = (&self.cert, &self.key) {
            credentials.identity_pem = Some((read(cert)?, read(key)?));
        }
        if let Some(token) = &self.token {
            credentials.token = Some(token.clone());
        }
        Access::new(&credentials)
    }
}

pub(super) fn read(path: &Path) -> Result<Vec<u8>, BenchError> {
    std::fs::read(path)
        .map_err(|source| BenchError::Read { path: path.display().to_string(), source })
}
