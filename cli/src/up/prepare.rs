//! Everything a replica needs on disk before it starts: certificates, configuration, directories.

use super::cluster_file::{ClusterFile, LocalMember};
use super::kubeconfig;
use super::layout::Layout;
use crate::config::{InitialMember, Settings, commented_toml};
use crate::failure::Failure;
use crate::pki::{Pair, Pki, write_private};
use crate::surroundings::now;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

/// The administrator's certificates, one for each API.
pub struct Admin {
    pub etcd: Pair,
    pub kube: Pair,
    pub kube_ca: PathBuf,
}

/// Makes or renews the certificates of all members and writes their configurations, `etcdctl.env`
/// and the kubeconfig.
pub fn prepare(
    layout: &Layout,
    cluster: &ClusterFile,
    common: &Settings,
) -> Result<Admin, Failure> {
    let pki = Pki::open(&layout.pki(), now())?;
    let admin =
        Admin { etcd: pki.admin()?, kube: pki.kube_admin()?, kube_ca: pki.kube_ca().to_owned() };
    create_dir(&layout.logs())?;
    for member in &cluster.members {
        let initial: Vec<InitialMember> = cluster.members.iter().map(initial_member).collect();
        let mut settings = common.clone();
        settings.log.file = Some(layout.log(&member.name));
        write_config(layout, &pki, cluster, (member, initial), &settings)?;
    }
    let env = etcdctl_env(&cluster.client_urls(), pki.client_ca(), &admin.etcd);
    write_private(&layout.etcdctl_env(), &env)?;
    kubeconfig::write(&layout.kubeconfig(), &cluster.vip_url(), &admin.kube_ca, &admin.kube)?;
    Ok(admin)
}

/// Makes the certificates of one member and writes its configuration.
pub fn write_config(
    layout: &Layout,
    pki: &Pki,
    cluster: &ClusterFile,
    (member, initial): (&LocalMember, Vec<InitialMember>),
    common: &Settings,
) -> Result<(), Failure> {
    let addresses: Vec<_> = [&member.client_url, &member.peer_url]
        .into_iter()
        .filter_map(|url| Some(url.socket()?.ip()))
        .collect();
    let files = pki.replica(&member.name, &addresses)?;
    let mut settings = common.clone();
    settings.name = Some(member.name.clone());
    settings.data_dir = Some(layout.data(&member.name));
    settings.cluster.initial = Some(initial);
    settings.cluster.token = Some(cluster.token.clone());
    settings.cluster.join = Some(member.join);
    settings.client.listen = Some(vec![member.client_url.clone()]);
    settings.client.cert = Some(files.client.cert);
    settings.client.key = Some(files.client.key);
    settings.client.ca = Some(files.client_ca);
    settings.peer.listen = Some(vec![member.peer_url.clone()]);
    settings.peer.cert = Some(files.peer.cert);
    settings.peer.key = Some(files.peer.key);
    settings.peer.ca = Some(files.peer_ca);
    write_api(&mut settings, pki, cluster, member)?;
    let head = format!(
        "# Replica {} of the cluster in {}; written by xebec.\n# To run it alone: xebec server --config {}\n\n",
        member.name,
        layout.root().display(),
        layout.config(&member.name).display()
    );
    let text = head + &commented_toml(&settings.with_defaults());
    Ok(write_private(&layout.config(&member.name), &text)?)
}

/// The part of a member's configuration that is about the Kubernetes API.
fn write_api(
    settings: &mut Settings,
    pki: &Pki,
    cluster: &ClusterFile,
    member: &LocalMember,
) -> Result<(), Failure> {
    let (url, vip) = (cluster.api_url(member), cluster.vip_url());
    let services = Settings::default().with_defaults().api.service_cidr;
    // The Service `kubernetes` has the first one.
    let mut addresses: Vec<IpAddr> =
        services.iter().flatten().filter_map(|range| range.hosts().next()).collect();
    addresses.extend([&url, &vip].into_iter().filter_map(|url| Some(url.socket()?.ip())));
    let files = pki.kube_replica(&member.name, &addresses)?;
    let api = &mut settings.api;
    api.listen = Some(vec![url]);
    api.vip = Some(vip);
    api.cert = Some(files.server.cert);
    api.key = Some(files.server.key);
    api.client_ca = Some(files.ca);
    api.service_account_key = Some(files.service_account_key);
    Ok(())
}

pub fn initial_member(member: &LocalMember) -> InitialMember {
    InitialMember { name: member.name.clone(), peer_url: member.peer_url.clone() }
}

pub fn create_dir(path: &Path) -> Result<(), Failure> {
    std::fs::create_dir_all(path).map_err(|error| Failure::io(path.display(), &error))
}

fn etcdctl_env(endpoints: &[String], ca: &Path, admin: &Pair) -> String {
    let line =
        |name: &str, value: &str| format!("export {name}='{}'\n", value.replace('\'', "'\\''"));
    let path = |path: &Path| path.display().to_string();
    String::from("# To be sourced by a shell: etcdctl (and xebec) then talk to this cluster.\n")
        + &line("ETCDCTL_API", "3")
        + &line("ETCDCTL_ENDPOINTS", &endpoints.join(","))
        + &line("ETCDCTL_CACERT", &path(ca))
        + &line("ETCDCTL_CERT", &path(&admin.cert))
        + &line("ETCDCTL_KEY", &path(&admin.key))
}

#[cfg(test)]
mod tests {
    use super::super::cluster_file::Addresses;
    use super::*;
    use std::net::Ipv4Addr;

    #[test]
    fn the_written_configurations_are_valid() {
        let dir = tempfile::tempdir().expect("a directory");
        let layout = Layout::new(dir.path().to_owned());
        let base = Ipv4Addr::new(127, 0, 0, 11);
        let addresses = Addresses { base, client_port: 2379, peer_port: 2380 };
        let cluster = ClusterFile::new(addresses, "t").expect("loopback");
        prepare(&layout, &cluster, &Settings::default()).expect("writable");
        for member in &cluster.members {
            let settings =
                crate::config::load(Some(&layout.config(&member.name)), &Settings::default());
            let config = settings.and_then(Settings::validate).expect("valid");
            assert_eq!(config.name, member.name);
            assert_eq!(config.cluster.members.len(), 3);
            let tls = config.client.tls.expect("TLS");
            assert!(tls.cert.is_file() && tls.client_ca.is_some());
            let api = config.api.expect("served");
            assert_eq!(api.vip, "127.0.0.10:6443".parse().ok());
            assert_ne!(
                api.tls.client_ca, tls.client_ca,
                "clients of Kubernetes are no etcd clients"
            );
        }
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(layout.kubeconfig()).expect("written").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let env = std::fs::read_to_string(layout.etcdctl_env()).expect("written");
        assert!(
            env.contains("export ETCDCTL_ENDPOINTS='https://127.0.0.11:2379,https://127.0.0.12")
        );
    }
}
