//! Formats of identifiers, numbers with check digits, colours and encodings.

use crate::pattern::Pattern;
use std::sync::LazyLock;

pub fn is_object_id(text: &str) -> bool {
    text.len() == 24 && text.bytes().all(|b| b.is_ascii_hexdigit())
}

/// A UUID, its dashes optional; `version` is the digit that it must have.
pub fn is_uuid(text: &str, version: Option<char>) -> bool {
    let mut rest = text;
    let mut digits = String::with_capacity(32);
    for (at, length) in [8, 4, 4, 4, 12].into_iter().enumerate() {
        if at > 0 {
            rest = rest.strip_prefix('-').unwrap_or(rest);
        }
        let Some(part) = rest.get(..length) else { return false };
        digits.push_str(part);
        rest = &rest[length..];
    }
    let digits = digits.as_bytes();
    let variant = matches!(digits[16], b'8' | b'9' | b'a' | b'b' | b'A' | b'B');
    rest.is_empty()
        && digits.iter().all(u8::is_ascii_hexdigit)
        && version.is_none_or(|version| digits[12] == version as u8 && (version == '3' || variant))
}

fn without_dashes(text: &str) -> Vec<u8> {
    text.bytes().filter(|b| !b.is_ascii_whitespace() && *b != b'-').collect()
}

fn value(digit: u8) -> u32 {
    u32::from(digit - b'0')
}

pub fn is_isbn10(text: &str) -> bool {
    let digits = without_dashes(text);
    if digits.len() != 10 || !digits[..9].iter().all(u8::is_ascii_digit) {
        return false;
    }
    let last = match digits[9] {
        b'X' => 10,
        digit if digit.is_ascii_digit() => value(digit),
        _ => return false,
    };
    let weighted = digits[..9].iter().zip(1..).map(|(digit, weight)| weight * value(*digit));
    (weighted.sum::<u32>() + 10 * last) % 11 == 0
}

pub fn is_isbn13(text: &str) -> bool {
    let digits = without_dashes(text);
    if digits.len() != 13 || !digits.iter().all(u8::is_ascii_digit) {
        return false;
    }
    let weighted = digits[..12].iter().zip([1, 3].into_iter().cycle());
    let sum: u32 = weighted.map(|(digit, weight)| weight * value(*digit)).sum();
    (10 - sum % 10) % 10 == value(digits[12])
}

/// A number of one of the issuers, with a right check digit (Luhn).
pub fn is_credit_card(text: &str) -> bool {
    static ISSUED: LazyLock<Pattern> = LazyLock::new(|| {
        Pattern::lazy(
            r"^(?:4[0-9]{12}(?:[0-9]{3})?|5[1-5][0-9]{14}|6(?:011|5[0-9][0-9])[0-9]{12}|3[47][0-9]{13}|3(?:0[0-5]|[68][0-9])[0-9]{11}|(?:2131|1800|35\d{3})\d{11})$",
        )
    });
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let doubled = digits.bytes().rev().enumerate().map(|(at, digit)| {
        let twice = value(digit) << (at % 2);
        if twice >= 10 { twice - 9 } else { twice }
    });
    ISSUED.is_match(&digits) == Ok(true) && doubled.sum::<u32>() % 10 == 0
}

/// Eleven characters: upstream's pattern takes fewer dashes, its length does not.
pub fn is_ssn(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() == 11
        && bytes.iter().enumerate().all(|(at, byte)| match at {
            3 | 6 => matches!(byte, b'-' | b' '),
            _ => byte.is_ascii_digit(),
        })
}

pub fn is_hex_color(text: &str) -> bool {
    let digits = text.strip_prefix('#').unwrap_or(text);
    matches!(digits.len(), 3 | 6) && digits.bytes().all(|b| b.is_ascii_hexdigit())
}

pub fn is_rgb_color(text: &str) -> bool {
    static COLOR: LazyLock<Pattern> = LazyLock::new(|| {
        let part = r"\s*(0|[1-9]\d?|1\d\d?|2[0-4]\d|25[0-5])\s*";
        Pattern::lazy(&format!(r"^rgb\({part},{part},{part}\)$"))
    });
    COLOR.is_match(text) == Ok(true)
}

/// Standard base64 with its padding; nothing is none.
pub fn is_base64(text: &str) -> bool {
    let bytes = text.as_bytes();
    let body = text.trim_end_matches('=').len();
    !bytes.is_empty()
        && bytes.len().is_multiple_of(4)
        && bytes.len() - body <= 2
        && bytes[..body].iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/'))
}
