//! [`Accepted`]: the connections of one listener, from the accept to the drain.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// After a failed accept (too many open files, mostly).
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Every connection is a task here and ends with it.
pub struct Accepted {
    connections: JoinSet<()>,
    /// One permit for each connection that may be open.
    room: Arc<Semaphore>,
}

impl Accepted {
    pub fn new(connections_max: usize) -> Self {
        Self { connections: JoinSet::new(), room: Arc::new(Semaphore::new(connections_max)) }
    }

    /// Takes connections for as long as it is polled; `begin` makes the task of one.
    pub async fn take<C>(
        &mut self,
        listener: &TcpListener,
        begin: impl Fn(TcpStream, SocketAddr) -> C,
    ) where
        C: Future<Output = ()> + Send + 'static,
    {
        loop {
            let Ok(permit) = self.room.clone().acquire_owned().await else { return };
            match listener.accept().await {
                Ok((stream, address)) => {
                    let connection = begin(stream, address);
                    self.connections.spawn(async move {
                        connection.await;
                        drop(permit);
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "accept");
                    sleep(ACCEPT_PAUSE).await;
                }
            }
            while self.connections.try_join_next().is_some() {}
        }
    }

    /// Waits for the connections to end, and ends those that do not in time.
    pub async fn drain(mut self, patience: Duration) {
        let all = async { while self.connections.join_next().await.is_some() {} };
        if timeout(patience, all).await.is_err() {
            tracing::warn!(left = self.connections.len(), "connections did not drain");
            self.connections.shutdown().await;
        }
    }
}
