//! `timeout`: how long a client lets its request take. Requests that last as long as their clients
//! like have none.

use super::call::Call;
use super::limits::REQUEST_TIMEOUT;
use std::time::Duration;
use xebec_core::field_error::quoted;
use xebec_core::status::Status;
use xebec_core::time::parse_duration;

/// Subresources that stream.
const LONG_RUNNING: [&str; 5] = ["attach", "exec", "log", "portforward", "proxy"];

/// The time that the request names, where it is one that changes anything: none at all and more
/// than the longest are the same. 400 for what is no duration.
pub fn of(call: &Call) -> Result<Option<Duration>, Status> {
    if call.info.verb == "watch" || LONG_RUNNING.contains(&&*call.info.subresource) {
        return Ok(None);
    }
    let given = call.query.get("timeout").unwrap_or_default();
    if given.is_empty() {
        return Ok(None);
    }
    let Some(nanos) = parse_duration(given) else {
        let what = wrong(given);
        return Err(Status::bad_request(format!(
            "invalid timeout specified in the request URL - time: {what}"
        )));
    };
    let asked = Duration::from_nanos(u64::try_from(nanos).unwrap_or_default());
    Ok(Some(asked).filter(|asked| !asked.is_zero() && *asked < REQUEST_TIMEOUT))
}

/// What Go says of a text that is no duration.
fn wrong(text: &str) -> String {
    let mut rest = text.strip_prefix(['+', '-']).unwrap_or(text);
    while !rest.is_empty() {
        let number = rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
        if !rest[..rest.len() - number.len()].bytes().any(|byte| byte.is_ascii_digit()) {
            break;
        }
        let end = number.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(number.len());
        let (unit, tail) = number.split_at(end);
        if unit.is_empty() {
            return format!("missing unit in duration {}", quoted(text));
        }
        if !["ns", "us", "µs", "μs", "ms", "s", "m", "h"].contains(&unit) {
            return format!("unknown unit {} in duration {}", quoted(unit), quoted(text));
        }
        rest = tail;
    }
    format!("invalid duration {}", quoted(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kube::call::tests::call;

    #[test]
    fn what_a_client_asks_for_is_bounded() {
        for (query, expected) in [
            ("", None),
            ("timeout=", None),
            ("timeout=0s", None),
            ("timeout=-1s", None),
            ("timeout=3m", None),
            ("timeout=1.5s", Some(Duration::from_millis(1_500))),
            ("timeout=x&watch=1", None),
        ] {
            let call = call("GET", &format!("/api/v1/pods?{query}"), "");
            assert_eq!(of(&call).expect("a duration"), expected, "{query}");
        }
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for (given, expected) in [
            ("invalid", "invalid duration \"invalid\""),
            ("5", "missing unit in duration \"5\""),
            ("5x", "unknown unit \"x\" in duration \"5x\""),
            ("1s.", "invalid duration \"1s.\""),
        ] {
            let refused = of(&call("GET", &format!("/version?timeout={given}"), ""));
            let message = refused.expect_err("no duration").message;
            let expected =
                format!("invalid timeout specified in the request URL - time: {expected}");
            assert_eq!(message, expected);
        }
    }
}
