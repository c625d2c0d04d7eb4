//! What the operating system says of this process (Linux `/proc`).

use std::fs;

/// As Prometheus' client libraries name them; `None` for what cannot be read.
#[derive(Debug, Default)]
pub struct Process {
    pub cpu_seconds: Option<f64>,
    pub resident_bytes: Option<u64>,
    pub virtual_bytes: Option<u64>,
    pub start_time_seconds: Option<f64>,
    pub open_fds: Option<u64>,
    pub max_fds: Option<u64>,
}

/// Linux counts in these for user space, on all architectures we run on.
const TICKS_PER_SECOND: f64 = 100.0;

impl Process {
    pub fn read() -> Self {
        let mut process = Self::default();
        if let Ok(stat) = fs::read_to_string("/proc/self/stat") {
            process.take_stat(&stat);
        }
        if let Ok(status) = fs::read_to_string("/proc/self/status") {
            process.resident_bytes = kibibytes(&status, "VmRSS:");
            process.virtual_bytes = kibibytes(&status, "VmSize:");
        }
        process.open_fds = fs::read_dir("/proc/self/fd").ok().map(|fds| fds.count() as u64);
        process.max_fds = fs::read_to_string("/proc/self/limits").ok().and_then(|limits| {
            let line = limits.lines().find(|line| line.starts_with("Max open files"))?;
            line.split_whitespace().nth(3)?.parse().ok()
        });
        process
    }

    /// Fields as numbered in proc(5), from the one after the command's closing bracket: 3.
    fn take_stat(&mut self, stat: &str) {
        let Some((_, rest)) = stat.rsplit_once(')') else { return };
        let fields: Vec<&str> = rest.split_whitespace().collect();
        let number = |field: usize| fields.get(field - 3)?.parse::<u64>().ok();
        let seconds = |ticks: u64| ticks as f64 / TICKS_PER_SECOND;
        self.cpu_seconds = number(14).zip(number(15)).map(|(user, system)| seconds(user + system));
        self.start_time_seconds =
            number(22).zip(boot_time_seconds()).map(|(ticks, boot)| boot + seconds(ticks));
    }
}

fn kibibytes(status: &str, name: &str) -> Option<u64> {
    let value = status.lines().find_map(|line| line.strip_prefix(name))?;
    Some(value.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1_024)
}

fn boot_time_seconds() -> Option<f64> {
    let stat = fs::read_to_string("/proc/stat").ok()?;
    stat.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_with_brackets_confuses_nobody() {
        let mut process = Process::default();
        process.take_stat(
            "7 (a) b) S 1 7 7 0 -1 4194560 1 0 0 0 250 50 0 0 20 0 1 0 100 8192 3 0 0 0",
        );
        assert_eq!(process.cpu_seconds, Some(3.0));
        assert_eq!(kibibytes("VmSize:  9 kB\nVmRSS:\t     3 kB\n", "VmRSS:"), Some(3_072));
    }

    #[test]
    fn this_process_has_memory_and_files() {
        let process = Process::read();
        assert!(process.resident_bytes.is_some_and(|bytes| bytes > 1_000_000));
        assert!(process.open_fds.zip(process.max_fds).is_some_and(|(open, max)| open < max));
    }
}
