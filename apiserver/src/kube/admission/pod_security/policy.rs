//! [`Policy`]: the levels and versions that a namespace's labels name.

use std::fmt;
use xebec_core::field_error::FieldError;
use xebec_core::value::{Object, Value};

pub const LABEL_PREFIX: &str = "pod-security.kubernetes.io/";

/// From the one that allows everything to the strictest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    Privileged,
    Baseline,
    Restricted,
}

/// The minor version whose rules count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    Minor(u32),
    Latest,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LevelVersion {
    pub level: Level,
    pub version: Version,
}

/// There is no audit log whose entries the audit level could mark; its labels are checked all the
/// same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    pub enforce: LevelVersion,
    pub warn: LevelVersion,
}

const ALLOW_ALL: LevelVersion = LevelVersion { level: Level::Privileged, version: Version::Latest };

impl Level {
    fn parse(text: &str) -> Option<Self> {
        match text {
            "privileged" => Some(Self::Privileged),
            "baseline" => Some(Self::Baseline),
            "restricted" => Some(Self::Restricted),
            _ => None,
        }
    }
}

impl Version {
    /// `latest` or `v1.36`.
    fn parse(text: &str) -> Option<Self> {
        if text == "latest" {
            return Some(Self::Latest);
        }
        let minor = text.strip_prefix("v1.")?;
        let is_number = minor.bytes().all(|byte| byte.is_ascii_digit());
        if !is_number || (minor.len() > 1 && minor.starts_with('0')) {
            return None;
        }
        minor.parse().ok().map(Self::Minor)
    }
}

impl Policy {
    /// What labels say, and what is wrong with them. An unreadable level is the strictest one
    /// where it is enforced, and the loosest one for warnings.
    pub fn of(labels: Option<&Object>) -> (Self, Vec<FieldError>) {
        let mut reader = Reader { labels, errors: Vec::new() };
        let mut policy = Self { enforce: ALLOW_ALL, warn: ALLOW_ALL };
        let enforce = reader.level("enforce");
        if let Some(level) = enforce {
            policy.enforce.level = level.unwrap_or(Level::Restricted);
        }
        policy.enforce.version = reader.version("enforce-version").unwrap_or(Version::Latest);
        reader.level("audit");
        reader.version("audit-version");
        let warn = reader.level("warn");
        if let Some(level) = warn {
            policy.warn.level = level.unwrap_or(Level::Privileged);
        }
        let warn_version = reader.version("warn-version");
        policy.warn.version = warn_version.unwrap_or(Version::Latest);
        // Who enforces without a word on warnings is warned of the same.
        let is_stricter = enforce.flatten().is_some_and(|level| level > policy.warn.level);
        if warn.is_none() && is_stricter {
            policy.warn.level = policy.enforce.level;
            if warn_version.is_none() {
                policy.warn.version = policy.enforce.version;
            }
        }
        (policy, reader.errors)
    }
}

struct Reader<'l> {
    labels: Option<&'l Object>,
    errors: Vec<FieldError>,
}

impl<'l> Reader<'l> {
    fn value(&self, name: &str) -> Option<&'l str> {
        self.labels?.get(&format!("{LABEL_PREFIX}{name}")).and_then(Value::as_str)
    }

    fn refuse(&mut self, name: &str, value: &str, why: &str) {
        let field = format!("metadata.labels[{LABEL_PREFIX}{name}]");
        self.errors.push(FieldError::invalid(field, value, why));
    }

    /// `None` where there is no such label, `Some(None)` where it is unreadable.
    fn level(&mut self, name: &str) -> Option<Option<Level>> {
        let value = self.value(name)?;
        let level = Level::parse(value);
        if level.is_none() {
            self.refuse(name, value, "must be one of privileged, baseline, restricted");
        }
        Some(level)
    }

    /// `None` where there is no such label; what is unreadable is the latest.
    fn version(&mut self, name: &str) -> Option<Version> {
        let value = self.value(name)?;
        let version = Version::parse(value);
        if version.is_none() {
            self.refuse(name, value, "must be \"latest\" or \"v1.x\"");
        }
        Some(version.unwrap_or(Version::Latest))
    }
}

impl fmt::Display for LevelVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.level {
            Level::Privileged => "privileged",
            Level::Baseline => "baseline",
            Level::Restricted => "restricted",
        })?;
        match self.version {
            Version::Latest => f.write_str(":latest"),
            Version::Minor(minor) => write!(f, ":v1.{minor}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(labels: &[(&str, &str)]) -> (Policy, Vec<String>) {
        let labels = labels
            .iter()
            .map(|(name, value)| (format!("{LABEL_PREFIX}{name}").into(), (*value).into()));
        let (policy, errors) = Policy::of(Some(&labels.collect()));
        (policy, errors.iter().map(FieldError::to_string).collect())
    }

    #[test]
    fn nothing_said_allows_everything() {
        let (policy, errors) = Policy::of(None);
        assert_eq!((policy.enforce, policy.warn), (ALLOW_ALL, ALLOW_ALL));
        assert!(errors.is_empty());
    }

    #[test]
    fn warnings_follow_what_is_enforced_unless_they_are_given() {
        let (follows, _) = policy(&[("enforce", "baseline"), ("enforce-version", "v1.20")]);
        assert_eq!(follows.warn.to_string(), "baseline:v1.20");
        let (own, _) = policy(&[("enforce", "baseline"), ("warn", "privileged")]);
        assert_eq!(own.warn.to_string(), "privileged:latest");
        let (half, _) = policy(&[("enforce", "baseline"), ("warn-version", "v1.30")]);
        assert_eq!(half.warn.to_string(), "baseline:v1.30");
    }

    #[test]
    fn unreadable_labels_are_told_and_enforced_strictly() {
        let (strict, errors) =
            policy(&[("enforce", "none"), ("warn", "x"), ("audit-version", "1.2")]);
        assert_eq!(strict.enforce.to_string(), "restricted:latest");
        assert_eq!(strict.warn.to_string(), "privileged:latest");
        assert_eq!(
            errors,
            [
                "metadata.labels[pod-security.kubernetes.io/enforce]: Invalid value: \"none\": \
                 must be one of privileged, baseline, restricted",
                "metadata.labels[pod-security.kubernetes.io/audit-version]: Invalid value: \
                 \"1.2\": must be \"latest\" or \"v1.x\"",
                "metadata.labels[pod-security.kubernetes.io/warn]: Invalid value: \"x\": must be \
                 one of privileged, baseline, restricted",
            ]
        );
    }

    #[test]
    fn versions_are_minor_ones() {
        for (text, version) in [
            ("latest", Some(Version::Latest)),
            ("v1.0", Some(Version::Minor(0))),
            ("v1.36", Some(Version::Minor(36))),
            ("v1.01", None),
            ("v1.", None),
            ("v2.1", None),
            ("v1.2.3", None),
            ("", None),
        ] {
            assert_eq!(Version::parse(text), version, "{text}");
        }
    }
}
