//! What `build.rs` makes of `apiserver/proto`: etcd's messages and clients, and the servers that
//! the handlers of this module implement. `mvccpb.KeyValue` is [`xebec_store::kv::KeyValue`].

/// Generated code, not held to the house's lints.
macro_rules! generated {
    ($($(#[$doc:meta])* $module:ident: $($file:literal),+;)+) => {$(
        $(#[$doc])*
        #[allow(
            clippy::all,
            clippy::large_futures,
            clippy::needless_pass_by_value,
            clippy::semicolon_if_nothing_returned,
            clippy::too_many_lines,
            clippy::uninlined_format_args,
            missing_docs,
            rust_2018_idioms
        )]
        pub mod $module {
            $(include!(concat!(env!("OUT_DIR"), "/", $file));)+
        }
    )+};
}

generated! {
    authpb: "authpb.rs";
    /// KV, Watch, Lease, Cluster, Maintenance and Auth.
    etcdserverpb: "etcdserverpb.rs", "etcdserverpb.KV.rs", "etcdserverpb.Watch.rs",
        "etcdserverpb.Lease.rs", "etcdserverpb.Cluster.rs", "etcdserverpb.Maintenance.rs",
        "etcdserverpb.Auth.rs";
    mvccpb: "mvccpb.rs";
    v3electionpb: "v3electionpb.rs", "v3electionpb.Election.rs";
    v3lockpb: "v3lockpb.rs", "v3lockpb.Lock.rs";
}

/// gRPC's health-checking protocol.
pub mod grpc {
    pub mod health {
        generated! {
            v1: "grpc.health.v1.rs", "grpc.health.v1.Health.rs";
        }
    }
}
