//! [`JsonPath`]: the path expressions of kubectl and of printer columns:
//! `.spec.ports[0].port`, `.status.conditions[?(@.type=="Ready")].status`, `.a..b`, `['x','y']`.
//!
//! A key that is not there selects nothing; an index outside a list, or a list operation on
//! something else, is an error, as upstream has it.

mod parse;

use crate::value::Value;
use std::cmp::Ordering;

/// A parsed expression.
#[derive(Debug, Clone, PartialEq)]
pub struct JsonPath {
    steps: Vec<Step>,
}

#[derive(Debug, Clone, PartialEq)]
enum Step {
    Field(Box<str>),
    Wildcard,
    /// The value and everything below it.
    Recursive,
    /// `[start:end:step]`; an index is a slice of one.
    Slice {
        start: Option<i64>,
        end: Option<i64>,
        step: i64,
        index: bool,
    },
    Filter(Operand, Comparison, Operand),
    /// The results of several paths, one after the other.
    Union(Vec<JsonPath>),
}

#[derive(Debug, Clone, PartialEq)]
enum Operand {
    /// From the list's element.
    Path(JsonPath),
    Literal(Value),
    /// No right side: the left one need only be there.
    None,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Exists,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JsonPathError {
    #[error("{0}")]
    Syntax(&'static str),
    #[error("array index out of bounds: index {index}, length {length}")]
    OutOfBounds { index: i64, length: usize },
    #[error("{0} is not a list")]
    NotAList(&'static str),
    #[error("incompatible types for comparison")]
    Incomparable,
}

impl JsonPath {
    /// Reads an expression without braces.
    pub fn parse(text: &str) -> Result<Self, JsonPathError> {
        parse::path(text)
    }

    /// What the expression selects, in order.
    pub fn select<'v>(&self, value: &'v Value) -> Result<Vec<&'v Value>, JsonPathError> {
        let mut selected = vec![value];
        for step in &self.steps {
            let mut next = Vec::new();
            for value in selected {
                step.apply(value, &mut next)?;
            }
            selected = next;
        }
        Ok(selected)
    }
}

impl Step {
    fn apply<'v>(&self, value: &'v Value, out: &mut Vec<&'v Value>) -> Result<(), JsonPathError> {
        match self {
            Self::Field(name) => out.extend(value.get(name)),
            Self::Wildcard => out.extend(children(value)),
            Self::Recursive => descend(value, out),
            Self::Slice { start, end, step, index } => {
                slice(list(value)?, (*start, *end, *step), *index, out)?;
            }
            Self::Filter(left, comparison, right) => {
                for item in list(value)? {
                    if comparison.holds(left, right, item)? {
                        out.push(item);
                    }
                }
            }
            Self::Union(paths) => {
                for path in paths {
                    out.extend(path.select(value)?);
                }
            }
        }
        Ok(())
    }
}

fn list(value: &Value) -> Result<&[Value], JsonPathError> {
    match value {
        Value::Null => Ok(&[]),
        _ => value.as_array().ok_or_else(|| JsonPathError::NotAList(value.kind_name())),
    }
}

fn children(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(items) => items.iter().collect(),
        Value::Object(object) => object.iter().map(|(_, value)| value).collect(),
        _ => Vec::new(),
    }
}

fn descend<'v>(value: &'v Value, out: &mut Vec<&'v Value>) {
    out.push(value);
    for child in children(value) {
        descend(child, out);
    }
}

fn slice<'v>(
    items: &'v [Value],
    (start, end, step): (Option<i64>, Option<i64>, i64),
    index: bool,
    out: &mut Vec<&'v Value>,
) -> Result<(), JsonPathError> {
    let length = items.len() as i64;
    let from_end = |at: i64| if at < 0 { at + length } else { at };
    let first = from_end(start.unwrap_or(0));
    if index && !(0..length).contains(&first) && !items.is_empty() {
        return Err(JsonPathError::OutOfBounds { index: first, length: items.len() });
    }
    let last = if index { first + 1 } else { from_end(end.unwrap_or(length)).min(length) };
    let mut at = first.max(0);
    while at < last && at < length {
        out.push(&items[at as usize]);
        at += step;
    }
    Ok(())
}

