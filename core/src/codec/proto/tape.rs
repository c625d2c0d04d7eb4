//! [`Tape`]: the values of compact JSON one after another, instead of a tree of them.
//!
//! Reading takes one pass and no allocation beyond the tape. White space, names with escapes and
//! nesting beyond the bound are not taken. Words (numbers, `true`) are looked at only when they
//! are asked for.

use super::source::{Members, Number, Source};
use crate::codec::special::{parse_raw, raw_json};
use crate::codec::{CodecError, PROTO_DEPTH_MAX};
use std::borrow::Cow;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token {
    Object,
    Array,
    Text,
    EscapedText,
    Null,
    Word,
}

#[derive(Debug, Clone, Copy)]
struct Node {
    token: Token,
    /// Where the value stands in the text; that of strings without their quotes.
    start: u32,
    end: u32,
    /// The place on the tape after the value and all its parts.
    next: u32,
}

/// Objects are followed by their names and values in turn, arrays by their items.
#[derive(Debug, Default)]
pub(super) struct Tape {
    nodes: Vec<Node>,
    /// Places of the objects and arrays around what is being read.
    open: Vec<u32>,
}

impl Tape {
    /// Takes the place of what was read before.
    pub(super) fn read(&mut self, json: &[u8]) -> Option<()> {
        self.nodes.clear();
        self.open.clear();
        u32::try_from(json.len()).ok()?;
        let mut at = 0;
        loop {
            // Here begins a value.
            let first = *json.get(at)?;
            match first {
                b'{' | b'[' => {
                    let (token, end) =
                        if first == b'{' { (Token::Object, b'}') } else { (Token::Array, b']') };
                    let place = self.push(token, at, at);
                    at += 1;
                    if *json.get(at)? == end {
                        at += 1;
                        self.close(place, at);
                    } else {
                        self.open.push(place);
                        if self.open.len() > PROTO_DEPTH_MAX {
                            return None;
                        }
                        if token == Token::Object {
                            at = self.name(json, at)?;
                        }
                        continue;
                    }
                }
                b'"' => at = self.text(json, at)?,
                _ => at = self.word(json, at)?,
            }
            // Here ends a value, and perhaps what is around it.
            loop {
                let Some(&place) = self.open.last() else {
                    return (at == json.len()).then_some(());
                };
                let separator = *json.get(at)?;
                at += 1;
                match (separator, self.nodes[place as usize].token) {
                    (b',', Token::Object) => {
                        at = self.name(json, at)?;
                        break;
                    }
                    (b',', _) => break,
                    (b'}', Token::Object) | (b']', Token::Array) => {
                        self.open.pop();
                        self.close(place, at);
                    }
                    _ => return None,
                }
            }
        }
    }

    /// A value without parts, or one whose parts follow.
    fn push(&mut self, token: Token, start: usize, end: usize) -> u32 {
        let place = self.nodes.len() as u32;
        self.nodes.push(Node { token, start: start as u32, end: end as u32, next: place + 1 });
        place
    }

    fn close(&mut self, place: u32, end: usize) {
        let next = self.nodes.len() as u32;
        let node = &mut self.nodes[place as usize];
        (node.end, node.next) = (end as u32, next);
    }

    /// Takes the name of a member and the colon; returns where the value begins.
    fn name(&mut self, json: &[u8], at: usize) -> Option<usize> {
        let at = if *json.get(at)? == b'"' { self.text(json, at)? } else { return None };
        let is_plain = self.nodes.last()?.token == Token::Text;
        (is_plain && *json.get(at)? == b':').then_some(at + 1)
    }

    fn text(&mut self, json: &[u8], at: usize) -> Option<usize> {
        let start = at + 1;
        let (mut end, mut token) = (start, Token::Text);
        loop {
            end += memchr::memchr2(b'"', b'\\', json.get(end..)?)?;
            if json[end] == b'"' {
                self.push(token, start, end);
                return Some(end + 1);
            }
            token = Token::EscapedText;
            end += 2;
        }
    }

    fn word(&mut self, json: &[u8], start: usize) -> Option<usize> {
        let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || b"+-.".contains(byte);
        let length = json[start..].iter().position(|byte| !is_part(byte));
        let end = length.map_or(json.len(), |length| start + length);
        let token = if &json[start..end] == b"null" { Token::Null } else { Token::Word };
        self.push(token, start, end);
        (end > start).then_some(end)
    }
}

/// A tape with the text that it was read from.
#[derive(Clone, Copy)]
pub(super) struct Recorded<'j> {
    json: &'j str,
    nodes: &'j [Node],
}

impl<'j> Recorded<'j> {
    pub(super) fn new(json: &'j str, tape: &'j Tape) -> Self {
        Self { json, nodes: &tape.nodes }
    }

    /// The value that holds all others.
    pub(super) fn root(&'j self) -> Cursor<'j> {
        Cursor { recorded: self, place: 0 }
    }
}

/// A value on a tape; small, because writing holds many.
#[derive(Clone, Copy)]
pub(super) struct Cursor<'j> {
    recorded: &'j Recorded<'j>,
    place: u32,
}

