//! [`Bounds`]: the minimum, maximum and ratio of one limit, and upstream's words for what breaks them.

use super::super::resource_list::ResourceList;
use xebec_core::quantity::Quantity;
use xebec_core::value::Value;

/// Whole units up to here are compared by the thousandth.
const FINE_MAX: i64 = i64::MAX / 1_000;

pub struct Bounds<'l> {
    kind: &'l str,
    min: ResourceList,
    max: ResourceList,
    ratio: ResourceList,
}

/// What a container or a pod asks for.
pub struct Judged {
    pub requests: ResourceList,
    pub limits: ResourceList,
}

impl<'l> Bounds<'l> {
    pub fn of(limit: &'l Value) -> Self {
        let list = |name| ResourceList::from_object(limit.get(name).and_then(Value::as_object));
        Self {
            kind: limit.get("type").and_then(Value::as_str).unwrap_or_default(),
            min: list("min"),
            max: list("max"),
            ratio: list("maxLimitRequestRatio"),
        }
    }

    pub fn judge(&self, judged: &Judged, errors: &mut Vec<String>) {
        let of = |name: &str| (judged.requests.get(name), judged.limits.get(name));
        errors
            .extend(self.min.iter().filter_map(|(name, bound)| self.below(name, bound, of(name))));
        errors
            .extend(self.max.iter().filter_map(|(name, bound)| self.above(name, bound, of(name))));
        errors.extend(
            self.ratio.iter().filter_map(|(name, bound)| self.apart(name, bound, of(name))),
        );
    }

    /// Where limits mean nothing.
    pub fn judge_requests(&self, requests: &ResourceList, errors: &mut Vec<String>) {
        for (name, bound) in self.min.iter() {
            errors.extend(self.below(name, bound, (requests.get(name), None)));
        }
        for (name, bound) in self.max.iter() {
            let lead = format!("maximum {name} usage per {} is {bound}", self.kind);
            match requests.get(name) {
                None => errors.push(format!("{lead}.  No request is specified")),
                Some(request) if is_above(request, bound) => {
                    errors.push(format!("{lead}, but request is {request}"));
                }
                Some(_) => {}
            }
        }
    }

    fn below(
        &self,
        name: &str,
        bound: Quantity,
        (request, limit): (Option<Quantity>, Option<Quantity>),
    ) -> Option<String> {
        let lead = format!("minimum {name} usage per {} is {bound}", self.kind);
        let Some(request) = request else {
            return Some(format!("{lead}.  No request is specified"));
        };
        if is_above(bound, request) {
            return Some(format!("{lead}, but request is {request}"));
        }
        let limit = limit.filter(|limit| is_above(bound, *limit))?;
        Some(format!("{lead}, but limit is {limit}"))
    }

    fn above(
        &self,
        name: &str,
        bound: Quantity,
        (request, limit): (Option<Quantity>, Option<Quantity>),
    ) -> Option<String> {
        let lead = format!("maximum {name} usage per {} is {bound}", self.kind);
        let Some(limit) = limit else {
            return Some(format!("{lead}.  No limit is specified"));
        };
        if is_above(limit, bound) {
            return Some(format!("{lead}, but limit is {limit}"));
        }
        let request = request.filter(|request| is_above(*request, bound))?;
        Some(format!("{lead}, but request is {request}"))
    }

    fn apart(
        &self,
        name: &str,
        bound: Quantity,
        (request, limit): (Option<Quantity>, Option<Quantity>),
    ) -> Option<String> {
        let lead = format!("{name} max limit to request ratio per {} is {bound}", self.kind);
        let (request, limit) = comparable(request.unwrap_or_default(), limit.unwrap_or_default());
        if request == 0 {
            return Some(format!("{lead}, but no request is specified or request is 0"));
        }
        if limit == 0 {
            return Some(format!("{lead}, but no limit is specified or limit is 0"));
        }
        let ratio = limit as f64 / request as f64;
        let is_over = if bound.value() <= FINE_MAX {
            ratio * 1_000.0 > bound.milli_value() as f64
        } else {
            ratio > bound.value() as f64
        };
        is_over.then(|| format!("{lead}, but provided ratio is {ratio:.6}"))
    }
}

