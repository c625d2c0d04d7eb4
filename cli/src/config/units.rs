//! Sizes and spans of time as people write them: `512MiB`, `5m`.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

const SIZES: &[(&str, u64)] =
    &[("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];
const SPANS_S: &[(&str, u64)] = &[("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)];

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not {wanted}")]
pub struct UnitError {
    text: String,
    wanted: &'static str,
}

/// A number of bytes: a whole number with B, KiB, MiB, GiB or TiB.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ByteSize(pub u64);

/// A span of time: `90s`, `5m`, `1h`, `2d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Span(pub Duration);

/// How much history stays: all of it (`0`), a span of time (`5m`), or a number of revisions
/// (`10000`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Retention {
    All,
    Age(Duration),
    Revisions(u64),
}

/// `number × unit` for the unit that ends `text`.
fn scaled(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let (number, scale) =
        units.iter().find_map(|(unit, scale)| Some((text.strip_suffix(unit)?, scale)))?;
    number.trim().parse::<u64>().ok()?.checked_mul(*scale)
}

/// The largest unit that divides `value`.
fn written(value: u64, units: &[(&str, u64)]) -> String {
    let fits = |(_, scale): &&(&str, u64)| value >= *scale && value.is_multiple_of(*scale);
    let (unit, scale) = units.iter().find(fits).unwrap_or(&units[units.len() - 1]);
    format!("{}{unit}", value / scale)
}

impl FromStr for ByteSize {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let wanted = "a size such as 512MiB (B, KiB, MiB, GiB, TiB)";
        scaled(text, SIZES).map(Self).ok_or_else(|| UnitError { text: text.to_owned(), wanted })
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&written(self.0, SIZES))
    }
}

impl FromStr for Span {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let wanted = "a span such as 5m (s, m, h, d)";
        let span_s = scaled(text, SPANS_S).filter(|span_s| *span_s > 0);
        let span_s = span_s.ok_or_else(|| UnitError { text: text.to_owned(), wanted })?;
        Ok(Self(Duration::from_secs(span_s)))
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&written(self.0.as_secs(), SPANS_S))
    }
}

impl TryFrom<String> for Span {
    type Error = UnitError;

    fn try_from(text: String) -> Result<Self, UnitError> {
        text.parse()
    }
}

impl From<Span> for String {
    fn from(span: Span) -> String {
        span.to_string()
    }
}

impl FromStr for Retention {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let wanted = "0, a span such as 5m (s, m, h, d), or a number of revisions";
        let error = || UnitError { text: text.to_owned(), wanted };
        if let Ok(revisions) = text.parse::<u64>() {
            return Ok(if revisions == 0 { Self::All } else { Self::Revisions(revisions) });
        }
        let span_s = scaled(text, SPANS_S).filter(|span_s| *span_s > 0).ok_or_else(error)?;
        Ok(Self::Age(Duration::from_secs(span_s)))
    }
}

impl fmt::Display for Retention {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("0"),
            Self::Age(age) => f.write_str(&written(age.as_secs(), SPANS_S)),
            Self::Revisions(revisions) => write!(f, "{revisions}"),
        }
    }
}

impl TryFrom<String> for ByteSize {
    type Error = UnitError;

    fn try_from(text: String) -> Result<Self, UnitError> {
        text.parse()
    }
}

impl From<ByteSize> for String {
    fn from(size: ByteSize) -> String {
        size.to_string()
    }
}

impl TryFrom<String> for Retention {
    type Error = UnitError;

    fn try_from(text: String) -> Result<Self, UnitError> {
        text.parse()
    }
}

impl From<Retention> for String {
    fn from(retention: Retention) -> String {
        retention.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_round_trip() {
        for (text, bytes) in [("512MiB", 512 << 20), ("1B", 1), ("1025B", 1025), ("2TiB", 2 << 40)]
        {
            assert_eq!(text.parse(), Ok(ByteSize(bytes)));
            assert_eq!(ByteSize(bytes).to_string(), text);
        }
        assert_eq!("0B".parse(), Ok(ByteSize(0)));
        for bad in ["", "12", "1MB", "-1B", "99999999999TiB"] {
            assert!(bad.parse::<ByteSize>().is_err(), "{bad}");
        }
    }

    #[test]
    fn retentions_round_trip() {
        for text in ["0", "5m", "1h", "90s", "7d", "10000"] {
            assert_eq!(text.parse::<Retention>().expect(text).to_string(), text);
        }
        for bad in ["", "0m", "m", "1y", "-5m"] {
            assert!(bad.parse::<Retention>().is_err(), "{bad}");
            assert!(bad.parse::<Span>().is_err(), "{bad}");
        }
        assert_eq!("90s".parse::<Span>().expect("a span").to_string(), "90s");
        assert!("0".parse::<Span>().is_err());
    }
}
