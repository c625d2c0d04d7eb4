//! DefaultStorageClass and DefaultIngressClass: what names no class gets the newest one that is
//! annotated as default.

use super::{Operation, Plugin, Review};
use xebec_core::edit::{self, Edit};
use xebec_core::lifecycle;
use xebec_core::status::{GroupName, Status};
use xebec_core::value::{Object, Value};

const INGRESS_CLASS_ANNOTATION: &str = "kubernetes.io/ingress.class";
const STORAGE_CLASS_ANNOTATION: &str = "volume.beta.kubernetes.io/storage-class";

pub struct DefaultStorageClass;

impl Plugin for DefaultStorageClass {
    fn name(&self) -> &'static str {
        "DefaultStorageClass"
    }

    fn admit(&self, review: &mut Review<'_>, object: &mut Object) -> Result<(), Status> {
        let applies =
            review.operation == Operation::Create && review.is_of("", "PersistentVolumeClaim");
        // An empty name asks for no class at all.
        let named = edit::object(object, &["spec"])
            .is_some_and(|spec| spec.get("storageClassName").is_some_and(|name| !name.is_null()));
        if !applies || named || annotation(object, STORAGE_CLASS_ANNOTATION).is_some() {
            return Ok(());
        }
        let classes = GroupName { group: "storage.k8s.io", name: "storageclasses" };
        let marks = [
            "storageclass.kubernetes.io/is-default-class",
            "storageclass.beta.kubernetes.io/is-default-class",
        ];
        if let Some(name) = default_of(review, classes, &marks)? {
            Edit::new(review.target, object).set(&["spec", "storageClassName"], name);
        }
        Ok(())
    }
}

pub struct DefaultIngressClass;

impl Plugin for DefaultIngressClass {
    fn name(&self) -> &'static str {
        "DefaultIngressClass"
    }

    fn admit(&self, review: &mut Review<'_>, object: &mut Object) -> Result<(), Status> {
        let applies =
            review.operation == Operation::Create && review.is_of("networking.k8s.io", "Ingress");
        let named = edit::at(object, &["spec", "ingressClassName"]).is_some();
        if !applies || named || annotation(object, INGRESS_CLASS_ANNOTATION).is_some() {
            return Ok(());
        }
        let classes = GroupName { group: "networking.k8s.io", name: "ingressclasses" };
        let marks = ["ingressclass.kubernetes.io/is-default-class"];
        if let Some(name) = default_of(review, classes, &marks)? {
            Edit::new(review.target, object).set(&["spec", "ingressClassName"], name);
        }
        Ok(())
    }
}

fn annotation<'o>(object: &'o Object, name: &str) -> Option<&'o str> {
    let annotations = lifecycle::metadata(object).get("annotations");
    annotations.and_then(|all| all.get(name)).and_then(Value::as_str)
}

/// The newest class with one of these marks; of equally old ones the first by name.
fn default_of(
    review: &Review<'_>,
    classes: GroupName<'_>,
    marks: &[&str],
) -> Result<Option<String>, Status> {
    let mut marked = review.all(classes, "")?;
    marked.retain(|class| marks.iter().any(|mark| annotation(class, mark) == Some("true")));
    let made = |class: &Object| edit::text(class, &["metadata", "creationTimestamp"]).to_owned();
    marked.sort_by(|a, b| {
        made(b).cmp(&made(a)).then_with(|| lifecycle::name(a).cmp(lifecycle::name(b)))
    });
    Ok(marked.first().map(|class| lifecycle::name(class).to_owned()))
}
