//! `etcdctl check perf`, run by the real `etcdctl` against a target.

use crate::BenchError;
use crate::target::Target;
use tokio::process::Command;

/// What the check printed, and whether it passed.
#[derive(Debug, Clone)]
pub struct CheckPerf {
    pub passed: bool,
    /// Writes per second, as the check counted them.
    pub throughput_per_s: Option<u64>,
    pub lines: Vec<String>,
}

/// Runs the check with load `s`, `m`, `l` or `xl`.
pub async fn check_perf(target: &Target, load: &str) -> Result<CheckPerf, BenchError> {
    let mut command = Command::new("etcdctl");
    command
        .env("ETCDCTL_API", "3")
        .args(["check", "perf", &format!("--load={load}"), "--prefix=/etcdctl-check-perf/"])
        .arg(format!("--endpoints={}", target.endpoints.join(",")));
    if let Some(tls) = &target.tls {
        command
            .arg("--cacert")
            .arg(&tls.ca)
            .arg("--cert")
            .arg(&tls.cert)
            .arg("--key")
            .arg(&tls.key);
    }
    let output = command.kill_on_drop(true).output().await;
    let output =
        output.map_err(|source| BenchError::Spawn { program: "etcdctl".into(), source })?;
    let text = [output.stdout, output.stderr].concat();
    Ok(parse(&String::from_utf8_lossy(&text)))
}

fn parse(text: &str) -> CheckPerf {
    let lines: Vec<String> = text
        .lines()
        .map(|line| line.rsplit('\r').next().unwrap_or(line).trim())
        .filter(|line| ["PASS", "FAIL"].iter().any(|word| line.starts_with(word)))
        .map(str::to_owned)
        .collect();
    let throughput = lines.iter().find(|line| line.to_lowercase().contains("throughput"));
    CheckPerf {
        passed: lines.last().is_some_and(|line| line == "PASS"),
        throughput_per_s: throughput.and_then(|line| number_before(line, " writes/s")),
        lines,
    }
}

fn number_before(line: &str, unit: &str) -> Option<u64> {
    let (before, _) = line.split_once(unit)?;
    before.rsplit(' ').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_verdict() {
        let text = " 59 / 60 Boooo\r 60 / 60 Boooo 100.00%\nFAIL: Throughput too low: 3074 writes/s\n\
                    PASS: Slowest request took 0.2s\nPASS: Stddev is 0.01s\nFAIL\n";
        let check = parse(text);
        assert!(!check.passed);
        assert_eq!(check.throughput_per_s, Some(3_074));
        assert_eq!(check.lines.len(), 4);
        assert!(parse("PASS: Throughput is 8000 writes/s\nPASS\n").passed);
    }
}