fn is_above(amount: Quantity, bound: Quantity) -> bool {
    let (amount, bound) = comparable(amount, bound);
    amount > bound
}

/// Both in thousandths, or in whole units where one is too large for that.
fn comparable(a: Quantity, b: Quantity) -> (i64, i64) {
    if a.value() <= FINE_MAX && b.value() <= FINE_MAX {
        (a.milli_value(), b.milli_value())
    } else {
        (a.value(), b.value())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kube::admission::resource_list::tests::list;

    fn errors(limit: &str, requests: &[(&str, &str)], limits: &[(&str, &str)]) -> Vec<String> {
        let limit: Value = serde_json::from_str(limit).expect("valid JSON");
        let mut errors = Vec::new();
        let judged = Judged { requests: list(requests), limits: list(limits) };
        Bounds::of(&limit).judge(&judged, &mut errors);
        errors
    }

    #[test]
    fn a_minimum_is_one_of_request_and_limit() {
        let limit = r#"{"type":"Container","min":{"cpu":"50m"}}"#;
        assert_eq!(
            errors(limit, &[("cpu", "10m")], &[("cpu", "20m")]),
            ["minimum cpu usage per Container is 50m, but request is 10m"]
        );
        assert_eq!(
            errors(limit, &[("cpu", "50m")], &[("cpu", "20m")]),
            ["minimum cpu usage per Container is 50m, but limit is 20m"]
        );
        assert_eq!(
            errors(limit, &[], &[]),
            ["minimum cpu usage per Container is 50m.  No request is specified"]
        );
        assert!(errors(limit, &[("cpu", "0.05")], &[]).is_empty());
    }

    #[test]
    fn a_maximum_is_one_of_limit_and_request() {
        let limit = r#"{"type":"Pod","max":{"cpu":"1","memory":"1Gi"}}"#;
        assert_eq!(
            errors(limit, &[("memory", "2Gi")], &[("cpu", "1001m"), ("memory", "1Gi")]),
            [
                "maximum cpu usage per Pod is 1, but limit is 1001m",
                "maximum memory usage per Pod is 1Gi, but request is 2Gi"
            ]
        );
        assert_eq!(
            errors(limit, &[], &[("cpu", "1")]),
            ["maximum memory usage per Pod is 1Gi.  No limit is specified"]
        );
    }

    #[test]
    fn a_ratio_is_that_of_limit_to_request() {
        let limit = r#"{"type":"Container","maxLimitRequestRatio":{"cpu":"1.5"}}"#;
        assert_eq!(
            errors(limit, &[("cpu", "300m")], &[("cpu", "500m")]),
            [
                "cpu max limit to request ratio per Container is 1500m, but provided ratio is 1.666667"
            ]
        );
        assert!(errors(limit, &[("cpu", "1")], &[("cpu", "1500m")]).is_empty());
        let none = "cpu max limit to request ratio per Container is 1500m, but no ";
        assert_eq!(
            errors(limit, &[], &[])[0],
            format!("{none}request is specified or request is 0")
        );
        assert_eq!(
            errors(limit, &[("cpu", "1")], &[])[0],
            format!("{none}limit is specified or limit is 0")
        );
    }

    #[test]
    fn claims_are_bound_by_their_requests() {
        let limit: Value = serde_json::from_str(
            r#"{"type":"PersistentVolumeClaim","min":{"storage":"1Gi"},"max":{"storage":"2Gi"}}"#,
        )
        .expect("valid JSON");
        let errors = |amount| {
            let mut errors = Vec::new();
            Bounds::of(&limit).judge_requests(&list(&[("storage", amount)]), &mut errors);
            errors
        };
        assert!(errors("1536Mi").is_empty());
        assert_eq!(
            errors("3Gi"),
            ["maximum storage usage per PersistentVolumeClaim is 2Gi, but request is 3Gi"]
        );
        assert_eq!(
            errors("1Mi"),
            ["minimum storage usage per PersistentVolumeClaim is 1Gi, but request is 1Mi"]
        );
    }
}
