//! The syntax of names, labels and keys, and upstream's words for what breaks it.
//!
//! Each check returns the messages that a field error carries; an empty list is a valid value. The
//! matchers are hand-written: they are linear in the input and need no table of compiled
//! expressions, whose text they show.

pub const DNS_1123_LABEL_MAX_BYTES: usize = 63;
pub const DNS_1123_SUBDOMAIN_MAX_BYTES: usize = 253;
pub const DNS_1035_LABEL_MAX_BYTES: usize = 63;
pub const LABEL_NAME_MAX_BYTES: usize = 63;
pub const LABEL_VALUE_MAX_BYTES: usize = 63;
pub const PORT_NAME_MAX_BYTES: usize = 15;
pub const SYSCTL_MAX_BYTES: usize = 253;

const DNS_1123_LABEL: &str = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";
const DNS_1123_SUBDOMAIN: &str = "[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*";
const DNS_1123_SUBDOMAIN_UNDERSCORED: &str =
    "_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?(\\._?[a-z0-9]([-_a-z0-9]*[a-z0-9])?)*";
const DNS_1035_LABEL: &str = "[a-z]([-a-z0-9]*[a-z0-9])?";
const LABEL_NAME: &str = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]";
const LABEL_VALUE: &str = "(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?";

/// `must be no more than N bytes`, as labels and newer formats say it.
pub fn too_long(bytes_max: usize) -> String {
    format!("must be no more than {bytes_max} bytes")
}

/// The same as names and keys say it; bytes are meant all the same.
fn too_many_characters(bytes_max: usize) -> String {
    format!("must be no more than {bytes_max} characters")
}

/// Messages about a name as newer formats say them.
pub fn in_bytes(messages: Vec<String>) -> Vec<String> {
    let reworded = messages.into_iter().map(|message| match message.strip_suffix(" characters") {
        Some(head) => format!("{head} bytes"),
        None => message,
    });
    reworded.collect()
}

/// A message about an expression, with examples.
pub fn expression(message: &str, expression: &str, examples: &[&str]) -> String {
    if examples.is_empty() {
        return format!("{message} (regex used for validation is '{expression}')");
    }
    let shown: Vec<String> = examples.iter().map(|example| format!("'{example}', ")).collect();
    format!("{message} (e.g. {}regex used for validation is '{expression}')", shown.join(" or "))
}

fn is_lower_alnum(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit()
}

/// `first([inner]*last)?`, not empty.
fn is_wrapped(text: &str, ends: fn(u8) -> bool, inner: fn(u8) -> bool) -> bool {
    match text.as_bytes() {
        [] => false,
        [only] => ends(*only),
        [first, middle @ .., last] => {
            ends(*first) && ends(*last) && middle.iter().all(|byte| inner(*byte))
        }
    }
}

fn is_dns_label(text: &str) -> bool {
    is_wrapped(text, is_lower_alnum, |byte| is_lower_alnum(byte) || byte == b'-')
}

fn is_dns_subdomain(text: &str) -> bool {
    text.split('.').all(is_dns_label)
}

fn is_label_name(text: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    is_wrapped(text, |byte| byte.is_ascii_alphanumeric(), inner)
}

/// A DNS label as names of namespaces, Services' ports and containers are.
pub fn dns_1123_label(value: &str) -> Vec<String> {
    let mut messages = Vec::new();
    if value.len() > DNS_1123_LABEL_MAX_BYTES {
        messages.push(too_many_characters(DNS_1123_LABEL_MAX_BYTES));
    }
    if !is_dns_label(value) {
        messages.push(if is_dns_subdomain(value) {
            "must not contain dots".into()
        } else {
            let message = "a lowercase RFC 1123 label must consist of lower case alphanumeric \
                           characters or '-', and must start and end with an alphanumeric character";
            expression(message, DNS_1123_LABEL, &["my-name", "123-abc"])
        });
    }
    messages
}

