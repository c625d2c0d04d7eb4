//! Connections to one replica, apart for requests, watches and the run's own questions, so that
//! none waits behind another.

use super::ProcessError;
use super::network::Node;
use super::stage::Stage;
use parking_lot::RwLock;
use rand::RngExt;
use rand::rngs::StdRng;
use std::sync::Arc;
use std::time::Duration;
use tonic::transport::{Channel, Endpoint as TonicEndpoint};

/// Largest message taken: a list of all keys of a run, or many events.
pub const MESSAGE_BYTES_MAX: usize = 64 << 20;

#[derive(Clone)]
pub struct Endpoint {
    pub node: Node,
    pub requests: Channel,
    pub watches: Channel,
    pub questions: Channel,
}

impl Endpoint {
    /// Connects when first used, and again when a connection breaks.
    pub fn new(stage: &Stage, node: Node) -> Result<Self, ProcessError> {
        let endpoint = TonicEndpoint::from_shared(stage.client_url(node))?
            .tls_config(stage.client_tls.clone())?
            .connect_timeout(Duration::from_millis(500))
            .tcp_nodelay(true)
            .http2_keep_alive_interval(Duration::from_secs(1))
            .keep_alive_timeout(Duration::from_secs(1))
            .keep_alive_while_idle(true);
        Ok(Self {
            node,
            requests: endpoint.connect_lazy(),
            watches: endpoint.connect_lazy(),
            questions: endpoint.connect_lazy(),
        })
    }
}

/// The endpoints of the members of the moment.
#[derive(Default)]
pub struct Endpoints {
    members: RwLock<Arc<Vec<Endpoint>>>,
}

impl Endpoints {
    pub fn set(&self, members: Vec<Endpoint>) {
        *self.members.write() = Arc::new(members);
    }

    pub fn all(&self) -> Arc<Vec<Endpoint>> {
        self.members.read().clone()
    }

    pub fn any(&self, rng: &mut StdRng) -> Endpoint {
        let members = self.all();
        members[rng.random_range(0..members.len())].clone()
    }

    /// The endpoint at a position, whichever replica is there now.
    pub fn at(&self, position: usize) -> Endpoint {
        let members = self.all();
        members[position % members.len()].clone()
    }
}
