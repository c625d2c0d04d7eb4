//! A replica applies only what is committed, and only what it has. (What is committed in the
//! cluster may lie ahead of the log of a replica that lags.)

use super::{Finding, Sample};

pub fn check(sample: &Sample<'_>) -> Finding {
    let status = sample.status;
    let ordered = status.applied_index <= status.committed_index
        && status.applied_index <= status.last_log_index;
    (!ordered).then(|| {
        let detail = format!(
            "host {}: applied {}, committed {}, last {}",
            sample.host, status.applied_index, status.committed_index, status.last_log_index
        );
        ("applied is committed and in the log", detail)
    })
}
