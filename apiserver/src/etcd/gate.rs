//! What is asked of every request before its service sees it (etcd `v3rpc/interceptor.go`).

use super::context::Context;
use super::errors;
use super::methods::Method;
use http::HeaderMap;
use std::time::Duration;
use tonic::Status;

/// With the value `true`, a client asks for an error rather than for waiting when there is no
/// leader.
const REQUIRES_LEADER: &str = "hasleader";
const CLIENT_API_VERSION: &str = "client-api-version";
const TIMEOUT: &str = "grpc-timeout";
/// gRPC: at most eight digits.
const TIMEOUT_DIGITS_MAX: usize = 8;

/// Lets a call in, or says why not.
pub fn admit(context: &Context, method: &Method, headers: &HeaderMap) -> Result<(), Status> {
    if !method.learner && context.is_learner() {
        return Err(errors::NOT_SUPPORTED_FOR_LEARNER.into());
    }
    if let Some(version) = headers.get(CLIENT_API_VERSION)
        && std::str::from_utf8(version.as_bytes()).is_err()
    {
        return Err(errors::INVALID_CLIENT_API_VERSION.into());
    }
    if requires_leader(headers) && !context.has_leader() {
        return Err(errors::NO_LEADER.into());
    }
    Ok(())
}

pub fn requires_leader(headers: &HeaderMap) -> bool {
    headers.get(REQUIRES_LEADER).is_some_and(|value| value == "true")
}

/// How long the client is going to wait; `None` if for ever, or if what it says makes no sense.
pub fn timeout(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(TIMEOUT)?.to_str().ok()?;
    let (unit, digits) = text.as_bytes().split_last()?;
    let plain = digits.len() <= TIMEOUT_DIGITS_MAX && digits.iter().all(u8::is_ascii_digit);
    let count: u64 = std::str::from_utf8(digits).ok()?.parse().ok().filter(|_| plain)?;
    Some(match unit {
        b'H' => Duration::from_secs(count * 3_600),
        b'M' => Duration::from_secs(count * 60),
        b'S' => Duration::from_secs(count),
        b'm' => Duration::from_millis(count),
        b'u' => Duration::from_micros(count),
        b'n' => Duration::from_nanos(count),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn timeouts_are_read_as_grpc_writes_them() {
        let read = |text: &'static str| {
            let headers = HeaderMap::from_iter([(
                http::HeaderName::from_static(TIMEOUT),
                HeaderValue::from_static(text),
            )]);
            timeout(&headers)
        };
        assert_eq!(read("5S"), Some(Duration::from_secs(5)));
        assert_eq!(read("99999999H"), Some(Duration::from_secs(99_999_999 * 3_600)));
        assert_eq!(read("250m"), Some(Duration::from_millis(250)));
        assert_eq!(read("7u"), Some(Duration::from_micros(7)));
        for nonsense in ["", "S", "5", "5s", "-5S", "+5S", "100000000S", "5 S"] {
            assert_eq!(read(nonsense), None, "{nonsense:?}");
        }
    }
}
