//! Certificates for one run: an authority, one certificate for each replica, one for the clients.

use super::ProcessError;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use tonic::transport::{Certificate, ClientTlsConfig, Identity};

pub struct Authority {
    dir: PathBuf,
    issuer: Issuer<'static, KeyPair>,
    certificate: String,
}

/// A client of the Kubernetes API that may do everything, PEM.
pub struct KubeIdentity {
    pub ca: String,
    pub cert: String,
    pub key: String,
}

/// Files of one replica.
pub struct ServerFiles {
    pub cert: PathBuf,
    pub key: PathBuf,
    pub ca: PathBuf,
}

impl Authority {
    /// A new authority with its files in `dir`.
    pub fn new(dir: &Path) -> Result<Self, ProcessError> {
        std::fs::create_dir_all(dir).map_err(ProcessError::io("directory of certificates"))?;
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "xebec chaos");
        let certificate = params.self_signed(&key)?.pem();
        write(&dir.join("ca.pem"), &certificate)?;
        let issuer = Issuer::new(params, key);
        Ok(Self { dir: dir.to_owned(), issuer, certificate })
    }

    fn issue(&self, name: &str, address: Option<IpAddr>) -> Result<(String, String), ProcessError> {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        self.sign(params, address)
    }

    fn sign(
        &self,
        mut params: CertificateParams,
        address: Option<IpAddr>,
    ) -> Result<(String, String), ProcessError> {
        let key = KeyPair::generate()?;
        params.extended_key_usages = vec![
            rcgen::ExtendedKeyUsagePurpose::ServerAuth,
            rcgen::ExtendedKeyUsagePurpose::ClientAuth,
        ];
        // On loopback a replica's connections come from 127.0.0.1, which etcd compares.
        let addresses = address.into_iter().chain([IpAddr::V4(Ipv4Addr::LOCALHOST)]);
        params.subject_alt_names.extend(addresses.map(rcgen::SanType::IpAddress));
        Ok((params.signed_by(&key, &self.issuer)?.pem(), key.serialize_pem()))
    }

    pub fn server(&self, name: &str, address: IpAddr) -> Result<ServerFiles, ProcessError> {
        let (certificate, key) = self.issue(name, Some(address))?;
        let files = ServerFiles {
            cert: self.dir.join(format!("{name}.pem")),
            key: self.dir.join(format!("{name}.key")),
            ca: self.dir.join("ca.pem"),
        };
        write(&files.cert, &certificate)?;
        write(&files.key, &key)?;
        Ok(files)
    }

    pub fn kube_identity(&self) -> Result<KubeIdentity, ProcessError> {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "chaos");
        params.distinguished_name.push(DnType::OrganizationName, "system:masters");
        let (cert, key) = self.sign(params, None)?;
        Ok(KubeIdentity { ca: self.certificate.clone(), cert, key })
    }

    pub fn client(&self) -> Result<ClientTlsConfig, ProcessError> {
        let (certificate, key) = self.issue("client", None)?;
        Ok(ClientTlsConfig::new()
            .ca_certificate(Certificate::from_pem(&self.certificate))
            .identity(Identity::from_pem(certificate, key)))
    }
}

fn write(path: &Path, text: &str) -> Result<(), ProcessError> {
    std::fs::write(path, text).map_err(ProcessError::io(format!("file {}", path.display())))
}
