//! The chart of the fan-out, an SVG: events per second, and how late they are, by the number of
//! watchers.

use super::report::Line;
use std::fmt::Write;

const WIDTH: f64 = 860.0;
const HEIGHT: f64 = 420.0;
/// A panel and the room for its axes.
const PANEL_WIDTH: f64 = 310.0;
const PANEL_HEIGHT: f64 = 250.0;
const LEFT: [f64; 2] = [90.0, 500.0];
const TOP: f64 = 90.0;
const TICKS: usize = 5;
const COLOURS: [&str; 3] = ["#2458a6", "#c2571a", "#3b8040"];

/// A line of points, from left to right.
struct Series {
    name: &'static str,
    /// Watchers and value.
    points: Vec<(usize, f64)>,
}

struct Panel {
    title: &'static str,
    unit: &'static str,
    series: Vec<Series>,
}

/// Draws what there is of the fan-out in the lines; `of` is what was measured.
pub fn fan_out(of: &str, lines: &[Line]) -> String {
    let mut throughput = Series { name: "shared connections", points: Vec::new() };
    let mut apart = Series { name: "a connection each", points: Vec::new() };
    let mut median = Series { name: "p50", points: Vec::new() };
    let mut late = Series { name: "p99", points: Vec::new() };
    for line in lines {
        let Some(shape) = line.row.fan_out() else { continue };
        let sample = &line.measured.sample;
        if shape.writes_per_s.is_none() {
            let series = if shape.apart { &mut apart } else { &mut throughput };
            series.points.push((shape.watchers, sample.rate_per_s()));
            continue;
        }
        for (series, quantile) in [(&mut median, 0.5), (&mut late, 0.99)] {
            let latency = sample.latency.quantile(quantile);
            let ms = latency.map(|latency| latency.as_secs_f64() * 1e3);
            series.points.extend(ms.map(|ms| (shape.watchers, ms)));
        }
    }
    let panels = [
        Panel {
            title: "Events delivered, writes flat out",
            unit: "events per second",
            series: vec![throughput, apart],
        },
        Panel {
            title: "From write to event, 50 writes per second",
            unit: "milliseconds",
            series: vec![median, late],
        },
    ];
    draw(of, panels)
}

fn draw(of: &str, panels: [Panel; 2]) -> String {
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
         width=\"{WIDTH}\" height=\"{HEIGHT}\" font-family=\"sans-serif\" font-size=\"12\" \
         fill=\"#222\">\n<title>Fan-out of watches: {0}</title>\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n",
        escaped(of)
    );
    text(&mut svg, (WIDTH / 2.0, 30.0), "middle", &format!("Fan-out of watches: {of}"), 16);
    for (panel, left) in panels.into_iter().zip(LEFT) {
        panel.draw(left, &mut svg);
    }
    svg.push_str("</svg>\n");
    svg
}

impl Panel {
    fn draw(mut self, left: f64, svg: &mut String) {
        self.series.retain(|series| !series.points.is_empty());
        text(svg, (left + PANEL_WIDTH / 2.0, TOP - 22.0), "middle", self.title, 13);
        text(svg, (left - 8.0, TOP - 8.0), "middle", self.unit, 11);
        let bottom = TOP + PANEL_HEIGHT;
        text(svg, (left + PANEL_WIDTH / 2.0, bottom + 40.0), "middle", "watchers", 11);
        let points = self.series.iter().flat_map(|series| &series.points);
        let top = round_up(points.clone().map(|(_, value)| *value).fold(0.0, f64::max));
        let mut watchers: Vec<usize> = points.map(|(watchers, _)| *watchers).collect();
        watchers.sort_unstable();
        watchers.dedup();
        if watchers.is_empty() {
            let middle = (left + PANEL_WIDTH / 2.0, TOP + PANEL_HEIGHT / 2.0);
            text(svg, middle, "middle", "not measured", 12);
        }
        for tick in 0..=TICKS {
            let share = tick as f64 / TICKS as f64;
            let y = bottom - share * PANEL_HEIGHT;
            line(svg, (left, y), (left + PANEL_WIDTH, y), "#ddd");
            if !watchers.is_empty() {
                text(svg, (left - 8.0, y + 4.0), "end", &short(top * share), 11);
            }
        }
        line(svg, (left, TOP), (left, bottom), "#222");
        line(svg, (left, bottom), (left + PANEL_WIDTH, bottom), "#222");
        for count in &watchers {
            let x = left + place(*count, &watchers) * PANEL_WIDTH;
            line(svg, (x, bottom), (x, bottom + 5.0), "#222");
            text(svg, (x, bottom + 19.0), "middle", &thousands(*count), 11);
        }
        for (at, series) in self.series.iter().enumerate() {
            let point = |(count, value): &(usize, f64)| {
                let x = left + place(*count, &watchers) * PANEL_WIDTH;
                (x, bottom - value / top * PANEL_HEIGHT)
            };
            let points: Vec<(f64, f64)> = series.points.iter().map(point).collect();
            series.draw(&points, COLOURS[at % COLOURS.len()], svg);
            series.legend((left + 4.0 + 150.0 * at as f64, bottom + 62.0), at, svg);
        }
    }
}

