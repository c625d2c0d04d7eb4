//! Faults: what goes wrong next, drawn from the seed, and its end.
//!
//! This file decides; the world acts. At most a minority of hosts is down or cut off for long, so
//! that clients get work done; now and then all of them die together.

use super::rng::Rng;

/// How often each kind of fault strikes, on average every so many milliseconds; 0 means never.
#[derive(Debug, Clone, Copy)]
pub struct Weather {
    pub kill_ms: u64,
    pub power_loss_ms: u64,
    pub kill_all_ms: u64,
    pub pause_ms: u64,
    pub partition_ms: u64,
    pub one_way_ms: u64,
    pub bad_link_ms: u64,
    pub broken_streams_ms: u64,
    pub disk_error_ms: u64,
    pub disk_full_ms: u64,
    pub slow_disk_ms: u64,
    pub clock_jump_ms: u64,
    pub transfer_ms: u64,
    pub planned_stop_ms: u64,
    pub membership_ms: u64,
}

impl Weather {
    pub const CALM: Self = Self {
        kill_ms: 0,
        power_loss_ms: 0,
        kill_all_ms: 0,
        pause_ms: 0,
        partition_ms: 0,
        one_way_ms: 0,
        bad_link_ms: 0,
        broken_streams_ms: 0,
        disk_error_ms: 0,
        disk_full_ms: 0,
        slow_disk_ms: 0,
        clock_jump_ms: 0,
        transfer_ms: 0,
        planned_stop_ms: 0,
        membership_ms: 0,
    };

    pub const STORM: Self = Self {
        kill_ms: 2_000,
        power_loss_ms: 2_500,
        kill_all_ms: 6_000,
        pause_ms: 2_500,
        partition_ms: 2_000,
        one_way_ms: 4_000,
        bad_link_ms: 2_000,
        broken_streams_ms: 1_500,
        disk_error_ms: 6_000,
        disk_full_ms: 7_000,
        slow_disk_ms: 3_000,
        clock_jump_ms: 3_000,
        transfer_ms: 2_500,
        planned_stop_ms: 6_000,
        membership_ms: 3_000,
    };

    /// A weather for a seed: each kind is absent, usual or frequent, so that runs differ in kind.
    pub fn from_seed(rng: &mut Rng) -> Self {
        let mut weather = Self::STORM;
        for period_ms in weather.periods_mut() {
            match rng.below(10) {
                0..=2 => *period_ms = 0,
                3..=7 => {}
                _ => *period_ms = *period_ms * 2 / 5,
            }
        }
        weather
    }

    fn periods_mut(&mut self) -> [&mut u64; 15] {
        [
            &mut self.kill_ms,
            &mut self.power_loss_ms,
            &mut self.kill_all_ms,
            &mut self.pause_ms,
            &mut self.partition_ms,
            &mut self.one_way_ms,
            &mut self.bad_link_ms,
            &mut self.broken_streams_ms,
            &mut self.disk_error_ms,
            &mut self.disk_full_ms,
            &mut self.slow_disk_ms,
            &mut self.clock_jump_ms,
            &mut self.transfer_ms,
            &mut self.planned_stop_ms,
            &mut self.membership_ms,
        ]
    }
}

/// One thing that happens now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    Kill {
        host: usize,
        down_ms: u64,
    },
    PowerLoss {
        host: usize,
        down_ms: u64,
    },
    /// All hosts at once, by loss of power or by a kill.
    KillAll {
        power: bool,
        down_ms: u64,
    },
    Pause {
        host: usize,
        for_ms: u64,
    },
    /// The hosts of one side do not reach those of the other.
    Partition {
        side: Vec<usize>,
        for_ms: u64,
    },
    OneWay {
        from: usize,
        to: usize,
        for_ms: u64,
    },
    BadLink {
        from: usize,
        to: usize,
        loss_ppm: u32,
        latency_max_us: u64,
        for_ms: u64,
    },
    BrokenStreams {
        from: usize,
        to: usize,
    },
    DiskError {
        host: usize,
        log: bool,
        on_sync: bool,
    },
    DiskFull {
        host: usize,
        for_ms: u64,
    },
    SlowDisk {
        host: usize,
        delay_max_ms: u64,
        for_ms: u64,
    },
    ClockJump {
        host: usize,
        skew_ms: i64,
    },
    Transfer,
    PlannedStop {
        host: usize,
        down_ms: u64,
    },
    Membership(Change),
}

/// A change of the membership; the world finds whom it concerns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    AddLearner,
    Promote,
    Remove,
}

pub struct FaultPlan {
    rng: Rng,
    weather: Weather,
    hosts: usize,
}

impl FaultPlan {
    pub fn new(rng: Rng, weather: Weather, hosts: usize) -> Self {
        Self { rng, weather, hosts }
    }

