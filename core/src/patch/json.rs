//! JSON patch (RFC 6902) as kube-apiserver applies it (evanphx/json-patch v4): negative indices
//! count from the end, `replace` and `copy` of a missing field are no errors.
//!
//! Everything is bounded: operations, what copies add (CVE-2019-1002100), depth, and the work of
//! walking wide objects and moving the items of long lists.

use crate::value::{Lookup, Object, Value};
use std::io;

/// How many operations a patch may have.
pub const OPERATIONS_MAX: usize = 10_000;

/// How much the copies of a patch may add together.
const COPIES_SIZE_BYTES_MAX: u64 = 3 * 1024 * 1024;

/// How deep a document may become.
const DEPTH_MAX: usize = 128;

/// How many fields and items the operations of a patch may walk over together.
const STEPS_MAX: u64 = 50_000_000;

/// Why a patch does not apply.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JsonPatchError {
    #[error("Unexpected kind: {0}")]
    Kind(String),
    #[error("{operation} operation failed to decode {member}: missing value")]
    Member { operation: &'static str, member: &'static str },
    #[error("{operation} operation does not apply: doc is missing path: {path}: missing value")]
    Path { operation: &'static str, path: String },
    #[error("Unable to remove nonexistent key: {0}: missing value")]
    Key(String),
    #[error("Unable to access invalid index: {0}: invalid index referenced")]
    Index(String),
    #[error("replace operation value must be object or array")]
    Root,
    #[error("testing value {0} failed: test failed")]
    Test(String),
    #[error(
        "Unable to complete the copy, the accumulated size increase of copy is {0}, exceeding the \
         limit {COPIES_SIZE_BYTES_MAX}"
    )]
    Copies(u64),
    #[error("the document would be nested deeper than {DEPTH_MAX} levels")]
    Depth,
    #[error("the patch is too much work")]
    Work,
}

/// Applies the operations in order to a document.
pub fn apply(document: &mut Value, operations: Vec<Value>) -> Result<(), JsonPatchError> {
    let mut patch = Patch { document, copied_bytes: 0, steps: 0 };
    for operation in operations {
        let mut operation = match operation {
            Value::Object(operation) => operation,
            _ => Object::new(),
        };
        patch.operate(&mut operation)?;
    }
    Ok(())
}

struct Patch<'d> {
    document: &'d mut Value,
    copied_bytes: u64,
    steps: u64,
}

type Result1<T> = Result<T, JsonPatchError>;

