//! The table.

use super::load::Measured;
use super::row::Row;
use crate::report::milliseconds;
use comfy_table::{CellAlignment, Table, presets::UTF8_FULL_CONDENSED};

/// A row and what it yielded.
#[derive(Debug, Clone)]
pub struct Line {
    pub row: Row,
    pub measured: Measured,
}

const NONE: &str = "–";

/// A line for each row, and notes on what does not fit into one.
pub fn table(lines: &[Line]) -> String {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED).set_header([
        "row",
        "unit",
        "rate/s",
        "MB/s",
        "p50",
        "p90",
        "p99",
        "max",
        "CPU/unit",
        "CPU/MB",
        "RSS",
        "PSS",
        "failed",
        "client CPU",
    ]);
    for line in lines {
        table.add_row(cells(line));
    }
    for column in table.column_iter_mut().skip(2) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let mut text = table.to_string();
    for line in lines {
        for note in notes(&line.measured) {
            text.push_str(&format!("\n{}: {note}", line.row));
        }
    }
    text
}

fn notes(measured: &Measured) -> Vec<String> {
    let mut notes = Vec::new();
    let quantile = |at| milliseconds(measured.first_byte.quantile(at));
    if measured.first_byte.quantile(0.5).is_some() {
        notes.push(format!("first byte after {} (p50), {} (p99)", quantile(0.5), quantile(0.99)));
    }
    if measured.grown_bytes > 0 {
        notes
            .push(format!("{} MiB more resident than before the load", measured.grown_bytes >> 20));
    }
    if let Some(bytes) = measured.bytes_per_watch {
        notes.push(format!("{:.1} KiB resident for each watch", bytes as f64 / 1024.0));
    }
    notes
}

fn cells(line: &Line) -> Vec<String> {
    let Measured { sample, bytes, server_pss_bytes, .. } = &line.measured;
    let seconds = sample.elapsed.as_secs_f64().max(f64::EPSILON);
    let megabytes = *bytes as f64 / 1e6;
    let client_us = line.measured.client_cpu.as_secs_f64() * 1e6;
    let cpu_us = sample.server_cpu.as_secs_f64() * 1e6;
    // Without process ids nothing is known of the servers.
    let known = sample.server_rss_bytes > 0;
    let if_known = |text: String| if known { text } else { NONE.to_owned() };
    let if_bytes = |text: String| if *bytes > 0 { text } else { NONE.to_owned() };
    let quantile = |at| milliseconds(sample.latency.quantile(at));
    vec![
        line.row.to_string(),
        line.row.unit().to_owned(),
        format!("{:.*}", usize::from(sample.rate_per_s() < 100.0), sample.rate_per_s()),
        if_bytes(format!("{:.1}", megabytes / seconds)),
        quantile(0.5),
        quantile(0.9),
        quantile(0.99),
        quantile(1.0),
        if_known(format!("{:.1} µs", sample.cpu_us_per_operation())),
        if_known(if_bytes(format!("{:.2} ms", cpu_us / 1e3 / megabytes))),
        if_known(format!("{} MiB", sample.server_rss_bytes >> 20)),
        server_pss_bytes
            .filter(|_| known)
            .map_or_else(|| NONE.into(), |b| format!("{} MiB", b >> 20)),
        sample.failures.to_string(),
        format!("{:.1} µs", client_us / sample.operations.max(1) as f64),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::{Latency, Sample};
    use std::time::Duration;

    fn line(row: Row, bytes: u64, rss: u64) -> Line {
        let sample = Sample {
            operations: 1_000,
            elapsed: Duration::from_secs(2),
            server_cpu: Duration::from_millis(50),
            server_rss_bytes: rss,
            latency: Latency::new(vec![1_000, 2_000]),
            ..Sample::default()
        };
        Line { row, measured: Measured { sample, bytes, ..Measured::default() } }
    }

    #[test]
    fn shows_what_is_known_and_nothing_else() {
        let known = table(&[line(Row::ListJson, 4_000_000, 3 << 20)]);
        for expected in ["list-json", "500", "2.0", "50.0 µs", "12.50 ms", "3 MiB"] {
            assert!(known.contains(expected), "{expected:?} not in\n{known}");
        }
        let unknown = table(&[line(Row::Get, 0, 0)]);
        assert_eq!(unknown.matches("µs").count(), 1, "only the client is known: {unknown}");
        assert!(!unknown.contains("MiB"), "{unknown}");
    }

    #[test]
    fn memory_and_first_bytes_are_notes() {
        let mut watched = line(Row::Watch100, 0, 1 << 20);
        watched.measured.bytes_per_watch = Some(8_192);
        assert!(table(&[watched]).ends_with("watch-100: 8.0 KiB resident for each watch"));
        let mut listed = line(Row::ListJson, 1, 1 << 20);
        listed.measured.first_byte = Latency::new(vec![3_000]);
        listed.measured.grown_bytes = 5 << 20;
        let text = table(&[listed]);
        assert!(
            text.contains("list-json: first byte after 3.00 ms (p50), 3.00 ms (p99)"),
            "{text}"
        );
        assert!(text.ends_with("list-json: 5 MiB more resident than before the load"), "{text}");
    }
}
