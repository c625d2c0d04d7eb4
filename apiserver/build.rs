//! Makes Rust of `proto/`: messages and clients from the file descriptors as they are, servers
//! with the codec and the pre-encoded responses of `etcd::wire`.

use prost_types::{FileDescriptorSet, MethodDescriptorProto, ServiceDescriptorProto};
use std::error::Error;

const PROTO: &str = "crate::etcd::proto";
const CODEC: &str = "crate::etcd::wire::WireCodec";

/// Fields whose names would come out of the conversion to snake case with letters torn apart.
const RENAMED: [(&str, &str); 2] = [("peerURLs", "peer_urls"), ("clientURLs", "client_urls")];

/// Responses that the server writes itself rather than through a message of the API.
const REPLIES: [(&str, &str); 2] = [
    (".etcdserverpb.RangeResponse", "crate::etcd::wire::RangeReply"),
    (".etcdserverpb.WatchResponse", "crate::etcd::wire::WatchReply"),
];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=proto");
    let files = ["rpc.proto", "lock.proto", "election.proto", "health.proto"];
    let mut set = protox::compile(files, ["proto"])?;
    rename(&mut set);
    let servers = services(&set);
    tonic_prost_build::configure()
        .build_server(false)
        .bytes(".")
        .extern_path(".mvccpb.KeyValue", "::xebec_store::kv::KeyValue")
        .compile_fds(set)?;
    tonic_build::manual::Builder::new().build_client(false).compile(&servers);
    Ok(())
}

fn rename(set: &mut FileDescriptorSet) {
    let messages = set.file.iter_mut().flat_map(|file| &mut file.message_type);
    for field in messages.flat_map(|message| &mut message.field) {
        if let Some((_, to)) = RENAMED.iter().find(|(from, _)| field.name() == *from) {
            field.json_name = field.name.take();
            field.name = Some((*to).to_owned());
        }
    }
}

fn services(set: &FileDescriptorSet) -> Vec<tonic_build::manual::Service> {
    set.file
        .iter()
        .flat_map(|file| file.service.iter().map(|service| server(file.package(), service)))
        .collect()
}

fn server(package: &str, service: &ServiceDescriptorProto) -> tonic_build::manual::Service {
    let mut builder = tonic_build::manual::Service::builder().name(service.name()).package(package);
    for one in &service.method {
        builder = builder.method(method(one));
    }
    builder.build()
}

fn method(method: &MethodDescriptorProto) -> tonic_build::manual::Method {
    let reply = REPLIES.iter().find(|(message, _)| *message == method.output_type());
    let output = reply.map_or_else(|| path(method.output_type()), |(_, path)| (*path).to_owned());
    let mut builder = tonic_build::manual::Method::builder()
        .name(snake(method.name()))
        .route_name(method.name())
        .input_type(path(method.input_type()))
        .output_type(output)
        .codec_path(CODEC);
    if method.client_streaming() {
        builder = builder.client_streaming();
    }
    if method.server_streaming() {
        builder = builder.server_streaming();
    }
    builder.build()
}

/// `.etcdserverpb.HashKVRequest` → `crate::etcd::proto::etcdserverpb::HashKvRequest`.
fn path(message: &str) -> String {
    let (package, name) = message.trim_start_matches('.').rsplit_once('.').unwrap_or(("", message));
    format!("{PROTO}::{}::{}", package.replace('.', "::"), name.replace("KV", "Kv"))
}

fn snake(name: &str) -> String {
    let mut out = String::new();
    for (at, c) in name.replace("KV", "Kv").char_indices() {
        if c.is_ascii_uppercase() && at > 0 {
            out.push('_');
        }
        out.push(c.to_ascii_lowercase());
    }
    out
}
