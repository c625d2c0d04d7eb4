//! Every limit of the Kubernetes API, in one place, each with its reason.

use std::time::Duration;

/// The body of a request: upstream's limit. Objects above etcd's 1.5 MiB are refused when they
/// are proposed.
pub const BODY_BYTES_MAX: usize = 3 * 1_048_576;

/// A request's path and query together.
pub const URI_BYTES_MAX: usize = 64 * 1_024;

/// How long the body of a request may take to arrive.
pub const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// What a request other than a watch may take: upstream's `--request-timeout`.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);

/// Attempts of a write that races with others on one object, before the client is told.
pub const CONFLICT_RETRIES_MAX: usize = 100;

/// Attempts at finding a free generated name.
pub const GENERATED_NAME_ATTEMPTS_MAX: usize = 8;

/// Warnings in one answer, and bytes of each: upstream's.
pub const WARNINGS_BYTES_MAX: usize = 4_096;
pub const WARNING_BYTES_MAX: usize = 256;

/// Answers from this size on are compressed for clients that take it: upstream's threshold.
pub const GZIP_BYTES_MIN: usize = 128 * 1_024;
