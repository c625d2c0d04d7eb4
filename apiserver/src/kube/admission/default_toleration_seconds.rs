//! DefaultTolerationSeconds: a pod stays on a node in trouble for five minutes unless it says
//! otherwise.

use super::{Plugin, Review};
use xebec_core::edit::{self, Edit};
use xebec_core::status::Status;
use xebec_core::value::{Object, Value};

const TAINTS: [&str; 2] = ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"];
const TOLERATION_S: i64 = 300;

pub struct DefaultTolerationSeconds;

impl Plugin for DefaultTolerationSeconds {
    fn name(&self) -> &'static str {
        "DefaultTolerationSeconds"
    }

    fn admit(&self, review: &mut Review<'_>, object: &mut Object) -> Result<(), Status> {
        if !review.is_of("", "Pod") {
            return Ok(());
        }
        let mut tolerations = edit::items(object, &["spec", "tolerations"]).to_vec();
        let before = tolerations.len();
        for taint in TAINTS {
            if !tolerations[..before].iter().any(|one| tolerates(one, taint)) {
                tolerations.push(toleration(taint));
            }
        }
        if tolerations.len() > before {
            Edit::new(review.target, object)
                .set(&["spec", "tolerations"], Value::Array(tolerations));
        }
        Ok(())
    }
}

fn tolerates(toleration: &Value, taint: &str) -> bool {
    let text = |name| toleration.get(name).and_then(Value::as_str).unwrap_or_default();
    matches!(text("key"), key if key == taint || key.is_empty())
        && matches!(text("effect"), "NoExecute" | "")
}

fn toleration(taint: &str) -> Value {
    let fields = [
        ("key", Value::from(taint)),
        ("operator", "Exists".into()),
        ("effect", "NoExecute".into()),
        ("tolerationSeconds", Value::Int(TOLERATION_S)),
    ];
    Value::Object(fields.into_iter().map(|(name, value)| (name.into(), value)).collect())
}
