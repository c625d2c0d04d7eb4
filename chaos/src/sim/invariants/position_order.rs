//! A replica applies only what is committed, and has in its log what it has committed.

use super::{Finding, Sample};

pub fn check(sample: &Sample<'_>) -> Finding {
    let status = sample.status;
    let ordered = status.applied_index <= status.committed_index
        && status.committed_index <= status.last_log_index;
    (!ordered).then(|| {
        let detail = format!(
            "host {}: applied {}, committed {}, last {}",
            sample.host, status.applied_index, status.committed_index, status.last_log_index
        );
        ("applied <= committed <= last", detail)
    })
}
