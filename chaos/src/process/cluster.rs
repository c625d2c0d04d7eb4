//! The replicas of a run, as the nemesis sees them.

use super::ProcessError;
use super::client;
use super::endpoint::{Endpoint, Endpoints};
use super::network::Node;
use super::server::{Server, initial_cluster};
use super::stage::Stage;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use xebec_apiserver::etcd::proto::etcdserverpb as pb;

const START_TIMEOUT: Duration = Duration::from_secs(40);

pub struct Cluster {
    pub stage: Arc<Stage>,
    pub endpoints: Arc<Endpoints>,
    servers: Vec<Server>,
    next_node: Node,
    /// What the replicas did that they must not do.
    pub findings: Vec<String>,
}

impl Cluster {
    /// Starts a new cluster and waits until it serves.
    pub async fn start(stage: Arc<Stage>, replicas: u32) -> Result<Self, ProcessError> {
        let endpoints = Arc::new(Endpoints::default());
        let next_node = replicas + 1;
        let servers = (1..=replicas).map(|node| Server::new(node, false)).collect();
        let mut cluster = Self { stage, endpoints, servers, next_node, findings: Vec::new() };
        for node in cluster.nodes() {
            cluster.stage.add(node).await?;
        }
        cluster.refresh_endpoints()?;
        for node in cluster.nodes() {
            cluster.run(node)?;
        }
        cluster.wait_for_all().await?;
        Ok(cluster)
    }

    pub fn nodes(&self) -> Vec<Node> {
        self.servers.iter().map(|server| server.node).collect()
    }

    pub fn has(&self, node: Node) -> bool {
        node == super::network::CLIENTS || self.servers.iter().any(|server| server.node == node)
    }

    fn refresh_endpoints(&self) -> Result<(), ProcessError> {
        let endpoints = self.nodes().into_iter().map(|node| Endpoint::new(&self.stage, node));
        self.endpoints.set(endpoints.collect::<Result<_, _>>()?);
        Ok(())
    }

    pub fn server(&mut self, node: Node) -> &mut Server {
        let server = self.servers.iter_mut().find(|server| server.node == node);
        server.expect("the nodes of a cluster have servers")
    }

    /// Starts the process of a replica that is down.
    pub fn run(&mut self, node: Node) -> Result<(), ProcessError> {
        let members = initial_cluster(&self.stage, &self.nodes());
        let stage = self.stage.clone();
        self.server(node).start(&stage, &members)
    }