/// A DNS subdomain, as most objects' names are.
pub fn dns_1123_subdomain(value: &str) -> Vec<String> {
    let mut messages = Vec::new();
    if value.len() > DNS_1123_SUBDOMAIN_MAX_BYTES {
        messages.push(too_many_characters(DNS_1123_SUBDOMAIN_MAX_BYTES));
    }
    if !is_dns_subdomain(value) {
        let message = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric \
                       characters, '-' or '.', and must start and end with an alphanumeric character";
        messages.push(expression(message, DNS_1123_SUBDOMAIN, &["example.com"]));
    }
    messages
}

/// A DNS subdomain in letters of either case.
pub fn dns_1123_subdomain_caseless(value: &str) -> Vec<String> {
    let mut messages = Vec::new();
    if value.len() > DNS_1123_SUBDOMAIN_MAX_BYTES {
        messages.push(too_long(DNS_1123_SUBDOMAIN_MAX_BYTES));
    }
    if !is_dns_subdomain(&value.to_ascii_lowercase()) {
        let message = "an RFC 1123 subdomain must consist of alphanumeric characters, '-' or '.', \
                       and must start and end with an alphanumeric character";
        messages.push(expression(message, DNS_1123_SUBDOMAIN, &["Example.com"]));
    }
    messages
}

/// A DNS label that begins with a letter, as a Service's name is.
pub fn dns_1035_label(value: &str) -> Vec<String> {
    let mut messages = Vec::new();
    if value.len() > DNS_1035_LABEL_MAX_BYTES {
        messages.push(too_many_characters(DNS_1035_LABEL_MAX_BYTES));
    }
    let begins = value.as_bytes().first().is_some_and(u8::is_ascii_lowercase);
    if !begins || !is_dns_label(value) {
        let message = "a DNS-1035 label must consist of lower case alphanumeric characters or '-', \
                       start with an alphabetic character, and end with an alphanumeric character";
        messages.push(expression(message, DNS_1035_LABEL, &["my-name", "abc-123"]));
    }
    messages
}

/// A label's key (upstream's qualified name): a name, perhaps behind a subdomain and `/`.
pub fn label_key(value: &str) -> Vec<String> {
    let words = "must consist of alphanumeric characters, '-', '_' or '.', and must start and end \
                 with an alphanumeric character";
    let pattern = expression(words, LABEL_NAME, &["MyName", "my.name", "123-abc"]);
    let mut messages = Vec::new();
    let mut parts = value.split('/');
    let name = match (parts.next(), parts.next(), parts.next()) {
        (Some(name), None, _) => name,
        (Some(prefix), Some(name), None) => {
            if prefix.is_empty() {
                messages.push("prefix part must be non-empty".into());
            } else {
                let found = in_bytes(dns_1123_subdomain(prefix));
                messages.extend(found.into_iter().map(|one| format!("prefix part {one}")));
            }
            name
        }
        _ => {
            return vec![format!(
                "a valid label key {pattern} with an optional DNS subdomain prefix and '/' (e.g. \
                 'example.com/MyName')"
            )];
        }
    };
    if name.is_empty() {
        messages.push("name part must be non-empty".into());
    } else if name.len() > LABEL_NAME_MAX_BYTES {
        messages.push(format!("name part {}", too_long(LABEL_NAME_MAX_BYTES)));
    }
    if !is_label_name(name) {
        messages.push(format!("name part {pattern}"));
    }
    messages
}

pub fn label_value(value: &str) -> Vec<String> {
    let mut messages = Vec::new();
    if value.len() > LABEL_VALUE_MAX_BYTES {
        messages.push(too_long(LABEL_VALUE_MAX_BYTES));
    }
    if !value.is_empty() && !is_label_name(value) {
        let message = "a valid label must be an empty string or consist of alphanumeric characters, \
                       '-', '_' or '.', and must start and end with an alphanumeric character";
        messages.push(expression(message, LABEL_VALUE, &["MyValue", "my_value", "12345"]));
    }
    messages
}

/// A name that may be one segment of a URL's path, as RBAC objects have.
pub fn path_segment(value: &str) -> Vec<String> {
    if value == "." || value == ".." {
        return vec![format!("may not be '{value}'")];
    }
    path_segment_part(value)
}

/// A part of such a name, to which more is added.
pub fn path_segment_part(value: &str) -> Vec<String> {
    let found = ["/", "%"].into_iter().filter(|content| value.contains(content));
    found.map(|content| format!("may not contain '{content}'")).collect()
}

