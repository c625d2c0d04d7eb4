//! HPACK's Huffman code (RFC 7541, appendix B), for the characters that URLs are made of.

/// Codes of one length are consecutive: the length in bits, the first code, the characters.
const CODES: [(u32, u32, &[u8]); 5] = [
    (5, 0x00, b"012aceiost"),
    (6, 0x14, b" %-./3456789=A_bdfghlmnpru"),
    (7, 0x5c, b":BCDEFGHIJKLMNOPQRSTUVWYjkqvwxyz"),
    (8, 0xf8, b"&*,;XZ"),
    (13, 0x1ff8, b"\0$@[]~"),
];

/// At most so many bits, all ones, fill the last byte.
const PADDING_BITS_MAX: u32 = 7;

/// `None` for what is not Huffman-coded, or has other characters.
pub fn decode(coded: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(coded.len() * 8 / 5);
    let (mut code, mut len) = (0_u32, 0_u32);
    for byte in coded {
        for bit in (0..8).rev() {
            code = code << 1 | u32::from(byte >> bit & 1);
            len += 1;
            if let Some(character) = find(len, code) {
                out.push(character);
                (code, len) = (0, 0);
            } else if len >= 13 {
                return None;
            }
        }
    }
    let padding = (1 << len) - 1;
    (len <= PADDING_BITS_MAX && code == padding).then_some(out)
}

fn find(len: u32, code: u32) -> Option<u8> {
    let (_, first, characters) = CODES.iter().find(|(bits, _, _)| *bits == len)?;
    characters.get(usize::try_from(code.checked_sub(*first)?).ok()?).copied()
}

#[cfg(test)]
pub fn encode(text: &str) -> Vec<u8> {
    let mut bits = String::new();
    for byte in text.bytes() {
        let (len, first, at) = CODES
            .iter()
            .find_map(|(len, first, set)| {
                Some((*len, *first, set.iter().position(|c| *c == byte)?))
            })
            .expect("a character of URLs");
        bits += &format!("{:0len$b}", first as usize + at, len = len as usize);
    }
    while !bits.len().is_multiple_of(8) {
        bits.push('1');
    }
    bits.as_bytes()
        .chunks(8)
        .map(|bits| bits.iter().fold(0, |byte, bit| byte << 1 | (bit - b'0')))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn urls_survive(text in "[a-zA-Z0-9.:/_%@\\[\\]-]{0,60}") {
            prop_assert_eq!(decode(&encode(&text)), Some(text.into_bytes()));
        }

        #[test]
        fn arbitrary_bytes_are_decoded_without_harm(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let _ = decode(&bytes);
        }
    }

    /// RFC 7541, appendix C.6.1.
    #[test]
    fn an_example_of_the_rfc() {
        let coded = [0x9d, 0x29, 0xad, 0x17, 0x18, 0x63, 0xc7, 0x8f, 0x0b, 0x97, 0xc8, 0xe9];
        let coded = [&coded[..], &[0xae, 0x82, 0xae, 0x43, 0xd3]].concat();
        assert_eq!(decode(&coded).unwrap(), b"https://www.example.com");
    }

    #[test]
    fn long_padding_is_refused() {
        assert_eq!(decode(&[0xff]), None);
        assert_eq!(decode(&[]), Some(vec![]));
    }
}
