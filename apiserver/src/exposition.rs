//! [`Exposition`]: metrics in Prometheus' text format, version 0.0.4, as etcd and Kubernetes serve
//! them.

use std::fmt::Write;
use xebec_raft::histogram::Snapshot;

/// The media type of the format.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

pub type Labels<'l> = &'l [(&'l str, &'l str)];

#[derive(Debug, Default)]
pub struct Exposition {
    text: String,
}

/// The samples of one metric.
pub struct Family<'e> {
    text: &'e mut String,
    name: &'e str,
}

impl Exposition {
    pub fn into_text(self) -> String {
        self.text
    }

    pub fn gauge<'e>(&'e mut self, name: &'e str, help: &str) -> Family<'e> {
        self.family(name, help, "gauge")
    }

    /// `name` ends in `_total`.
    pub fn counter<'e>(&'e mut self, name: &'e str, help: &str) -> Family<'e> {
        self.family(name, help, "counter")
    }

    pub fn histogram<'e>(&'e mut self, name: &'e str, help: &str) -> Family<'e> {
        self.family(name, help, "histogram")
    }

    fn family<'e>(&'e mut self, name: &'e str, help: &str, kind: &str) -> Family<'e> {
        self.text.extend(["# HELP ", name, " ", help, "\n# TYPE ", name, " ", kind, "\n"]);
        Family { text: &mut self.text, name }
    }
}

impl Family<'_> {
    pub fn sample(&mut self, labels: Labels<'_>, value: f64) {
        self.line("", labels, None, value);
    }

    pub fn value(&mut self, value: f64) {
        self.sample(&[], value);
    }

    /// Counts; beyond 2^53 they lose their last digits, which nobody reads.
    pub fn count(&mut self, labels: Labels<'_>, count: u64) {
        self.sample(labels, count as f64);
    }

    pub fn buckets(&mut self, labels: Labels<'_>, snapshot: &Snapshot) {
        for (bound, count) in &snapshot.up_to {
            self.line("_bucket", labels, Some(*bound), *count as f64);
        }
        self.line("_bucket", labels, Some(f64::INFINITY), snapshot.count as f64);
        self.line("_sum", labels, None, snapshot.sum);
        self.line("_count", labels, None, snapshot.count as f64);
    }

    fn line(&mut self, suffix: &str, labels: Labels<'_>, bound: Option<f64>, value: f64) {
        let out = &mut *self.text;
        out.extend([self.name, suffix]);
        let mut separator = '{';
        for (name, value) in labels {
            out.push(separator);
            out.extend([name, "=\""]);
            escape(out, value);
            out.push('"');
            separator = ',';
        }
        if let Some(bound) = bound {
            out.push(separator);
            out.push_str("le=\"");
            number(out, bound);
            out.push('"');
            separator = ',';
        }
        out.push_str(if separator == ',' { "} " } else { " " });
        number(out, value);
        out.push('\n');
    }
}

fn escape(out: &mut String, value: &str) {
    for c in value.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '"' => out.push_str("\\\""),
            '\n' => out.push_str("\\n"),
            c => out.push(c),
        }
    }
}

fn number(out: &mut String, value: f64) {
    if value == f64::INFINITY {
        out.push_str("+Inf");
    } else {
        write!(out, "{value}").expect("writing to a string cannot fail");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;
    use xebec_raft::histogram::Histogram;

    #[test]
    fn is_what_scrapers_read() {
        let mut out = Exposition::default();
        out.gauge("a", "one").value(0.5);
        let mut counter = out.counter("b_total", "two");
        counter.count(&[("x", "q\"\\\n"), ("y", "")], 7);
        let histogram = Histogram::of_seconds(&[5_000_000, 1_000_000_000]);
        histogram.observe(2_000_000);
        histogram.observe(2_000_000_000);
        let mut family = out.histogram("c", "three");
        family.buckets(&[("z", "1")], &histogram.snapshot());
        family.buckets(&[], &histogram.snapshot());
        expect![[r#"
            # HELP a one
            # TYPE a gauge
            a 0.5
            # HELP b_total two
            # TYPE b_total counter
            b_total{x="q\"\\\n",y=""} 7
            # HELP c three
            # TYPE c histogram
            c_bucket{z="1",le="0.005"} 1
            c_bucket{z="1",le="1"} 1
            c_bucket{z="1",le="+Inf"} 2
            c_sum{z="1"} 2.002
            c_count{z="1"} 2
            c_bucket{le="0.005"} 1
            c_bucket{le="1"} 1
            c_bucket{le="+Inf"} 2
            c_sum 2.002
            c_count 2
        "#]]
        .assert_eq(&out.into_text());
    }
}
