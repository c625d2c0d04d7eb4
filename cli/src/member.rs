//! `xebec member`: who belongs to the cluster.

use crate::client::{Client, Connection, Endpoints, failure};
use crate::config::{InitialMember, Settings, Url};
use crate::failure::{Failure, Kind};
use crate::pki::Pki;
use crate::surroundings::{now, say};
use crate::table::table;
use crate::up::{ClusterFile, Layout, LocalMember, initial_member, quoted, write_config};
use clap::Subcommand;
use xebec_apiserver::etcd::proto::etcdserverpb as pb;

#[derive(Debug, Subcommand)]
pub enum Member {
    /// Show all members.
    List,
    /// Add a member, as a learner unless told otherwise, and print how to start it.
    Add {
        /// Its name.
        name: String,
        /// Where the other replicas will reach it, separated by commas.
        #[arg(long = "peer-urls", value_name = "URL,...", value_delimiter = ',', required = true)]
        peer_urls: Vec<Url>,
        /// Where clients will reach it. [default: the host of the first peer URL, port 2379 or
        /// that of the cluster's other members]
        #[arg(long, value_name = "URL")]
        client_url: Option<Url>,
        /// Give it a vote at once; a majority of the larger cluster must then be there.
        #[arg(long)]
        voter: bool,
    },
    /// Remove a member for good; its id is never used again.
    Remove {
        /// Its name or id.
        member: String,
    },
    /// Give a learner that has caught up its vote.
    Promote {
        /// Its name or id.
        member: String,
    },
    /// Change the URLs at which the other replicas reach a member.
    Update {
        /// Its name or id.
        member: String,
        #[arg(long = "peer-urls", value_name = "URL,...", value_delimiter = ',', required = true)]
        peer_urls: Vec<Url>,
    },
}

pub async fn run(command: Member, connection: &Connection) -> Result<(), Failure> {
    let endpoints = connection.resolve()?;
    let client = endpoints.any().await?;
    match command {
        Member::List => list(client).await,
        Member::Add { name, peer_urls, client_url, voter } => {
            let new = NewMember { name, peer_urls, client_url, voter };
            add(client, &endpoints, new).await
        }
        Member::Remove { member } => remove(client, &endpoints, &member).await,
        Member::Promote { member } => {
            let member = find(client, &member).await?;
            let request = pb::MemberPromoteRequest { id: member.id };
            client.cluster().member_promote(request).await.map_err(|s| failure(&client.url, &s))?;
            say(format_args!("{} ({:x}) has a vote now", member.name, member.id));
            Ok(())
        }
        Member::Update { member, peer_urls } => {
            let member = find(client, &member).await?;
            let request = pb::MemberUpdateRequest { id: member.id, peer_urls: texts(&peer_urls) };
            client.cluster().member_update(request).await.map_err(|s| failure(&client.url, &s))?;
            say(format_args!(
                "{} ({:x}) is at {}",
                member.name,
                member.id,
                texts(&peer_urls).join(", ")
            ));
            Ok(())
        }
    }
}

struct NewMember {
    name: String,
    peer_urls: Vec<Url>,
    client_url: Option<Url>,
    voter: bool,
}

fn texts(urls: &[Url]) -> Vec<String> {
    urls.iter().map(Url::to_string).collect()
}

async fn members(client: &Client) -> Result<Vec<pb::Member>, Failure> {
    Ok(client.members().await.map_err(|status| failure(&client.url, &status))?.members)
}

/// The member of that name or id.
async fn find(client: &Client, name_or_id: &str) -> Result<pb::Member, Failure> {
    let members = members(client).await?;
    let id = u64::from_str_radix(name_or_id, 16).ok();
    let found = members
        .iter()
        .find(|member| member.name == name_or_id)
        .or_else(|| members.iter().find(|member| Some(member.id) == id));
    found.cloned().ok_or_else(|| {
        Failure::new(Kind::Failed, format!("there is no member {name_or_id:?}"))
            .remedy("see xebec member list for names and ids")
    })
}

async fn list(client: &Client) -> Result<(), Failure> {
    let mut table = table(["id", "name", "peer URLs", "client URLs", "vote"]);
    for member in members(client).await? {
        let name = if member.name.is_empty() { "(not started yet)" } else { &member.name };
        table.add_row([
            format!("{:x}", member.id),
            name.to_owned(),
            member.peer_urls.join(", "),
            member.client_urls.join(", "),
            if member.is_learner { "learner" } else { "yes" }.to_owned(),
        ]);
    }
    say(table);
    Ok(())
}

