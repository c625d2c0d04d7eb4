//! Values into text. Source: libyaml's emitter as go-yaml version 2 has it, in block style; lines
//! are folded at 80 columns.

use super::scalar::{Style, float_text, is_break, is_printable, is_simple_key, style};
use crate::value::{Object, Value};
use std::cmp::Ordering;
use std::fmt::Write as _;

/// By how much each level stands to the right.
const INDENT: usize = 2;
/// After this column a line is folded at its next space.
const WIDTH: usize = 80;

pub(super) fn document(object: &Object) -> String {
    let mut emitter = Emitter { out: String::new(), column: 0, whitespace: true, indention: true };
    let mut open_ended = false;
    emitter.mapping(object, 0, &mut open_ended);
    emitter.indent(0);
    if open_ended {
        emitter.out.push_str("...\n");
    }
    emitter.out
}

struct Emitter {
    out: String,
    column: usize,
    /// The last character was a space, or there is none.
    whitespace: bool,
    /// Nothing but indentation and `-` stands on the line.
    indention: bool,
}

/// What a scalar is written for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    SimpleKey,
    Other,
}

impl Emitter {
    fn put(&mut self, c: char) {
        self.out.push(c);
        if c == '\n' { self.column = 0 } else { self.column += 1 }
    }

    /// Goes to a column, on a new line where this one is used.
    fn indent(&mut self, to: usize) {
        let is_used =
            !self.indention || self.column > to || (self.column == to && !self.whitespace);
        if is_used {
            self.put('\n');
        }
        while self.column < to {
            self.put(' ');
        }
        self.whitespace = true;
        self.indention = true;
    }

    fn indicator(&mut self, mark: &str, spaced: bool, indention: bool) {
        if spaced && !self.whitespace {
            self.put(' ');
        }
        mark.chars().for_each(|c| self.put(c));
        self.whitespace = false;
        self.indention &= indention;
    }

    /// A value below one that stands at `indent`; `open_ended` says of the last scalar whether
    /// only an end of the document tells where it ends.
    fn value(&mut self, value: &Value, indent: usize, in_mapping: bool, open_ended: &mut bool) {
        match value {
            Value::Object(object) if !object.is_empty() => {
                self.mapping(object, indent + INDENT, open_ended);
            }
            Value::Array(items) if !items.is_empty() => {
                // A list stands below its name, not to the right of it.
                let at = if in_mapping && !self.indention { indent } else { indent + INDENT };
                for item in items {
                    self.indent(at);
                    self.indicator("-", true, true);
                    self.value(item, at, false, open_ended);
                }
            }
            _ => {
                *open_ended = false;
                self.leaf(value, indent, open_ended);
            }
        }
    }

    fn leaf(&mut self, value: &Value, indent: usize, open_ended: &mut bool) {
        match value {
            Value::String(text) => {
                *open_ended = self.text(text, indent, Place::Other);
            }
            Value::Object(_) => self.indicator("{}", true, false),
            Value::Array(_) => self.indicator("[]", true, false),
            Value::Null => self.indicator("null", true, false),
            Value::Bool(flag) => self.indicator(if *flag { "true" } else { "false" }, true, false),
            Value::Int(number) => self.indicator(&number.to_string(), true, false),
            Value::Float(number) => self.indicator(&number_text(*number), true, false),
        }
    }

    fn mapping(&mut self, object: &Object, indent: usize, open_ended: &mut bool) {
        if object.is_empty() {
            return self.indicator("{}", true, false);
        }
        let mut fields: Vec<(&str, &Value)> = object.iter().collect();
        fields.sort_by(|(a, _), (b, _)| key_order(a, b));
        for (key, value) in fields {
            self.indent(indent);
            if is_simple_key(key) {
                self.text(key, indent, Place::SimpleKey);
                self.indicator(":", false, false);
            } else {
                self.indicator("?", true, true);
                self.text(key, indent, Place::Other);
                self.indent(indent);
                self.indicator(":", true, true);
            }
            self.value(value, indent, true, open_ended);
        }
    }