impl Comparison {
    fn holds(self, left: &Operand, right: &Operand, item: &Value) -> Result<bool, JsonPathError> {
        let Some(left) = left.value(item)? else { return Ok(false) };
        if self == Self::Exists {
            return Ok(true);
        }
        let Some(right) = right.value(item)? else { return Ok(false) };
        let ordering = compare(left, right);
        Ok(match self {
            Self::Exists => true,
            Self::Equal => ordering == Some(Ordering::Equal),
            Self::NotEqual => ordering != Some(Ordering::Equal),
            Self::Less => ordering.ok_or(JsonPathError::Incomparable)?.is_lt(),
            Self::LessOrEqual => ordering.ok_or(JsonPathError::Incomparable)?.is_le(),
            Self::Greater => ordering.ok_or(JsonPathError::Incomparable)?.is_gt(),
            Self::GreaterOrEqual => ordering.ok_or(JsonPathError::Incomparable)?.is_ge(),
        })
    }
}

impl Operand {
    fn value<'v>(&'v self, item: &'v Value) -> Result<Option<&'v Value>, JsonPathError> {
        Ok(match self {
            Self::Path(path) => path.select(item)?.first().copied(),
            Self::Literal(value) => Some(value),
            Self::None => None,
        })
    }
}

fn compare(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::String(a), Value::String(b)) => Some(a.cmp(b)),
        (Value::Bool(a), Value::Bool(b)) => Some(a.cmp(b)),
        (Value::Int(a), Value::Int(b)) => Some(a.cmp(b)),
        (Value::Float(a), Value::Float(b)) => a.partial_cmp(b),
        (Value::Int(a), Value::Float(b)) => (*a as f64).partial_cmp(b),
        (Value::Float(a), Value::Int(b)) => a.partial_cmp(&(*b as f64)),
        _ => None,
    }
}

/// A selected value as text: strings bare, lists and objects as JSON.
pub fn text(value: &Value) -> String {
    match value {
        Value::Null => "<no value>".to_owned(),
        Value::String(text) => text.to_string(),
        Value::Float(number) if number.abs() >= 1e21 => {
            let text = format!("{number:e}");
            text.replacen('e', "e+", 1)
        }
        _ => serde_json::to_string(value).expect("a tree serializes"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POD: &str = r#"{"metadata":{"labels":{"app.kubernetes.io/name":"x"}},
        "spec":{"containers":[{"name":"a","n":1},{"name":"b","n":2},{"name":"c"}]},
        "status":{"conditions":[{"type":"Ready","status":"True"},{"type":"Other","status":"No"}]}}"#;

    fn check(path: &str) -> String {
        let value: Value = serde_json::from_str(POD).expect("valid JSON");
        match JsonPath::parse(path).and_then(|path| {
            let found = path.select(&value)?;
            Ok(found.into_iter().map(text).collect::<Vec<_>>().join(" "))
        }) {
            Ok(text) => text,
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn every_form() {
        for (path, expected) in [
            (".spec.containers[0].name", "a"),
            ("$.spec.containers[-1].name", "c"),
            (".spec.containers[*].name", "a b c"),
            (".spec.containers[1:].name", "b c"),
            (".spec.containers[:2].name", "a b"),
            (".spec.containers[0:3:2].name", "a c"),
            (".spec.containers[0,2].name", "a c"),
            (".spec.containers[0]['name','n']", "a 1"),
            (".spec.containers[5].name", "array index out of bounds: index 5, length 3"),
            (".spec.containers.name", ""),
            (".spec[0]", "object is not a list"),
            (".missing.field", ""),
            (".missing[0]", ""),
            (r#".status.conditions[?(@.type=="Ready")].status"#, "True"),
            (r#".status.conditions[?(@.type!='Ready')].status"#, "No"),
            (".spec.containers[?(@.n>1)].name", "b"),
            (".spec.containers[?(@.n)].name", "a b"),
            ("..type", "Ready Other"),
            (r".metadata.labels.app\.kubernetes\.io/name", "x"),
            (".metadata.labels['app.kubernetes.io/name']", "x"),
            (".spec.containers[2]", r#"{"name":"c"}"#),
            (".metadata.*", r#"{"app.kubernetes.io/name":"x"}"#),
        ] {
            assert_eq!(check(path), expected, "{path}");
        }
    }

    #[test]
    fn malformed_paths_are_refused() {
        for path in ["spec", ".a[", ".a[?(@.b==]", ".a['b]", ".a[x]", ".a[?(@.b", ".a[0:1:0]"] {
            assert!(JsonPath::parse(path).is_err(), "{path}");
        }
    }

    #[test]
    fn depth_is_bounded() {
        let deep = format!(".a{}", "[?(@.a".repeat(10_000));
        assert!(JsonPath::parse(&deep).is_err());
        let long = ".a".repeat(100_000);
        assert!(JsonPath::parse(&long).is_err());
    }
}
