//! [`Settings`]: what may stand in the configuration file and on the command line.
//!
//! One documented struct per component, used for both: a flag `--client-cert` is the key `cert`
//! of the section `[client]`. Flags override the file. The texts here are the help, the comments
//! of `--print-config` and `docs/configuration.md`. Each argument's id is its key in the file.

use super::cluster::InitialMember;
use super::units::{ByteSize, Retention, Span};
use super::url::Url;
use clap::{Args, ValueEnum};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use std::path::PathBuf;

#[derive(Debug, Default, Clone, PartialEq, Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[command(next_help_heading = "Replica")]
pub struct Settings {
    /// Name of this replica, unique in the cluster.
    #[arg(id = "name", long, value_name = "NAME")]
    pub name: Option<String>,

    /// Directory of this replica's data; created if absent. [default: <name>.xebec]
    #[arg(id = "data_dir", long = "data-dir", value_name = "DIR")]
    pub data_dir: Option<PathBuf>,

    /// Allow plain HTTP, without any authentication, on loopback addresses.
    #[arg(id = "insecure", long, value_name = "BOOL", num_args = 0..=1, require_equals = true)]
    #[arg(default_missing_value = "true")]
    pub insecure: Option<bool>,

    #[command(flatten)]
    #[serde(default)]
    pub cluster: ClusterSettings,

    #[command(flatten)]
    #[serde(default)]
    pub client: ClientSettings,

    #[command(flatten)]
    #[serde(default)]
    pub peer: PeerSettings,

    #[command(flatten)]
    #[serde(default)]
    pub api: ApiSettings,

    #[command(flatten)]
    #[serde(default)]
    pub storage: StorageSettings,

    #[command(flatten)]
    #[serde(default)]
    pub log: LogSettings,
}

/// How the replica finds its cluster. Only read when its data directory is empty.
#[derive(Debug, Default, Clone, PartialEq, Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[command(next_help_heading = "Cluster")]
pub struct ClusterSettings {
    /// All members as name=peer-URL, separated by commas; repeat a name for more URLs.
    /// [default: this replica alone]
    #[arg(id = "cluster.initial", long = "cluster-initial", alias = "initial-cluster")]
    #[arg(value_name = "NAME=URL,...", value_delimiter = ',')]
    pub initial: Option<Vec<InitialMember>>,

    /// Makes the ids of two clusters differ that have the same members. [default: xebec]
    #[arg(id = "cluster.token", long = "cluster-token", alias = "initial-cluster-token")]
    #[arg(value_name = "TEXT")]
    pub token: Option<String>,

    /// Join a running cluster that lists this member already (see `xebec member add`).
    #[arg(id = "cluster.join", long = "join", value_name = "BOOL", num_args = 0..=1)]
    #[arg(require_equals = true, default_missing_value = "true")]
    pub join: Option<bool>,
}

/// The etcd v3 API, `/health`, `/version` and `/metrics`.
#[derive(Debug, Default, Clone, PartialEq, Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[command(next_help_heading = "Client API")]
pub struct ClientSettings {
    /// URLs to serve clients on. [default: https://127.0.0.1:2379]
    #[arg(id = "client.listen", long = "client-listen", alias = "listen-client-urls")]
    #[arg(value_name = "URL,...", value_delimiter = ',')]
    pub listen: Option<Vec<Url>>,

    /// URLs that clients are told to use. [default: those of --client-listen]
    #[arg(id = "client.advertise", long = "client-advertise", alias = "advertise-client-urls")]
    #[arg(value_name = "URL,...", value_delimiter = ',')]
    pub advertise: Option<Vec<Url>>,

    /// Certificate chain of the client API, PEM.
    #[arg(id = "client.cert", long = "client-cert", alias = "cert-file", value_name = "FILE")]
    pub cert: Option<PathBuf>,

    /// Private key of the client API, PEM.
    #[arg(id = "client.key", long = "client-key", alias = "key-file", value_name = "FILE")]
    pub key: Option<PathBuf>,

    /// Certificates of the authorities that sign client certificates, PEM.
    #[arg(id = "client.ca", long = "client-ca", alias = "trusted-ca-file", value_name = "FILE")]
    pub ca: Option<PathBuf>,

