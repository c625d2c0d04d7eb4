//! Formats whose errors show a part of the value: domains with paths, fully qualified names, and
//! where webhooks are.

use super::Errors;
use super::check;
use super::fields::Fields;
use super::path::Path;
use crate::field_error::{FieldError, quoted};
use crate::names;
use crate::value::{Object, Value};

/// `acme.io/foo`: a subdomain, and a path of HTTP behind it.
pub fn domain_prefixed_path(value: &str, path: &Path<'_>, errors: &mut Errors) {
    if value.is_empty() {
        errors.push(FieldError::required(path, ""));
        return;
    }
    let parts = value.split_once('/').filter(|(host, rest)| !host.is_empty() && !rest.is_empty());
    let Some((host, rest)) = parts else {
        let detail = "must be a domain-prefixed path (such as \"acme.io/foo\")";
        errors.push(FieldError::invalid(path, value, detail));
        return;
    };
    check::dns_subdomain(errors, path, host);
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~%!$&'()*+,;=:".contains(&byte);
    if !rest.bytes().all(fits) {
        let detail = names::expression("Invalid path", "[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+", &[]);
        errors.push(FieldError::invalid(path, rest, &detail));
    }
}

/// A name of at least three parts, as webhooks have.
pub fn fully_qualified_name(value: &str, path: &Path<'_>, errors: &mut Errors) {
    if value.is_empty() {
        errors.push(FieldError::required(path, ""));
        return;
    }
    let messages = names::dns_1123_subdomain(value);
    if !messages.is_empty() {
        errors.push(FieldError::invalid(path, value, &messages.join(",")));
    } else if value.split('.').count() < 3 {
        let detail = "should be a domain with at least three segments separated by dots";
        errors.push(FieldError::invalid(path, value, detail));
    }
}

/// A domain of at least two parts; a dot at its end is fine.
pub fn fully_qualified_domain(value: &str, path: &Path<'_>, errors: &mut Errors) {
    if value.is_empty() {
        errors.push(FieldError::required(path, ""));
        return;
    }
    let name = value.strip_suffix('.').unwrap_or(value);
    let messages = names::dns_1123_subdomain(name);
    if !messages.is_empty() {
        errors.push(FieldError::invalid(path, name, &messages.join(",")));
        return;
    }
    if !name.contains('.') {
        let detail = "should be a domain with at least two segments separated by dots";
        errors.push(FieldError::invalid(path, name, detail));
        return;
    }
    for label in name.split('.') {
        let messages = names::dns_1123_label(label);
        if !messages.is_empty() {
            errors.push(FieldError::invalid(path, label, &messages.join(",")));
            return;
        }
    }
}

/// A subdomain, a slash, the name of a namespace, a dot, the name of an object.
const SIGNER_NAME_MAX_BYTES: usize = 571;

/// `example.com/signer-name`.
pub fn signer_name(value: &str, path: &Path<'_>, errors: &mut Errors) {
    if value.is_empty() {
        errors.push(FieldError::required(path, ""));
        return;
    }
    let Some((domain, rest)) = value.split_once('/').filter(|(_, rest)| !rest.contains('/')) else {
        let detail =
            "must be a fully qualified domain and path of the form 'example.com/signer-name'";
        errors.push(FieldError::invalid(path, value, detail));
        return;
    };
    if domain.len() > names::DNS_1123_SUBDOMAIN_MAX_BYTES {
        errors.push(FieldError::too_long(path, names::DNS_1123_SUBDOMAIN_MAX_BYTES));
    }
    first_bad_label(domain, names::dns_1123_label, path, errors);
    if !domain.contains('.') {
        let detail = "should be a domain with at least two segments separated by dots";
        errors.push(FieldError::invalid(path, domain, detail));
    }
    first_bad_label(rest, names::dns_1123_subdomain, path, errors);
    if value.len() > SIGNER_NAME_MAX_BYTES {
        errors.push(FieldError::too_long(path, SIGNER_NAME_MAX_BYTES));
    }
}

/// What is wrong with the first bad part of a dotted name; those behind it would say the same.
fn first_bad_label(
    name: &str,
    rule: fn(&str) -> Vec<String>,
    path: &Path<'_>,
    errors: &mut Errors,
) {
    let mut labels = name.split('.').map(|label| (label, rule(label)));
    let Some((label, messages)) = labels.find(|(_, messages)| !messages.is_empty()) else { return };
    for message in messages {
        let detail = format!("validating label {}: {message}", quoted(label));
        errors.push(FieldError::invalid(path, name, &detail));
    }
}

/// Where a webhook is: exactly one of a URL and a Service.
pub fn webhook_client(config: &Object, path: &Path<'_>, errors: &mut Errors) {
    let url = config.value("url").and_then(Value::as_str);
    match (url, config.object("service")) {
        (Some(url), None) => webhook_url(url, &path.child("url"), errors),
        (None, Some(service)) => webhook_service(service, &path.child("service"), errors),
        _ => {
            let detail = "exactly one of url or service is required";
            errors.push(FieldError::required(path, detail));
        }
    }
}

const URL_FORM: &str = "; desired format: https://host[/path]";

fn webhook_url(text: &str, path: &Path<'_>, errors: &mut Errors) {
    let url = match Url::parse(text) {
        Ok(url) => url,
        Err(message) => {
            let detail = format!("url must be a valid URL: {message}{URL_FORM}");
            errors.push(FieldError::required(path, &detail));
            return;
        }
    };
    let mut refuse = |value: &str, detail: &str| {
        errors.push(FieldError::invalid(path, value, detail));
    };
    if url.scheme != "https" {
        refuse(&url.scheme, &format!("'https' is the only allowed URL scheme{URL_FORM}"));
    }
    if url.host.is_empty() {
        refuse("", &format!("host must be specified{URL_FORM}"));
    }
    if let Some(user) = url.user {
        refuse(user, "user information is not permitted in the URL");
    }
    if !url.fragment.is_empty() {
        refuse(url.fragment, "fragments are not permitted in the URL");
    }
    if !url.query.is_empty() {
        refuse(url.query, "query parameters are not permitted in the URL");
    }
}

