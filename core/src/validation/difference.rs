//! [`difference`]: what somebody changed that may not be changed, for people to read.

use super::fields::same;
use crate::value::{Lookup, Object, Value};
use std::fmt::Write as _;

/// Lines shown; who changes more knows that.
const LINES_MAX: usize = 40;
/// Characters of a value shown.
const VALUE_MAX: usize = 160;

/// A line break, then a line for each value that was (`-`) or is (`+`) in only one of the objects.
pub(super) fn difference(before: &Object, after: &Object) -> String {
    let mut lines = Lines { text: String::from("\n"), count: 0 };
    lines.objects(&mut String::new(), before, after);
    if lines.count > LINES_MAX {
        let _ = writeln!(lines.text, "  … and {} more", lines.count - LINES_MAX);
    }
    lines.text
}

struct Lines {
    text: String,
    count: usize,
}

impl Lines {
    fn objects(&mut self, path: &mut String, before: &Object, after: &Object) {
        let (mut in_before, mut in_after) = (Lookup::new(before), Lookup::new(after));
        for (name, old) in before.iter() {
            self.below(path, name, (Some(old), in_after.get(name)));
        }
        for (name, new) in after.iter().filter(|(name, _)| in_before.get(name).is_none()) {
            self.below(path, name, (None, Some(new)));
        }
    }

    fn below(&mut self, path: &mut String, step: &str, pair: (Option<&Value>, Option<&Value>)) {
        let end = path.len();
        if end > 0 && !step.starts_with('[') {
            path.push('.');
        }
        path.push_str(step);
        self.values(path, pair);
        path.truncate(end);
    }

    fn values(&mut self, path: &mut String, (before, after): (Option<&Value>, Option<&Value>)) {
        if same(before, after) {
            return;
        }
        match (before, after) {
            (Some(Value::Object(before)), Some(Value::Object(after))) => {
                self.objects(path, before, after);
            }
            (Some(Value::Array(before)), Some(Value::Array(after))) => {
                for at in 0..before.len().max(after.len()) {
                    self.below(path, &format!("[{at}]"), (before.get(at), after.get(at)));
                }
            }
            _ => {
                self.line('-', path, before);
                self.line('+', path, after);
            }
        }
    }

    fn line(&mut self, sign: char, path: &str, value: Option<&Value>) {
        let Some(value) = value else { return };
        self.count += 1;
        if self.count > LINES_MAX {
            return;
        }
        let shown = serde_json::to_string(value).unwrap_or_default();
        let cut = shown.char_indices().nth(VALUE_MAX).map_or(shown.len(), |(at, _)| at);
        let rest = if cut < shown.len() { "…" } else { "" };
        let _ = writeln!(self.text, "{sign} {path}: {}{rest}", &shown[..cut]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(json: &str) -> Object {
        serde_json::from_str::<Value>(json).expect("JSON").as_object().expect("an object").clone()
    }

    #[test]
    fn shows_what_went_and_what_came() {
        let before = object(r#"{"a":"x","list":[{"n":1},{"n":2}],"gone":{"deep":true}}"#);
        let after = object(r#"{"a":"y","list":[{"n":1},{"n":3},4],"new":[]}"#);
        let wanted = "\n- a: \"x\"\n+ a: \"y\"\n- list[1].n: 2\n+ list[1].n: 3\n+ list[2]: 4\n\
                      - gone: {\"deep\":true}\n";
        assert_eq!(difference(&before, &after), wanted);
    }

    #[test]
    fn is_bounded() {
        let long = "é".repeat(1_000);
        let all: Vec<String> = (0..100).map(|n| format!("\"f{n}\":\"{long}\"")).collect();
        let shown = difference(&Object::default(), &object(&format!("{{{}}}", all.join(","))));
        assert_eq!(shown.lines().count(), LINES_MAX + 2);
        assert!(shown.ends_with("  … and 60 more\n"));
        assert!(shown.len() < LINES_MAX * (2 * VALUE_MAX + 40));
    }
}
