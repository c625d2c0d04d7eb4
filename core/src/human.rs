//! Durations as people read them: what `kubectl get` shows as an age.

use crate::time::Timestamp;

/// What upstream shows of a time that was never set.
pub const UNKNOWN: &str = "<unknown>";

/// Two or three significant parts of a duration: `5s`, `2m30s`, `3h`, `2d4h`, `3y20d`.
pub fn duration(nanos: i128) -> String {
    const MINUTE: i128 = 60;
    const HOUR: i128 = 60 * MINUTE;
    const DAY: i128 = 24;
    const YEAR: i128 = 365 * DAY;
    let seconds = nanos / 1_000_000_000;
    // Clocks of two machines may differ by a little.
    if seconds < -1 {
        return "<invalid>".to_owned();
    }
    if seconds < 0 {
        return "0s".to_owned();
    }
    let (minutes, hours) = (seconds / MINUTE, seconds / HOUR);
    let parts = |large: i128, unit: char, small: i128, rest: char| {
        if small == 0 { format!("{large}{unit}") } else { format!("{large}{unit}{small}{rest}") }
    };
    match seconds {
        _ if seconds < 2 * MINUTE => format!("{seconds}s"),
        _ if minutes < 10 => parts(minutes, 'm', seconds % MINUTE, 's'),
        _ if minutes < 3 * 60 => format!("{minutes}m"),
        _ if hours < 8 => parts(hours, 'h', minutes % 60, 'm'),
        _ if hours < 48 => format!("{hours}h"),
        _ if hours < 8 * DAY => parts(hours / DAY, 'd', hours % DAY, 'h'),
        _ if hours < 2 * YEAR => format!("{}d", hours / DAY),
        _ if hours < 8 * YEAR => parts(hours / YEAR, 'y', hours / DAY % 365, 'd'),
        _ => format!("{}y", hours / YEAR),
    }
}

/// How long ago a time was.
pub fn since(then: Timestamp, now: Timestamp) -> String {
    duration(between(then, now))
}

/// Nanoseconds from one time to another.
pub fn between(from: Timestamp, to: Timestamp) -> i128 {
    let nanos = |time: Timestamp| i128::from(time.seconds) * 1_000_000_000 + i128::from(time.nanos);
    nanos(to) - nanos(from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_upstreams() {
        const SECOND: i128 = 1_000_000_000;
        const HOUR: i128 = 3_600 * SECOND;
        for (nanos, expected) in [
            (-2 * SECOND, "<invalid>"),
            (-SECOND - 1, "0s"),
            (-SECOND / 2, "0s"),
            (SECOND - 1, "0s"),
            (119 * SECOND, "119s"),
            (120 * SECOND, "2m"),
            (121 * SECOND, "2m1s"),
            (599 * SECOND, "9m59s"),
            (600 * SECOND, "10m"),
            (3 * HOUR - SECOND, "179m"),
            (3 * HOUR, "3h"),
            (3 * HOUR + 61 * SECOND, "3h1m"),
            (8 * HOUR, "8h"),
            (48 * HOUR - 1, "47h"),
            (48 * HOUR, "2d"),
            (49 * HOUR, "2d1h"),
            (8 * 24 * HOUR, "8d"),
            (2 * 365 * 24 * HOUR, "2y"),
            ((2 * 365 + 1) * 24 * HOUR, "2y1d"),
            (8 * 365 * 24 * HOUR + HOUR, "8y"),
        ] {
            assert_eq!(duration(nanos), expected, "{nanos}");
        }
    }
}
