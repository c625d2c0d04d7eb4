//! Formats of names and addresses in networks, as Go's `net`, `net/url` and `net/mail` take them.

use crate::pattern::Pattern;
use std::net::Ipv6Addr;
use std::sync::LazyLock;

/// Leading zeros are tolerated, and mean nothing.
fn is_v4(text: &str) -> bool {
    let part = |part: &str| {
        !part.is_empty()
            && part.len() <= 8
            && part.bytes().all(|b| b.is_ascii_digit())
            && part.parse().is_ok_and(|number: u32| number <= 255)
    };
    text.split('.').count() == 4 && text.split('.').all(part)
}

fn is_v6(text: &str) -> bool {
    text.parse::<Ipv6Addr>().is_ok()
}

pub fn is_ipv4(text: &str) -> bool {
    text.contains('.') && (is_v4(text) || is_v6(text))
}

pub fn is_ipv6(text: &str) -> bool {
    text.contains(':') && is_v6(text)
}

pub fn is_cidr(text: &str) -> bool {
    let Some((address, bits)) = text.split_once('/') else { return false };
    let bits_max = match (is_v4(address), is_v6(address)) {
        (true, _) => 32,
        (_, true) => 128,
        _ => return false,
    };
    !bits.is_empty()
        && bits.bytes().all(|b| b.is_ascii_digit())
        && bits.parse().is_ok_and(|bits: u32| bits <= bits_max)
}

/// Six, eight or twenty bytes, in pairs of digits or groups of four.
pub fn is_mac(text: &str) -> bool {
    let (separator, digits, counts) = match text.as_bytes() {
        [_, _, separator @ (b':' | b'-'), ..] => (*separator, 2, [6, 8, 20]),
        [_, _, _, _, b'.', ..] => (b'.', 4, [3, 4, 10]),
        _ => return false,
    };
    let groups: Vec<&str> = text.split(separator as char).collect();
    let group =
        |group: &&str| group.len() == digits && group.bytes().all(|b| b.is_ascii_hexdigit());
    counts.contains(&groups.len()) && groups.iter().all(group)
}

const HOSTNAME_SIZE_BYTES_MAX: usize = 255;
const LABEL_SIZE_BYTES_MAX: usize = 63;

/// One label, or several of which the last is made of letters.
pub fn is_hostname(text: &str) -> bool {
    static LABEL: LazyLock<Pattern> = LazyLock::new(|| {
        Pattern::lazy(r"^[a-zA-Z0-9\p{S}\p{L}]([a-zA-Z0-9\p{S}\p{L}-]*[a-zA-Z0-9\p{S}\p{L}])?$")
    });
    static LAST: LazyLock<Pattern> = LazyLock::new(|| Pattern::lazy(r"^[a-zA-Z\p{L}]{2,}$"));
    if text.len() > HOSTNAME_SIZE_BYTES_MAX
        || text.split('.').any(|label| label.len() > LABEL_SIZE_BYTES_MAX)
    {
        return false;
    }
    let is = |pattern: &Pattern, text: &str| pattern.is_match(text) == Ok(true);
    match text.rsplit_once('.') {
        Some((labels, last)) => is(&LAST, last) && labels.split('.').all(|label| is(&LABEL, label)),
        // Upstream's pattern takes one dash of a single label, behind its first character.
        None => {
            let mut chars = text.chars();
            let first = chars.next().map_or(0, char::len_utf8);
            let (first, rest) = text.split_at(first);
            let rest = rest.strip_prefix('-').unwrap_or(rest);
            !rest.contains('-') && is(&LABEL, &format!("{first}{rest}"))
        }
    }
}

