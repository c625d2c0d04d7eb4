//! Writes: creations of ConfigMaps and Pods, renewals of Leases.

use super::Setting;
use crate::BenchError;
use crate::api::load::{Done, Measured, Work, closed_loop, measure};
use crate::api::namespace::Namespace;
use crate::api::objects::{self, CONFIG_MAP_BYTES};
use crate::api::pool::{Ask, Caller, Pool};
use http::Method;
use std::sync::Arc;

pub async fn config_maps(
    setting: &Setting,
    pool: &Arc<Pool>,
    namespace: &Namespace,
) -> Result<Measured, BenchError> {
    let path: Arc<str> = namespace.config_maps().into();
    let make: fn(&str) -> bytes::Bytes = |name| objects::config_map(name, CONFIG_MAP_BYTES, 1);
    let work = |client| Create::new(path.clone(), client, make);
    measure(&setting.processes, async {
        Ok(closed_loop(pool, setting.clients, setting.duration, work).await)
    })
    .await
}

pub async fn pods(
    setting: &Setting,
    pool: &Arc<Pool>,
    namespace: &Namespace,
) -> Result<Measured, BenchError> {
    let path: Arc<str> = namespace.path("/api/v1", "pods").into();
    let work = |client| Create::new(path.clone(), client, objects::pod);
    measure(&setting.processes, async {
        Ok(closed_loop(pool, setting.clients, setting.duration, work).await)
    })
    .await
}

/// Creates one object after the other.
struct Create {
    path: Arc<str>,
    /// An object whose name is changed in place: making it anew would be the client's cost.
    template: Vec<u8>,
    name_at: usize,
    client: usize,
    turn: u64,
}

/// A name of the length of all names: `w0000-00000000`.
fn name(client: usize, turn: u64) -> String {
    format!("w{client:04}-{turn:08}")
}

impl Create {
    fn new(path: Arc<str>, client: usize, make: fn(&str) -> bytes::Bytes) -> Self {
        let first = name(client, 0);
        let template = make(&first).to_vec();
        let name_at = memchr::memmem::find(&template, first.as_bytes());
        let name_at = name_at.expect("an object has its name");
        Self { path, template, name_at, client, turn: 0 }
    }
}

impl Work for Create {
    async fn once(&mut self, caller: &mut Caller) -> Result<Done, BenchError> {
        self.turn += 1;
        let name = name(self.client, self.turn);
        self.template[self.name_at..self.name_at + name.len()].copy_from_slice(name.as_bytes());
        let answer =
            caller.call(&self.path, Ask::with_body(Method::POST, self.template.clone())).await?;
        answer.success("create").map(|_| Done::default())
    }
}

pub async fn leases(
    setting: &Setting,
    pool: &Arc<Pool>,
    namespace: &Namespace,
) -> Result<Measured, BenchError> {
    let path: Arc<str> = namespace.path("/apis/coordination.k8s.io/v1", "leases").into();
    let mut versions = Vec::with_capacity(setting.clients);
    let mut caller = pool.caller(0).await;
    for client in 0..setting.clients {
        let lease = objects::lease(&name(client, 0), None, 0);
        caller.create(&path, lease).await?;
        let made =
            caller.get(&format!("{path}/{}", name(client, 0))).await?.success("get of a Lease")?;
        versions.push(version(&made)?);
    }
    let work = |client: usize| Renew {
        path: format!("{path}/{}", name(client, 0)),
        name: name(client, 0),
        version: versions[client].clone(),
        turn: 0,
    };
    measure(&setting.processes, async {
        Ok(closed_loop(pool, setting.clients, setting.duration, work).await)
    })
    .await
}

fn version(answer: &crate::api::answer::Answer) -> Result<String, BenchError> {
    let version = answer.resource_version().map(str::to_owned);
    version.ok_or_else(|| BenchError::Invalid("an answer has no resourceVersion".into()))
}

/// Renews a Lease, each time on top of the answer before, as a node does.
struct Renew {
    path: String,
    name: String,
    version: String,
    turn: u64,
}

impl Work for Renew {
    async fn once(&mut self, caller: &mut Caller) -> Result<Done, BenchError> {
        self.turn += 1;
        let lease = objects::lease(&self.name, Some(&self.version), self.turn);
        let answer = caller.call(&self.path, Ask::with_body(Method::PUT, lease)).await?;
        if answer.status == http::StatusCode::CONFLICT {
            // An answer before this one was lost.
            let held = caller.get(&self.path).await?.success("get of a Lease")?;
            self.version = version(&held)?;
        }
        let answer = answer.success("update of a Lease")?;
        self.version = version(&answer)?;
        Ok(Done::default())
    }
}
