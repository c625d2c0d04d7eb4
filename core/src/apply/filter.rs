//! [`Filter`]: which fields a resource or subresource lets a client own (`resetFields`).

use super::element::Element;
use super::fieldset::Set;

/// Fields that a write through this resource cannot change are never owned through it: `status`
/// for a main resource that has a status subresource, `spec` for the subresource.
#[derive(Debug, Clone, Default)]
pub enum Filter {
    #[default]
    All,
    /// Not these paths, nor anything below them.
    Except(Set<'static>),
    /// These paths and everything below them alone; `*` stands for any element.
    Only(&'static [&'static [&'static str]]),
}

impl Filter {
    pub fn except(paths: &[&[&'static str]]) -> Self {
        Self::Except(Set::of_paths(paths))
    }

    pub(crate) fn apply<'a>(&self, set: Set<'a>) -> Set<'a> {
        match self {
            Self::All => set,
            Self::Except(fields) => set.recursive_difference(fields),
            Self::Only(paths) => only(set, paths),
        }
    }
}

fn only<'a>(mut set: Set<'a>, paths: &[&[&str]]) -> Set<'a> {
    set.retain(|node| {
        let deeper: Vec<&[&str]> = paths
            .iter()
            .filter_map(|path| path.split_first())
            .filter(|(first, _)| {
                **first == "*" || matches!(node.element, Element::Field(name) if name == **first)
            })
            .map(|(_, rest)| rest)
            .collect();
        if deeper.is_empty() {
            (node.marks, node.children) = (0, Set::new());
        } else if deeper.iter().all(|rest| !rest.is_empty()) {
            let children = std::mem::take(&mut node.children);
            node.children = only(children, &deeper);
        }
    });
    set
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Value;

    fn check(filter: &Filter, set: &str, expected: &str) {
        let value: Value = serde_json::from_str(set).expect("valid JSON");
        let set = filter.apply(Set::decode(&value).expect("a set").set);
        assert_eq!(serde_json::to_string(&set.encode()).expect("serializable"), expected);
    }

    #[test]
    fn excludes_whole_trees() {
        let filter = Filter::except(&[&["status"], &["metadata", "labels"]]);
        check(
            &filter,
            r#"{"f:metadata":{"f:labels":{".":{},"f:a":{}},"f:name":{}},"f:status":{"f:x":{}}}"#,
            r#"{"f:metadata":{"f:name":{}}}"#,
        );
    }

    #[test]
    fn includes_by_pattern() {
        let filter = Filter::Only(&[&["spec", "containers", "*", "resources"]]);
        check(
            &filter,
            r#"{"f:spec":{"f:containers":{"k:{\"name\":\"c\"}":{".":{},"f:image":{},"f:resources":{"f:limits":{}}}},"f:x":{}}}"#,
            r#"{"f:spec":{"f:containers":{"k:{\"name\":\"c\"}":{".":{},"f:resources":{"f:limits":{}}}}}}"#,
        );
    }
}