    /// Refuse clients without a certificate of --client-ca. [default: true if that is given]
    #[arg(id = "client.cert_auth", long = "client-cert-auth", value_name = "BOOL")]
    #[arg(num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub cert_auth: Option<bool>,
}

/// Traffic between replicas: always mutual TLS, unless plain HTTP is allowed on loopback.
#[derive(Debug, Default, Clone, PartialEq, Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[command(next_help_heading = "Peers")]
pub struct PeerSettings {
    /// URLs to listen on for other replicas. [default: https://127.0.0.1:2380]
    #[arg(id = "peer.listen", long = "peer-listen", alias = "listen-peer-urls")]
    #[arg(value_name = "URL,...", value_delimiter = ',')]
    pub listen: Option<Vec<Url>>,

    /// URLs that other replicas use. [default: those of --peer-listen]
    #[arg(id = "peer.advertise", long = "peer-advertise", alias = "initial-advertise-peer-urls")]
    #[arg(value_name = "URL,...", value_delimiter = ',')]
    pub advertise: Option<Vec<Url>>,

    /// Certificate chain towards other replicas, PEM: for server and client use.
    #[arg(id = "peer.cert", long = "peer-cert", alias = "peer-cert-file", value_name = "FILE")]
    pub cert: Option<PathBuf>,

    /// Private key towards other replicas, PEM.
    #[arg(id = "peer.key", long = "peer-key", alias = "peer-key-file", value_name = "FILE")]
    pub key: Option<PathBuf>,

    /// Certificates of the authorities that sign replicas' certificates, PEM. Keep them apart
    /// from those of clients: who holds such a certificate can change any data.
    #[arg(id = "peer.ca", long = "peer-ca", alias = "peer-trusted-ca-file", value_name = "FILE")]
    pub ca: Option<PathBuf>,
}

/// The Kubernetes API: always over TLS, and served only where it has a certificate.
#[derive(Debug, Default, Clone, PartialEq, Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[command(next_help_heading = "Kubernetes API")]
pub struct ApiSettings {
    /// URLs to serve the Kubernetes API on. [default: https://127.0.0.1:6443]
    #[arg(id = "api.listen", long = "api-listen", value_name = "URL,...", value_delimiter = ',')]
    pub listen: Option<Vec<Url>>,

    /// Address of this replica for Pods: an endpoint of the Service `kubernetes`. [default: that of
    /// the first --api-listen]
    #[arg(id = "api.advertise", long = "api-advertise", alias = "advertise-address")]
    #[arg(value_name = "IP")]
    pub advertise: Option<IpAddr>,

    /// Certificate chain of the Kubernetes API, PEM. Without it the API is not served.
    #[arg(id = "api.cert", long = "api-cert", alias = "tls-cert-file", value_name = "FILE")]
    pub cert: Option<PathBuf>,

    /// Private key of the Kubernetes API, PEM.
    #[arg(id = "api.key", long = "api-key", alias = "tls-private-key-file", value_name = "FILE")]
    pub key: Option<PathBuf>,

    /// Certificates of the authorities whose clients are known by their certificates, PEM. Keep
    /// them apart from those of --client-ca: who holds such a certificate can change any data.
    #[arg(id = "api.client_ca", long = "api-client-ca", alias = "client-ca-file")]
    #[arg(value_name = "FILE")]
    pub client_ca: Option<PathBuf>,

    /// Tokens of users, a line each: token,user,uid,"group,group". The same for all replicas; read
    /// once, at start. Whoever reads the file is all of them.
    #[arg(id = "api.token_file", long = "api-token-file", alias = "token-auth-file")]
    #[arg(value_name = "FILE")]
    pub token_file: Option<PathBuf>,

    /// Requests without a credential are those of system:anonymous, who may read little more than
    /// health and version; else they are refused. [default: true]
    #[arg(id = "api.anonymous", long = "api-anonymous", alias = "anonymous-auth")]
    #[arg(value_name = "BOOL", num_args = 0..=1, require_equals = true)]
    #[arg(default_missing_value = "true")]
    pub anonymous: Option<bool>,

