//! Blocks of PEM, read as leniently as Go's decoder does, and how DER nests.

use base64::Engine as _;

/// One block: its label, whether it has headers, and what it holds.
#[derive(Debug, PartialEq, Eq)]
pub struct Block<'p> {
    pub label: &'p str,
    pub headers: bool,
    pub der: Vec<u8>,
}

/// The blocks of a text. What is no block is passed over.
pub fn blocks(mut text: &str) -> impl Iterator<Item = Block<'_>> {
    std::iter::from_fn(move || {
        loop {
            let (block, rest) = next(text)?;
            text = rest;
            if block.is_some() {
                return block;
            }
        }
    })
}

const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";
const DASHES: &str = "-----";

/// What begins next, and what follows it; a block that is not well formed is none.
fn next(text: &str) -> Option<(Option<Block<'_>>, &str)> {
    let at = if text.starts_with(BEGIN) { 0 } else { text.find("\n-----BEGIN ")? + 1 };
    let rest = &text[at + BEGIN.len()..];
    let (line, body) = rest.split_once('\n').unwrap_or((rest, ""));
    let Some(label) = line.trim_end().strip_suffix(DASHES) else { return Some((None, body)) };
    let closing = format!("{END}{label}{DASHES}");
    let Some(end) = body.find(&closing).filter(|end| *end == 0 || body[..*end].ends_with('\n'))
    else {
        return Some((None, body));
    };
    let (inside, rest) = (&body[..end], &body[end + closing.len()..]);
    let headers = inside.lines().take_while(|line| line.contains(':')).count();
    let encoded: String =
        inside.lines().skip(headers).flat_map(|line| line.split_whitespace()).collect();
    let der = base64::engine::general_purpose::STANDARD.decode(encoded).ok();
    Some((der.map(|der| Block { label, headers: headers > 0, der }), rest))
}

/// The tag of a DER element, what it holds, and what follows.
pub fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = der.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81..=0x84 => {
            let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            let fold = |length: usize, byte: &u8| (length << 8) | usize::from(*byte);
            (bytes.iter().fold(0, fold), rest)
        }
        _ => return None,
    };
    let (inside, rest) = rest.split_at_checked(length)?;
    Some((tag, inside, rest))
}

const SEQUENCE: u8 = 0x30;
const BIT_STRING: u8 = 0x03;

/// Whether bytes have the form of something signed: content, algorithm and signature. That is what
/// certificates and requests for them look like.
pub fn is_signed(der: &[u8]) -> bool {
    signed_content(der).is_some()
}

/// What is signed in a certificate or a request for one.
pub fn signed_content(der: &[u8]) -> Option<&[u8]> {
    let (tag, inside, rest) = element(der)?;
    let (content_tag, content, inside) = element(inside)?;
    let (algorithm_tag, _, inside) = element(inside)?;
    let (signature_tag, _, end) = element(inside)?;
    let tags = [tag, content_tag, algorithm_tag, signature_tag];
    let formed = tags == [SEQUENCE, SEQUENCE, SEQUENCE, BIT_STRING];
    (formed && rest.is_empty() && end.is_empty()).then_some(content)
}

/// Whether a certificate says that it is an authority's (its basic constraints do).
pub fn is_authority(der: &[u8]) -> bool {
    // The extension is known by its object identifier, 2.5.29.19.
    let name = [0x06, 0x03, 0x55, 0x1d, 0x13];
    let at = der.windows(name.len()).position(|window| window == name);
    let value = at.and_then(|at| {
        let (tag, inner, behind) = element(&der[at + name.len()..])?;
        // It may be said first that the extension is critical.
        let inner = if tag == BOOLEAN { element(behind)?.1 } else { inner };
        let (_, constraints, _) = element(inner)?;
        element(constraints)
    });
    value.is_some_and(|(tag, flag, _)| tag == BOOLEAN && flag != [0])
}

const BOOLEAN: u8 = 0x01;

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "before\n-----BEGIN A-----\nMAA=\n-----END A-----\nbetween\n\
                        -----BEGIN B C-----\nName: x\n\nMAA=\n-----END B C-----\n\
                        -----BEGIN D-----\n!\n-----END D-----\n";

    #[test]
    fn finds_blocks_among_other_text() {
        let found: Vec<(&str, bool)> =
            blocks(TEXT).map(|block| (block.label, block.headers)).collect();
        assert_eq!(found, [("A", false), ("B C", true)]);
        assert_eq!(blocks("").next(), None);
        assert_eq!(blocks("-----BEGIN A-----\nMAA=").next(), None);
    }

    #[test]
    fn der_nests() {
        let signed = [0x30, 7, 0x30, 0, 0x30, 0, 0x03, 1, 0];
        assert!(is_signed(&signed));
        assert!(!is_signed(&signed[..8]));
        assert_eq!(element(&[0x30, 0x81]), None);
        assert_eq!(element(&[0x30, 0x80]), None);
    }

    #[test]
    fn authorities_say_so() {
        let name = [0x06, 0x03, 0x55, 0x1d, 0x13];
        let of = |rest: &[u8]| is_authority(&[&name[..], rest].concat());
        assert!(of(&[1, 1, 0xff, 4, 5, 0x30, 3, 1, 1, 0xff]));
        assert!(of(&[4, 5, 0x30, 3, 1, 1, 0xff]));
        assert!(!of(&[1, 1, 0xff, 4, 2, 0x30, 0]));
        assert!(!is_authority(&[0x30, 0]));
    }
}
