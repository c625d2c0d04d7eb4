//! [`Pattern`]: regular expressions as Go's `regexp` (RE2) understands them.
//!
//! The syntax differs from that of the `regex` crate in a few places: `\d`, `\w`, `\s` and `\b` are
//! ASCII, brackets and set operators inside a class are ordinary characters, a brace that begins no
//! repetition is one too, and counts end at 1000. A pattern is rewritten and then compiled, once,
//! when it is first used: most patterns of most definitions never are.

use regex::{Regex, RegexBuilder};
use std::sync::OnceLock;

/// How large a compiled pattern may be; Go's limits (counts up to 1000) allow about as much.
const COMPILED_SIZE_BYTES_MAX: usize = 10 << 20;
/// The memory that a search may use beside it, per thread.
const SEARCH_SIZE_BYTES_MAX: usize = 1 << 20;
/// Go's bound of a repetition.
const REPEAT_MAX: u32 = 1_000;

/// A pattern, and what was compiled of it.
#[derive(Debug)]
pub struct Pattern {
    source: Box<str>,
    compiled: OnceLock<Result<Regex, PatternError>>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("error parsing regexp: {message}")]
pub struct PatternError {
    message: String,
}

impl Pattern {
    /// A pattern that is compiled when it is first used.
    pub fn lazy(source: &str) -> Self {
        Self { source: source.into(), compiled: OnceLock::new() }
    }

    /// Compiles at once.
    pub fn parse(source: &str) -> Result<Self, PatternError> {
        let compiled = compile(source)?;
        Ok(Self { source: source.into(), compiled: OnceLock::from(Ok(compiled)) })
    }

    pub fn source(&self) -> &str {
        &self.source
    }

    /// Whether the text has a match anywhere.
    pub fn is_match(&self, text: &str) -> Result<bool, &PatternError> {
        let compiled = self.compiled.get_or_init(|| compile(&self.source));
        compiled.as_ref().map(|regex| regex.is_match(text))
    }
}

fn compile(source: &str) -> Result<Regex, PatternError> {
    let rewritten = rewrite(source)?;
    RegexBuilder::new(&rewritten)
        .size_limit(COMPILED_SIZE_BYTES_MAX)
        .dfa_size_limit(SEARCH_SIZE_BYTES_MAX)
        .build()
        .map_err(|error| PatternError { message: error.to_string() })
}

fn error(message: impl Into<String>) -> PatternError {
    PatternError { message: message.into() }
}

/// The pattern in the syntax of the `regex` crate.
fn rewrite(source: &str) -> Result<String, PatternError> {
    let mut rewriter = Rewriter { rest: source, out: String::with_capacity(source.len() + 16) };
    // Of two repetitions in a row the other syntax makes one of the other; Go refuses them.
    let mut repeated = false;
    while let Some(c) = rewriter.next() {
        let repeats = match c {
            '*' | '+' | '?' => {
                rewriter.out.push(c);
                true
            }
            '{' => rewriter.brace()?,
            '\\' => rewriter.escape().map(|()| false)?,
            '[' => rewriter.class().map(|()| false)?,
            '(' => rewriter.group().map(|()| false)?,
            c => {
                rewriter.out.push(c);
                false
            }
        };
        if repeats && repeated {
            return Err(error("invalid nested repetition operator"));
        }
        if repeats && let Some(rest) = rewriter.rest.strip_prefix('?') {
            rewriter.rest = rest;
            rewriter.out.push('?');
        }
        repeated = repeats;
    }
    Ok(rewriter.out)
}

struct Rewriter<'p> {
    rest: &'p str,
    out: String,
}

