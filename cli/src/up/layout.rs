//! [`Layout`]: where `xebec up` keeps what, below one directory.
//!
//! ```text
//! up.lock            held while `xebec up` runs
//! cluster.toml       the members: see ClusterFile
//! etcdctl.env        to be sourced by a shell
//! admin.kubeconfig   for kubectl
//! pki/               certificates and keys
//! <name>.toml        configuration of a replica, for `xebec server --config`
//! <name>/            data of a replica
//! logs/<name>.log    its log, and older ones as .1, .2, ...
//! ```

use std::path::{Path, PathBuf};

#[derive(Debug, Clone)]
pub struct Layout {
    root: PathBuf,
}

impl Layout {
    /// `root` is absolute.
    pub fn new(root: PathBuf) -> Self {
        Self { root }
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    pub fn lock(&self) -> PathBuf {
        self.root.join("up.lock")
    }

    pub fn cluster(&self) -> PathBuf {
        self.root.join("cluster.toml")
    }

    pub fn etcdctl_env(&self) -> PathBuf {
        self.root.join("etcdctl.env")
    }

    pub fn kubeconfig(&self) -> PathBuf {
        self.root.join("admin.kubeconfig")
    }

    pub fn pki(&self) -> PathBuf {
        self.root.join("pki")
    }

    pub fn config(&self, name: &str) -> PathBuf {
        self.root.join(format!("{name}.toml"))
    }

    pub fn data(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    pub fn logs(&self) -> PathBuf {
        self.root.join("logs")
    }

    pub fn log(&self, name: &str) -> PathBuf {
        self.logs().join(format!("{name}.log"))
    }
}
