//! Values as Go's printers and JSON encoder write them: error texts and annotations that clients
//! compare hold such texts.

use crate::value::Value;
use std::fmt::Write as _;

/// `%v` of a decoded JSON value: `map[a:1 b:[x y]]`.
pub(crate) fn plain(value: &Value) -> String {
    let mut out = String::new();
    push_plain(&mut out, value);
    out
}

fn push_plain(out: &mut String, value: &Value) {
    match value {
        Value::Null => out.push_str("<nil>"),
        Value::Bool(flag) => out.push_str(if *flag { "true" } else { "false" }),
        Value::Int(number) => {
            let _ = write!(out, "{number}");
        }
        Value::Float(number) => out.push_str(&float(*number)),
        Value::String(text) => out.push_str(text),
        Value::Array(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(' ');
                }
                push_plain(out, item);
            }
            out.push(']');
        }
        Value::Object(object) => {
            out.push_str("map[");
            let mut fields: Vec<_> = object.iter().collect();
            fields.sort_by_key(|(name, _)| *name);
            for (at, (name, value)) in fields.into_iter().enumerate() {
                if at > 0 {
                    out.push(' ');
                }
                let _ = write!(out, "{name}:");
                push_plain(out, value);
            }
            out.push(']');
        }
    }
}

/// `%#v` of a decoded JSON value.
pub(crate) fn syntax(value: &Value) -> String {
    match value {
        Value::Null => "interface {}(nil)".to_owned(),
        Value::String(text) => crate::field_error::quoted(text),
        Value::Array(items) => {
            let items: Vec<_> = items.iter().map(syntax).collect();
            format!("[]interface {{}}{{{}}}", items.join(", "))
        }
        Value::Object(object) => {
            let mut fields: Vec<_> = object.iter().collect();
            fields.sort_by_key(|(name, _)| *name);
            let fields: Vec<_> = fields
                .into_iter()
                .map(|(name, value)| {
                    format!("{}:{}", crate::field_error::quoted(name), syntax(value))
                })
                .collect();
            format!("map[string]interface {{}}{{{}}}", fields.join(", "))
        }
        scalar => plain(scalar),
    }
}

/// `%T` of a decoded JSON value.
pub(crate) fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "<nil>",
        Value::Bool(_) => "bool",
        Value::Int(_) => "int64",
        Value::Float(_) => "float64",
        Value::String(_) => "string",
        Value::Array(_) => "[]interface {}",
        Value::Object(_) => "map[string]interface {}",
    }
}

/// `%v` of a float64: the shortest text that reads back, with an exponent where that is shorter.
pub(crate) fn float(number: f64) -> String {
    exponential(number, -4, 6, 2)
}

/// A float64 as JSON.
pub(crate) fn push_json_float(out: &mut String, number: f64) {
    out.push_str(&exponential(number, -6, 21, 1));
}

fn exponential(number: f64, lowest: i32, highest: i32, exponent_digits: usize) -> String {
    if number == 0.0 || !number.is_finite() {
        return match number {
            n if n.is_nan() => "NaN".to_owned(),
            n if n.is_infinite() => if n > 0.0 { "+Inf" } else { "-Inf" }.to_owned(),
            n => if n.is_sign_negative() { "-0" } else { "0" }.to_owned(),
        };
    }
    let text = format!("{number:e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (lowest..highest).contains(&exponent) {
        return format!("{number}");
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    let magnitude = exponent.unsigned_abs();
    format!("{digits}e{sign}{magnitude:0exponent_digits$}")
}

/// A string as JSON; `html` escapes what could end a script, as Go's encoder does.
pub(crate) fn push_json_text(out: &mut String, text: &str, html: bool) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if (c as u32) < 0x20 => {
                let _ = write!(out, "\\u{:04x}", c as u32);
            }
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' if html => {
                let _ = write!(out, "\\u{:04x}", c as u32);
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

/// JSON with sorted keys and HTML escapes: what Go makes of a decoded value.
pub(crate) fn json(value: &Value) -> String {
    let mut out = String::new();
    push_json(&mut out, value);
    out
}

fn push_json(out: &mut String, value: &Value) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Float(number) => push_json_float(out, *number),
        Value::String(text) => push_json_text(out, text, true),
        Value::Bool(_) | Value::Int(_) => push_plain(out, value),
        Value::Array(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                push_json(out, item);
            }
            out.push(']');
        }
        Value::Object(object) => {
            out.push('{');
            let mut fields: Vec<_> = object.iter().collect();
            fields.sort_by_key(|(name, _)| *name);
            for (at, (name, value)) in fields.into_iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                push_json_text(out, name, true);
                out.push(':');
                push_json(out, value);
            }
            out.push('}');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> Value {
        serde_json::from_str(text).expect("valid JSON")
    }

    #[test]
    fn prints_as_go_does() {
        let given = value(r#"{"b":[1,"x",null,true],"a":{"c":1.5}}"#);
        assert_eq!(plain(&given), "map[a:map[c:1.5] b:[1 x <nil> true]]");
        assert_eq!(json(&given), r#"{"a":{"c":1.5},"b":[1,"x",null,true]}"#);
        assert_eq!(syntax(&value(r#"{"a":"x"}"#)), r#"map[string]interface {}{"a":"x"}"#);
        assert_eq!(json(&value(r#"{"a":"<b>&"}"#)), r#"{"a":"\u003cb\u003e\u0026"}"#);
    }

    #[test]
    fn floats_take_an_exponent_where_go_does() {
        assert_eq!(float(1e21), "1e+21");
        assert_eq!(float(1e20), "1e+20");
        assert_eq!(float(1_234_567.5), "1.2345675e+06");
        assert_eq!(float(123_456.5), "123456.5");
        assert_eq!(float(0.00001), "1e-05");
        assert_eq!(float(0.0001), "0.0001");
        let mut out = String::new();
        push_json_float(&mut out, 0.00001);
        push_json_float(&mut out, 1e-7);
        assert_eq!(out, "0.000011e-7");
    }
}
