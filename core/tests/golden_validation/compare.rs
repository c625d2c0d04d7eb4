//! What we say of a write, compared with what the recorded server said.

use crate::step::Step;
use std::fmt;
use xebec_core::field_error::FieldError;
use xebec_core::validation;
use xebec_core::value::Value;

/// How the steps of a resource were judged.
#[derive(Debug, Default)]
pub struct Score {
    /// Word for word, warnings included.
    pub exact: usize,
    /// The same fields and reasons.
    pub near: usize,
    pub wrong: usize,
    pub failures: Vec<String>,
}

impl Score {
    pub fn add(&mut self, other: &Self) {
        self.exact += other.exact;
        self.near += other.near;
        self.wrong += other.wrong;
    }

    pub fn count(&mut self, verdict: Verdict, of: &str) {
        match verdict {
            Verdict::Exact => self.exact += 1,
            Verdict::Near(why) => {
                self.near += 1;
                self.failures.push(format!("near  {of}: {why}"));
            }
            Verdict::Wrong(why) => {
                self.wrong += 1;
                self.failures.push(format!("WRONG {of}: {why}"));
            }
        }
    }
}

impl fmt::Display for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { exact, near, wrong, .. } = self;
        write!(f, "{:6} {exact:6} {near:6} {wrong:6}", exact + near + wrong)
    }
}

/// What the rules say.
pub struct Judgement {
    errors: Vec<FieldError>,
    warnings: Vec<String>,
}

impl Judgement {
    /// Warnings are given of what is accepted.
    pub fn of(errors: Vec<FieldError>, warnings: impl FnOnce() -> Vec<String>) -> Self {
        let warnings = if errors.is_empty() { warnings() } else { Vec::new() };
        Self { errors, warnings }
    }

    /// The same in words that fit what was sent.
    pub fn of_sent(mut self, sent: Option<&Value>) -> Self {
        if let Some(sent) = sent {
            validation::as_sent(&mut self.errors, sent);
        }
        self
    }
}

pub enum Verdict {
    Exact,
    Near(String),
    Wrong(String),
}

/// The recorded warnings that validation gives.
pub fn warnings_of(step: &Value) -> Vec<String> {
    let warnings = step.get("w").and_then(Value::as_array).unwrap_or_default();
    warnings.iter().filter_map(Value::as_str).filter_map(warning).collect()
}

/// The text of a header `299 - "…"`, unless it is not validation that gives it.
fn warning(header: &str) -> Option<String> {
    let quoted = header.strip_prefix("299 - ")?;
    let text: String = serde_json::from_str(quoted).ok()?;
    let other = ["unknown field", "duplicate field"].iter().any(|lead| text.starts_with(lead))
        || text.contains(" is deprecated in v1.");
    (!other).then_some(text)
}

/// `None` for answers that come from somewhere else than validation.
pub fn compare(step: &Step<'_>, warnings: &[String], got: Judgement) -> Option<Verdict> {
    let answer = step.answer?;
    let text = |name| answer.get(name).and_then(Value::as_str).unwrap_or_default();
    let message = text("message");
    let errors: Vec<String> = got
        .errors
        .iter()
        .map(|e| format!("{} {}: {}", e.reason.as_str(), e.field, e.body))
        .collect();
    match step.code {
        200 | 201 if text("kind") == "Status" => None,
        200 | 201 if !errors.is_empty() => {
            Some(Verdict::Wrong(format!("accepted upstream, but:\n    {}", errors.join("\n    "))))
        }
        200 | 201 => Some(same_warnings(got.warnings, warnings)),
        422 if message.contains("must be specified for an update") => None,
        // About the request's parameters.
        422 if message.contains("Options.meta.k8s.io") => None,
        422 => {
            let causes = answer.get("details").and_then(|details| details.get("causes"));
            Some(same_errors(causes.and_then(Value::as_array)?, &errors))
        }
        _ => None,
    }
}

fn same_warnings(mut got: Vec<String>, wanted: &[String]) -> Verdict {
    got.sort();
    got.dedup();
    let mut wanted = wanted.to_vec();
    wanted.sort();
    if got == wanted {
        return Verdict::Exact;
    }
    Verdict::Wrong(format!("warnings\n    {got:?}\n  wanted\n    {wanted:?}"))
}

fn same_errors(causes: &[Value], got: &[String]) -> Verdict {
    let wanted: Vec<String> = causes
        .iter()
        .map(|cause| {
            let text = |name| cause.get(name).and_then(Value::as_str).unwrap_or_default();
            format!("{} {}: {}", text("reason"), text("field"), text("message"))
        })
        .collect();
    // Recorded texts are cut at the end of their first line.
    let got: Vec<&str> = got.iter().map(|text| text.lines().next().unwrap_or_default()).collect();
    if got == wanted {
        return Verdict::Exact;
    }
    let heads = |texts: &[&str]| {
        let mut heads: Vec<String> = texts
            .iter()
            .map(|text| text.splitn(3, ' ').take(2).collect::<Vec<_>>().join(" "))
            .collect();
        heads.sort();
        heads
    };
    let wanted: Vec<&str> = wanted.iter().map(String::as_str).collect();
    let why = format!("got\n    {}\n  wanted\n    {}", got.join("\n    "), wanted.join("\n    "));
    if heads(&got) == heads(&wanted) { Verdict::Near(why) } else { Verdict::Wrong(why) }
}