/// The parts of a URL that rules ask about.
#[derive(Debug, Default, PartialEq, Eq)]
struct Url<'u> {
    scheme: String,
    user: Option<&'u str>,
    host: &'u str,
    query: &'u str,
    fragment: &'u str,
}

impl<'u> Url<'u> {
    /// Reads a URL as Go's parser splits it.
    fn parse(text: &'u str) -> Result<Self, String> {
        let failed = |why: &str| Err(format!("parse {text:?}: {why}"));
        if text.bytes().any(|byte| byte < 0x20 || byte == 0x7f) {
            return failed("net/url: invalid control character in URL");
        }
        let mut url = Self::default();
        let (rest, fragment) = text.split_once('#').unwrap_or((text, ""));
        url.fragment = fragment;
        if rest.is_empty() {
            return if fragment.is_empty() { failed("empty url") } else { Ok(url) };
        }
        let (scheme, rest) = match split_scheme(rest) {
            Ok(parts) => parts,
            Err(why) => return failed(why),
        };
        url.scheme = scheme.to_ascii_lowercase();
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        url.query = query;
        if let Some(rest) = rest.strip_prefix("//") {
            let authority = rest.split('/').next().unwrap_or_default();
            let (user, host) = match authority.rsplit_once('@') {
                Some((user, host)) => (Some(user), host),
                None => (None, authority),
            };
            if let Some(port) = bad_port(host) {
                return failed(&format!("invalid port {port:?} after host"));
            }
            (url.user, url.host) = (user, host);
        } else if scheme.is_empty() && !rest.starts_with('/') {
            let first = rest.split('/').next().unwrap_or_default();
            if first.contains(':') {
                return failed("first path segment in URL cannot contain colon");
            }
        }
        Ok(url)
    }
}

fn split_scheme(text: &str) -> Result<(&str, &str), &'static str> {
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' => {}
            b'0'..=b'9' | b'+' | b'-' | b'.' if at > 0 => {}
            b':' if at == 0 => return Err("missing protocol scheme"),
            b':' => return Ok((&text[..at], &text[at + 1..])),
            _ => break,
        }
    }
    Ok(("", text))
}

/// `:` and what is no number behind it, at the end of a host.
fn bad_port(host: &str) -> Option<&str> {
    let behind = host.rfind(']').map_or(0, |at| at + 1);
    let at = host[behind..].rfind(':')? + behind;
    let port = &host[at..];
    (!port[1..].bytes().all(|byte| byte.is_ascii_digit())).then_some(port)
}

/// Upstream hands over name and namespace in the wrong order, and so its errors name the other.
fn webhook_service(service: &Object, path: &Path<'_>, errors: &mut Errors) {
    check::required(errors, path.child("name"), service.text("namespace"), "");
    check::required(errors, path.child("namespace"), service.text("name"), "");
    let port = service.int("port").unwrap_or(0);
    let messages = names::port_number(port);
    if !messages.is_empty() {
        let detail = format!("port is not valid: {}", messages.join(", "));
        errors.push(FieldError::invalid(path.child("port"), &Value::Int(port), &detail));
    }
    let text = service.text("path");
    if matches!(text, "" | "/") {
        return;
    }
    let path = path.child("path");
    if text == "//" {
        errors.push(FieldError::invalid(path, text, "segment[0] may not be empty"));
        return;
    }
    if !text.starts_with('/') {
        errors.push(FieldError::invalid(path, text, "must start with a '/'"));
    }
    let mut rest = text.chars();
    rest.next();
    let rest = rest.as_str();
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    for (at, segment) in rest.split('/').enumerate() {
        if segment.is_empty() {
            let detail = format!("segment[{at}] may not be empty");
            errors.push(FieldError::invalid(path, text, &detail));
            continue;
        }
        for message in names::dns_1123_subdomain(segment) {
            let detail = format!("segment[{at}]: {message}");
            errors.push(FieldError::invalid(path, text, &detail));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(check: impl Fn(&Path<'_>, &mut Errors)) -> Vec<String> {
        let mut errors = Errors::new();
        check(&Path::root("f"), &mut errors);
        errors.iter().map(|error| error.body.clone()).collect()
    }

    #[test]
    fn domains_with_paths() {
        let check = |text| found(|path, errors| domain_prefixed_path(text, path, errors));
        assert!(check("acme.io/foo").is_empty());
        assert_eq!(check(""), ["Required value"]);
        assert_eq!(
            check("acme.io"),
            [
                "Invalid value: \"acme.io\": must be a domain-prefixed path (such as \"acme.io/foo\")"
            ]
        );
        assert_eq!(check("acme.io/f o").len(), 1);
        assert_eq!(check("Acme/foo").len(), 1);
    }

    #[test]
    fn urls_of_webhooks() {
        let check = |text| found(|path, errors| webhook_url(text, path, errors));
        assert!(check("https://example.com:443/path").is_empty());
        assert_eq!(check("http://example.com").len(), 1);
        assert_eq!(check("https://u:p@example.com?a=b#c").len(), 3);
        assert_eq!(check("example").len(), 2);
        assert_eq!(
            check("https://h:x"),
            [
                "Required value: url must be a valid URL: parse \"https://h:x\": invalid port \":x\" \
              after host; desired format: https://host[/path]"
            ]
        );
    }
}
