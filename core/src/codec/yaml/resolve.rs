//! What a scalar without a type is, as go-yaml version 2 sees it: YAML 1.1, without its numbers of
//! base 60.

/// A resolved scalar.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Resolved {
    Null,
    Bool(bool),
    Int(i64),
    /// Above the largest of the others.
    Unsigned(u64),
    Float(f64),
    /// A text that looks like a time; it stays a text, but has to be quoted.
    Time,
    Text,
}

impl Resolved {
    pub(super) fn tag(&self) -> &'static str {
        match self {
            Self::Null => "!!null",
            Self::Bool(_) => "!!bool",
            Self::Int(_) | Self::Unsigned(_) => "!!int",
            Self::Float(_) => "!!float",
            Self::Time => "!!timestamp",
            Self::Text => "!!str",
        }
    }
}

pub(super) fn resolve(text: &str) -> Resolved {
    if let Some(word) = word(text) {
        return word;
    }
    match text.as_bytes()[0] {
        b'.' => float(text).map_or(Resolved::Text, Resolved::Float),
        b'+' | b'-' | b'0'..=b'9' => number(text),
        _ => Resolved::Text,
    }
}

fn word(text: &str) -> Option<Resolved> {
    Some(match text {
        "" | "~" | "null" | "Null" | "NULL" => Resolved::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            Resolved::Bool(true)
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            Resolved::Bool(false)
        }
        ".nan" | ".NaN" | ".NAN" => Resolved::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => Resolved::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => Resolved::Float(f64::NEG_INFINITY),
        _ => return None,
    })
}

fn number(text: &str) -> Resolved {
    if is_time(text) {
        return Resolved::Time;
    }
    let plain: String = text.chars().filter(|c| *c != '_').collect();
    if let Some(int) = int(&plain) {
        return int;
    }
    match is_float(&plain).then(|| float(&plain)).flatten() {
        Some(float) => Resolved::Float(float),
        None => Resolved::Text,
    }
}

/// A whole number in base 10, or by its prefix 2, 8 or 16; a leading zero alone says 8.
fn int(text: &str) -> Option<Resolved> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let prefixed = |prefixes: [&str; 2]| prefixes.iter().find_map(|it| digits.strip_prefix(it));
    let (digits, radix) = if let Some(rest) = prefixed(["0x", "0X"]) {
        (rest, 16)
    } else if let Some(rest) = prefixed(["0b", "0B"]) {
        (rest, 2)
    } else if let Some(rest) = prefixed(["0o", "0O"]) {
        (rest, 8)
    } else if digits.len() > 1 && digits.starts_with('0') {
        (&digits[1..], 8)
    } else {
        (digits, 10)
    };
    // A sign is taken above, not again.
    if !digits.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return None;
    }
    let amount = u64::from_str_radix(digits, radix).ok()?;
    if negative {
        let amount = i64::try_from(-i128::from(amount)).ok()?;
        return Some(Resolved::Int(amount));
    }
    Some(i64::try_from(amount).map_or(Resolved::Unsigned(amount), Resolved::Int))
}

/// Digits with at most one point, and an exponent: `[-+]?(\.\d+|\d+(\.\d*)?)([eE][-+]?\d+)?`.
fn is_float(text: &str) -> bool {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let is_mantissa = match mantissa.split_once('.') {
        Some((whole, part)) => {
            is_digits(whole) && is_digits(part) && !(whole.is_empty() && part.is_empty())
        }
        None => !mantissa.is_empty() && is_digits(mantissa),
    };
    let is_exponent = |text: &str| {
        let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
        !digits.is_empty() && is_digits(digits)
    };
    is_mantissa && exponent.is_none_or(is_exponent)
}

fn float(text: &str) -> Option<f64> {
    let is_number = text.bytes().any(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|float: &f64| is_number && float.is_finite())
}

