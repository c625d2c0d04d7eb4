//! Linearizable gets of single keys, spread over all members.

use super::{Load, closed_loop, fill, key};
use crate::BenchError;
use crate::measure::Sample;
use crate::target::Target;
use xebec_apiserver::etcd::proto::etcdserverpb::RangeRequest;

pub async fn run(target: &Target, load: &Load) -> Result<Sample, BenchError> {
    let channels = target.connect(load.connections).await?;
    fill(&channels, load, 64).await?;
    let (prefix, keys) = (load.prefix, load.keys);
    let get = move |mut kv: super::KvClient<_>, random: u64| async move {
        let request = RangeRequest { key: key(prefix, random % keys), ..RangeRequest::default() };
        kv.range(request).await.map(drop)
    };
    target.measure(async { Ok(closed_loop(&channels, load, get).await) }).await
}