impl Patch<'_> {
    fn operate(&mut self, operation: &mut Object) -> Result1<()> {
        let value = operation.remove("value");
        let kind = operation.get("op").and_then(Value::as_str).unwrap_or("unknown");
        match kind {
            "add" => {
                let path = member("add", operation, "path")?;
                self.add("add", path, value.unwrap_or_default())
            }
            "remove" => self.remove("remove", member("remove", operation, "path")?).map(drop),
            "replace" => self.replace(member("replace", operation, "path")?, value),
            "move" => {
                let (from, path) =
                    (member("move", operation, "from")?, member("move", operation, "path"));
                let moved = self.remove("move", from)?;
                self.add("move", path?, moved)
            }
            "copy" => {
                let (from, path) =
                    (member("copy", operation, "from")?, member("copy", operation, "path"));
                let copied = self.get("copy", from)?.cloned().unwrap_or_default();
                self.copied_bytes += size_bytes(&copied);
                if self.copied_bytes > COPIES_SIZE_BYTES_MAX {
                    return Err(JsonPatchError::Copies(self.copied_bytes));
                }
                self.add("copy", path?, copied)
            }
            "test" => self.test(member("test", operation, "path")?, value.as_ref()),
            other => Err(JsonPatchError::Kind(other.to_owned())),
        }
    }

    fn step(&mut self, count: usize) -> Result1<()> {
        self.steps += count as u64 + 1;
        if self.steps > STEPS_MAX { Err(JsonPatchError::Work) } else { Ok(()) }
    }

    /// The container that a path leads into, the last step, and the depth of the container.
    fn container(
        &mut self,
        operation: &'static str,
        path: &str,
    ) -> Result1<(&mut Value, String, usize)> {
        let missing = || JsonPatchError::Path { operation, path: path.to_owned() };
        let mut steps = path.split('/').skip(1).map(unescape);
        let mut key = steps.next().ok_or_else(missing)?;
        let (mut depth, mut cost) = (1, 0);
        let mut at = &mut *self.document;
        for next in steps {
            cost += width(at);
            at = match at {
                Value::Object(object) => object.get_mut(&key),
                Value::Array(items) => {
                    index(&key, items.len(), items.len()).ok().and_then(|at| items.get_mut(at))
                }
                _ => None,
            }
            .ok_or_else(missing)?;
            (key, depth) = (next, depth + 1);
        }
        cost += width(at);
        self.steps += cost as u64 + 1;
        if self.steps > STEPS_MAX {
            return Err(JsonPatchError::Work);
        }
        match at {
            Value::Object(_) | Value::Array(_) => Ok((at, key, depth)),
            _ => Err(missing()),
        }
    }

    fn get(&mut self, operation: &'static str, path: &str) -> Result1<Option<&Value>> {
        let (container, key, _) = self.container(operation, path)?;
        match container {
            Value::Array(items) => {
                let at = index(&key, items.len(), items.len())?;
                items.get(at).map(Some).ok_or(JsonPatchError::Index(key))
            }
            other => Ok(other.get(&key)),
        }
    }

    fn add(&mut self, operation: &'static str, path: &str, value: Value) -> Result1<()> {
        let mut budget = STEPS_MAX.saturating_sub(self.steps) as usize;
        let depth_added = depth(&value, &mut budget)?;
        self.steps = STEPS_MAX - budget as u64;
        let (container, key, depth) = self.container(operation, path)?;
        if depth + depth_added > DEPTH_MAX {
            return Err(JsonPatchError::Depth);
        }
        let Value::Array(items) = container else {
            if let Value::Object(object) = container {
                object.insert(key, value);
            }
            return Ok(());
        };
        let at =
            if key == "-" { items.len() } else { index(&key, items.len() + 1, items.len() + 1)? };
        if at > items.len() {
            return Err(JsonPatchError::Index(key));
        }
        let moved = items.len() - at;
        items.insert(at, value);
        self.step(moved)
    }

    fn remove(&mut self, operation: &'static str, path: &str) -> Result1<Value> {
        let (container, key, _) = self.container(operation, path)?;
        let Value::Array(items) = container else {
            let removed = container.as_object_mut().and_then(|object| object.remove(&key));
            return removed.ok_or(JsonPatchError::Key(key));
        };
        let at = index(&key, items.len(), items.len())?;
        if at >= items.len() {
            return Err(JsonPatchError::Index(key));
        }
        let moved = items.len() - at;
        let removed = items.remove(at);
        self.step(moved)?;
        Ok(removed)
    }

    fn replace(&mut self, path: &str, value: Option<Value>) -> Result1<()> {
        if path.is_empty() {
            *self.document = value
                .filter(|value| matches!(value, Value::Object(_) | Value::Array(_)))
                .ok_or(JsonPatchError::Root)?;
            return Ok(());
        }
        let value = value.unwrap_or_default();
        let (container, key, at_depth) = self.container("replace", path)?;
        if at_depth + depth(&value, &mut usize::MAX.clone())? > DEPTH_MAX {
            return Err(JsonPatchError::Depth);
        }
        match container {
            Value::Array(items) => {
                let at = index(&key, items.len(), items.len())?;
                *items.get_mut(at).ok_or(JsonPatchError::Index(key))? = value;
            }
            Value::Object(object) => {
                object.insert(key, value);
            }
            _ => {}
        }
        Ok(())
    }

    fn test(&mut self, path: &str, value: Option<&Value>) -> Result1<()> {
        let wanted = value.unwrap_or(&Value::Null);
        let failed = || JsonPatchError::Test(path.to_owned());
        if path.is_empty() {
            return if equal(self.document, wanted) { Ok(()) } else { Err(failed()) };
        }
        let found = self.get("test", path)?.unwrap_or(&Value::Null);
        if equal(found, wanted) { Ok(()) } else { Err(failed()) }
    }
}

