//! Runs that aim at one kind of trouble each, after bugs that were found in etcd.
//!
//! The seed still decides what happens; a scenario decides what there is much of.

use super::Settings;
use super::client::Mix;
use super::faults::Weather;
use super::watcher::Pace;

/// A scenario by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Scenario {
    /// Something of everything.
    Any,
    /// Replicas die in the middle of applying, under load: no revision may differ afterwards
    /// (etcd issue 13766).
    CrashWhileApplying,
    /// Progress is asked for all the time while events wait (etcd issue 15220).
    ProgressUnderLoad,
    /// Watches move between replicas while these are cut off and come back (etcd issue 15271).
    WatchAcrossPartitions,
    /// Many transactions, also ones that change nothing, of many keys: each event once
    /// (etcd issue 17247).
    Transactions,
    /// Clients too slow for what is written (etcd issue 17529).
    StarvedWatches,
    /// Compaction meets deletions, restarts and watches that begin at the compact revision
    /// (etcd issues 18089 and 19179).
    CompactionOfDeletions,
    /// Watches from revisions that the replica does not know yet (etcd issue 20221).
    FutureRevisions,
    /// Leaders that stop and go on without knowing it; many reads (etcd issue 20418).
    PausedLeaders,
    /// Replicas that fall behind the log and get a checkpoint, with members that come and go.
    Snapshots,
    /// Leases under changes of leadership and wrong clocks.
    Leases,
    /// Disks that fail and disks that are full.
    Disks,
}

impl Scenario {
    #[expect(clippy::too_many_lines, reason = "one arm for each scenario, a few lines each")]
    pub fn settings(self, seed: u64, steps: u64) -> Settings {
        let mut settings = Settings::from_seed(seed, steps);
        let calm = Weather::CALM;
        match self {
            Self::Any => {}
            Self::CrashWhileApplying => {
                settings.weather =
                    Weather { kill_ms: 400, power_loss_ms: 400, kill_all_ms: 2_000, ..calm };
                settings.sessions = 12;
                settings.think_max_us = 2_000;
            }
            Self::ProgressUnderLoad => {
                settings.weather = Weather { kill_ms: 1_500, partition_ms: 3_000, ..calm };
                settings.watchers = 6;
                settings.marks_max_us = 10_000;
                settings.pace = Pace { stall_max_ms: 60, stall_ppm: 200_000, events_max: 5 };
                settings.think_max_us = 4_000;
            }
            Self::WatchAcrossPartitions => {
                settings.weather = Weather {
                    partition_ms: 500,
                    one_way_ms: 1_000,
                    bad_link_ms: 1_500,
                    broken_streams_ms: 700,
                    transfer_ms: 2_000,
                    ..calm
                };
                settings.watchers = 8;
                settings.stay_max_us = 400_000;
            }
            Self::Transactions => {
                settings.weather = Weather { kill_ms: 1_500, transfer_ms: 1_500, ..calm };
                settings.mix = Mix { transactions: 80, reads: 5, ..Mix::default() };
                settings.watchers = 6;
            }
            Self::StarvedWatches => {
                settings.weather = Weather { kill_ms: 3_000, ..calm };
                settings.mix = Mix { padding: 4_000, reads: 5, ..Mix::default() };
                settings.sessions = 10;
                settings.watchers = 6;
                settings.think_max_us = 2_000;
                settings.stay_max_us = 20_000_000;
                settings.pace = Pace { stall_max_ms: 1_200, stall_ppm: 150_000, events_max: 3 };
            }
            Self::CompactionOfDeletions => {
                settings.weather = Weather { kill_ms: 700, power_loss_ms: 900, ..calm };
                settings.mix = Mix { deletes: 35, compactions: 10, reads: 10, ..Mix::default() };
                settings.watchers = 8;
                settings.stay_max_us = 500_000;
                settings.pace = Pace { stall_max_ms: 300, stall_ppm: 100_000, events_max: 8 };
            }
            Self::FutureRevisions => {
                settings.weather =
                    Weather { pause_ms: 700, one_way_ms: 900, kill_ms: 2_000, ..calm };
                settings.watchers = 10;
                settings.stay_max_us = 150_000;
                settings.future_ppm = 400_000;
                settings.mix.compactions = 3;
            }
            Self::PausedLeaders => {
                settings.weather = Weather { pause_ms: 300, partition_ms: 1_500, ..calm };
                settings.mix = Mix { reads: 65, ..Mix::default() };
                settings.sessions = 10;
                settings.think_max_us = 6_000;
            }
            Self::Snapshots => {
                settings.weather = Weather {
                    power_loss_ms: 1_500,
                    partition_ms: 1_500,
                    membership_ms: 400,
                    transfer_ms: 2_500,
                    broken_streams_ms: 600,
                    ..calm
                };
                settings.sessions = 10;
                settings.think_max_us = 3_000;
                settings.spares = 2;
                settings.retention_entries = 20;
            }
            Self::Leases => {
                settings.weather = Weather {
                    transfer_ms: 800,
                    kill_ms: 1_200,
                    pause_ms: 1_200,
                    clock_jump_ms: 500,
                    ..calm
                };
                settings.mix = Mix { leases: 60, reads: 5, ..Mix::default() };
            }
            Self::Disks => {
                settings.weather = Weather {
                    disk_error_ms: 800,
                    disk_full_ms: 2_000,
                    kill_all_ms: 4_000,
                    power_loss_ms: 3_000,
                    ..calm
                };
            }
        }
        settings
    }
}