pub fn port_number(port: i64) -> Vec<String> {
    in_range(port, 1, 65_535)
}

pub fn in_range(value: i64, least: i64, most: i64) -> Vec<String> {
    if (least..=most).contains(&value) {
        return Vec::new();
    }
    vec![format!("must be between {least} and {most}, inclusive")]
}

/// An IANA service name, as a container's port may have.
pub fn port_name(value: &str) -> Vec<String> {
    let mut messages = Vec::new();
    if value.len() > PORT_NAME_MAX_BYTES {
        messages.push(too_many_characters(PORT_NAME_MAX_BYTES));
    }
    if value.is_empty() || !value.bytes().all(|byte| is_lower_alnum(byte) || byte == b'-') {
        messages
            .push("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)".into());
    }
    if !value.bytes().any(|byte| byte.is_ascii_lowercase()) {
        messages.push("must contain at least one letter (a-z)".into());
    }
    if value.contains("--") {
        messages.push("must not contain consecutive hyphens".into());
    }
    if value.starts_with('-') || value.ends_with('-') {
        messages.push("must not begin or end with a hyphen".into());
    }
    messages
}

/// A percentage.
pub fn percent(value: &str) -> Vec<String> {
    let digits = value.strip_suffix('%').unwrap_or_default();
    if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Vec::new();
    }
    let message = "a valid percent string must be a numeric string followed by an ending '%'";
    vec![expression(message, "[0-9]+%", &["1%", "93%"])]
}

/// The reason of a condition; its length is checked elsewhere.
pub fn condition_reason(value: &str) -> Vec<String> {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b',' | b':');
    let last = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let fits = match value.as_bytes() {
        [] => false,
        [only] => only.is_ascii_alphabetic(),
        [first, middle @ .., end] => {
            first.is_ascii_alphabetic() && last(*end) && middle.iter().all(|byte| inner(*byte))
        }
    };
    if fits {
        return Vec::new();
    }
    let message = "a condition reason must start with alphabetic character, optionally followed by \
                   a string of alphanumeric characters or '_,:', and must end with an alphanumeric \
                   character or '_'";
    let examples = ["my_name", "MY_NAME", "MyName", "ReasonA,ReasonB", "ReasonA:ReasonB"];
    vec![expression(message, "[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?", &examples)]
}

/// A key of a ConfigMap or a Secret: the name of a file.
pub fn config_key(value: &str) -> Vec<String> {
    let mut messages = Vec::new();
    if value.len() > DNS_1123_SUBDOMAIN_MAX_BYTES {
        messages.push(too_many_characters(DNS_1123_SUBDOMAIN_MAX_BYTES));
    }
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    if value.is_empty() || !value.bytes().all(fits) {
        let message = "a valid config key must consist of alphanumeric characters, '-', '_' or '.'";
        let examples = ["key.name", "KEY_NAME", "key-name"];
        messages.push(expression(message, "[-._a-zA-Z0-9]+", &examples));
    }
    messages.extend(leads_upwards(value));
    messages
}

/// A DNS subdomain whose labels may hold underscores, as search domains do.
pub fn dns_1123_subdomain_underscored(value: &str) -> Vec<String> {
    let mut messages = Vec::new();
    if value.len() > DNS_1123_SUBDOMAIN_MAX_BYTES {
        messages.push(too_many_characters(DNS_1123_SUBDOMAIN_MAX_BYTES));
    }
    let inner = |byte: u8| is_lower_alnum(byte) || matches!(byte, b'-' | b'_');
    let is_label =
        |label: &str| is_wrapped(label.strip_prefix('_').unwrap_or(label), is_lower_alnum, inner);
    if !value.split('.').all(is_label) {
        let message = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric \
                       characters, '_', '-' or '.', and must start and end with an alphanumeric \
                       character";
        messages.push(expression(message, DNS_1123_SUBDOMAIN_UNDERSCORED, &["example.com"]));
    }
    messages
}

