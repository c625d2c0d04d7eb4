//! [`Form`]: a definition as upstream's internal type has it. What is the same in all versions
//! (schemas, subresources, columns, selectable fields) is taken out of them and stands once.

use crate::validation::fields::{Fields, same};
use crate::validation::internal;
use crate::value::{Object, Value};

const VERSION: &str =
    "k8s.io.apiextensions_apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinitionVersion";

/// What versions may have in common.
#[derive(Debug, Clone, Copy)]
pub struct Form<'o> {
    pub spec: &'o Object,
    schema: bool,
    subresources: bool,
    columns: bool,
    selectable: bool,
}

impl<'o> Form<'o> {
    pub fn of(spec: &'o Object) -> Self {
        let common = |name: &str| {
            let first = spec.objects("versions").next().map(|(_, first)| first.value(name));
            let mut versions = spec.objects("versions");
            first.is_some_and(|first| versions.all(|(_, one)| same(one.value(name), first)))
        };
        Self {
            spec,
            schema: common("schema"),
            subresources: common("subresources"),
            columns: common("additionalPrinterColumns"),
            selectable: common("selectableFields"),
        }
    }

    pub fn versions(&self) -> impl Iterator<Item = (usize, &'o Object)> + Clone + use<'o> {
        self.spec.objects("versions")
    }

    fn is_common(&self, name: &str) -> bool {
        match name {
            "schema" => self.schema,
            "subresources" => self.subresources,
            "additionalPrinterColumns" => self.columns,
            _ => self.selectable,
        }
    }

    /// A field that all versions have alike.
    pub fn common(&self, name: &str) -> Option<&'o Value> {
        let (_, first) = self.versions().next()?;
        first.value(name).filter(|_| self.is_common(name))
    }

    /// A field that a version has for itself.
    pub fn own(&self, version: &'o Object, name: &str) -> Option<&'o Value> {
        version.value(name).filter(|_| !self.is_common(name))
    }

    /// The schemas, with the place of the version that has it for itself.
    pub fn schemas(&self) -> impl Iterator<Item = &'o Object> + use<'_, 'o> {
        let schema = |value: &'o Value| value.as_object()?.object("openAPIV3Schema");
        let common = self.common("schema").and_then(schema);
        let own = self.versions().filter_map(move |(_, one)| schema(self.own(one, "schema")?));
        common.into_iter().chain(own)
    }

    /// Whether a version has the subresource `status`.
    pub fn has_status(&self, version: &Object) -> bool {
        version.part("subresources").has("status")
    }

    /// All versions, as errors show them.
    pub fn shown(&self) -> String {
        let strip = |(_, version): (usize, &Object)| {
            let mut version = version.clone();
            for name in ["schema", "subresources", "additionalPrinterColumns", "selectableFields"] {
                if self.is_common(name) {
                    version.remove(name);
                }
            }
            Value::Object(version)
        };
        let versions: Vec<Value> = self.versions().map(strip).collect();
        let versions = Some(Value::Array(versions)).filter(|_| self.spec.has("versions"));
        internal::shown(VERSION, versions.as_ref())
    }
}
