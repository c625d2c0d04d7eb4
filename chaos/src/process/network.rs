//! The network between the replicas and the clients, and what can be done to it.
//!
//! In a sandbox each replica has a network namespace with one interface, joined by a bridge; node
//! 0 is the bridge itself, where the clients are. A direction is cut by giving the sender a false
//! hardware address for the receiver: the frames are sent, and nobody takes them. That needs no
//! packet filter, and looks to both ends like a cable that is cut.

use super::{ProcessError, shell};
use tokio::process::Command;

/// A replica's number, from 1; 0 stands for the clients.
pub type Node = u32;

pub const CLIENTS: Node = 0;

#[derive(Debug, Clone)]
pub enum Network {
    /// Loopback addresses, a second and third byte of the run's own.
    Loopback {
        second: u8,
        third: u8,
    },
    Bridged {
        has_netem: bool,
    },
}

impl Network {
    pub async fn bridged() -> Result<Self, ProcessError> {
        shell::run("ip link add br0 type bridge").await?;
        shell::run("ip addr add 10.77.0.254/24 dev br0").await?;
        shell::run(&format!("ip link set br0 address {}", hardware(CLIENTS))).await?;
        shell::run("ip link set br0 up").await?;
        shell::run("ip link add probe0 type veth peer name probe1").await?;
        let has_netem = shell::succeeds("tc qdisc add dev probe0 root netem delay 1ms").await;
        shell::run("ip link del probe0").await?;
        Ok(Self::Bridged { has_netem })
    }

    /// Addresses of a run with this process id: parallel runs do not meet.
    pub fn loopback(process_id: u32) -> Self {
        let [_, _, high, low] = process_id.to_be_bytes();
        Self::Loopback { second: 64 | (high & 0x3f), third: low }
    }

    pub fn can_break(&self) -> bool {
        matches!(self, Self::Bridged { .. })
    }

    pub fn has_netem(&self) -> bool {
        matches!(self, Self::Bridged { has_netem: true })
    }

    pub fn address(&self, node: Node) -> String {
        match self {
            Self::Loopback { second, third } => format!("127.{second}.{third}.{node}"),
            Self::Bridged { .. } if node == CLIENTS => "10.77.0.254".to_owned(),
            Self::Bridged { .. } => format!("10.77.0.{node}"),
        }
    }

    /// Makes the place of a replica.
    pub async fn add(&self, node: Node) -> Result<(), ProcessError> {
        if !self.can_break() {
            return Ok(());
        }
        let address = self.address(node);
        shell::run(&format!("ip netns add r{node}")).await?;
        shell::run(&format!(
            "ip link add v{node} type veth peer name eth0 address {} netns r{node}",
            hardware(node)
        ))
        .await?;
        shell::run(&format!("ip link set v{node} master br0 up")).await?;
        shell::run(&format!("ip -n r{node} addr add {address}/24 dev eth0")).await?;
        shell::run(&format!("ip -n r{node} link set lo up")).await?;
        shell::run(&format!("ip -n r{node} link set eth0 up")).await
    }

    pub async fn remove(&self, node: Node) -> Result<(), ProcessError> {
        if !self.can_break() {
            return Ok(());
        }
        shell::run(&format!("ip link del v{node}")).await?;
        shell::run(&format!("ip netns del r{node}")).await
    }

    /// A command that runs at the place of a replica.
    pub fn command(&self, node: Node, program: &std::path::Path) -> Command {
        match self {
            Self::Loopback { .. } => Command::new(program),
            Self::Bridged { .. } => {
                let mut command = Command::new("ip");
                command.args(["netns", "exec", &format!("r{node}")]).arg(program);
                command
            }
        }
    }

    /// Nothing that `from` sends reaches `to` any more.
    pub async fn cut(&self, from: Node, to: Node) -> Result<(), ProcessError> {
        self.neighbour(from, to, "02:00:00:77:ff:ff").await
    }

    pub async fn join(&self, from: Node, to: Node) -> Result<(), ProcessError> {
        self.neighbour(from, to, &hardware(to)).await
    }

    async fn neighbour(&self, from: Node, to: Node, at: &str) -> Result<(), ProcessError> {
        let place = match from {
            CLIENTS => "ip".to_owned(),
            replica => format!("ip -n r{replica}"),
        };
        let device = if from == CLIENTS { "br0" } else { "eth0" };
        let address = self.address(to);
        let neighbour = format!("neigh replace {address} lladdr {at} dev {device} nud permanent");
        shell::run(&format!("{place} {neighbour}")).await
    }

    /// Pulls a replica's cable, or puts it back.
    pub async fn link(&self, node: Node, up: bool) -> Result<(), ProcessError> {
        let state = if up { "up" } else { "down" };
        shell::run(&format!("ip link set v{node} {state}")).await
    }

    /// Makes both directions of a replica's cable slow: delayed and lossy where the kernel can,
    /// else narrow, which delays and loses too.
    pub async fn slow(&self, node: Node) -> Result<(), ProcessError> {
        let discipline = if self.has_netem() {
            "netem delay 30ms 20ms loss 3%"
        } else {
            "tbf rate 1mbit burst 4k latency 60ms"
        };
        shell::run(&format!("tc qdisc replace dev v{node} root {discipline}")).await?;
        shell::run(&format!("tc -n r{node} qdisc replace dev eth0 root {discipline}")).await
    }

    pub async fn unslow(&self, node: Node) -> Result<(), ProcessError> {
        shell::run(&format!("tc qdisc del dev v{node} root")).await?;
        shell::run(&format!("tc -n r{node} qdisc del dev eth0 root")).await
    }
}

fn hardware(node: Node) -> String {
    format!("02:00:00:77:00:{:02x}", if node == CLIENTS { 254 } else { node })
}