/// A DNS subdomain below a `*.`, as Ingresses' hosts may be.
pub fn dns_1123_subdomain_wildcard(value: &str) -> Vec<String> {
    let mut messages = Vec::new();
    if value.len() > DNS_1123_SUBDOMAIN_MAX_BYTES {
        messages.push(too_many_characters(DNS_1123_SUBDOMAIN_MAX_BYTES));
    }
    if !value.strip_prefix("*.").is_some_and(is_dns_subdomain) {
        let message = "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS \
                       subdomain, which must consist of lower case alphanumeric characters, '-' or \
                       '.' and end with an alphanumeric character";
        let pattern = format!("\\*\\.{DNS_1123_SUBDOMAIN}");
        messages.push(expression(message, &pattern, &["*.example.com"]));
    }
    messages
}

/// The name of an environment variable.
pub fn env_name(value: &str) -> Vec<String> {
    let mut messages = Vec::new();
    if value.is_empty() {
        messages.push("environment variable name must be non-empty".into());
    }
    if !value.bytes().all(|byte| matches!(byte, b' '..=b'~') && byte != b'=') {
        let message = "a valid environment variable name must consist only of printable ASCII \
                       characters other than '='";
        messages.push(message.into());
    }
    messages
}

/// The name of a header that a probe sends.
pub fn header_name(value: &str) -> Vec<String> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    if !value.is_empty() && value.bytes().all(fits) {
        return Vec::new();
    }
    let message = "a valid HTTP header must consist of alphanumeric characters or '-'";
    vec![expression(message, "[-A-Za-z0-9]+", &["X-Header-Name"])]
}

/// A number that may be a user's or a group's.
pub fn unix_id(value: i64) -> Vec<String> {
    in_range(value, 0, i32::MAX.into())
}

/// The name of a sysctl, with dots or slashes.
pub fn is_sysctl(value: &str) -> bool {
    let inner = |byte: u8| is_lower_alnum(byte) || matches!(byte, b'-' | b'_');
    value.len() <= SYSCTL_MAX_BYTES
        && value.split(['.', '/']).all(|part| is_wrapped(part, is_lower_alnum, inner))
}

fn leads_upwards(value: &str) -> Option<String> {
    match value {
        "." | ".." => Some(format!("must not be '{value}'")),
        _ if value.starts_with("..") => Some("must not start with '..'".to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_and_subdomains() {
        for good in ["a", "a-b", "0", "a.b.c"] {
            assert!(dns_1123_subdomain(good).is_empty(), "{good}");
        }
        for bad in ["", "A", "-a", "a-", "a..b", ".a", "a_b", "ä"] {
            assert_eq!(dns_1123_subdomain(bad).len(), 1, "{bad}");
        }
        assert_eq!(dns_1123_label("a.b"), ["must not contain dots"]);
        assert_eq!(dns_1123_label(&"a".repeat(64)), ["must be no more than 63 characters"]);
        assert_eq!(dns_1035_label("1a").len(), 1);
        assert!(dns_1035_label("a1").is_empty());
    }

    #[test]
    fn the_message_shows_examples_and_expression() {
        assert_eq!(
            dns_1123_label("A")[0],
            "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', \
             and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', \
             regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
        );
    }

    #[test]
    fn label_keys() {
        assert!(label_key("example.com/My.Name_1").is_empty());
        assert!(label_key("x").is_empty());
        assert_eq!(label_key("/x"), ["prefix part must be non-empty"]);
        assert_eq!(label_key("a/").len(), 2);
        assert_eq!(label_key("a/b/c").len(), 1);
        assert!(label_value("").is_empty());
        assert_eq!(label_value("-").len(), 1);
    }

    #[test]
    fn ports() {
        assert!(port_name("http").is_empty());
        assert_eq!(port_name("80").len(), 1);
        assert_eq!(port_name("-a--b").len(), 2);
        assert_eq!(port_number(0), ["must be between 1 and 65535, inclusive"]);
    }

    #[test]
    fn path_segments() {
        assert!(path_segment("system:node").is_empty());
        assert_eq!(path_segment("a/b%"), ["may not contain '/'", "may not contain '%'"]);
        assert_eq!(path_segment(".."), ["may not be '..'"]);
    }
}
