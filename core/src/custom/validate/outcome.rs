//! [`Outcome`]: what a check found, and how much was right: of several alternatives that all fail,
//! the errors of the one that fits best are shown.

use crate::field_error::FieldError;
use std::collections::HashSet;

#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub findings: Vec<Finding>,
    /// How many checks a value passed.
    pub matches: usize,
}

#[derive(Debug)]
pub(super) struct Finding {
    /// Upstream's text of the error; of those with the same one only the first is shown.
    text: String,
    /// Its field is the place as OpenAPI names it; `None` where the text says it.
    error: FieldError,
    placed: bool,
}

impl Finding {
    pub fn at(text: String, error: FieldError) -> Self {
        Self { text, error, placed: true }
    }

    /// An error that belongs to no field.
    pub fn of_whole(text: String) -> Self {
        let error = FieldError::invalid("", "", &text);
        Self { text, error, placed: false }
    }
}

impl Outcome {
    pub fn is_valid(&self) -> bool {
        self.findings.is_empty()
    }

    pub fn add(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    pub fn take(&mut self, other: Self) {
        self.findings.extend(other.findings);
        self.matches += other.matches;
    }

    /// `under`: the field in which the value stands that was checked.
    pub fn into_errors(self, under: Option<&str>) -> Vec<FieldError> {
        if self.findings.is_empty() {
            return Vec::new();
        }
        let mut seen = HashSet::new();
        let mut errors = Vec::with_capacity(self.findings.len());
        for Finding { text, mut error, placed } in self.findings {
            if !seen.insert(text) {
                continue;
            }
            let name = if placed { error.field.trim_start_matches('.') } else { "" };
            error.field = match (under, name) {
                (None, "") => "<nil>".to_owned(),
                (None, name) => name.to_owned(),
                (Some(under), "") => under.to_owned(),
                (Some(under), name) => format!("{under}.{name}"),
            };
            errors.push(error);
        }
        errors
    }
}
