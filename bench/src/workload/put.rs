//! Replicated, fsynced puts: many clients for throughput, one for latency.

use super::{Load, closed_loop, key, value};
use crate::BenchError;
use crate::measure::Sample;
use crate::target::Target;
use xebec_apiserver::etcd::proto::etcdserverpb::PutRequest;

pub async fn run(target: &Target, load: &Load) -> Result<Sample, BenchError> {
    let channels = target.connect(load.connections).await?;
    let (prefix, keys, value) = (load.prefix, load.keys, value(load.value_size_bytes, 1));
    let put = move |mut kv: super::KvClient<_>, random: u64| {
        let value = value.clone();
        async move {
            let request =
                PutRequest { key: key(prefix, random % keys), value, ..PutRequest::default() };
            kv.put(request).await.map(drop)
        }
    };
    target.measure(async { Ok(closed_loop(&channels, load, put).await) }).await
}
