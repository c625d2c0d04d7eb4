//! TaintNodesByCondition: a new node takes no pods until it is known to be ready.

use super::{Operation, Plugin, Review};
use xebec_core::edit::{self, Edit};
use xebec_core::status::Status;
use xebec_core::value::{Object, Value};

const TAINT: &str = "node.kubernetes.io/not-ready";

pub struct TaintNodesByCondition;

impl Plugin for TaintNodesByCondition {
    fn name(&self) -> &'static str {
        "TaintNodesByCondition"
    }

    fn admit(&self, review: &mut Review<'_>, object: &mut Object) -> Result<(), Status> {
        if review.operation != Operation::Create || !review.is_of("", "Node") {
            return Ok(());
        }
        let mut taints = edit::items(object, &["spec", "taints"]).to_vec();
        let has = taints.iter().any(|taint| {
            let text = |name| taint.get(name).and_then(Value::as_str);
            text("key") == Some(TAINT) && text("effect") == Some("NoSchedule")
        });
        if !has {
            let fields = [("key", TAINT), ("effect", "NoSchedule")];
            let taint = fields.into_iter().map(|(name, text)| (name.into(), text.into())).collect();
            taints.push(Value::Object(taint));
            Edit::new(review.target, object).set(&["spec", "taints"], Value::Array(taints));
        }
        Ok(())
    }
}
