//! Schedules of CronJobs: five fields as `cron` has them, or a name (`@daily`, `@every 1h`).
//!
//! What is wrong is said in the words of the parser that upstream uses.

use super::time_zone;
use crate::time::parse_duration;

/// The values that one field may have; names stand for numbers from the least on.
struct Bounds {
    least: u64,
    most: u64,
    names: &'static [&'static str],
}

const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const DAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

const FIELDS: [Bounds; 5] = [
    Bounds { least: 0, most: 59, names: &[] },
    Bounds { least: 0, most: 23, names: &[] },
    Bounds { least: 1, most: 31, names: &[] },
    Bounds { least: 1, most: 12, names: &MONTHS },
    Bounds { least: 0, most: 6, names: &DAYS },
];

const NAMED: [&str; 7] =
    ["@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"];

/// Says what is wrong with a schedule.
pub fn check(text: &str) -> Result<(), String> {
    let mut rest = text;
    if text.starts_with("TZ=") || text.starts_with("CRON_TZ=") {
        let (zone, fields) = text.split_once(' ').unwrap_or((text, ""));
        let zone = zone.split_once('=').map_or("", |(_, zone)| zone);
        if !time_zone::is_known(zone) && !zone.is_empty() {
            return Err(format!("provided bad location {zone}: unknown time zone {zone}"));
        }
        rest = fields.trim();
    }
    if rest.starts_with('@') {
        return named(rest);
    }
    let fields: Vec<&str> = rest.split_whitespace().collect();
    if fields.len() != FIELDS.len() {
        let (count, fields) = (fields.len(), fields.join(" "));
        return Err(format!("expected exactly 5 fields, found {count}: [{fields}]"));
    }
    for (field, bounds) in fields.iter().zip(&FIELDS) {
        for part in field.split(',').filter(|part| !part.is_empty()) {
            range(part, bounds)?;
        }
    }
    Ok(())
}

fn named(text: &str) -> Result<(), String> {
    if NAMED.contains(&text) {
        return Ok(());
    }
    let Some(duration) = text.strip_prefix("@every ") else {
        return Err(format!("unrecognized descriptor: {text}"));
    };
    if parse_duration(duration).is_some() {
        return Ok(());
    }
    Err(format!("failed to parse duration {text}: time: invalid duration {duration:?}"))
}

fn range(part: &str, bounds: &Bounds) -> Result<(), String> {
    let mut halves = part.split('/');
    let (span, step) = (halves.next().unwrap_or_default(), halves.next());
    let ends: Vec<&str> = span.split('-').collect();
    let (first, mut last) = match ends.as_slice() {
        ["*" | "?", ..] => (bounds.least, bounds.most),
        [only] => {
            let only = number_or_name(only, bounds.names)?;
            (only, only)
        }
        [first, last] => {
            (number_or_name(first, bounds.names)?, number_or_name(last, bounds.names)?)
        }
        [first, ..] => {
            number_or_name(first, bounds.names)?;
            return Err(format!("too many hyphens: {part}"));
        }
        [] => (0, 0),
    };
    let step = match (step, halves.next()) {
        (None, _) => 1,
        (Some(step), None) => {
            let step = number(step)?;
            // One number with a step reaches to the end.
            if ends.len() == 1 {
                last = bounds.most;
            }
            step
        }
        _ => return Err(format!("too many slashes: {part}")),
    };
    let (least, most) = (bounds.least, bounds.most);
    if first < least {
        return Err(format!("beginning of range ({first}) below minimum ({least}): {part}"));
    }
    if last > most {
        return Err(format!("end of range ({last}) above maximum ({most}): {part}"));
    }
    if first > last {
        return Err(format!("beginning of range ({first}) beyond end of range ({last}): {part}"));
    }
    if step == 0 {
        return Err(format!("step of range should be a positive number: {part}"));
    }
    Ok(())
}

fn number_or_name(text: &str, names: &[&str]) -> Result<u64, String> {
    let lower = text.to_lowercase();
    match names.iter().position(|name| *name == lower) {
        Some(at) if names.len() == MONTHS.len() => Ok(at as u64 + 1),
        Some(at) => Ok(at as u64),
        None => number(text),
    }
}

fn number(text: &str) -> Result<u64, String> {
    let number: i64 = text.parse().map_err(|error: std::num::ParseIntError| {
        let beyond = matches!(
            error.kind(),
            std::num::IntErrorKind::PosOverflow | std::num::IntErrorKind::NegOverflow
        );
        let why = if beyond { "value out of range" } else { "invalid syntax" };
        format!("failed to parse int from {text}: strconv.Atoi: parsing {text:?}: {why}")
    })?;
    u64::try_from(number).map_err(|_| format!("negative number ({number}) not allowed: {text}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedules_that_pass() {
        for text in [
            "*/5 * * * *",
            "0 0 1 jan SUN",
            "0-30/5,45 8-18 ? * mon-fri",
            "5/15 * * * *",
            "@daily",
            "@every 1h30m",
            "TZ=Etc/UTC 0 0 * * *",
            "CRON_TZ=UTC @hourly",
        ] {
            assert_eq!(check(text), Ok(()), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_as_upstream_does() {
        for (text, message) in [
            ("x", "expected exactly 5 fields, found 1: [x]"),
            ("60 * * * *", "end of range (60) above maximum (59): 60"),
            ("* * 0 * *", "beginning of range (0) below minimum (1): 0"),
            ("5-1 * * * *", "beginning of range (5) beyond end of range (1): 5-1"),
            ("*/0 * * * *", "step of range should be a positive number: */0"),
            ("1-2-3 * * * *", "too many hyphens: 1-2-3"),
            ("*/1/2 * * * *", "too many slashes: */1/2"),
            (
                "* * * * *x",
                "failed to parse int from *x: strconv.Atoi: parsing \"*x\": invalid syntax",
            ),
            ("@often", "unrecognized descriptor: @often"),
            ("@every x", "failed to parse duration @every x: time: invalid duration \"x\""),
            ("TZ=No/Where 0 0 * * *", "provided bad location No/Where: unknown time zone No/Where"),
        ] {
            assert_eq!(check(text), Err(message.to_owned()), "{text}");
        }
    }
}
