//! Reads: consistent gets of single objects, lists of many.

use super::Setting;
use crate::BenchError;
use crate::api::load::{Done, Measured, Work, closed_loop, measure};
use crate::api::namespace::Namespace;
use crate::api::objects::{self, CONFIG_MAP_BYTES, LISTED_BYTES, POD_BYTES};
use crate::api::pool::{Ask, Caller, Pool};
use bytes::Bytes;
use http::HeaderValue;
use std::sync::Arc;
use tokio::task::JoinSet;

/// What lists are of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum ListOf {
    /// Of 1.5 KB
    Configmaps,
    /// Of 3 KB
    Pods,
}

impl ListOf {
    /// The resource, its objects by their names, and about how many bytes one has.
    fn objects(self) -> (&'static str, fn(&str) -> Bytes, usize) {
        match self {
            Self::Configmaps => {
                ("configmaps", |name| objects::config_map(name, LISTED_BYTES, 1), LISTED_BYTES)
            }
            Self::Pods => ("pods", objects::pod, POD_BYTES),
        }
    }
}

/// Distinct objects that are read one by one.
const READ_OBJECTS: usize = 1_000;
/// Lists in flight: more would only queue at the servers.
const LISTS_IN_FLIGHT: usize = 4;
const CREATIONS_IN_FLIGHT: usize = 64;

fn name(number: usize) -> String {
    format!("r{number:07}")
}

/// Makes `count` objects with `make`.
async fn fill(
    pool: &Arc<Pool>,
    path: &str,
    count: usize,
    make: fn(&str) -> Bytes,
) -> Result<(), BenchError> {
    let mut tasks = JoinSet::new();
    for client in 0..CREATIONS_IN_FLIGHT.min(count) {
        let (mut caller, path) = (pool.caller(client).await, path.to_owned());
        tasks.spawn(async move {
            for number in (client..count).step_by(CREATIONS_IN_FLIGHT) {
                caller.create(&path, make(&name(number))).await?;
            }
            Ok::<_, BenchError>(())
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.expect("a filling task does not panic")?;
    }
    Ok(())
}

pub async fn get(
    setting: &Setting,
    pool: &Arc<Pool>,
    namespace: &Namespace,
) -> Result<Measured, BenchError> {
    let path: Arc<str> = namespace.config_maps().into();
    fill(pool, &path, READ_OBJECTS, |name| objects::config_map(name, CONFIG_MAP_BYTES, 1)).await?;
    let work = |client| Get { path: path.clone(), number: client * 7 };
    let measured = measure(&setting.processes, async {
        Ok(closed_loop(pool, setting.clients, setting.duration, work).await)
    });
    measured.await
}

struct Get {
    path: Arc<str>,
    number: usize,
}

impl Work for Get {
    async fn once(&mut self, caller: &mut Caller) -> Result<Done, BenchError> {
        self.number = (self.number + 389) % READ_OBJECTS;
        let path = format!("{}/{}", self.path, name(self.number));
        caller.count(&path, Ask::get()).await.map(|_| Done::default())
    }
}

pub async fn list(
    setting: &Setting,
    pool: &Arc<Pool>,
    namespace: &Namespace,
    accept: HeaderValue,
) -> Result<Measured, BenchError> {
    let (resource, make, size) = setting.list_of.objects();
    let path: Arc<str> = namespace.path("/api/v1", resource).into();
    fill(pool, &path, setting.objects, make).await?;
    // Protobuf takes less room than JSON.
    let least = (setting.objects * size / 3) as u64;
    let work = |_| List { path: path.clone(), accept: accept.clone(), least };
    let clients = setting.clients.min(LISTS_IN_FLIGHT);
    measure(&setting.processes, async {
        Ok(closed_loop(pool, clients, setting.duration, work).await)
    })
    .await
}

struct List {
    path: Arc<str>,
    accept: HeaderValue,
    /// Fewer bytes than these are not the whole list.
    least: u64,
}

impl Work for List {
    async fn once(&mut self, caller: &mut Caller) -> Result<Done, BenchError> {
        let ask = Ask { accept: self.accept.clone(), ..Ask::get() };
        let done = caller.count(&self.path, ask).await?;
        if done.bytes < self.least {
            return Err(BenchError::Invalid(format!("a list had only {} bytes", done.bytes)));
        }
        Ok(done)
    }
}
