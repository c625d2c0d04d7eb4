//! Names of container images (`registry/repository:tag@digest`), as Docker and upstream read them.

/// What an image is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImageName<'i> {
    /// `latest` where neither a tag nor a digest is given; empty where there is only a digest.
    pub tag: &'i str,
    pub digest: Option<&'i str>,
}

const PATH_CHARS_MAX: usize = 255;
const TAG_CHARS_MAX: usize = 128;
/// Bytes of a repository that could be the id of an image.
const ID_CHARS: usize = 64;

impl<'i> ImageName<'i> {
    /// Nothing for what is not the name of an image.
    pub fn parse(image: &'i str) -> Option<Self> {
        if image.len() == ID_CHARS && image.bytes().all(is_lower_hex) {
            return None;
        }
        let (name, digest) = match image.split_once('@') {
            Some((name, digest)) => (name, Some(digest)),
            None => (image, None),
        };
        let (domain, rest) = split_domain(name);
        let (path, tag) = match rest.split_once(':') {
            Some((path, tag)) => (path, Some(tag)),
            None => (rest, None),
        };
        let is_known = domain.is_none_or(|domain| is_domain(domain) || is_component(domain));
        let path_chars = match domain {
            None if !path.contains('/') => "library/".len() + path.len(),
            _ => path.len(),
        };
        let is_named =
            is_known && path_chars <= PATH_CHARS_MAX && path.split('/').all(is_component);
        let is_tagged = tag.is_none_or(is_tag) && digest.is_none_or(is_digest);
        let absent = if digest.is_some() { "" } else { "latest" };
        (is_named && is_tagged).then(|| Self { tag: tag.unwrap_or(absent), digest })
    }
}

/// The first part is a registry if it looks like a host; otherwise it is part of the path.
fn split_domain(name: &str) -> (Option<&str>, &str) {
    match name.split_once('/') {
        Some((first, rest))
            if first.contains(['.', ':'])
                || first == "localhost"
                || first.bytes().any(|byte| byte.is_ascii_uppercase()) =>
        {
            (Some(first), rest)
        }
        _ => (None, name),
    }
}

fn is_domain(domain: &str) -> bool {
    let (host, port) = match domain.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (domain, None),
    };
    let is_port = |port: &str| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    if !port.is_none_or(is_port) {
        return false;
    }
    if let Some(address) = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        let is_part = |byte: u8| byte.is_ascii_hexdigit() || byte == b':';
        return !address.is_empty() && address.bytes().all(is_part);
    }
    host.split('.').all(|label| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    })
}

/// Small letters and digits, with one `.`, one or two `_` or any number of `-` between them.
fn is_component(component: &str) -> bool {
    let is_word = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let mut separator = "";
    let mut rest = component;
    loop {
        let word = rest.bytes().take_while(is_word).count();
        let joins = matches!(separator, "." | "_" | "__") || separator.bytes().all(|b| b == b'-');
        if word == 0 || !joins {
            return false;
        }
        rest = &rest[word..];
        if rest.is_empty() {
            return true;
        }
        let gap = rest.bytes().take_while(|byte| matches!(byte, b'.' | b'_' | b'-')).count();
        if gap == 0 {
            return false;
        }
        (separator, rest) = rest.split_at(gap);
    }
}

fn is_tag(tag: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let mut bytes = tag.bytes();
    tag.len() <= TAG_CHARS_MAX
        && bytes.next().is_some_and(is_word)
        && bytes.all(|byte| is_word(byte) || byte == b'.' || byte == b'-')
}

fn is_digest(digest: &str) -> bool {
    let Some((algorithm, hex)) = digest.split_once(':') else { return false };
    let chars = match algorithm {
        "sha256" => 64,
        "sha384" => 96,
        "sha512" => 128,
        _ => return false,
    };
    hex.len() == chars && hex.bytes().all(is_lower_hex)
}

fn is_lower_hex(byte: u8) -> bool {
    byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_found() {
        let digest = format!("sha256:{}", "0".repeat(64));
        let only_digest = format!("r.io/a@{digest}");
        let both = format!("r.io/a:v1@{digest}");
        for (image, tag) in [
            ("nginx", Some("latest")),
            ("nginx:latest", Some("latest")),
            ("nginx:1.2", Some("1.2")),
            ("localhost:5000/a/b", Some("latest")),
            ("localhost:5000/a/b:x", Some("x")),
            ("[::1]:5000/a", Some("latest")),
            ("a__b/c--d.e:x", Some("x")),
            (&only_digest, Some("")),
            (&both, Some("v1")),
            ("", None),
            ("Nginx", None),
            ("a..b", None),
            ("a_-b", None),
            ("a:", None),
            ("a@sha256:12", None),
            ("-a/b", None),
            ("a/", None),
        ] {
            assert_eq!(ImageName::parse(image).map(|name| name.tag), tag, "{image}");
        }
        assert_eq!(ImageName::parse(&"0".repeat(64)), None);
        assert_eq!(ImageName::parse(&"a".repeat(300)), None);
    }
}