fn member<'o>(
    operation: &'static str,
    object: &'o Object,
    member: &'static str,
) -> Result1<&'o str> {
    object.get(member).and_then(Value::as_str).ok_or(JsonPatchError::Member { operation, member })
}

/// RFC 6901.
fn unescape(step: &str) -> String {
    step.replace("~1", "/").replace("~0", "~")
}

/// An index of a list; negative ones count back from `end`. It may lie beyond the list.
fn index(key: &str, count: usize, end: usize) -> Result1<usize> {
    let invalid = || JsonPatchError::Index(key.to_owned());
    let at: i64 = key.parse().map_err(|_| invalid())?;
    if at >= 0 {
        return usize::try_from(at).ok().filter(|at| *at < count).ok_or_else(invalid);
    }
    usize::try_from(at.unsigned_abs())
        .ok()
        .and_then(|back| end.checked_sub(back))
        .ok_or_else(invalid)
}

/// What finding one field costs.
fn width(container: &Value) -> usize {
    container.as_object().map_or(0, Object::len)
}

/// How deep a value is, for at most `budget` steps.
fn depth(value: &Value, budget: &mut usize) -> Result1<usize> {
    *budget = budget.checked_sub(1).ok_or(JsonPatchError::Work)?;
    let mut deepest = 0;
    match value {
        Value::Array(items) => {
            for item in items {
                deepest = deepest.max(depth(item, budget)?);
            }
        }
        Value::Object(object) => {
            for (_, item) in object.iter() {
                deepest = deepest.max(depth(item, budget)?);
            }
        }
        _ => return Ok(0),
    }
    Ok(deepest + 1)
}