/// An absolute URI, or an absolute path.
pub fn is_request_uri(text: &str) -> bool {
    if text.is_empty() || text.bytes().any(|b| b < 0x20 || b == 0x7f) {
        return false;
    }
    if text == "*" {
        return true;
    }
    let Some((has_scheme, rest)) = scheme(text) else { return false };
    let rest = rest.split('?').next().unwrap_or_default();
    if !rest.starts_with('/') {
        return has_scheme;
    }
    let (authority, path) = match rest.strip_prefix("//").filter(|_| has_scheme) {
        Some(rest) => rest.split_at(rest.find('/').unwrap_or(rest.len())),
        None => ("", rest),
    };
    is_authority(authority) && is_escaped(path)
}

/// Whether there is a scheme, and what follows it; `None` where it should be and is not.
fn scheme(text: &str) -> Option<(bool, &str)> {
    for (at, c) in text.char_indices() {
        match c {
            'a'..='z' | 'A'..='Z' => {}
            '0'..='9' | '+' | '-' | '.' if at > 0 => {}
            ':' if at == 0 => return None,
            ':' => return Some((true, &text[at + 1..])),
            _ => break,
        }
    }
    Some((false, text))
}

fn is_authority(text: &str) -> bool {
    let (user, host) = match text.rsplit_once('@') {
        Some((user, host)) => (user, host),
        None => ("", text),
    };
    let in_user = |b: u8| b.is_ascii_alphanumeric() || b"-._:~!$&'()*+,;=%@".contains(&b);
    if !user.bytes().all(in_user) || !is_escaped(user) {
        return false;
    }
    let (name, port) = match host.strip_prefix('[') {
        Some(rest) => match rest.rsplit_once(']') {
            Some(split) => split,
            None => return false,
        },
        None => host.split_at(host.rfind(':').unwrap_or(host.len())),
    };
    let port = port.strip_prefix(':').or(port.is_empty().then_some(""));
    let in_host =
        |b: u8| b >= 0x80 || b.is_ascii_alphanumeric() || b"-_.~!$&'()*+,;=:[]<>\"%".contains(&b);
    port.is_some_and(|port| port.bytes().all(|b| b.is_ascii_digit()))
        && name.bytes().all(in_host)
        && is_escaped(name)
}

/// Every percent sign begins an escape.
fn is_escaped(text: &str) -> bool {
    let mut parts = text.split('%');
    parts.next();
    parts.all(|part| part.len() >= 2 && part.bytes().take(2).all(|b| b.is_ascii_hexdigit()))
}

/// One address (RFC 5322), with or without a display name.
pub fn is_email(text: &str) -> bool {
    let text = text.trim_matches([' ', '\t']);
    match text.strip_suffix('>').and_then(|rest| rest.rsplit_once('<')) {
        Some((name, address)) => is_phrase(name.trim_matches([' ', '\t'])) && is_address(address),
        None => is_address(text),
    }
}

fn is_phrase(text: &str) -> bool {
    let quoted = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    match quoted {
        Some(quoted) => is_quoted(quoted),
        None => text
            .split([' ', '\t'])
            .filter(|word| !word.is_empty())
            .all(|word| word.chars().all(|c| is_atom_char(c) || c == '.')),
    }
}

fn is_address(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    let quoted = local.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let local = quoted.map_or_else(|| is_dot_atom(local), is_quoted);
    let literal = domain.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let domain = match literal {
        Some(literal) => is_v4(literal) || is_v6(literal.strip_prefix("IPv6:").unwrap_or(literal)),
        None => is_dot_atom(domain),
    };
    local && domain
}

fn is_dot_atom(text: &str) -> bool {
    text.split('.').all(|atom| !atom.is_empty() && atom.chars().all(is_atom_char))
}

fn is_atom_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || !c.is_ascii() || "!#$%&'*+-/=?^_`{|}~".contains(c)
}

/// The inside of a quoted string: quotes and backslashes are escaped.
fn is_quoted(text: &str) -> bool {
    let mut escaped = false;
    for c in text.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return false,
            c if c.is_ascii_control() && c != '\t' => return false,
            _ => {}
        }
    }
    !escaped
}
