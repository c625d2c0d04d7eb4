//! Reads with resourceVersion=0, at one replica after the other: any state will do, but none that is
//! older than one already seen (kubernetes/kubernetes#59848).

use super::client::{Outcome, version};
use super::{MAPS, Run};
use rand::RngExt;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;

const PACE: Duration = Duration::from_millis(3);

/// Reads until the run is over; what was wrong, and the number of reads.
pub async fn read(run: Arc<Run>) -> (Vec<String>, u64) {
    let mut rng = run.rng(3_000);
    let path = format!("{MAPS}?resourceVersion=0");
    let (mut findings, mut reads, mut newest) = (Vec::new(), 0, 0);
    while !run.is_over() {
        let replica = rng.random_range(0..run.client.replicas());
        if let Outcome::Answered(200, list) =
            run.client.ask(replica, "GET", &path, &Value::Null).await
        {
            reads += 1;
            let read = version(&list);
            if read < newest {
                let replica = replica + 1;
                findings.push(format!("replica {replica} showed {read} after {newest} was seen"));
            }
            newest = newest.max(read);
        }
        tokio::time::sleep(PACE).await;
    }
    (findings, reads)
}
