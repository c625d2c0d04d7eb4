//! Reads of a kubeconfig what a client with a certificate or a token needs.

use super::access::Credentials;
use super::args::read;
use crate::BenchError;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::path::Path;
use xebec_core::codec::yaml;
use xebec_core::value::Value;

/// The servers and credentials of a context.
pub fn load(path: &Path, context: Option<&str>) -> Result<Credentials, BenchError> {
    let base = path.parent().unwrap_or_else(|| Path::new("."));
    parse(&read(path)?, base, context).map_err(|error| match error {
        BenchError::Invalid(why) => BenchError::Invalid(format!("{}: {why}", path.display())),
        other => other,
    })
}

fn invalid(why: String) -> BenchError {
    BenchError::Invalid(why)
}

fn parse(text: &[u8], base: &Path, context: Option<&str>) -> Result<Credentials, BenchError> {
    let config = yaml::parse(text).map_err(|error| invalid(error.message))?.value;
    let context = context.or_else(|| string(&config, "current-context"));
    let context = context.ok_or_else(|| invalid("no current-context; see --context".into()))?;
    let context = named(&config, "contexts", context, "context")?;
    let pointed = |field| string(context, field).unwrap_or_default();
    let cluster = named(&config, "clusters", pointed("cluster"), "cluster")?;
    let user = named(&config, "users", pointed("user"), "user")?;
    for field in ["exec", "auth-provider"] {
        if user.get(field).is_some() {
            return Err(invalid(format!("its user needs {field}: give --token or --cert instead")));
        }
    }
    let server = string(cluster, "server").ok_or_else(|| invalid("no server".into()))?;
    let files = Files { base };
    let certificate = files.content(user, "client-certificate")?;
    let key = files.content(user, "client-key")?;
    let token = match string(user, "tokenFile") {
        Some(file) => Some(String::from_utf8_lossy(&read(&base.join(file))?).into_owned()),
        None => string(user, "token").map(str::to_owned),
    };
    Ok(Credentials {
        servers: vec![server.to_owned()],
        server_name: string(cluster, "tls-server-name").map(str::to_owned),
        ca_pem: files.content(cluster, "certificate-authority")?,
        identity_pem: certificate.zip(key),
        token,
    })
}

fn string<'a>(value: &'a Value, field: &str) -> Option<&'a str> {
    value.get(field)?.as_str()
}

/// `{name, <kind>: …}` of a list.
fn named<'a>(
    config: &'a Value,
    list: &str,
    name: &str,
    kind: &str,
) -> Result<&'a Value, BenchError> {
    let items = config.get(list).and_then(Value::as_array).unwrap_or_default();
    let found = items.iter().find(|item| string(item, "name") == Some(name));
    let found = found.and_then(|item| item.get(kind));
    found.ok_or_else(|| invalid(format!("no {kind} is named {name:?}")))
}

/// Files that the kubeconfig names are beside it, unless it says otherwise.
struct Files<'a> {
    base: &'a Path,
}

impl Files<'_> {
    /// What `<field>-data` holds, or the file that `<field>` names.
    fn content(&self, of: &Value, field: &str) -> Result<Option<Vec<u8>>, BenchError> {
        if let Some(data) = string(of, &format!("{field}-data")) {
            let decoded = STANDARD.decode(data.trim());
            return decoded.map(Some).map_err(|_| invalid(format!("{field}-data is no base64")));
        }
        string(of, field).map(|file| read(&self.base.join(file))).transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: &str = "
clusters:
- {name: a, cluster: {server: 'https://h:1', certificate-authority-data: Y2E=, tls-server-name: k}}
users:
- {name: cert, user: {client-certificate-data: Y2VydA==, client-key-data: a2V5}}
- {name: plugin, user: {exec: {command: x}}}
contexts:
- {name: one, context: {cluster: a, user: cert}}
- {name: two, context: {cluster: a, user: plugin}}
- {name: lost, context: {cluster: a, user: nobody}}
current-context: one
";

    fn parsed(context: Option<&str>) -> Result<Credentials, BenchError> {
        parse(CONFIG.as_bytes(), Path::new("."), context)
    }

    #[test]
    fn a_context_leads_to_server_and_user() {
        let found = parsed(None).expect("complete");
        assert_eq!(found.servers, ["https://h:1"]);
        assert_eq!(found.server_name.as_deref(), Some("k"));
        assert_eq!(found.ca_pem.as_deref(), Some(&b"ca"[..]));
        assert_eq!(found.identity_pem, Some((b"cert".to_vec(), b"key".to_vec())));
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (context, expected) in [("two", "exec"), ("lost", "nobody"), ("three", "three")] {
            let error = parsed(Some(context)).err().expect(context).to_string();
            assert!(error.contains(expected), "{expected:?} not in {error:?}");
        }
    }
}
