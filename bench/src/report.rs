//! Tables of samples, alone and side by side.

use crate::measure::Sample;
use comfy_table::{CellAlignment, Table, presets::UTF8_FULL_CONDENSED};
use std::time::Duration;

/// One workload on one target.
#[derive(Debug, Clone)]
pub struct Row {
    pub workload: String,
    pub target: String,
    pub sample: Sample,
}

/// A table with a line for each row, and behind a workload that two targets ran, the ratios of the
/// second to the first.
pub fn table(rows: &[Row]) -> String {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED).set_header([
        "workload", "target", "ops/s", "p50", "p99", "max", "CPU/op", "memory", "failed",
    ]);
    for (at, row) in rows.iter().enumerate() {
        table.add_row(cells(row));
        let earlier = rows[..at].iter().find(|other| other.workload == row.workload);
        if let Some(base) = earlier {
            table.add_row(ratio_cells(&base.sample, &row.sample));
        }
    }
    for column in table.column_iter_mut().skip(2) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table.to_string()
}

fn cells(row: &Row) -> Vec<String> {
    let sample = &row.sample;
    vec![
        row.workload.clone(),
        row.target.clone(),
        format!("{:.0}", sample.rate_per_s()),
        milliseconds(sample.latency.quantile(0.5)),
        milliseconds(sample.latency.quantile(0.99)),
        milliseconds(sample.latency.quantile(1.0)),
        format!("{:.1} µs", sample.cpu_us_per_operation()),
        format!("{} MiB", sample.server_rss_bytes >> 20),
        sample.failures.to_string(),
    ]
}

fn ratio_cells(base: &Sample, other: &Sample) -> Vec<String> {
    let quantile =
        |at| ratio(seconds(other.latency.quantile(at)), seconds(base.latency.quantile(at)));
    vec![
        String::new(),
        "ratio".into(),
        ratio(Some(other.rate_per_s()), Some(base.rate_per_s())),
        quantile(0.5),
        quantile(0.99),
        quantile(1.0),
        ratio(Some(other.cpu_us_per_operation()), Some(base.cpu_us_per_operation())),
        ratio(Some(other.server_rss_bytes as f64), Some(base.server_rss_bytes as f64)),
        String::new(),
    ]
}

/// Of an operation, or a dash where there is none.
pub fn milliseconds(latency: Option<Duration>) -> String {
    latency.map_or_else(|| "–".into(), |l| format!("{:.2} ms", l.as_secs_f64() * 1e3))
}

fn seconds(latency: Option<Duration>) -> Option<f64> {
    latency.map(|latency| latency.as_secs_f64())
}

fn ratio(other: Option<f64>, base: Option<f64>) -> String {
    match (other, base) {
        (Some(other), Some(base)) if base > 0.0 => format!("{:.2}×", other / base),
        _ => "–".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::Latency;

    fn row(target: &str, operations: u64, cpu_ms: u64) -> Row {
        let sample = Sample {
            operations,
            elapsed: Duration::from_secs(1),
            server_cpu: Duration::from_millis(cpu_ms),
            latency: Latency::new(vec![1_000]),
            ..Sample::default()
        };
        Row { workload: "put".into(), target: target.into(), sample }
    }

    #[test]
    fn ratios_stand_below_the_second_target() {
        let text = table(&[row("etcd", 100, 50), row("xebec", 400, 20)]);
        assert!(text.contains("4.00×"), "{text}");
        assert!(text.contains("0.10×"), "{text}");
        assert_eq!(text.matches("ratio").count(), 1, "{text}");
    }
}
