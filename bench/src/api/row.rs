//! [`Row`]: the kinds of load.

/// One line of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Row {
    /// Create ConfigMaps of 1 KB
    Configmaps,
    /// Renew Leases, each client its own
    Leases,
    /// Create Pods of 3 KB
    Pods,
    /// Get single ConfigMaps, consistently
    Get,
    /// List many objects in JSON
    ListJson,
    /// List many objects in protobuf
    ListProtobuf,
    /// 100 watchers, writes as fast as the events arrive
    #[value(name = "watch-100")]
    Watch100,
    /// 1,000 watchers, likewise
    #[value(name = "watch-1000")]
    Watch1000,
    /// 5,000 watchers, likewise
    #[value(name = "watch-5000")]
    Watch5000,
    /// 1,000 watchers with a connection each, likewise
    #[value(name = "watch-1000-apart")]
    Watch1000Apart,
    /// 100 watchers, 50 writes per second: how late events are
    #[value(name = "paced-100")]
    Paced100,
    /// 1,000 watchers, likewise
    #[value(name = "paced-1000")]
    Paced1000,
    /// 5,000 watchers, likewise
    #[value(name = "paced-5000")]
    Paced5000,
}

pub const ALL: [Row; 13] = [
    Row::Configmaps,
    Row::Leases,
    Row::Pods,
    Row::Get,
    Row::ListJson,
    Row::ListProtobuf,
    Row::Watch100,
    Row::Watch1000,
    Row::Watch5000,
    Row::Watch1000Apart,
    Row::Paced100,
    Row::Paced1000,
    Row::Paced5000,
];

/// Writes per second of the paced rows.
pub const PACE_PER_S: u64 = 50;

/// A fan-out of watches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FanOut {
    pub watchers: usize,
    /// Each watch has a connection of its own.
    pub apart: bool,
    /// Writes per second; `None` writes as fast as the events arrive.
    pub writes_per_s: Option<u64>,
}

impl Row {
    pub fn fan_out(self) -> Option<FanOut> {
        let (watchers, apart, writes_per_s) = match self {
            Self::Watch100 => (100, false, None),
            Self::Watch1000 => (1_000, false, None),
            Self::Watch5000 => (5_000, false, None),
            Self::Watch1000Apart => (1_000, true, None),
            Self::Paced100 => (100, false, Some(PACE_PER_S)),
            Self::Paced1000 => (1_000, false, Some(PACE_PER_S)),
            Self::Paced5000 => (5_000, false, Some(PACE_PER_S)),
            _ => return None,
        };
        Some(FanOut { watchers, apart, writes_per_s })
    }

    /// What a row counts as one operation.
    pub fn unit(self) -> &'static str {
        match self {
            Self::ListJson | Self::ListProtobuf => "list",
            _ if self.fan_out().is_some() => "event",
            _ => "request",
        }
    }

    /// The first line of its help.
    pub fn describe(self) -> String {
        let help = self.value().get_help().map(ToString::to_string);
        help.unwrap_or_default()
    }

    fn value(self) -> clap::builder::PossibleValue {
        clap::ValueEnum::to_possible_value(&self).expect("no row is hidden")
    }
}

impl std::fmt::Display for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.value().get_name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_fit_for_namespaces() {
        for row in ALL {
            let name = row.to_string();
            assert!(
                name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            );
            assert!(!row.describe().is_empty(), "{name}");
        }
    }
}