    /// Waits until every replica knows a leader.
    pub async fn wait_for_all(&mut self) -> Result<(), ProcessError> {
        let deadline = Instant::now() + START_TIMEOUT;
        loop {
            self.note_unexpected_ends();
            let answers = self.statuses().await;
            if answers.len() == self.servers.len() && answers.iter().all(|(_, s)| s.leader != 0) {
                return Ok(());
            }
            if Instant::now() > deadline {
                let logs = self.stage.out.display().to_string();
                return Err(ProcessError::NotServing { seconds: START_TIMEOUT.as_secs(), logs });
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    pub async fn statuses(&self) -> Vec<(Endpoint, pb::StatusResponse)> {
        let endpoints = self.endpoints.all();
        let asked = endpoints.iter().map(|endpoint| async {
            let status = client::status(endpoint).await?;
            Some((endpoint.clone(), status))
        });
        futures::future::join_all(asked).await.into_iter().flatten().collect()
    }

    /// The leader by the word of those who answer, the one with the highest term first.
    pub async fn leader(&self) -> Option<(Node, pb::StatusResponse)> {
        let statuses = self.statuses().await;
        let newest =
            statuses.iter().filter(|(_, s)| s.leader != 0).max_by_key(|(_, s)| s.raft_term)?;
        let leader = newest.1.leader;
        let member = |s: &pb::StatusResponse| s.header.as_ref().map_or(0, |h| h.member_id);
        let found = statuses.iter().find(|(_, status)| member(status) == leader)?;
        Some((found.0.node, found.1.clone()))
    }

    /// Notes replicas that ended by themselves, and starts them again.
    pub fn revive(&mut self) -> Result<(), ProcessError> {
        self.note_unexpected_ends();
        for node in self.nodes() {
            if self.server(node).is_down() {
                self.run(node)?;
            }
        }
        Ok(())
    }

    fn note_unexpected_ends(&mut self) {
        let ends: Vec<String> =
            self.servers.iter_mut().filter_map(Server::unexpected_end).collect();
        self.findings.extend(ends);
    }

    /// Replaces a replica, dead from now on, by a new one: removed, a learner added, promoted.
    pub async fn replace(&mut self, node: Node) -> Result<Node, String> {
        let dead_url = self.stage.peer_url(node);
        self.server(node).kill().await;
        let deadline = Instant::now() + Duration::from_secs(20);
        let member = self.member_with_peer_url(&dead_url, deadline).await?;
        let id = member.id;
        self.order(deadline, node, move |endpoint| {
            let request = pb::MemberRemoveRequest { id };
            async move { client::cluster(&endpoint).member_remove(request).await }
        })
        .await
        .map_err(|reason| format!("removing r{node}: {reason}"))?;
        self.servers.retain(|server| server.node != node);
        let stage = self.stage.clone();
        stage.remove(node).await.map_err(|error| error.to_string())?;
        self.join(deadline).await
    }

    /// Adds a new member as a learner, starts it, and promotes it when it has caught up.
    async fn join(&mut self, deadline: Instant) -> Result<Node, String> {
        let node = self.next_node;
        self.next_node += 1;
        let peer_url = self.stage.peer_url(node);
        self.stage.add(node).await.map_err(|error| error.to_string())?;
        let asked_url = peer_url.clone();
        let added = self
            .order(deadline, node, move |endpoint| {
                let peer_urls = vec![asked_url.clone()];
                let request = pb::MemberAddRequest { peer_urls, is_learner: true };
                async move { client::cluster(&endpoint).member_add(request).await }
            })
            .await;
        // A lost answer may hide a member that was added; then it is listed.
        let id = match added {
            Ok(response) => response.member.map_or(0, |member| member.id),
            Err(_) => self.member_with_peer_url(&peer_url, deadline).await?.id,
        };
        self.servers.push(Server::new(node, true));
        self.run(node).map_err(|error| error.to_string())?;
        self.order(deadline, node, move |endpoint| {
            let request = pb::MemberPromoteRequest { id };
            async move { client::cluster(&endpoint).member_promote(request).await }
        })
        .await
        .map_err(|reason| format!("promoting r{node}: {reason}"))?;
        self.refresh_endpoints().map_err(|error| error.to_string())?;
        Ok(node)
    }

    async fn member_with_peer_url(
        &self,
        url: &str,
        deadline: Instant,
    ) -> Result<pb::Member, String> {
        let listed = self
            .order(deadline, 0, |endpoint| async move {
                let request = pb::MemberListRequest { linearizable: true };
                client::cluster(&endpoint).member_list(request).await
            })
            .await?;
        let mut members = listed.members.into_iter();
        let found = members.find(|member| member.peer_urls.iter().any(|there| there == url));
        found.ok_or_else(|| format!("no member has {url}"))
    }

    /// Gives an order to one replica after another (but not to `except`) until one obeys.
    async fn order<T, F>(
        &self,
        deadline: Instant,
        except: Node,
        give: impl Fn(Endpoint) -> F,
    ) -> Result<T, String>
    where
        F: Future<Output = Result<tonic::Response<T>, tonic::Status>>,
    {
        let mut last = "nobody was asked".to_owned();
        while Instant::now() < deadline {
            for endpoint in self.endpoints.all().iter().filter(|e| e.node != except) {
                match client::order(Duration::from_secs(2), give(endpoint.clone())).await {
                    Ok(answer) => return Ok(answer),
                    Err(reason) => last = reason,
                }
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Err(last)
    }

    /// Lines of the replicas' logs that no run may produce.
    pub fn panics(&self) -> Vec<String> {
        let mut found = Vec::new();
        for node in 1..self.next_node {
            let path = self.stage.out.join(format!("r{node}.log"));
            let Ok(log) = std::fs::read_to_string(&path) else { continue };
            let panicked = log.lines().filter(|line| line.contains("panicked at"));
            found.extend(panicked.map(|line| format!("r{node}: {}", line.trim())));
        }
        found
    }

    pub async fn stop_all(&mut self) {
        for server in &mut self.servers {
            server.resume();
            server.kill().await;
        }
    }
}
