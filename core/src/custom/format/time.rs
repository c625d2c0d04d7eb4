//! Formats of dates, times and durations.

use crate::time::parse_duration;

/// `2006-01-02`, and a day that there is.
pub fn is_date(text: &str) -> bool {
    let bytes = text.as_bytes();
    if bytes.len() != 10 || bytes[4] != b'-' || bytes[7] != b'-' {
        return false;
    }
    let number = |range: std::ops::Range<usize>| -> Option<u32> {
        let digits = &bytes[range];
        let digits = digits.iter().all(u8::is_ascii_digit).then_some(digits)?;
        Some(digits.iter().fold(0, |sum, digit| sum * 10 + u32::from(digit - b'0')))
    };
    let (Some(year), Some(month), Some(day)) = (number(0..4), number(5..7), number(8..10)) else {
        return false;
    };
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 => 28 + u32::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return false,
    };
    (1..=days).contains(&day)
}

/// A date, `T`, a time of day and a zone. Any one character may stand before the fraction: upstream's
/// pattern forgets to escape the point.
pub fn is_date_time(text: &str) -> bool {
    let lower = text.to_lowercase();
    let mut parts = lower.split('t');
    let (Some(date), Some(time)) = (parts.next(), parts.next()) else { return false };
    is_date(date) && is_time(time)
}

fn is_time(text: &str) -> bool {
    let two = |at: usize, max: &str| {
        text.get(at..at + 2)
            .is_some_and(|part| part.bytes().all(|b| b.is_ascii_digit()) && part <= max)
    };
    let colon = |at: usize| text.as_bytes().get(at) == Some(&b':');
    if !(two(0, "23") && colon(2) && two(3, "59") && colon(5) && two(6, "59")) {
        return false;
    }
    let rest = &text[8..];
    is_zone(rest) || {
        let mut chars = rest.chars();
        chars.next();
        let fraction = chars.as_str();
        let zone = fraction.trim_start_matches(|c: char| c.is_ascii_digit());
        zone.len() < fraction.len() && is_zone(zone)
    }
}

fn is_zone(text: &str) -> bool {
    let bytes = text.as_bytes();
    text == "z"
        || (bytes.len() == 6
            && matches!(bytes[0], b'+' | b'-')
            && bytes[3] == b':'
            && [1, 2, 4, 5].iter().all(|at| bytes[*at].is_ascii_digit()))
}

/// Each unit with its names: the last also counts where a longer word begins with it.
const UNITS: [&[&str]; 8] = [
    &["ns", "nano"],
    &["us", "µs", "micro"],
    &["ms", "milli"],
    &["s", "sec"],
    &["m", "min"],
    &["h", "hr", "hour"],
    &["d", "day"],
    &["w", "wk", "week"],
];

/// Go's form, or any text in which a number has a unit (`5 days`).
pub fn is_duration(text: &str) -> bool {
    parse_duration(text).is_some() || has_unit(text)
}

fn has_unit(text: &str) -> bool {
    let (mut rest, mut found) = (text, false);
    while let Some(at) = rest.find(|c: char| c.is_ascii_digit()) {
        let from = &rest[at..];
        let end = from.find(|c: char| !c.is_ascii_digit()).unwrap_or(from.len());
        let behind = from[end..].trim_start_matches(|c: char| c.is_ascii_whitespace());
        let letter = |c: char| c.is_ascii_alphabetic() || c == 'µ';
        let unit = &behind[..behind.find(|c| !letter(c)).unwrap_or(behind.len())];
        if !unit.is_empty() {
            if from[..end].parse::<i64>().is_err() {
                return false;
            }
            found |= is_unit(&unit.to_lowercase());
        }
        rest = &behind[unit.len()..];
    }
    found
}

fn is_unit(unit: &str) -> bool {
    UNITS.iter().any(|names| {
        names.contains(&unit) || names.last().is_some_and(|last| unit.starts_with(last))
    })
}
