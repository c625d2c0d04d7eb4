//! As much of HPACK (RFC 7541) as it takes to find one literal field in a header block.

use super::huffman;
use std::ops::Range;

/// `:authority` in the static table.
const AUTHORITY_INDEX: usize = 1;
/// The literals' bit for Huffman coding.
const HUFFMAN: u8 = 0x80;

/// The value of a field as it stands in a block.
#[derive(Debug, PartialEq, Eq)]
pub struct Literal {
    /// The whole string, with its length in front.
    pub at: Range<usize>,
    pub value: String,
}

/// The block's `:authority`, if it is spelled out there. `None` also for a block that does not
/// read: whoever decodes it will say so.
pub fn find_authority(block: &[u8]) -> Option<Literal> {
    let mut at = 0;
    while let Some(first) = block.get(at) {
        // The kinds of representation by their first bits, and the bits of the index after them.
        let bits = match first {
            0x80.. => {
                integer(block, &mut at, 7)?;
                continue;
            }
            0x40..0x80 => 6,
            0x20..0x40 => {
                integer(block, &mut at, 5)?;
                continue;
            }
            _ => 4,
        };
        let index = integer(block, &mut at, bits)?;
        if index == 0 {
            string(block, &mut at)?;
        }
        let start = at;
        let (coded, bytes) = string(block, &mut at)?;
        if index == AUTHORITY_INDEX {
            let bytes = if coded { huffman::decode(bytes)? } else { bytes.to_vec() };
            return Some(Literal { at: start..at, value: String::from_utf8(bytes).ok()? });
        }
    }
    None
}

/// Appends a string without Huffman coding.
pub fn put_string(bytes: &[u8], out: &mut Vec<u8>) {
    put_integer(bytes.len(), 7, out);
    out.extend_from_slice(bytes);
}

/// An integer with a prefix of `bits`; moves `at` behind it.
fn integer(block: &[u8], at: &mut usize, bits: u32) -> Option<usize> {
    let full = (1_usize << bits) - 1;
    let mut value = usize::from(*block.get(*at)?) & full;
    *at += 1;
    if value < full {
        return Some(value);
    }
    let mut shift = 0;
    loop {
        let byte = *block.get(*at)?;
        *at += 1;
        // Four more bytes are far beyond any frame.
        if shift > 21 {
            return None;
        }
        value += usize::from(byte & 0x7f) << shift;
        shift += 7;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
}

fn put_integer(mut value: usize, bits: u32, out: &mut Vec<u8>) {
    let full = (1_usize << bits) - 1;
    let byte = |value: usize| u8::try_from(value & 0xff).expect("masked");
    if value < full {
        return out.push(byte(value));
    }
    out.push(byte(full));
    value -= full;
    while value >= 0x80 {
        out.push(byte(value & 0x7f) | 0x80);
        value >>= 7;
    }
    out.push(byte(value));
}

/// A string and whether it is Huffman-coded; moves `at` behind it.
fn string<'a>(block: &'a [u8], at: &mut usize) -> Option<(bool, &'a [u8])> {
    let coded = block.get(*at)? & HUFFMAN != 0;
    let len = integer(block, at, 7)?;
    let bytes = block.get(*at..at.checked_add(len)?)?;
    *at += len;
    Some((coded, bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn integers_survive(value in 0..2_000_000_usize, bits in 4..8_u32) {
            let mut out = Vec::new();
            put_integer(value, bits, &mut out);
            let mut at = 0;
            prop_assert_eq!(integer(&out, &mut at, bits), Some(value));
            prop_assert_eq!(at, out.len());
        }

        #[test]
        fn arbitrary_blocks_are_read_without_harm(block in prop::collection::vec(any::<u8>(), 0..99)) {
            if let Some(found) = find_authority(&block) {
                prop_assert!(found.at.end <= block.len());
            }
        }
    }

    /// RFC 7541, appendix C.3.1 and C.4.1: the same request, plain and Huffman-coded.
    #[test]
    fn the_examples_of_the_rfc() {
        let plain = b"\x82\x86\x84\x41\x0fwww.example.com";
        let coded = b"\x82\x86\x84\x41\x8c\xf1\xe3\xc2\xe5\xf2\x3a\x6b\xa0\xab\x90\xf4\xff";
        let expected = |end| Literal { at: 4..end, value: "www.example.com".to_owned() };
        assert_eq!(find_authority(plain), Some(expected(20)));
        assert_eq!(find_authority(coded), Some(expected(17)));
        assert_eq!(find_authority(b"\x82\x86\x84\xbe"), None, "known from before");
    }
}
