//! Versions as clients see them.

/// The etcd whose API is served: clients print it and switch features by it.
pub const SERVER: &str = "3.6.0";

/// The same without the patch level: what etcd calls the cluster's version and the storage's.
pub const CLUSTER: &str = "3.6.0";
pub const STORAGE: &str = "3.6.0";
