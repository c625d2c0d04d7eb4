//! [`Indenter`]: compact JSON, as it comes, into the indented form that people read.

/// Keeps its place between pieces.
#[derive(Debug, Default)]
pub struct Indenter {
    depth: usize,
    in_string: bool,
    escaped: bool,
    /// The last thing written opened an object or an array.
    opened: bool,
}

impl Indenter {
    /// Writes a piece. Indented JSON ends without the line break that compact JSON ends with.
    pub fn push(&mut self, compact: &[u8], out: &mut Vec<u8>) {
        for &byte in compact {
            if self.in_string {
                self.in_string = self.escaped || byte != b'"';
                self.escaped = !self.escaped && byte == b'\\';
                out.push(byte);
                continue;
            }
            match byte {
                b'}' | b']' => {
                    self.depth = self.depth.saturating_sub(1);
                    if !std::mem::take(&mut self.opened) {
                        self.line(out);
                    }
                    out.push(byte);
                }
                b',' => {
                    out.push(byte);
                    self.line(out);
                }
                b':' => out.extend_from_slice(b": "),
                b'\n' | b' ' | b'\t' | b'\r' => {}
                _ => {
                    if std::mem::take(&mut self.opened) {
                        self.line(out);
                    }
                    out.push(byte);
                    self.in_string = byte == b'"';
                    if matches!(byte, b'{' | b'[') {
                        self.opened = true;
                        self.depth += 1;
                    }
                }
            }
        }
    }

    fn line(&self, out: &mut Vec<u8>) {
        out.push(b'\n');
        out.resize(out.len() + 2 * self.depth, b' ');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use xebec_core::value::Value;

    #[test]
    fn pieces_are_indented_like_the_whole() {
        let compact = r#"{"a":[],"b":{},"c":[1,{"d":"x,\"y\\"},[[]]],"e":null,"f":"{:[,"}"#;
        let value: Value = serde_json::from_str(compact).expect("JSON");
        let expected = serde_json::to_string_pretty(&value).expect("serializable");
        for size in [1, 2, 3, 7, 1_000] {
            let (mut indenter, mut out) = (Indenter::default(), Vec::new());
            for piece in compact.as_bytes().chunks(size) {
                indenter.push(piece, &mut out);
            }
            indenter.push(b"\n", &mut out);
            assert_eq!(String::from_utf8(out).expect("UTF-8"), expected);
        }
    }
}
