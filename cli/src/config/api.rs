//! From [`ApiSettings`] with defaults to [`Api`].

use super::settings::ApiSettings;
use super::validate::sockets;
use super::{Api, ClientTls, ConfigError, ServiceAccountKeys, Url};
use ipnet::IpNet;

/// Services need room for more than one address; upstream's bound.
const SERVICE_BITS_MIN: u8 = 4;

/// None if there is no certificate to serve with.
pub(super) fn api(settings: &ApiSettings) -> Result<Option<Api>, ConfigError> {
    let (cert, key) = match (&settings.cert, &settings.key) {
        (None, None) => return Ok(None),
        (Some(cert), Some(key)) => (cert.clone(), key.clone()),
        (None, _) => return Err(ConfigError::invalid("api.cert", "api.key needs it")),
        (_, None) => return Err(ConfigError::invalid("api.key", "api.cert needs it")),
    };
    let urls = settings.listen.as_deref().unwrap_or_default();
    https("api.listen", urls)?;
    let listen = sockets("api.listen", urls)?;
    let advertise = settings.advertise.filter(|ip| !ip.is_unspecified()).ok_or_else(|| {
        let problem = "must be given, because api.listen names no address that one can connect to";
        ConfigError::invalid("api.advertise", problem)
    })?;
    let vip = match &settings.vip {
        None => None,
        Some(url) => {
            https("api.vip", std::slice::from_ref(url))?;
            let vip = sockets("api.vip", std::slice::from_ref(url))?[0];
            if listen.contains(&vip) {
                let problem =
                    format!("{url} is in api.listen too, where every replica would serve");
                return Err(ConfigError::invalid("api.vip", problem));
            }
            Some(vip)
        }
    };
    let service_cidr = settings.service_cidr.clone().unwrap_or_default();
    service_ranges(&service_cidr)
        .map_err(|problem| ConfigError::invalid("api.service_cidr", problem))?;
    let tls = ClientTls { cert, key, client_ca: settings.client_ca.clone() };
    let service_account = ServiceAccountKeys {
        signing: settings.service_account_key.clone(),
        old: settings.service_account_old_keys.clone().unwrap_or_default(),
        issuer: settings.service_account_issuer.clone().unwrap_or_default(),
    };
    let deny_external_ips = settings.deny_external_ips.expect("it has a default");
    let event_ttl = settings.event_ttl.expect("it has a default").0;
    Ok(Some(Api {
        listen,
        advertise,
        tls,
        token_file: settings.token_file.clone(),
        anonymous: settings.anonymous.expect("it has a default"),
        service_account,
        service_cidr,
        deny_external_ips,
        aggregate_roles: settings.aggregate_roles.expect("it has a default"),
        event_ttl,
        vip,
    }))
}

/// One range, or one of each family.
fn service_ranges(ranges: &[IpNet]) -> Result<(), String> {
    match ranges {
        [_] => {}
        [one, other] if one.addr().is_ipv4() != other.addr().is_ipv4() => {}
        [_, _] => return Err("has two ranges of one family".to_owned()),
        _ => return Err("must be one range, or one of each family".to_owned()),
    }
    for range in ranges {
        if range.addr() != range.network() {
            return Err(format!("{range} does not begin its range: write {}", range.trunc()));
        }
        if range.max_prefix_len() - range.prefix_len() < SERVICE_BITS_MIN {
            return Err(format!("{range} has too few addresses"));
        }
    }
    Ok(())
}

fn https(key: &'static str, urls: &[Url]) -> Result<(), ConfigError> {
    match urls.iter().find(|url| !url.tls) {
        None => Ok(()),
        Some(url) => {
            let problem = format!("{url}: the Kubernetes API is served over https only");
            Err(ConfigError::invalid(key, problem))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Settings;
    use super::*;

    fn with_certificate(change: impl FnOnce(&mut ApiSettings)) -> Result<Option<Api>, ConfigError> {
        let mut settings = Settings::default();
        settings.api.cert = Some("a.crt".into());
        settings.api.key = Some("a.key".into());
        change(&mut settings.api);
        api(&settings.with_defaults().api)
    }

    #[test]
    fn is_off_without_a_certificate_and_complete_with_one() {
        assert_eq!(api(&ApiSettings::default()).expect("valid"), None);
        let made = with_certificate(|_| {}).expect("valid").expect("served");
        assert_eq!(made.listen, ["127.0.0.1:6443".parse().expect("an address")]);
        assert_eq!(made.advertise.to_string(), "127.0.0.1");
        assert_eq!(made.service_cidr, ["10.96.0.0/16".parse().expect("a range")]);
    }

    #[test]
    fn refuses_what_cannot_work() {
        type Change = fn(&mut ApiSettings);
        let cases: &[(&str, Change)] = &[
            ("api.key: api.cert needs it", |api| api.key = None),
            ("https only", |api| api.listen = Some(vec!["http://127.0.0.1:1".parse().expect("")])),
            ("api.advertise: must be given", |api| {
                api.listen = Some(vec!["https://0.0.0.0:6443".parse().expect("a URL")]);
            }),
            ("too few addresses", |api| {
                api.service_cidr = Some(vec!["10.0.0.0/29".parse().expect("a range")]);
            }),
            ("write 10.96.0.0/16", |api| {
                api.service_cidr = Some(vec!["10.96.1.0/16".parse().expect("a range")]);
            }),
            ("two ranges of one family", |api| {
                let ranges = ["10.96.0.0/16", "10.97.0.0/16"];
                api.service_cidr = Some(ranges.map(|one| one.parse().expect("a range")).into());
            }),
            ("one of each family", |api| api.service_cidr = Some(Vec::new())),
            ("every replica would serve", |api| {
                api.vip = Some("https://127.0.0.1:6443".parse().expect("a URL"));
            }),
        ];
        for (expected, change) in cases {
            let problem = with_certificate(change).expect_err(expected).to_string();
            assert!(problem.contains(expected), "{expected:?} not in {problem:?}");
        }
    }
}
