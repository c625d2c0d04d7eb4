//! The two places on disk of a replica: its log and its keyspace.

use super::data_dir::DataDir;
use std::sync::Arc;
use xebec_store::disk;
use xebec_store::engine::rocks::{RocksHome, RocksOptions, SpaceOptions};
use xebec_store::engine::{Durability, EngineHome};

/// The keyspace: its log is the Raft log.
const STATE: RocksOptions = RocksOptions {
    spaces: &[
        SpaceOptions { name: disk::KEYS, point_gets: false },
        SpaceOptions { name: disk::LOG, point_gets: false },
        SpaceOptions { name: disk::LEASES, point_gets: false },
        SpaceOptions { name: disk::META, point_gets: false },
    ],
    durability: Durability::Unlogged,
};

pub fn log_home(data: &DataDir) -> Arc<dyn EngineHome> {
    Arc::new(RocksHome::new(data.log(), xebec_raft::log::ROCKS))
}

pub fn state_home(data: &DataDir) -> Arc<dyn EngineHome> {
    Arc::new(RocksHome::new(data.state(), STATE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_keyspace_has_all_its_spaces() {
        let names: Vec<_> = STATE.spaces.iter().map(|space| space.name).collect();
        assert_eq!(names, disk::SPACES);
    }
}