impl<'j> Cursor<'j> {
    fn node(self) -> &'j Node {
        &self.recorded.nodes[self.place as usize]
    }

    fn shown(self) -> &'j str {
        let node = self.node();
        &self.recorded.json[node.start as usize..node.end as usize]
    }

    fn word(self) -> Option<&'j str> {
        (self.node().token == Token::Word).then(|| self.shown())
    }

    /// What lies within an object or array, value by value; names are values too.
    fn parts(self) -> impl Iterator<Item = Self> {
        let (end, mut place) = (self.node().next, self.place + 1);
        std::iter::from_fn(move || {
            let part = (place < end).then_some(Self { place, ..self })?;
            place = part.node().next;
            Some(part)
        })
    }
}

impl<'j> Members<'j, Self> for Cursor<'j> {
    fn members(self) -> impl Iterator<Item = (&'j str, Self)> {
        let mut parts = self.parts();
        std::iter::from_fn(move || Some((parts.next()?.shown(), parts.next()?)))
    }
}

impl<'j> Source<'j> for Cursor<'j> {
    type Object = Self;

    fn kind_name(self) -> &'static str {
        match self.node().token {
            Token::Object => "object",
            Token::Array => "array",
            Token::Text | Token::EscapedText => "string",
            Token::Null => "null",
            Token::Word => "word",
        }
    }

    fn is_null(self) -> bool {
        self.node().token == Token::Null
    }

    fn as_object(self) -> Option<Self> {
        (self.node().token == Token::Object).then_some(self)
    }

    fn items(self) -> Option<impl Iterator<Item = Self>> {
        (self.node().token == Token::Array).then(|| self.parts())
    }

    fn as_text(self) -> Option<Cow<'j, str>> {
        match self.node().token {
            Token::Text => Some(Cow::Borrowed(self.shown())),
            Token::EscapedText => {
                let quoted = format!("\"{}\"", self.shown());
                serde_json::from_str(&quoted).ok().map(Cow::Owned)
            }
            _ => None,
        }
    }

    fn as_flag(self) -> Option<bool> {
        match self.word()? {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        }
    }

    fn as_number(self) -> Option<Number> {
        let word = self.word()?;
        // `-0` is a float.
        let digits = word.strip_prefix('-').filter(|digits| *digits != "0").unwrap_or(word);
        if digits.bytes().all(|byte| byte.is_ascii_digit())
            && let Ok(number) = word.parse()
        {
            return Some(Number::Int(number));
        }
        serde_json::from_str(word).ok().map(Number::Float)
    }

    fn raw(self) -> Result<Cow<'j, [u8]>, CodecError> {
        let node = self.node();
        let quote = u32::from(matches!(node.token, Token::Text | Token::EscapedText));
        let whole = &self.recorded.json[(node.start - quote) as usize..(node.end + quote) as usize];
        if memchr::memchr(b'\\', whole.as_bytes()).is_none() {
            return Ok(Cow::Borrowed(whole.as_bytes()));
        }
        // Escapes are written in one way only.
        parse_raw(whole.as_bytes()).map(|value| Cow::Owned(raw_json(&value)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(json: &str) -> Option<String> {
        let mut tape = Tape::default();
        tape.read(json.as_bytes())?;
        let shown = tape.nodes.iter().map(|node| {
            let text = &json[node.start as usize..node.end as usize];
            format!("{text}>{}", node.next)
        });
        Some(shown.collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn values_stand_one_after_another() {
        assert_eq!(
            tokens(r#"{"a":[1,{}],"b":"x"}"#).as_deref(),
            Some(r#"{"a":[1,{}],"b":"x"}>7 a>2 [1,{}]>5 1>4 {}>5 b>6 x>7"#)
        );
        assert_eq!(tokens(r#""\"""#).as_deref(), Some(r#"\">1"#));
        assert_eq!(tokens("[[],[]]").as_deref(), Some("[[],[]]>3 []>2 []>3"));
    }

    #[test]
    fn what_is_not_compact_json_is_not_taken() {
        for json in [
            "",
            "{",
            "}",
            "[",
            "]",
            ",",
            "{}{}",
            "[1,]",
            "[,1]",
            "[1 ]",
            " 1",
            "{\"a\"}",
            "{\"a\":}",
            "{\"a\":1,}",
            "{a:1}",
            "[1}",
            "{\"a\":1]",
            "\"",
            "\"\\",
            "\"\\\"",
            "{\"\\u0061\":1}",
            "{\"a\" :1}",
            "[1,2",
            "{\"a\":[}",
            "[\"a\":1]",
            "{1:2}",
        ] {
            assert_eq!(tokens(json), None, "{json}");
        }
        assert_eq!(tokens(&"[".repeat(PROTO_DEPTH_MAX + 1)), None);
    }
}
