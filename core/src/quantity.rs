//! [`Quantity`]: Kubernetes' fixed-point numbers with suffixes (`resource.Quantity`).
//!
//! A quantity is kept in its canonical text: no fraction, the largest suffix that leaves an
//! integer, the family of suffixes (binary, decimal, exponent) that it was written in. What is
//! finer than a billionth is rounded up, away from zero; what is larger than 2^63-1 is cut to it.

use std::fmt;

/// A parsed quantity: `units` billionths, and the family in which it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Quantity {
    nano: i128,
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// `Ki`, `Mi`, …
    BinarySi,
    /// `n`, `u`, `m`, none, `k`, `M`, …
    #[default]
    DecimalSi,
    /// `e3`, `E-6`, …
    DecimalExponent,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum QuantityError {
    #[error(
        "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
    )]
    Format,
    #[error("unable to parse quantity's suffix")]
    Suffix,
    #[error("unable to parse numeric part of quantity")]
    Numeric,
}

const NANO: i128 = 1_000_000_000;
const LARGEST: i128 = i64::MAX as i128 * NANO;
const BINARY: [(&str, u32); 6] =
    [("Ki", 10), ("Mi", 20), ("Gi", 30), ("Ti", 40), ("Pi", 50), ("Ei", 60)];
const DECIMAL: [(&str, i32); 10] = [
    ("n", -9),
    ("u", -6),
    ("m", -3),
    ("", 0),
    ("k", 3),
    ("M", 6),
    ("G", 9),
    ("T", 12),
    ("P", 15),
    ("E", 18),
];

/// What a suffix multiplies by.
enum Scale {
    Two(u32),
    Ten(i32),
}

impl Quantity {
    pub fn parse(text: &str) -> Result<Self, QuantityError> {
        let (negative, digits, suffix) = split(text)?;
        let (scale, format) = scale(suffix)?;
        let magnitude = magnitude(digits, &scale).ok_or(QuantityError::Numeric)?;
        let nano = if negative { -magnitude } else { magnitude };
        Ok(Self { nano, format })
    }

    /// The value rounded up to whole units.
    pub fn value(&self) -> i64 {
        let rounded = self.nano.div_euclid(NANO) + i128::from(self.nano.rem_euclid(NANO) != 0);
        rounded.clamp(i64::MIN.into(), i64::MAX.into()) as i64
    }

    /// The value in thousandths, rounded up.
    pub fn milli_value(&self) -> i64 {
        let unit = NANO / 1_000;
        let rounded = self.nano.div_euclid(unit) + i128::from(self.nano.rem_euclid(unit) != 0);
        rounded.clamp(i64::MIN.into(), i64::MAX.into()) as i64
    }

    /// So many whole units, written in decimal form.
    pub fn whole(units: i64) -> Self {
        Self { nano: i128::from(units) * NANO, format: Format::DecimalSi }
    }

    /// The sum, in the format of the first that is not zero.
    pub fn plus(self, other: Self) -> Self {
        let format = if self.is_zero() { other.format } else { self.format };
        Self { nano: (self.nano + other.nano).clamp(-LARGEST, LARGEST), format }
    }

    /// The difference, in the format of the first that is not zero.
    pub fn minus(self, other: Self) -> Self {
        self.plus(Self { nano: -other.nano, ..other })
    }

    /// Rounded up to thousandths, away from zero.
    pub fn round_up_to_milli(self) -> Self {
        self.round_up_to(NANO / 1_000)
    }

    /// Rounded up to whole units, away from zero.
    pub fn round_up_to_whole(self) -> Self {
        self.round_up_to(NANO)
    }

    fn round_up_to(self, unit: i128) -> Self {
        let rest = self.nano % unit;
        let up = if rest == 0 { 0 } else { unit * self.nano.signum() };
        Self { nano: self.nano - rest + up, ..self }
    }

    pub fn is_zero(&self) -> bool {
        self.nano == 0
    }

    pub fn is_negative(&self) -> bool {
        self.nano < 0
    }

    pub fn format(&self) -> Format {
        self.format
    }
}

impl PartialOrd for Quantity {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        // Two forms of one amount are neither less nor greater, and not equal: compare amounts.
        Some(self.nano.cmp(&other.nano))
    }
}

/// Sign, digits with at most one point, suffix.
fn split(text: &str) -> Result<(bool, &str, &str), QuantityError> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let end = unsigned.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(unsigned.len());
    let (digits, suffix) = unsigned.split_at(end);
    let has_digit = digits.bytes().any(|byte| byte.is_ascii_digit());
    if !has_digit || digits.bytes().filter(|byte| *byte == b'.').count() > 1 {
        return Err(QuantityError::Format);
    }
    // Letters of suffixes, a sign, digits: what has another form is not called a bad suffix.
    let rest = suffix.trim_start_matches(|c| "eEinumkKMGTP".contains(c));
    let rest = rest.strip_prefix(['+', '-']).unwrap_or(rest);
    if !rest.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(QuantityError::Format);
    }
    Ok((text.starts_with('-'), digits, suffix))
}

fn scale(suffix: &str) -> Result<(Scale, Format), QuantityError> {
    if let Some((_, power)) = BINARY.iter().find(|(name, _)| *name == suffix) {
        return Ok((Scale::Two(*power), Format::BinarySi));
    }
    if let Some((_, power)) = DECIMAL.iter().find(|(name, _)| *name == suffix) {
        return Ok((Scale::Ten(*power), Format::DecimalSi));
    }
    let exponent = suffix.strip_prefix(['e', 'E']).ok_or(QuantityError::Suffix)?;
    let power: i32 = exponent.parse().map_err(|_| QuantityError::Suffix)?;
    Ok((Scale::Ten(power), Format::DecimalExponent))
}

