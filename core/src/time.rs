//! RFC 3339 times as Kubernetes writes them, and Go's durations. No clock: only conversion.

/// Seconds since the Unix epoch and nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp {
    pub seconds: i64,
    pub nanos: u32,
}

impl Timestamp {
    /// Reads RFC 3339 with any offset.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        let number = |range: std::ops::Range<usize>| -> Option<i64> {
            let part = text.get(range)?;
            part.bytes().all(|byte| byte.is_ascii_digit()).then(|| part.parse().ok())?
        };
        let separators = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')];
        if separators.iter().any(|(at, byte)| bytes.get(*at) != Some(byte)) {
            return None;
        }
        let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
        let (hour, minute, second) = (number(11..13)?, number(14..16)?, number(17..19)?);
        let valid = (1..=12).contains(&month) && (1..=days_in(year, month)).contains(&day);
        if !valid || hour > 23 || minute > 59 || second > 59 {
            return None;
        }
        let (nanos, rest) = fraction(text.get(19..)?)?;
        let seconds =
            days_from_epoch(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second
                - offset_s(rest)?;
        Some(Self { seconds, nanos })
    }

    /// `2006-01-02T15:04:05Z`: what `metav1.Time` writes.
    pub fn to_seconds_text(self) -> String {
        let (year, month, day) = date(self.seconds.div_euclid(86_400));
        let of_day = self.seconds.rem_euclid(86_400);
        let (hour, minute, second) = (of_day / 3_600, of_day / 60 % 60, of_day % 60);
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
    }

    /// `2006-01-02T15:04:05.000000Z`: what `metav1.MicroTime` writes.
    pub fn to_micros_text(self) -> String {
        let mut text = self.to_seconds_text();
        text.pop();
        text.push_str(&format!(".{:06}Z", self.nanos / 1_000));
        text
    }
}

/// An optional fraction of a second, and what follows it.
fn fraction(text: &str) -> Option<(u32, &str)> {
    let Some(digits) = text.strip_prefix('.') else { return Some((0, text)) };
    let end = digits.find(|c: char| !c.is_ascii_digit())?;
    let (digits, rest) = digits.split_at(end);
    let kept = &digits[..digits.len().min(9)];
    let nanos: u32 = kept.parse().ok()?;
    Some((nanos * 10_u32.pow(9 - kept.len() as u32), rest))
}

fn offset_s(text: &str) -> Option<i64> {
    if text == "Z" {
        return Some(0);
    }
    let sign = match text.as_bytes() {
        [b'+', _, _, b':', _, _] => 1,
        [b'-', _, _, b':', _, _] => -1,
        _ => return None,
    };
    let (hours, minutes): (i64, i64) =
        (text.get(1..3)?.parse().ok()?, text.get(4..6)?.parse().ok()?);
    (hours < 24 && minutes < 60).then_some(sign * (hours * 3_600 + minutes * 60))
}

fn days_in(year: i64, month: i64) -> i64 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01, in the proleptic Gregorian calendar; years begin in March here, so that
/// the leap day comes last.
fn days_from_epoch(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

fn date(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, of_year - (153 * shifted + 2) / 5 + 1)
}

/// Reads a Go duration (`1h30m`, `-1.5s`, `0`) into nanoseconds.
pub fn parse_duration(text: &str) -> Option<i64> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if unsigned == "0" {
        return Some(0);
    }
    let (mut rest, mut total) = (unsigned, 0_i128);
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, tail) = rest.split_at(end);
        let (unit_ns, tail) = unit(tail)?;
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        let whole: i128 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
        total = total.checked_add(whole.checked_mul(unit_ns)?)?;
        let fraction = &fraction[..fraction.len().min(18)];
        if !fraction.is_empty() {
            total += fraction.parse::<i128>().ok()? * unit_ns / 10_i128.pow(fraction.len() as u32);
        }
        rest = tail;
    }
    let signed = if text.starts_with('-') { -total } else { total };
    (!unsigned.is_empty()).then(|| i64::try_from(signed).ok())?
}

fn unit(text: &str) -> Option<(i128, &str)> {
    let units = [
        ("ns", 1),
        ("us", 1_000),
        ("µs", 1_000),
        ("ms", 1_000_000),
        ("s", 1_000_000_000),
        ("m", 60_000_000_000),
        ("h", 3_600_000_000_000),
    ];
    units.iter().find_map(|(name, ns)| text.strip_prefix(name).map(|rest| (*ns, rest)))
}

/// Writes nanoseconds as Go does: `1h30m0s`, `1.5s`, `300ms`, `0s`.
pub fn format_duration(nanos: i64) -> String {
    let total = nanos.unsigned_abs();
    let sign = if nanos < 0 { "-" } else { "" };
    let small = |unit: u64, name: &str| format!("{sign}{}{name}", decimal(total, unit));
    match total {
        0 => "0s".into(),
        1..1_000 => small(1, "ns"),
        1_000..1_000_000 => small(1_000, "µs"),
        1_000_000..1_000_000_000 => small(1_000_000, "ms"),
        _ => {
            let (hours, minutes) = (total / 3_600_000_000_000, total / 60_000_000_000 % 60);
            let seconds = decimal(total % 60_000_000_000, 1_000_000_000);
            match (hours, minutes) {
                (0, 0) => format!("{sign}{seconds}s"),
                (0, _) => format!("{sign}{minutes}m{seconds}s"),
                _ => format!("{sign}{hours}h{minutes}m{seconds}s"),
            }
        }
    }
}

fn decimal(amount: u64, unit: u64) -> String {
    let digits = unit.ilog10() as usize;
    let fraction = format!("{:0digits$}", amount % unit);
    let fraction = fraction.trim_end_matches('0');
    if fraction.is_empty() || unit == 1 {
        (amount / unit).to_string()
    } else {
        format!("{}.{fraction}", amount / unit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_round_trip() {
        for (text, expected) in [
            ("1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z"),
            ("2000-02-29T23:59:59Z", "2000-02-29T23:59:59Z"),
            ("2026-11-20T10:00:00+02:00", "2026-11-20T08:00:00Z"),
            ("1969-12-31T23:59:59.5Z", "1969-12-31T23:59:59Z"),
            ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
        ] {
            let parsed = Timestamp::parse(text).expect(text);
            assert_eq!(parsed.to_seconds_text(), expected);
        }
        let micro = Timestamp::parse("2001-01-01T01:01:01.123456789Z").expect("valid");
        assert_eq!(micro.to_micros_text(), "2001-01-01T01:01:01.123456Z");
    }

    #[test]
    fn refuses_what_is_no_time() {
        for text in [
            "",
            "2001-02-29T00:00:00Z",
            "2001-01-01",
            "2001-01-01T24:00:00Z",
            "2001-01-01T00:00:00",
        ] {
            assert_eq!(Timestamp::parse(text), None, "{text}");
        }
    }

    #[test]
    fn durations_are_gos() {
        for (text, expected) in [
            ("1h30m", "1h30m0s"),
            ("90s", "1m30s"),
            ("1.5s", "1.5s"),
            ("300ms", "300ms"),
            ("-2m", "-2m0s"),
            ("0", "0s"),
            ("1us", "1µs"),
        ] {
            assert_eq!(format_duration(parse_duration(text).expect(text)), expected);
        }
        assert_eq!(parse_duration("1"), None);
        assert_eq!(parse_duration(""), None);
    }
}