    /// What strikes within this millisecond.
    pub fn draw(&mut self) -> Vec<Fault> {
        let weather = self.weather;
        let mut faults = Vec::new();
        if self.strikes(weather.kill_ms) {
            faults.push(Fault::Kill { host: self.host(), down_ms: self.rng.between(5, 1_500) });
        }
        if self.strikes(weather.power_loss_ms) {
            let (host, down_ms) = (self.host(), self.rng.between(5, 2_000));
            faults.push(Fault::PowerLoss { host, down_ms });
        }
        if self.strikes(weather.kill_all_ms) {
            let power = self.rng.chance_ppm(600_000);
            faults.push(Fault::KillAll { power, down_ms: self.rng.between(5, 400) });
        }
        if self.strikes(weather.pause_ms) {
            faults.push(Fault::Pause { host: self.host(), for_ms: self.rng.between(20, 1_500) });
        }
        if self.strikes(weather.clock_jump_ms) {
            let skew_ms = self.rng.between(0, 20_000) as i64 - 10_000;
            faults.push(Fault::ClockJump { host: self.host(), skew_ms });
        }
        if self.strikes(weather.transfer_ms) {
            faults.push(Fault::Transfer);
        }
        if self.strikes(weather.planned_stop_ms) {
            let (host, down_ms) = (self.host(), self.rng.between(20, 800));
            faults.push(Fault::PlannedStop { host, down_ms });
        }
        if self.strikes(weather.membership_ms) {
            let change = *self.rng.pick(&[Change::AddLearner, Change::Promote, Change::Remove]);
            faults.push(Fault::Membership(change));
        }
        self.draw_network(&mut faults);
        self.draw_disks(&mut faults);
        faults
    }

    fn draw_network(&mut self, faults: &mut Vec<Fault>) {
        let weather = self.weather;
        if self.strikes(weather.partition_ms) {
            let first = self.host();
            let mut side = vec![first];
            let second = self.host();
            if self.hosts > 3 && second != first && self.rng.chance_ppm(500_000) {
                side.push(second);
            }
            faults.push(Fault::Partition { side, for_ms: self.rng.between(50, 2_500) });
        }
        if self.strikes(weather.one_way_ms) {
            let (from, to) = self.pair();
            faults.push(Fault::OneWay { from, to, for_ms: self.rng.between(50, 2_000) });
        }
        if self.strikes(weather.bad_link_ms) {
            let (from, to) = self.pair();
            faults.push(Fault::BadLink {
                from,
                to,
                loss_ppm: self.rng.between(10_000, 400_000) as u32,
                latency_max_us: self.rng.between(2_000, 150_000),
                for_ms: self.rng.between(100, 3_000),
            });
        }
        if self.strikes(weather.broken_streams_ms) {
            let (from, to) = self.pair();
            faults.push(Fault::BrokenStreams { from, to });
        }
    }

    fn draw_disks(&mut self, faults: &mut Vec<Fault>) {
        if self.strikes(self.weather.disk_error_ms) {
            faults.push(Fault::DiskError {
                host: self.host(),
                log: self.rng.chance_ppm(600_000),
                on_sync: self.rng.chance_ppm(500_000),
            });
        }
        if self.strikes(self.weather.disk_full_ms) {
            let (host, for_ms) = (self.host(), self.rng.between(500, 4_000));
            faults.push(Fault::DiskFull { host, for_ms });
        }
        if self.strikes(self.weather.slow_disk_ms) {
            let (host, for_ms) = (self.host(), self.rng.between(100, 2_500));
            let delay_max_ms = *self.rng.pick(&[10, 60, 400]);
            faults.push(Fault::SlowDisk { host, delay_max_ms, for_ms });
        }
    }

    fn strikes(&mut self, period_ms: u64) -> bool {
        period_ms > 0 && self.rng.below(period_ms) == 0
    }

    fn host(&mut self) -> usize {
        self.rng.index(self.hosts)
    }

    fn pair(&mut self) -> (usize, usize) {
        let from = self.host();
        let to = (from + 1 + self.rng.index(self.hosts - 1)) % self.hosts;
        (from, to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_storm_brings_every_kind_of_fault_and_calm_none() {
        let mut storm = FaultPlan::new(Rng::new(3), Weather::STORM, 5);
        let mut kinds = std::collections::HashSet::new();
        for _ in 0..200_000 {
            kinds.extend(storm.draw().iter().map(std::mem::discriminant));
        }
        assert_eq!(kinds.len(), 15);
        let mut calm = FaultPlan::new(Rng::new(3), Weather::CALM, 5);
        assert!((0..10_000).all(|_| calm.draw().is_empty()));
    }
}
