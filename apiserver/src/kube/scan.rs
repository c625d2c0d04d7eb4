//! [`Scan`]: walks over JSON without making a tree of it.
//!
//! For the few fields that selectors look at in objects at rest, which are JSON of this server's
//! own making: what is malformed is noticed only where it is walked over, and then is `None`.

use std::borrow::Cow;
use xebec_core::codec::DEPTH_MAX;

/// A position in JSON.
#[derive(Debug, Clone, Copy)]
pub struct Scan<'j> {
    bytes: &'j [u8],
    at: usize,
}

/// What lies between the quotes of a string.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Text<'j> {
    raw: &'j [u8],
    escaped: bool,
}

/// A value without parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scalar<'j> {
    Text(Text<'j>),
    /// A number, `true`, `false` or `null` as written.
    Word(&'j [u8]),
}

impl<'j> Scan<'j> {
    pub fn new(bytes: &'j [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// The first byte of what comes next, not taken.
    pub fn peek(&mut self) -> Option<u8> {
        while let Some(byte) = self.bytes.get(self.at) {
            if !matches!(byte, b' ' | b'\n' | b'\t' | b'\r') {
                return Some(*byte);
            }
            self.at += 1;
        }
        None
    }

    fn take(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    /// Takes an object. `member` gets the name of each member and has to take its value; it may
    /// end the walk with `None`.
    pub fn object(
        &mut self,
        mut member: impl FnMut(&mut Self, Text<'j>) -> Option<()>,
    ) -> Option<()> {
        self.take(b'{')?;
        if self.peek()? == b'}' {
            self.at += 1;
            return Some(());
        }
        loop {
            let name = self.text()?;
            self.take(b':')?;
            member(self, name)?;
            match self.peek()? {
                b',' => self.at += 1,
                b'}' => {
                    self.at += 1;
                    return Some(());
                }
                _ => return None,
            }
        }
    }

    /// Takes a string.
    pub fn text(&mut self) -> Option<Text<'j>> {
        self.take(b'"')?;
        let start = self.at;
        let mut escaped = false;
        loop {
            let rest = &self.bytes[self.at..];
            self.at += memchr::memchr2(b'"', b'\\', rest)?;
            if self.bytes[self.at] == b'"' {
                let raw = &self.bytes[start..self.at];
                self.at += 1;
                return Some(Text { raw, escaped });
            }
            escaped = true;
            self.at += 2;
            if self.at > self.bytes.len() {
                return None;
            }
        }
    }

    /// Takes a scalar; `None` before an array or an object.
    pub fn scalar(&mut self) -> Option<Scalar<'j>> {
        match self.peek()? {
            b'"' => self.text().map(Scalar::Text),
            b'{' | b'[' => None,
            _ => {
                let start = self.at;
                let rest = &self.bytes[start..];
                let end = rest.iter().position(|byte| {
                    matches!(byte, b',' | b'}' | b']' | b' ' | b'\n' | b'\t' | b'\r')
                });
                self.at = start + end.unwrap_or(rest.len());
                (self.at > start).then(|| Scalar::Word(&self.bytes[start..self.at]))
            }
        }
    }

    /// Takes any value.
    pub fn skip(&mut self) -> Option<()> {
        if !matches!(self.peek()?, b'{' | b'[') {
            return self.scalar().map(|_| ());
        }
        let mut depth = 0;
        loop {
            match self.bytes.get(self.at)? {
                b'"' => {
                    self.text()?;
                    continue;
                }
                b'{' | b'[' => {
                    depth += 1;
                    if depth > DEPTH_MAX {
                        return None;
                    }
                }
                b'}' | b']' => {
                    depth -= 1;
                    if depth == 0 {
                        self.at += 1;
                        return Some(());
                    }
                }
                _ => {}
            }
            self.at += 1;
        }
    }
}

impl<'j> Text<'j> {
    /// True if the string is this one.
    pub fn is(self, text: &str) -> bool {
        if self.escaped {
            self.decode().is_some_and(|own| own == text)
        } else {
            self.raw == text.as_bytes()
        }
    }

    /// The string that is meant.
    pub fn decode(self) -> Option<Cow<'j, str>> {
        if !self.escaped {
            return std::str::from_utf8(self.raw).ok().map(Cow::Borrowed);
        }
        let quoted = [b"\"", self.raw, b"\""].concat();
        serde_json::from_slice(&quoted).ok().map(Cow::Owned)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members(json: &str) -> Option<Vec<(String, String)>> {
        let mut found = Vec::new();
        Scan::new(json.as_bytes()).object(|scan, name| {
            let start = scan.at;
            scan.skip()?;
            let value = json[start..scan.at].trim_start().to_owned();
            found.push((name.decode()?.into_owned(), value));
            Some(())
        })?;
        Some(found)
    }

    #[test]
    fn members_are_told_apart() {
        let json = r#" {"a": [1, {"b":"]}\""}] ,"\u0062":-1.5e3,"c\\":{"d":{}},"e":"\\","f":null}"#;
        let expected = [
            ("a", r#"[1, {"b":"]}\""}]"#),
            ("b", "-1.5e3"),
            ("c\\", r#"{"d":{}}"#),
            ("e", r#""\\""#),
            ("f", "null"),
        ];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(members(json).expect("an object"), expected);
        assert_eq!(members("{}").expect("an object"), []);
    }

    #[test]
    fn what_is_cut_off_is_noticed() {
        let json = r#"{"a":{"b":["\\",1]},"c":"x\"y"}"#;
        assert!(members(json).is_some());
        for end in 0..json.len() {
            assert!(members(&json[..end]).is_none(), "{}", &json[..end]);
        }
    }

    #[test]
    fn names_are_compared_as_they_are_meant() {
        let mut scan = Scan::new(br#""a\u002fb""#);
        assert!(scan.text().expect("a string").is("a/b"));
        let mut scan = Scan::new(br#""a/b""#);
        assert!(scan.text().expect("a string").is("a/b"));
        let mut scan = Scan::new(br#""\ud800""#);
        assert!(!scan.text().expect("a string").is("x"), "no text at all");
    }
}