    /// Private key that signs the tokens of service accounts, PEM: the same for all replicas.
    #[arg(id = "api.service_account_key", long = "api-service-account-key")]
    #[arg(alias = "service-account-signing-key-file", value_name = "FILE")]
    pub service_account_key: Option<PathBuf>,

    /// Keys, private or public, whose tokens are accepted beside those of
    /// --api-service-account-key, PEM.
    #[arg(id = "api.service_account_old_keys", long = "api-service-account-old-keys")]
    #[arg(value_name = "FILE,...", value_delimiter = ',')]
    pub service_account_old_keys: Option<Vec<PathBuf>>,

    /// Who issues the tokens of service accounts. [default:
    /// https://kubernetes.default.svc.cluster.local]
    #[arg(id = "api.service_account_issuer", long = "api-service-account-issuer")]
    #[arg(alias = "service-account-issuer", value_name = "URL")]
    pub service_account_issuer: Option<String>,

    /// Addresses of Services: one range, or one of each family, that of the usual family first.
    /// [default: 10.96.0.0/16]
    #[arg(id = "api.service_cidr", long = "api-service-cidr", alias = "service-cluster-ip-range")]
    #[arg(value_name = "CIDR,...", value_delimiter = ',')]
    pub service_cidr: Option<Vec<IpNet>>,

    /// Refuse externalIPs of Services: without, whoever may make Services can take over traffic to
    /// any address (CVE-2020-8554). [default: false]
    #[arg(id = "api.deny_external_ips", long = "api-deny-external-ips", value_name = "BOOL")]
    #[arg(num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub deny_external_ips: Option<bool>,

    /// Gather the rules of aggregated ClusterRoles (admin, edit, view) here: without, they grant
    /// nothing until a controller manager does. [default: true]
    #[arg(id = "api.aggregate_roles", long = "api-aggregate-roles", value_name = "BOOL")]
    #[arg(num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub aggregate_roles: Option<bool>,

    /// How long Events stay after they were written last. [default: 1h]
    #[arg(id = "api.event_ttl", long = "api-event-ttl", alias = "event-ttl", value_name = "SPAN")]
    pub event_ttl: Option<Span>,

    /// URL that the leader serves as well, whichever replica that is: the one address for clients
    /// that know only one.
    #[arg(id = "api.vip", long = "api-vip", value_name = "URL")]
    pub vip: Option<Url>,
}

/// The disk and the history on it.
#[derive(Debug, Default, Clone, PartialEq, Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[command(next_help_heading = "Storage")]
pub struct StorageSettings {
    /// Refuse writes, but not deletes, when the disk has less free space than this; they are
    /// accepted again by themselves when there is room. [default: a tenth of the disk, at most
    /// 512MiB]
    #[arg(id = "storage.disk_reserve", long = "storage-disk-reserve", value_name = "SIZE")]
    pub disk_reserve: Option<ByteSize>,

    /// Compact by itself, keeping this much history: a span (5m, 1h), a number of revisions, or
    /// 0 for never. [default: 0]
    #[arg(id = "storage.auto_compaction_retention", long = "storage-auto-compaction-retention")]
    #[arg(alias = "auto-compaction-retention", value_name = "SPAN|REVISIONS")]
    pub auto_compaction_retention: Option<Retention>,
}

/// What the replica says about its work.
#[derive(Debug, Default, Clone, PartialEq, Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[command(next_help_heading = "Log")]
pub struct LogSettings {
    /// One line per event for people, or one JSON object. [default: text]
    #[arg(id = "log.format", long = "log-format", value_name = "FORMAT")]
    pub format: Option<LogFormat>,

    /// Which events: a level, or directives as for RUST_LOG (info,xebec_raft=debug).
    /// [default: info,openraft=error]
    #[arg(id = "log.filter", long = "log-filter", value_name = "DIRECTIVES")]
    pub filter: Option<String>,

    /// Write to this file in place of standard error.
    #[arg(id = "log.file", long = "log-file", value_name = "FILE")]
    pub file: Option<PathBuf>,

    /// Begin a new log file at this size; five older ones are kept. [default: 16MiB]
    #[arg(id = "log.file_size", long = "log-file-size", value_name = "SIZE")]
    pub file_size: Option<ByteSize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    Text,
    Json,
}