impl Rewriter<'_> {
    fn next(&mut self) -> Option<char> {
        let c = self.rest.chars().next()?;
        self.rest = &self.rest[c.len_utf8()..];
        Some(c)
    }

    /// What follows a backslash outside a class.
    fn escape(&mut self) -> Result<(), PatternError> {
        let Some(c) = self.next() else { return Err(error("trailing backslash at end")) };
        match c {
            'd' => self.out.push_str("[0-9]"),
            'D' => self.out.push_str("[^0-9]"),
            'w' => self.out.push_str("[0-9A-Za-z_]"),
            'W' => self.out.push_str("[^0-9A-Za-z_]"),
            's' => self.out.push_str(r"[\t\n\f\r ]"),
            'S' => self.out.push_str(r"[^\t\n\f\r ]"),
            'b' => self.out.push_str(r"(?-u:\b)"),
            // The ASCII form could split a character; between characters they agree on ASCII text.
            'B' => self.out.push_str(r"\B"),
            'Q' => {
                let (literal, rest) = self.rest.split_once("\\E").unwrap_or((self.rest, ""));
                self.out.push_str(&regex::escape(literal));
                self.rest = rest;
            }
            '1'..='7' | '0' => self.octal(c),
            c if c.is_ascii() && !c.is_ascii_alphanumeric() => self.literal(c),
            c @ ('a' | 'f' | 'n' | 'r' | 't' | 'v' | 'x' | 'p' | 'P' | 'A' | 'z') => {
                self.out.push('\\');
                self.out.push(c);
                // The name of a class or the code of a character.
                if matches!(c, 'x' | 'p' | 'P') && self.rest.starts_with('{') {
                    let end = self.rest.find('}').map_or(self.rest.len(), |at| at + 1);
                    self.out.push_str(&self.rest[..end]);
                    self.rest = &self.rest[end..];
                }
            }
            c => return Err(error(format!("invalid escape sequence: `\\{c}`"))),
        }
        Ok(())
    }

    fn literal(&mut self, c: char) {
        self.out.push_str(&regex::escape(c.encode_utf8(&mut [0; 4])));
    }

    /// Up to three octal digits name a character.
    fn octal(&mut self, first: char) {
        let mut code = first.to_digit(8).unwrap_or(0);
        for _ in 0..2 {
            let Some(digit) = self.rest.chars().next().and_then(|c| c.to_digit(8)) else { break };
            code = code * 8 + digit;
            self.rest = &self.rest[1..];
        }
        self.out.push_str(&format!("\\x{{{code:x}}}"));
    }

    /// A class, from behind its opening bracket to its end.
    fn class(&mut self) -> Result<(), PatternError> {
        self.out.push('[');
        if let Some(rest) = self.rest.strip_prefix('^') {
            self.rest = rest;
            self.out.push('^');
        }
        let mut first = true;
        loop {
            let Some(c) = self.next() else { return Err(error("missing closing ]")) };
            match c {
                ']' if !first => break,
                '\\' => self.class_escape()?,
                '[' => self.named_class(),
                // Set operators of the other syntax are made of these.
                ']' | '&' | '~' | '^' => {
                    self.out.push('\\');
                    self.out.push(c);
                }
                '-' if self.rest.starts_with('-') || first || self.rest.starts_with(']') => {
                    self.out.push_str("\\-");
                }
                c => self.out.push(c),
            }
            first = false;
        }
        self.out.push(']');
        Ok(())
    }

    fn class_escape(&mut self) -> Result<(), PatternError> {
        match self.rest.chars().next() {
            Some('d') => self.out.push_str("0-9"),
            Some('w') => self.out.push_str("0-9A-Za-z_"),
            Some('s') => self.out.push_str(r"\t\n\f\r\x20"),
            Some('D' | 'W' | 'S') => return self.escape(),
            Some('Q' | 'b' | 'B' | 'A' | 'z') => return Err(error("invalid escape sequence")),
            _ => return self.escape(),
        }
        self.rest = &self.rest[1..];
        Ok(())
    }

    /// `[:alpha:]` is a class of its own; any other bracket inside a class is a character.
    fn named_class(&mut self) {
        let named = self.rest.strip_prefix(':').and_then(|rest| rest.split_once(":]"));
        match named {
            Some((name, rest)) if name.chars().all(|c| c == '^' || c.is_ascii_lowercase()) => {
                self.out.push_str("[:");
                self.out.push_str(name);
                self.out.push_str(":]");
                self.rest = rest;
            }
            _ => self.out.push_str("\\["),
        }
    }

    /// A group may set the flags that Go has, and nothing looks ahead or behind.
    fn group(&mut self) -> Result<(), PatternError> {
        self.out.push('(');
        let Some(rest) = self.rest.strip_prefix('?') else { return Ok(()) };
        let named = rest.strip_prefix('P').unwrap_or(rest).strip_prefix('<');
        let known = match named {
            Some(name) => name.starts_with(|c: char| c == '_' || c.is_ascii_alphanumeric()),
            None => {
                let end = rest.find([':', ')']).unwrap_or(rest.len());
                rest[..end].chars().all(|c| matches!(c, 'i' | 'm' | 's' | 'U' | '-'))
            }
        };
        if known { Ok(()) } else { Err(error("invalid or unsupported Perl syntax: `(?`")) }
    }

    /// A repetition (true), or a brace that stands for itself.
    fn brace(&mut self) -> Result<bool, PatternError> {
        let Some((inner, rest)) = self.rest.split_once('}') else {
            self.out.push_str("\\{");
            return Ok(false);
        };
        let (low, high) = inner.split_once(',').unwrap_or((inner, inner));
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        if !digits(low) || !(high.is_empty() || digits(high)) {
            self.out.push_str("\\{");
            return Ok(false);
        }
        for count in [low, high] {
            if !count.is_empty() && count.parse().map_or(true, |count: u32| count > REPEAT_MAX) {
                return Err(error(format!("invalid repeat count: `{{{inner}}}`")));
            }
        }
        self.out.push('{');
        self.out.push_str(inner);
        self.out.push('}');
        self.rest = rest;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pattern: &str, yes: &[&str], no: &[&str]) {
        let pattern = Pattern::parse(pattern).expect("a valid pattern");
        for text in yes {
            assert_eq!(pattern.is_match(text), Ok(true), "{} {text}", pattern.source());
        }
        for text in no {
            assert_eq!(pattern.is_match(text), Ok(false), "{} {text}", pattern.source());
        }
    }

    #[test]
    fn classes_are_ascii() {
        check(r"^\d+$", &["12"], &["١٢", ""]);
        check(r"^[\w.-]+$", &["a_1.-"], &["ä", "a b"]);
        check(r"^[^\s]+$", &["a\u{a0}"], &["a b"]);
        check(r"^[\D]$", &["x", "٣"], &["3"]);
    }

    #[test]
    fn brackets_and_operators_inside_a_class_are_characters() {
        check(r"^[[a]$", &["[", "a"], &["b"]);
        check(r"^[]a]$", &["]", "a"], &["b"]);
        check(r"^[a&&b~~]$", &["&", "a", "~"], &["c"]);
        check(r"^[x-]$|^[-y]$", &["-", "x", "y"], &["c"]);
        check(r"^[[:alpha:]]$", &["a"], &["1", ":"]);
        check(r"^[^^#]$", &["a"], &["^", "#"]);
    }

    #[test]
    fn braces_and_escapes_are_gos() {
        check(r"^a{2}$", &["aa"], &["a"]);
        check(r"^a{,2}$", &["a{,2}"], &["aa"]);
        check(r"^{x}$", &["{x}"], &["x"]);
        check(r"^\Qa.b\E+$", &["a.b", "a.bb"], &["axb"]);
        check(r"^\/\_\-\@$", &["/_-@"], &[]);
        check(r"^\101\x{42}\p{Lu}[\p{Ll}]$", &["ABCd"], &["BBCd", "ABcd"]);
        check(r"\bfoo\b", &["a foo b"], &["afoo"]);
    }

    #[test]
    fn what_go_refuses_is_refused() {
        for pattern in
            ["a(", "[a", "a{1001}", r"\q", "(?=a)", "(?<=a)", "(?x)a", "a**", "a??{2}", r"\"]
        {
            assert!(Pattern::parse(pattern).is_err(), "{pattern}");
        }
        // Not Go's limit on the whole, but a bound all the same.
        assert!(Pattern::parse("((a{1000}){1000}){1000}").is_err());
    }

    #[test]
    fn patterns_of_real_definitions_compile() {
        for pattern in [
            r"^(\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))(([KMGTPE]i)|[numkMGTPE]|([eE](\+|-)?(([0-9]+(\.[0-9]*)?)|(\.[0-9]+))))?$",
            r"^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])$",
            r"^(0|(([0-9]+)y)?(([0-9]+)w)?(([0-9]+)d)?(([0-9]+)h)?(([0-9]+)m)?(([0-9]+)s)?(([0-9]+)ms)?)$",
            r"^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$",
            r"^(?:(?:(?:0?[1-9]|1[0-2]):[0-5][0-9]\s?(?:AM|PM|am|pm)))$",
            r"(^0|([0-9]*l[s]?|[0-9]*[.])?[0-9]+)((K|M|G|T|E|P)i?)?B$",
            r"^(?:\p{L}|\d)+$",
        ] {
            assert!(Pattern::parse(pattern).is_ok(), "{pattern}");
        }
    }
}
