//! [`Format`]: what a schema's `format` demands of a string. Formats that Kubernetes does not know
//! demand nothing; those of numbers bound their range.

mod code;
mod network;
mod time;

use super::structural::Types;
use crate::names;

/// A format that is checked.
#[derive(Debug, Clone)]
pub(super) struct Format {
    /// As the schema states it: errors name it so.
    pub name: Box<str>,
    /// For strings.
    pub fits: Option<fn(&str) -> bool>,
}

/// The format of a schema of some type; `None` where it demands nothing.
pub(super) fn find(name: &str, types: Types) -> Option<Format> {
    let fits = match types {
        Types::INTEGER if matches!(name, "int32" | "int64") => None,
        Types::NUMBER if matches!(name, "float" | "double") => None,
        _ if types.is_empty() || types == Types::STRING || types == Types::INTEGER_OR_STRING => {
            Some(of_string(&name.replace('-', ""))?)
        }
        _ => return None,
    };
    Some(Format { name: name.into(), fits })
}

/// By the name without its dashes.
fn of_string(name: &str) -> Option<fn(&str) -> bool> {
    Some(match name {
        "bsonobjectid" => code::is_object_id,
        "uri" => network::is_request_uri,
        "email" => network::is_email,
        "hostname" => network::is_hostname,
        "ipv4" => network::is_ipv4,
        "ipv6" => network::is_ipv6,
        "cidr" => network::is_cidr,
        "mac" => network::is_mac,
        "uuid" => |text| code::is_uuid(text, None),
        "uuid3" => |text| code::is_uuid(text, Some('3')),
        "uuid4" => |text| code::is_uuid(text, Some('4')),
        "uuid5" => |text| code::is_uuid(text, Some('5')),
        "isbn" => |text| code::is_isbn10(text) || code::is_isbn13(text),
        "isbn10" => code::is_isbn10,
        "isbn13" => code::is_isbn13,
        "creditcard" => code::is_credit_card,
        "ssn" => code::is_ssn,
        "hexcolor" => code::is_hex_color,
        "rgbcolor" => code::is_rgb_color,
        "byte" => code::is_base64,
        "password" => |_| true,
        "date" => time::is_date,
        "duration" => time::is_duration,
        "datetime" => time::is_date_time,
        "k8sshortname" => |text| names::dns_1123_label(text).is_empty(),
        "k8slongname" => |text| names::dns_1123_subdomain(text).is_empty(),
        _ => return None,
    })
}

/// Whether a format is one that is known for a type (as a definition states it; empty for none).
pub fn is_recognized(name: &str, of_type: &str) -> bool {
    match of_type {
        "" | "string" => of_string(&name.replace('-', "")).is_some(),
        "integer" => matches!(name, "int32" | "int64"),
        "number" => matches!(name, "float" | "double"),
        _ => false,
    }
}

/// Whether a text is a URL that says where (a scheme and a host).
pub(super) fn is_url(text: &str) -> bool {
    let host = text.split_once("://").map(|(_, rest)| rest.split(['/', '?']).next());
    network::is_request_uri(text) && host.flatten().is_some_and(|host| !host.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(format: &str, yes: &[&str], no: &[&str]) {
        let fits = find(format, Types::STRING).and_then(|found| found.fits).expect("a format");
        for text in yes {
            assert!(fits(text), "{format}: {text:?}");
        }
        for text in no {
            assert!(!fits(text), "{format}: {text:?}");
        }
    }

    #[test]
    fn names_take_dashes_or_not() {
        assert!(find("date-time", Types::STRING).is_some());
        assert!(find("datetime", Types::default()).is_some());
        assert!(find("int32", Types::INTEGER).is_some_and(|format| format.fits.is_none()));
        for (format, types) in
            [("int32", Types::STRING), ("date", Types::INTEGER), ("x", Types::STRING)]
        {
            assert!(find(format, types).is_none(), "{format}");
        }
    }

    #[test]
    fn times() {
        check("date", &["2026-02-28"], &["2026-02-30", "2026-2-1", "26-01-01", ""]);
        check(
            "date-time",
            &["2026-01-01T00:00:00Z", "2026-01-01t23:59:59.5+01:00"],
            &["yesterday", "2026-01-01", "2026-01-01T24:00:00Z", "2026-01-01T00:00:00"],
        );
        check("duration", &["1h30m", "22 ns", "3 weeks", "-1s", "5 Days"], &["", "x", "5", "1 q"]);
    }

    #[test]
    fn addresses() {
        check("ipv4", &["1.2.3.4", "010.0.0.1", "::ffff:1.2.3.4"], &["1.2.3", "1.2.3.256", "::1"]);
        check("ipv6", &["::1", "2001:db8::"], &["1.2.3.4", "::1%eth0", "g::"]);
        check(
            "cidr",
            &["10.0.0.0/8", "fd00::/64"],
            &["10.0.0.0", "10.0.0.0/33", "x/1", "1.1.1.1/"],
        );
        check(
            "mac",
            &["00:00:5e:00:53:01", "00-00-5E-00-53-01", "0000.5e00.5301"],
            &["00:00", "x"],
        );
        check("hostname", &["a", "example.com", "1a.example.org"], &["-a", "a_b.com", "a..b"]);
        check("uri", &["http://a/b?c", "/a", "mailto:x", "a:b"], &["", "a", "http://a b", "/%zz"]);
        check("email", &["a@b.c", "N <a@b>", "\"x y\"@b"], &["a", "a@", "@b", "a b@c", "a@b@c"]);
    }

    #[test]
    fn codes() {
        check("uuid", &["F47AC10B-58CC-4372-8567-0E02B2C3D479"], &["f47ac10b-58cc-4372-8567", ""]);
        let version = |digit| format!("f47ac10b58cc{digit}3728567-0e02b2c3d479");
        check("uuid4", &[&version(4)], &[&version(1)]);
        check("byte", &["aGk=", "aGkh"], &["", "a", "aGk", "a-_="]);
        check("isbn", &["0321751043", "978-0321751041", "080442957X"], &["0321751044", "1"]);
        check("creditcard", &["4111 1111 1111 1111"], &["4111111111111112", ""]);
        check("ssn", &["123-45-6789"], &["123456789", "123-45-678"]);
        check("hexcolor", &["#fff", "A1B2C3"], &["#ffff", "g00"]);
        check("rgbcolor", &["rgb(1, 2,255)"], &["rgb(1,2,256)", "rgb(1,2)"]);
        check("bsonobjectid", &["507f1f77bcf86cd799439011"], &["507f1f77", "x"]);
        check("k8s-short-name", &["a-b"], &["a.b", "A", "-a"]);
        check("k8s-long-name", &["a-b.c"], &["A.b", "a..b"]);
    }
}
