//! The loads themselves.

mod fan_out;
mod read;
mod write;

pub use read::ListOf;

use super::load::Measured;
use super::namespace::Namespace;
use super::pool::Pool;
use super::row::Row;
use super::watchers::Encoding;
use crate::BenchError;
use crate::measure::Processes;
use std::sync::Arc;
use std::time::Duration;

/// How much load, for how long.
pub struct Setting {
    pub clients: usize,
    pub duration: Duration,
    pub objects: usize,
    pub list_of: ListOf,
    pub watch_connections: usize,
    pub encoding: Encoding,
    pub processes: Processes,
}

pub async fn run(
    row: Row,
    setting: &Setting,
    pool: &Arc<Pool>,
    namespace: &Namespace,
) -> Result<Measured, BenchError> {
    match row {
        Row::Configmaps => write::config_maps(setting, pool, namespace).await,
        Row::Leases => write::leases(setting, pool, namespace).await,
        Row::Pods => write::pods(setting, pool, namespace).await,
        Row::Get => read::get(setting, pool, namespace).await,
        Row::ListJson => read::list(setting, pool, namespace, super::pool::JSON).await,
        Row::ListProtobuf => read::list(setting, pool, namespace, super::pool::PROTOBUF).await,
        _ => match row.fan_out() {
            Some(shape) => fan_out::run(shape, setting, pool, namespace).await,
            None => Err(BenchError::Invalid(format!("{row} is no row"))),
        },
    }
}