    /// Whether the text is open-ended.
    fn text(&mut self, text: &str, indent: usize, place: Place) -> bool {
        let indent = indent + INDENT;
        let folds = place == Place::Other;
        match style(text, !folds) {
            Style::Plain => {
                self.indicator("", true, false);
                self.folded(text, indent, folds, |emitter, c| emitter.put(c));
            }
            Style::Single => {
                self.indicator("'", true, false);
                self.folded(text, indent, folds, |emitter, c| {
                    if c == '\'' {
                        emitter.put('\'');
                    }
                    emitter.put(c);
                });
                self.put('\'');
            }
            Style::Double => self.double_quoted(text, indent, folds),
            Style::Literal => return self.literal(text, indent),
        }
        self.whitespace = false;
        self.indention = false;
        false
    }

    /// Writes a text without line breaks, folded where a single space comes after the last column.
    fn folded(&mut self, text: &str, indent: usize, folds: bool, write: impl Fn(&mut Self, char)) {
        let mut after_space = false;
        let mut chars = text.chars().peekable();
        let mut first = true;
        while let Some(c) = chars.next() {
            let before_text = chars.peek().is_some_and(|next| *next != ' ');
            if c == ' ' && folds && !after_space && !first && self.column > WIDTH && before_text {
                self.indent(indent);
            } else {
                write(self, c);
                self.indention = false;
            }
            after_space = c == ' ';
            first = false;
        }
    }

    fn double_quoted(&mut self, text: &str, indent: usize, folds: bool) {
        self.indicator("\"", true, false);
        let mut after_space = false;
        let mut chars = text.chars().peekable();
        let mut first = true;
        while let Some(c) = chars.next() {
            let next = chars.peek().copied();
            if !is_printable(c) || is_break(c) || matches!(c, '"' | '\\') {
                self.escaped(c);
            } else if c == ' '
                && folds
                && !after_space
                && !first
                && self.column > WIDTH
                && next.is_some()
            {
                self.indent(indent);
                if next == Some(' ') {
                    self.put('\\');
                }
            } else {
                self.put(c);
            }
            after_space = c == ' ';
            first = false;
        }
        self.put('"');
    }

    fn escaped(&mut self, c: char) {
        let short = match c {
            '\0' => "\\0",
            '\u{7}' => "\\a",
            '\u{8}' => "\\b",
            '\t' => "\\t",
            '\n' => "\\n",
            '\u{b}' => "\\v",
            '\u{c}' => "\\f",
            '\r' => "\\r",
            '\u{1b}' => "\\e",
            '"' => "\\\"",
            '\\' => "\\\\",
            '\u{85}' => "\\N",
            '\u{a0}' => "\\_",
            '\u{2028}' => "\\L",
            '\u{2029}' => "\\P",
            _ => "",
        };
        let code = c as u32;
        let mut made = short.to_owned();
        // Writing to a text cannot fail.
        let _ = match code {
            _ if !short.is_empty() => Ok(()),
            0..=0xff => write!(made, "\\x{code:02X}"),
            0x100..=0xffff => write!(made, "\\u{code:04X}"),
            _ => write!(made, "\\U{code:08X}"),
        };
        made.chars().for_each(|c| self.put(c));
    }

    /// Line by line; whether breaks at the end count is said after the `|`.
    fn literal(&mut self, text: &str, indent: usize) -> bool {
        self.indicator("|", true, false);
        if text.starts_with(|c| c == ' ' || is_break(c)) {
            self.indicator(&INDENT.to_string(), false, false);
        }
        let kept = text.strip_suffix(is_break);
        let open_ended = kept.is_some_and(|rest| rest.is_empty() || rest.ends_with(is_break));
        if open_ended {
            self.put('+');
        } else if kept.is_none() {
            self.put('-');
        }
        self.put('\n');
        self.indention = true;
        self.whitespace = true;
        let mut after_break = true;
        for c in text.chars() {
            if is_break(c) {
                self.put(c);
                self.column = 0;
                self.indention = true;
                after_break = true;
            } else {
                if after_break {
                    self.indent(indent);
                }
                self.put(c);
                self.indention = false;
                after_break = false;
            }
        }
        open_ended
    }
}

