//! What one workload yields, and how CPU and memory of the servers are read.

use crate::BenchError;
use std::time::Duration;

/// The result of one workload against one target.
#[derive(Debug, Clone, Default)]
pub struct Sample {
    pub operations: u64,
    pub failures: u64,
    pub elapsed: Duration,
    /// CPU of all server processes, user and system, during the load.
    pub server_cpu: Duration,
    /// Resident memory of all server processes at the end of the load.
    pub server_rss_bytes: u64,
    pub latency: Latency,
}

impl Sample {
    pub fn rate_per_s(&self) -> f64 {
        self.operations as f64 / self.elapsed.as_secs_f64().max(f64::EPSILON)
    }

    pub fn cpu_us_per_operation(&self) -> f64 {
        self.server_cpu.as_secs_f64() * 1e6 / (self.operations.max(1) as f64)
    }
}

/// Latencies of single operations, sorted once.
#[derive(Debug, Clone, Default)]
pub struct Latency {
    sorted_us: Vec<u32>,
}

impl Latency {
    pub fn new(mut samples_us: Vec<u32>) -> Self {
        samples_us.sort_unstable();
        Self { sorted_us: samples_us }
    }

    /// The latency that a share `quantile` (0 to 1) of the operations did not exceed.
    pub fn quantile(&self, quantile: f64) -> Option<Duration> {
        let last = self.sorted_us.len().checked_sub(1)?;
        let at = (last as f64 * quantile.clamp(0.0, 1.0)).round() as usize;
        Some(Duration::from_micros(u64::from(self.sorted_us[at])))
    }
}

/// Reads the CPU time that processes have used, so that two readings bound a load.
#[derive(Debug, Clone, Default)]
pub struct Processes {
    pids: Vec<u32>,
}

impl Processes {
    pub fn new(pids: Vec<u32>) -> Self {
        Self { pids }
    }

    /// User plus system time of all the processes since they started.
    pub fn cpu(&self) -> Result<Duration, BenchError> {
        self.pids.iter().map(|pid| cpu_of(*pid)).sum()
    }

    pub fn rss_bytes(&self) -> Result<u64, BenchError> {
        self.pids.iter().map(|pid| rss_of(*pid)).sum()
    }

    /// Like resident memory, but pages that processes share count once; `None` where the kernel
    /// does not tell, as it does not of others' processes.
    pub fn pss_bytes(&self) -> Option<u64> {
        self.pids.iter().map(|pid| pss_of(*pid)).sum()
    }
}

fn read(path: String) -> Result<String, BenchError> {
    std::fs::read_to_string(&path).map_err(|source| BenchError::Read { path, source })
}

/// `schedstat` counts nanoseconds per thread; `stat` only ticks of 10 ms, but keeps the time of
/// threads that have ended, so it is what a process total needs.
fn cpu_of(pid: u32) -> Result<Duration, BenchError> {
    let stat = read(format!("/proc/{pid}/stat"))?;
    parse_cpu(&stat).ok_or_else(|| BenchError::Invalid(format!("unexpected /proc/{pid}/stat")))
}

/// Fields 14 and 15, counted from the first; the command in field 2 may hold spaces.
fn parse_cpu(stat: &str) -> Option<Duration> {
    const TICKS_PER_S: u64 = 100;
    let (_, after_command) = stat.rsplit_once(')')?;
    let mut fields = after_command.split_ascii_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(Duration::from_millis((user + system) * 1_000 / TICKS_PER_S))
}

fn rss_of(pid: u32) -> Result<u64, BenchError> {
    let status = read(format!("/proc/{pid}/status"))?;
    parse_rss(&status).ok_or_else(|| BenchError::Invalid(format!("unexpected /proc/{pid}/status")))
}

fn parse_rss(status: &str) -> Option<u64> {
    parse_kib(status, "VmRSS:")
}

fn pss_of(pid: u32) -> Option<u64> {
    parse_kib(&read(format!("/proc/{pid}/smaps_rollup")).ok()?, "Pss:")
}

/// The bytes of a line in kibibytes.
fn parse_kib(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_skips_a_command_with_spaces_and_parentheses() {
        let stat = "7 (a (b) c) S 1 7 7 0 -1 0 1 2 3 4 250 50 9 9 20 0 1 0 5";
        assert_eq!(parse_cpu(stat), Some(Duration::from_secs(3)));
        assert_eq!(parse_cpu("7 (a"), None);
    }

    #[test]
    fn rss_is_in_bytes() {
        assert_eq!(parse_rss("Name:\tx\nVmRSS:\t    12 kB\n"), Some(12 * 1024));
        assert_eq!(parse_rss("Name:\tx\n"), None);
    }

    #[test]
    fn quantiles_of_a_known_distribution() {
        let latency = Latency::new((1..=100).rev().collect());
        assert_eq!(latency.quantile(0.5), Some(Duration::from_micros(51)));
        assert_eq!(latency.quantile(0.99), Some(Duration::from_micros(99)));
        assert_eq!(latency.quantile(1.0), Some(Duration::from_micros(100)));
        assert_eq!(Latency::default().quantile(0.5), None);
    }

    #[test]
    fn this_process_has_memory() {
        let me = Processes::new(vec![std::process::id()]);
        let resident = me.rss_bytes().expect("own status is readable");
        assert!(resident > 0);
        assert!(me.pss_bytes().expect("own memory is readable") <= resident.max(1 << 30));
        me.cpu().expect("own stat is readable");
    }
}