/// The amount in billionths, rounded up and cut to the largest; `None` never for valid digits.
fn magnitude(digits: &str, scale: &Scale) -> Option<i128> {
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let fraction = fraction.trim_end_matches('0');
    let whole = whole.trim_start_matches('0');
    // Beyond this nothing but the cut or the rounding is left to decide.
    const DIGITS_MAX: usize = 30;
    let (power_two, power_ten) = match scale {
        Scale::Two(power) => (*power, 0),
        Scale::Ten(power) => (0, *power),
    };
    if whole.is_empty() && fraction.is_empty() {
        return Some(0);
    }
    if whole.len() as i64 + i64::from(power_ten) > DIGITS_MAX as i64 {
        return Some(LARGEST);
    }
    let kept = &fraction[..fraction.len().min(DIGITS_MAX.saturating_sub(whole.len()).min(18))];
    let lost = kept.len() < fraction.len();
    let mantissa = [whole, kept].concat().parse().ok();
    let mantissa = mantissa.and_then(|m: i128| m.checked_mul(1_i128 << power_two));
    let Some(mantissa) = mantissa else { return Some(LARGEST) };
    let shift = i64::from(power_ten) + 9 - kept.len() as i64;
    let nano = if shift >= 0 {
        let power = 10_i128.checked_pow(u32::try_from(shift).ok()?);
        power.and_then(|power| mantissa.checked_mul(power)).unwrap_or(LARGEST)
    } else {
        let power = 10_i128.checked_pow(u32::try_from(-shift).ok()?);
        power.map_or(1, |power| mantissa / power + i128::from(mantissa % power != 0 || lost))
    };
    Some(nano.min(LARGEST))
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.nano == 0 {
            return f.write_str("0");
        }
        // Binary suffixes show whole multiples of 1024 only; anything below is decimal.
        if self.format == Format::BinarySi && self.nano.abs() >= 1_024 * NANO {
            if self.nano % NANO == 0 {
                return write_binary(f, self.nano / NANO);
            }
            return write_decimal(f, self.nano, Format::DecimalSi);
        }
        let format = if self.format == Format::BinarySi { Format::DecimalSi } else { self.format };
        write_decimal(f, self.nano, format)
    }
}

fn write_binary(f: &mut fmt::Formatter<'_>, units: i128) -> fmt::Result {
    let fits = BINARY.iter().rev().find(|(_, power)| units % (1_i128 << power) == 0);
    match fits {
        Some((suffix, power)) => write!(f, "{}{suffix}", units >> power),
        None => write!(f, "{units}"),
    }
}

fn write_decimal(f: &mut fmt::Formatter<'_>, nano: i128, format: Format) -> fmt::Result {
    let (mut mantissa, mut power) = (nano, -9_i32);
    while mantissa % 1_000 == 0 && power < 18 {
        mantissa /= 1_000;
        power += 3;
    }
    match format {
        Format::DecimalExponent if power != 0 => write!(f, "{mantissa}e{power}"),
        Format::DecimalExponent => write!(f, "{mantissa}"),
        _ => {
            let (suffix, _) = DECIMAL.iter().find(|(_, of)| *of == power).unwrap_or(&("", 0));
            write!(f, "{mantissa}{suffix}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canonical(text: &str) -> String {
        Quantity::parse(text).map_or_else(|error| error.to_string(), |q| q.to_string())
    }

    #[test]
    fn canonical_forms_are_upstreams() {
        for (text, expected) in [
            ("0", "0"),
            ("0.5", "500m"),
            ("1000m", "1"),
            ("1500m", "1500m"),
            ("1024", "1024"),
            ("1024Ki", "1Mi"),
            ("1.5Gi", "1536Mi"),
            ("0.5Ki", "512"),
            ("100k", "100k"),
            ("1000k", "1M"),
            ("1e3", "1e3"),
            ("12E6", "12e6"),
            ("1.1e3", "1100"),
            ("-1.5", "-1500m"),
            ("0.0000000001", "1n"),
            ("100000000000000000000", "9223372036854775807"),
            ("+5", "5"),
            ("1Ei", "1Ei"),
            (".5", "500m"),
            ("5.", "5"),
        ] {
            assert_eq!(canonical(text), expected, "{text}");
        }
    }

    #[test]
    fn rounds_up() {
        let quantity = Quantity::parse("1500m").expect("valid");
        assert_eq!((quantity.value(), quantity.milli_value()), (2, 1_500));
        assert_eq!(Quantity::parse("-1500m").expect("valid").value(), -1);
    }

    #[test]
    fn adds_and_rounds_in_a_format() {
        let quantity = |text| Quantity::parse(text).expect("valid");
        assert_eq!(quantity("1Gi").plus(quantity("512M")).to_string(), "1548576Ki");
        assert_eq!(quantity("0").plus(quantity("1Ki")).to_string(), "1Ki");
        assert_eq!(quantity("1500u").round_up_to_milli().to_string(), "2m");
        assert_eq!(quantity("-1n").round_up_to_milli().to_string(), "-1m");
        assert_eq!(quantity("1e-6").round_up_to_milli().to_string(), "1e-3");
        assert_eq!(quantity("1500m").round_up_to_whole().to_string(), "2");
        assert_eq!(quantity("1Gi").minus(quantity("512Mi")).to_string(), "512Mi");
        assert_eq!(quantity("1").minus(Quantity::whole(3)).to_string(), "-2");
    }

    #[test]
    fn refuses_what_upstream_refuses() {
        for text in ["", "x", "1.2.3", "+", "1Kib", "1e", "5 m"] {
            assert!(Quantity::parse(text).is_err(), "{text}");
        }
    }
}
