//! Reads: consistent gets of single objects, lists of many.

use super::Setting;
use crate::BenchError;
use crate::api::load::{Measured, Work, closed_loop, measure};
use crate::api::namespace::Namespace;
use crate::api::objects::{self, CONFIG_MAP_BYTES, LISTED_BYTES};
use crate::api::pool::{Ask, Caller, Pool};
use http::HeaderValue;
use std::sync::Arc;
use tokio::task::JoinSet;

/// Distinct objects that are read one by one.
const READ_OBJECTS: usize = 1_000;
/// Lists in flight: more would only queue at the servers.
const LISTS_IN_FLIGHT: usize = 4;
const CREATIONS_IN_FLIGHT: usize = 64;

fn name(number: usize) -> String {
    format!("r{number:07}")
}

/// Makes `count` ConfigMaps.
async fn fill(pool: &Arc<Pool>, path: &str, count: usize, size: usize) -> Result<(), BenchError> {
    let mut tasks = JoinSet::new();
    for client in 0..CREATIONS_IN_FLIGHT.min(count) {
        let (mut caller, path) = (pool.caller(client).await, path.to_owned());
        tasks.spawn(async move {
            for number in (client..count).step_by(CREATIONS_IN_FLIGHT) {
                let object = objects::config_map(&name(number), size, number as u64);
                caller.post(&path, object).await?.success("creating what is read")?;
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
    fill(pool, &path, READ_OBJECTS, CONFIG_MAP_BYTES).await?;
    let work = |client| Get { path: path.clone(), number: client * 7 };
    let measured = measure(&setting.processes, async {
        Ok(closed_loop(pool, setting.clients, setting.duration, work).await)
    });
    Ok(Measured { bytes: 0, ..measured.await? })
}

struct Get {
    path: Arc<str>,
    number: usize,
}

impl Work for Get {
    async fn once(&mut self, caller: &mut Caller) -> Result<u64, BenchError> {
        self.number = (self.number + 389) % READ_OBJECTS;
        caller.count(&format!("{}/{}", self.path, name(self.number)), Ask::get()).await
    }
}

pub async fn list(
    setting: &Setting,
    pool: &Arc<Pool>,
    namespace: &Namespace,
    accept: HeaderValue,
) -> Result<Measured, BenchError> {
    let path: Arc<str> = namespace.config_maps().into();
    fill(pool, &path, setting.objects, LISTED_BYTES).await?;
    let least = (setting.objects * LISTED_BYTES / 2) as u64;
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
    async fn once(&mut self, caller: &mut Caller) -> Result<u64, BenchError> {
        let ask = Ask { accept: self.accept.clone(), ..Ask::get() };
        let bytes = caller.count(&self.path, ask).await?;
        if bytes < self.least {
            return Err(BenchError::Invalid(format!("a list had only {bytes} bytes")));
        }
        Ok(bytes)
    }
}