impl Series {
    fn draw(&self, points: &[(f64, f64)], colour: &str, svg: &mut String) {
        let path: Vec<String> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        let path = path.join(" ");
        let style = format!("fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"");
        put(svg, format_args!("<polyline points=\"{path}\" {style}/>\n"));
        for ((x, y), (_, value)) in points.iter().zip(&self.points) {
            put(
                svg,
                format_args!("<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4\" fill=\"{colour}\"/>\n"),
            );
            text(svg, (*x, y - 9.0), "middle", &short(*value), 11);
        }
    }

    fn legend(&self, (x, y): (f64, f64), at: usize, svg: &mut String) {
        let colour = COLOURS[at % COLOURS.len()];
        put(
            svg,
            format_args!(
                "<circle cx=\"{x:.1}\" cy=\"{:.1}\" r=\"4\" fill=\"{colour}\"/>\n",
                y - 4.0
            ),
        );
        text(svg, (x + 10.0, y), "start", self.name, 11);
    }
}

/// Where a number of watchers stands on the axis, 0 to 1, by its logarithm, with room at both ends.
fn place(count: usize, all: &[usize]) -> f64 {
    let (Some(first), Some(last)) = (all.first(), all.last()) else { return 0.5 };
    if first == last {
        return 0.5;
    }
    let span = (*last as f64 / *first as f64).ln();
    0.08 + 0.84 * (count as f64 / *first as f64).ln() / span
}

/// The least of 1, 2, 2.5 or 5 times a power of ten that is not below the value and the room for
/// its label.
fn round_up(value: f64) -> f64 {
    let value = (value * 1.08).max(1e-3);
    let power = 10_f64.powf(value.log10().floor());
    let steps = [1.0, 2.0, 2.5, 5.0, 10.0];
    steps.iter().map(|step| step * power).find(|top| *top >= value).unwrap_or(10.0 * power)
}

/// At most four digits, in thousands or millions where they are more.
fn short(value: f64) -> String {
    let (scaled, unit) = match value {
        v if v >= 1e6 => (v / 1e6, " M"),
        v if v >= 1e4 => (v / 1e3, " k"),
        v => (v, ""),
    };
    let digits = match scaled {
        s if s >= 100.0 || s == s.round() => 0,
        s if s >= 10.0 => 1,
        _ => 2,
    };
    format!("{scaled:.digits$}{unit}")
}

fn thousands(count: usize) -> String {
    if count < 1_000 {
        count.to_string()
    } else {
        format!("{},{:03}", count / 1_000, count % 1_000)
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn put(svg: &mut String, arguments: std::fmt::Arguments<'_>) {
    svg.write_fmt(arguments).expect("a String takes everything");
}

fn text(svg: &mut String, (x, y): (f64, f64), anchor: &str, words: &str, size: u32) {
    let words = escaped(words);
    let style = format!("text-anchor=\"{anchor}\" font-size=\"{size}\"");
    put(svg, format_args!("<text x=\"{x:.1}\" y=\"{y:.1}\" {style}>{words}</text>\n"));
}

fn line(svg: &mut String, (x1, y1): (f64, f64), (x2, y2): (f64, f64), colour: &str) {
    let ends = format!("x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\"");
    put(svg, format_args!("<line {ends} stroke=\"{colour}\"/>\n"));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::load::Measured;
    use crate::api::row::Row;
    use crate::measure::{Latency, Sample};
    use std::time::Duration;

    fn measured(row: Row, operations: u64, latency_us: u32) -> Line {
        let sample = Sample {
            operations,
            elapsed: Duration::from_secs(1),
            latency: Latency::new(vec![latency_us]),
            ..Sample::default()
        };
        Line { row, measured: Measured { sample, ..Measured::default() } }
    }

    #[test]
    fn every_point_and_axis_has_its_label() {
        let lines = [
            measured(Row::Watch100, 90_000, 0),
            measured(Row::Watch1000, 620_000, 0),
            measured(Row::Watch1000Apart, 310_000, 0),
            measured(Row::Paced1000, 50_000, 5_500),
        ];
        let svg = fan_out("a<b", &lines);
        for expected in ["a&lt;b", "1,000", "620 k", "5.50", "watchers", "events per second"] {
            assert!(svg.contains(expected), "{expected:?} not in\n{svg}");
        }
        assert_eq!(svg.matches("<polyline").count(), 4);
        assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
    }

    #[test]
    fn nothing_measured_is_said() {
        assert_eq!(fan_out("x", &[]).matches("not measured").count(), 2);
    }

    #[test]
    fn axes_end_at_round_numbers() {
        assert_eq!(round_up(900.0), 1_000.0);
        assert_eq!(round_up(620_000.0), 1_000_000.0);
        assert_eq!(round_up(19.0), 25.0);
        assert_eq!(short(2_500_000.0), "2.50 M");
        assert_eq!(short(12_500.0), "12.5 k");
    }
}
