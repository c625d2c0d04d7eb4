//! [`Target`]: a cluster under load.

use crate::BenchError;
use crate::measure::{Processes, Sample};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};

/// Files of a client's identity and of the authority that it trusts.
#[derive(Debug, Clone)]
pub struct TlsFiles {
    pub ca: PathBuf,
    pub cert: PathBuf,
    pub key: PathBuf,
}

/// A cluster that speaks etcd's v3 API.
#[derive(Debug, Clone)]
pub struct Target {
    pub name: String,
    /// `scheme://host:port`, one for each member.
    pub endpoints: Vec<String>,
    pub tls: Option<TlsFiles>,
    /// The members, so that their CPU and memory can be read.
    pub processes: Processes,
}

/// Sizes that suit a large range response.
const MESSAGE_SIZE_MAX_BYTES: usize = 512 << 20;
const WINDOW_BYTES: u32 = 4 << 20;

impl Target {
    /// `count` connections, spread evenly over the members.
    pub async fn connect(&self, count: usize) -> Result<Vec<Channel>, BenchError> {
        let mut channels = Vec::with_capacity(count);
        for endpoint in self.endpoints.iter().cycle().take(count) {
            channels.push(self.connect_to(endpoint).await?);
        }
        Ok(channels)
    }

    pub async fn connect_to(&self, endpoint: &str) -> Result<Channel, BenchError> {
        let invalid = || BenchError::Endpoint { endpoint: endpoint.to_owned() };
        let mut builder = Endpoint::from_shared(endpoint.to_owned())
            .map_err(|_| invalid())?
            .connect_timeout(Duration::from_secs(5))
            .initial_stream_window_size(WINDOW_BYTES)
            .initial_connection_window_size(WINDOW_BYTES)
            .tcp_nodelay(true);
        if let Some(tls) = &self.tls {
            builder = builder.tls_config(client_tls(tls)?).map_err(|_| invalid())?;
        }
        let connected = builder.connect().await;
        connected.map_err(|source| BenchError::Connect { endpoint: endpoint.to_owned(), source })
    }

    pub fn message_size_max_bytes() -> usize {
        MESSAGE_SIZE_MAX_BYTES
    }

    /// Runs a load and puts the members' CPU and memory beside what the load itself counted.
    pub async fn measure<F>(&self, load: F) -> Result<Sample, BenchError>
    where
        F: Future<Output = Result<Sample, BenchError>>,
    {
        let cpu_before = self.processes.cpu()?;
        let begun = Instant::now();
        let mut sample = load.await?;
        if sample.elapsed.is_zero() {
            sample.elapsed = begun.elapsed();
        }
        sample.server_cpu = self.processes.cpu()?.saturating_sub(cpu_before);
        sample.server_rss_bytes = self.processes.rss_bytes()?;
        Ok(sample)
    }
}

fn client_tls(files: &TlsFiles) -> Result<ClientTlsConfig, BenchError> {
    let ca = Certificate::from_pem(read(&files.ca)?);
    let identity = Identity::from_pem(read(&files.cert)?, read(&files.key)?);
    Ok(ClientTlsConfig::new().ca_certificate(ca).identity(identity))
}

fn read(path: &Path) -> Result<Vec<u8>, BenchError> {
    std::fs::read(path)
        .map_err(|source| BenchError::Read { path: path.display().to_string(), source })
}