/// How long a value is as JSON.
fn size_bytes(value: &Value) -> u64 {
    struct Counter(u64);
    impl io::Write for Counter {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 += bytes.len() as u64;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut counter = Counter(0);
    let written = serde_json::to_writer(&mut counter, value);
    if written.is_ok() { counter.0 } else { u64::MAX }
}

/// Equal as JSON: the order of fields does not count, the form of a number does.
fn equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Object(a), Value::Object(b)) => {
            let mut other = Lookup::new(b);
            a.len() == b.len()
                && a.iter().all(|(name, value)| other.get(name).is_some_and(|b| equal(value, b)))
        }
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(a, b))
        }
        _ => a == b,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(document: &str, patch: &str) -> Result<String, String> {
        let mut document: Value = serde_json::from_str(document).expect("valid JSON");
        let patch: Vec<Value> = serde_json::from_str(patch).expect("valid JSON");
        apply(&mut document, patch).map_err(|error| error.to_string())?;
        Ok(serde_json::to_string(&document).expect("serializable"))
    }

    fn check(document: &str, patch: &str, expected: &str) {
        assert_eq!(run(document, patch).as_deref(), Ok(expected), "{patch}");
    }

    fn fails(document: &str, patch: &str, error: &str) {
        assert_eq!(run(document, patch), Err(error.to_owned()), "{patch}");
    }

    #[test]
    fn objects() {
        check(r#"{"a":1}"#, r#"[{"op":"add","path":"/b","value":[1]}]"#, r#"{"a":1,"b":[1]}"#);
        check(r#"{"a":1,"b":2}"#, r#"[{"op":"remove","path":"/a"}]"#, r#"{"b":2}"#);
        check(r#"{"a":1}"#, r#"[{"op":"replace","path":"/a","value":2}]"#, r#"{"a":2}"#);
        check(r#"{}"#, r#"[{"op":"replace","path":"/a","value":2}]"#, r#"{"a":2}"#);
        check(
            r#"{"a":{"b":1}}"#,
            r#"[{"op":"move","from":"/a/b","path":"/c"}]"#,
            r#"{"a":{},"c":1}"#,
        );
        check(r#"{"a":1}"#, r#"[{"op":"copy","from":"/a","path":"/b"}]"#, r#"{"a":1,"b":1}"#);
        check(r#"{"a/b~":1}"#, r#"[{"op":"remove","path":"/a~1b~0"}]"#, "{}");
        check(r#"{"a":1}"#, r#"[{"op":"replace","path":"","value":{"b":1}}]"#, r#"{"b":1}"#);
    }

    #[test]
    fn lists() {
        check("[1,2]", r#"[{"op":"add","path":"/1","value":9}]"#, "[1,9,2]");
        check("[1,2]", r#"[{"op":"add","path":"/-","value":9}]"#, "[1,2,9]");
        check("[1,2]", r#"[{"op":"add","path":"/-1","value":9}]"#, "[1,2,9]");
        check("[1,2]", r#"[{"op":"remove","path":"/-1"}]"#, "[1]");
        check("[1,2]", r#"[{"op":"replace","path":"/-2","value":0}]"#, "[0,2]");
        fails(
            "[1]",
            r#"[{"op":"add","path":"/2","value":9}]"#,
            "Unable to access invalid index: 2: invalid index referenced",
        );
        fails(
            "[1]",
            r#"[{"op":"remove","path":"/1"}]"#,
            "Unable to access invalid index: 1: invalid index referenced",
        );
    }

    #[test]
    fn tests() {
        check(
            r#"{"a":{"b":1,"c":2}}"#,
            r#"[{"op":"test","path":"/a","value":{"c":2,"b":1}}]"#,
            r#"{"a":{"b":1,"c":2}}"#,
        );
        check(
            r#"{"a":null}"#,
            r#"[{"op":"test","path":"/a","value":null},{"op":"test","path":"/b","value":null}]"#,
            r#"{"a":null}"#,
        );
        fails(
            r#"{"a":1}"#,
            r#"[{"op":"test","path":"/a","value":2}]"#,
            "testing value /a failed: test failed",
        );
        fails(
            r#"{"a":1}"#,
            r#"[{"op":"test","path":"/a","value":1.0}]"#,
            "testing value /a failed: test failed",
        );
    }

    #[test]
    fn malformed_operations() {
        fails("{}", r#"[{"op":"frob","path":"/a"}]"#, "Unexpected kind: frob");
        fails("{}", r#"[{"path":"/a"}]"#, "Unexpected kind: unknown");
        fails("{}", "[null]", "Unexpected kind: unknown");
        fails(
            "{}",
            r#"[{"op":"remove","path":"/a"}]"#,
            "Unable to remove nonexistent key: a: missing value",
        );
        fails("{}", r#"[{"op":"add"}]"#, "add operation failed to decode path: missing value");
        fails(
            "{}",
            r#"[{"op":"add","path":"/a/b","value":1}]"#,
            "add operation does not apply: doc is missing path: /a/b: missing value",
        );
        fails(
            "{}",
            r#"[{"op":"replace","path":"","value":1}]"#,
            "replace operation value must be object or array",
        );
    }

    #[test]
    fn cve_2019_1002100_copies_do_not_multiply_without_bound() {
        let copies: Vec<_> =
            (0..40).map(|_| r#"{"op":"copy","from":"/a","path":"/a/-"}"#.to_owned()).collect();
        let error = run(r#"{"a":["xxxxxxxxxxxxxxxx"]}"#, &format!("[{}]", copies.join(",")));
        assert!(error.expect_err("too large").starts_with("Unable to complete the copy"));
    }

    #[test]
    fn depth_is_bounded() {
        let nest = r#"{"op":"add","path":"PATH","value":{"a":{}}}"#;
        let nests: Vec<_> = (1..200).map(|n| nest.replace("PATH", &"/a".repeat(n))).collect();
        let error = run("{}", &format!("[{}]", nests.join(",")));
        assert_eq!(error, Err(JsonPatchError::Depth.to_string()));
    }
}
