//! Simple JSON paths, and whether they lead to a field of a schema.

use super::tree::additional;
use crate::field_error::FieldError;
use crate::validation::Errors;
use crate::validation::fields::Fields;
use crate::validation::path::Path;
use crate::value::Object;

/// `.spec.replicas`: begins with a dot.
pub fn simple(text: &str, path: &Path<'_>, errors: &mut Errors) -> bool {
    let fits = text.starts_with('.');
    if !fits {
        let detail = "must be a simple json path starting with .";
        errors.push(FieldError::invalid(path, text, detail));
    }
    fits
}

/// Where a path leads.
#[derive(Debug)]
pub struct Target<'s> {
    /// The names on the way.
    pub names: Vec<String>,
    /// Nothing is known of what a map allows without a schema.
    pub schema: Option<&'s Object>,
}

/// Follows a path through a schema; or says why it cannot.
pub fn follow<'s>(text: &str, schema: &'s Object, arrays: bool) -> Result<Target<'s>, String> {
    let mut found = Target { names: Vec::new(), schema: Some(schema) };
    let mut rest = text;
    while let Some(token) = next(&mut rest) {
        match token {
            "." => {
                let name = next(&mut rest).ok_or("unexpected end of JSON path")?;
                found.step(name)?;
            }
            "[" if !arrays => return Err("array notation is not allowed".into()),
            "[" => {
                let quoted = next(&mut rest).ok_or("unexpected end of JSON path")?;
                let name = quoted.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\''));
                let name =
                    name.ok_or_else(|| format!("expected single quoted string but got {quoted}"))?;
                found.step(&name.replace("\\'", "'").replace("\\\\", "\\"))?;
                match next(&mut rest).ok_or("unexpected end of JSON path")? {
                    "]" => {}
                    other => return Err(format!("expected ] but got {other}")),
                }
            }
            other => return Err(format!("expected [ or . but got: {other}")),
        }
    }
    Ok(found)
}

impl Target<'_> {
    fn step(&mut self, name: &str) -> Result<(), String> {
        let nowhere = || Err("does not refer to a valid field".to_owned());
        let Some(schema) = self.schema else { return nowhere() };
        if schema.part("properties").is_empty() {
            if !schema.has("additionalProperties") {
                return nowhere();
            }
            self.schema = additional(schema);
        } else {
            let Some(inner) = schema.part("properties").object(name) else { return nowhere() };
            self.schema = Some(inner);
        }
        self.names.push(name.to_owned());
        Ok(())
    }
}

/// The next delimiter, quoted string or name.
fn next<'t>(rest: &mut &'t str) -> Option<&'t str> {
    let bytes = rest.as_bytes();
    let length = match bytes.first()? {
        b'.' | b'[' | b']' => 1,
        b'\'' => {
            let closes = |at: &usize| bytes[*at] == b'\'' && bytes[at - 1] != b'\\';
            (1..bytes.len()).find(closes).map_or(bytes.len(), |at| at + 1)
        }
        _ => rest.find(['.', '[', ']']).unwrap_or(rest.len()),
    };
    let (token, behind) = rest.split_at(length);
    *rest = behind;
    Some(token)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Value;

    fn outcome(path: &str, arrays: bool) -> String {
        let schema = r#"{"properties":{"spec":{"properties":{"a":{"type":"string"},"a.b":{},
            "map":{"additionalProperties":{"type":"integer"}}}}}}"#;
        let Ok(Value::Object(schema)) = serde_json::from_str(schema) else { panic!("not JSON") };
        match follow(path, &schema, arrays) {
            Ok(found) => found.names.join("/"),
            Err(why) => why,
        }
    }

    #[test]
    fn paths_lead_to_declared_fields() {
        assert_eq!(outcome(".spec.a", false), "spec/a");
        assert_eq!(outcome(".spec.map.x", false), "spec/map/x");
        assert_eq!(outcome(".spec['a.b']", true), "spec/a.b");
        assert_eq!(outcome(".spec['a.b']", false), "array notation is not allowed");
        assert_eq!(outcome(".spec.c", false), "does not refer to a valid field");
        assert_eq!(outcome("spec", false), "expected [ or . but got: spec");
        assert_eq!(outcome(".spec.", false), "unexpected end of JSON path");
        assert_eq!(outcome(".spec[a]", true), "expected single quoted string but got a");
    }
}