/// `2006-1-2`, or with a time after a space (no zone), `T` or `t` (with a zone).
fn is_time(text: &str) -> bool {
    let mut rest = Scan(text);
    let Some(year) = rest.digits(4, 4) else { return false };
    let date = (|| {
        rest.skip("-")?;
        let month = rest.digits(1, 2)?;
        rest.skip("-")?;
        let day = rest.digits(1, 2)?;
        Some((month, day))
    })();
    let Some((month, day)) = date else { return false };
    if !(1..=12).contains(&month) || day < 1 || day > days(year, month) {
        return false;
    }
    if rest.0.is_empty() {
        return true;
    }
    let zoned = rest.skip("T").or_else(|| rest.skip("t")).is_some();
    if !zoned && rest.skip(" ").is_none() {
        return false;
    }
    rest.clock().is_some() && (!zoned || rest.zone().is_some()) && rest.0.is_empty()
}

fn days(year: u32, month: u32) -> u32 {
    let leap = year.is_multiple_of(4) && !year.is_multiple_of(100) || year.is_multiple_of(400);
    match month {
        2 => 28 + u32::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// What is left of a text.
struct Scan<'t>(&'t str);

impl Scan<'_> {
    fn skip(&mut self, what: &str) -> Option<()> {
        self.0 = self.0.strip_prefix(what)?;
        Some(())
    }

    fn digits(&mut self, least: usize, most: usize) -> Option<u32> {
        let count = self.0.bytes().take(most).take_while(u8::is_ascii_digit).count();
        if count < least {
            return None;
        }
        let (digits, rest) = self.0.split_at(count);
        self.0 = rest;
        digits.parse().ok()
    }

    /// `15:4:5`, with any part of a second.
    fn clock(&mut self) -> Option<()> {
        let hour = self.digits(1, 2)?;
        self.skip(":")?;
        let minute = self.digits(1, 2)?;
        self.skip(":")?;
        let second = self.digits(1, 2)?;
        let is_point = self.0.starts_with(['.', ',']);
        let count = self.0.bytes().skip(1).take_while(u8::is_ascii_digit).count();
        if is_point && count > 0 {
            self.0 = &self.0[1 + count..];
        }
        (hour < 24 && minute < 60 && second < 60).then_some(())
    }

    /// `Z` or `+01:00`.
    fn zone(&mut self) -> Option<()> {
        if self.skip("Z").is_some() {
            return Some(());
        }
        self.skip("+").or_else(|| self.skip("-"))?;
        let hours = self.digits(2, 2)?;
        self.skip(":")?;
        let minutes = self.digits(2, 2)?;
        (hours <= 24 && minutes <= 60).then_some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scalars_are_what_go_yaml_makes_of_them() {
        for (text, expected) in [
            ("", Resolved::Null),
            ("yes", Resolved::Bool(true)),
            ("y", Resolved::Bool(true)),
            ("Off", Resolved::Bool(false)),
            ("yEs", Resolved::Text),
            ("0", Resolved::Int(0)),
            ("-12", Resolved::Int(-12)),
            ("+12", Resolved::Int(12)),
            ("1_000", Resolved::Int(1_000)),
            ("010", Resolved::Int(8)),
            ("0o10", Resolved::Int(8)),
            ("08", Resolved::Float(8.0)),
            ("0x1F", Resolved::Int(31)),
            ("-0b11", Resolved::Int(-3)),
            ("9223372036854775808", Resolved::Unsigned(9_223_372_036_854_775_808)),
            ("-9223372036854775808", Resolved::Int(i64::MIN)),
            ("1.5", Resolved::Float(1.5)),
            ("1e3", Resolved::Float(1_000.0)),
            (".5", Resolved::Float(0.5)),
            (".", Resolved::Text),
            ("1e999", Resolved::Text),
            ("1.2.3", Resolved::Text),
            ("1:30", Resolved::Text),
            ("-", Resolved::Text),
            ("+-1", Resolved::Text),
            ("0x", Resolved::Text),
            ("2026-01-02", Resolved::Time),
            ("2026-1-2T3:4:5Z", Resolved::Time),
            ("2026-01-02T03:04:05.5+01:00", Resolved::Time),
            ("2026-01-02 03:04:05", Resolved::Time),
            ("2026-02-30", Resolved::Text),
            ("2026-01-02T03:04:05", Resolved::Text),
            ("5 apples", Resolved::Text),
            ("apple", Resolved::Text),
        ] {
            assert_eq!(resolve(text), expected, "{text}");
        }
    }
}