async fn add(client: &Client, endpoints: &Endpoints, new: NewMember) -> Result<(), Failure> {
    if let Some(layout) = &endpoints.layout
        && layout.data(&new.name).exists()
    {
        let message = format!("{} has data already", layout.data(&new.name).display());
        return Err(Failure::new(Kind::Data, message).remedy(
            "a new member starts empty: move that directory away, or choose another name",
        ));
    }
    let request = pb::MemberAddRequest { peer_urls: texts(&new.peer_urls), is_learner: !new.voter };
    let response = client.cluster().member_add(request).await;
    let response = response.map_err(|status| failure(&client.url, &status))?.into_inner();
    let id = response.member.map(|member| member.id).unwrap_or_default();
    say(format_args!("Added {} as {id:x}. Start it with:\n", new.name));
    match &endpoints.layout {
        Some(layout) if Pki::exists(&layout.pki()) => {
            let config = add_locally(layout, &new)?;
            say(format_args!("  xebec server --config {}", quoted(&config)));
        }
        _ => say(command_line(&new, &response.members)),
    }
    if !new.voter {
        say(format_args!(
            "\nWhen it has caught up, give it its vote:\n\n  xebec member promote {}",
            new.name
        ));
    }
    Ok(())
}

/// Makes certificates and a configuration for a new member of the cluster on this machine, and
/// has `xebec up` run it from its next start on.
fn add_locally(layout: &Layout, new: &NewMember) -> Result<std::path::PathBuf, Failure> {
    let mut cluster = ClusterFile::read(layout)?.ok_or_else(|| {
        Failure::new(Kind::Data, format!("{} has vanished", layout.cluster().display()))
    })?;
    let peer_url = new.peer_urls[0].clone();
    let client_port = cluster.members.first().map_or(2379, |member| member.client_url.port);
    let usual = Url { port: client_port, ..peer_url.clone() };
    let member = LocalMember {
        name: new.name.clone(),
        client_url: new.client_url.clone().unwrap_or(usual),
        peer_url,
        join: true,
    };
    cluster.members.retain(|existing| existing.name != member.name);
    cluster.members.push(member.clone());
    let initial = cluster.members.iter().map(initial_member).collect();
    let pki = Pki::open(&layout.pki(), now())?;
    // Logs to standard error: it is started by hand.
    write_config(layout, &pki, &cluster, (&member, initial), &Settings::default())?;
    cluster.write(layout)?;
    Ok(layout.config(&new.name))
}

/// How to start a member on another machine.
fn command_line(new: &NewMember, members: &[pb::Member]) -> String {
    let first = &new.peer_urls[0];
    let usual = Url { port: 2379, ..first.clone() };
    let client_url = new.client_url.as_ref().unwrap_or(&usual);
    let own = new
        .peer_urls
        .iter()
        .map(|url| InitialMember { name: new.name.clone(), peer_url: url.clone() });
    let others = members
        .iter()
        .filter(|member| member.peer_urls != texts(&new.peer_urls))
        .flat_map(|member| member.peer_urls.iter().map(|url| format!("{}={url}", member.name)));
    let initial: Vec<String> = others.chain(own.map(|member| member.to_string())).collect();
    let mut lines = vec![
        format!("xebec server --name {} --join", new.name),
        format!("--cluster-initial {}", initial.join(",")),
        format!("--peer-listen {}", texts(&new.peer_urls).join(",")),
        format!("--client-listen {client_url}"),
    ];
    if first.tls {
        lines.push("--peer-cert FILE --peer-key FILE --peer-ca FILE".to_owned());
    }
    if client_url.tls {
        lines.push("--client-cert FILE --client-key FILE --client-ca FILE".to_owned());
    }
    if !first.tls || !client_url.tls {
        lines.push("--insecure".to_owned());
    }
    format!("  {}", lines.join(" \\\n    "))
}

async fn remove(client: &Client, endpoints: &Endpoints, member: &str) -> Result<(), Failure> {
    let member = find(client, member).await?;
    let request = pb::MemberRemoveRequest { id: member.id };
    client
        .cluster()
        .member_remove(request)
        .await
        .map_err(|status| failure(&client.url, &status))?;
    say(format_args!("Removed {} ({:x}); its process stops by itself", member.name, member.id));
    if let Some(layout) = &endpoints.layout
        && let Some(mut cluster) = ClusterFile::read(layout)?
    {
        let peers = &member.peer_urls;
        cluster.members.retain(|local| !peers.contains(&local.peer_url.to_string()));
        cluster.write(layout)?;
        let data = layout.data(&member.name);
        if !member.name.is_empty() && data.exists() {
            say(format_args!("Its data stays in {} until you remove it", data.display()));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    #[test]
    fn the_command_line_is_complete() {
        let new = NewMember {
            name: "m4".to_owned(),
            peer_urls: vec!["https://10.0.0.4:2380".parse().expect("a URL")],
            client_url: None,
            voter: false,
        };
        let member = |name: &str, url: &str| pb::Member {
            name: name.to_owned(),
            peer_urls: vec![url.to_owned()],
            ..Default::default()
        };
        let members = [member("m1", "https://10.0.0.1:2380"), member("", "https://10.0.0.4:2380")];
        expect![[r#"
            start it with
              xebec server --name m4 --join \
                --cluster-initial m1=https://10.0.0.1:2380,m4=https://10.0.0.4:2380 \
                --peer-listen https://10.0.0.4:2380 \
                --client-listen https://10.0.0.4:2379 \
                --peer-cert FILE --peer-key FILE --peer-ca FILE \
                --client-cert FILE --client-key FILE --client-ca FILE"#]]
        .assert_eq(&format!("start it with\n{}", command_line(&new, &members)));
    }
}