/// A number as it comes out of JSON: a whole one has no point.
fn number_text(number: f64) -> String {
    let is_whole = number.fract() == 0.0;
    if is_whole && (0.0..u64::MAX as f64).contains(&number) {
        return (number as u64).to_string();
    }
    if is_whole && number > i64::MIN as f64 && number < 0.0 {
        return (number as i64).to_string();
    }
    float_text(number)
}

/// The order of keys: letters after everything else, runs of digits by their amount.
fn key_order(a: &str, b: &str) -> Ordering {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let Some(at) = a.iter().zip(&b).position(|(a, b)| a != b) else {
        return a.len().cmp(&b.len());
    };
    let (x, y) = (a[at], b[at]);
    match (x.is_alphabetic(), y.is_alphabetic()) {
        (true, true) => return x.cmp(&y),
        (true, false) => return Ordering::Greater,
        (false, true) => return Ordering::Less,
        (false, false) => {}
    }
    // A zero counts where digits that are not zero stand before it.
    let before = a[..at].iter().rev().take_while(|c| c.is_ascii_digit());
    let lead = u64::from((x == '0' || y == '0') && before.into_iter().any(|c| *c != '0'));
    let run = |chars: &[char]| {
        let digits = chars[at..].iter().map_while(|c| c.to_digit(10));
        digits.fold((lead, 0_usize), |(amount, count), digit| {
            (amount.wrapping_mul(10).wrapping_add(digit.into()), count + 1)
        })
    };
    run(&a).cmp(&run(&b)).then(x.cmp(&y))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(json: &str, expected: &str) {
        let Ok(Value::Object(object)) = serde_json::from_str(json) else { panic!("{json}") };
        assert_eq!(document(&object), expected);
    }

    #[test]
    fn lists_stand_below_their_names() {
        check(
            r#"{"b":[{"y":[1,[2,3]],"x":{}},[]],"a":null,"c":{"d":[]}}"#,
            "a: null\nb:\n- x: {}\n  \"y\":\n  - 1\n  - - 2\n    - 3\n- []\nc:\n  d: []\n",
        );
        check("{}", "{}\n");
    }

    #[test]
    fn texts_of_several_lines_are_blocks() {
        check(
            r#"{"a":"x\ny\n","b":"x\n  y","c":"\n x","d":"x\n\n"}"#,
            "a: |\n  x\n  y\nb: |-\n  x\n    y\nc: |2-\n\n   x\nd: |+\n  x\n\n...\n",
        );
    }

    #[test]
    fn long_lines_are_folded_and_long_keys_marked() {
        let word = "abcdefghi ".repeat(12);
        let plain = format!("{{\"a\":\"{}\"}}", word.trim_end());
        let line = "abcdefghi ".repeat(8);
        let rest = "abcdefghi ".repeat(4);
        let (line, rest) = (line.trim_end(), rest.trim_end());
        check(&plain, &format!("a: {line}\n  {rest}\n"));
        let key = "k".repeat(129);
        check(&format!("{{\"{key}\":{{\"a\":1}}}}"), &format!("? {key}\n: a: 1\n"));
    }

    #[test]
    fn keys_are_ordered_as_people_do() {
        check(
            r#"{"a10":1,"a2":1,"A":1,"_":1,"b":1,"1":1,"a02":1}"#,
            "_: 1\n\"1\": 1\nA: 1\na2: 1\na02: 1\na10: 1\nb: 1\n",
        );
    }

    #[test]
    fn what_cannot_be_read_is_escaped() {
        check(
            r#"{"a":"tab\there","b":"\u0001\u00e9\ud83d\ude00","c":"it's: so"}"#,
            "a: \"tab\\there\"\nb: \"\\x01\u{e9}\\U0001F600\"\nc: 'it''s: so'\n",
        );
    }
}
