//! Label and field selectors: parsing, and matching against an object's labels or fields.

mod parse;

pub use parse::SelectorError;

use crate::value::{Object, Value};

/// Bounds what one request may ask to be checked against every object.
pub const SELECTOR_MAX_BYTES: usize = 64 * 1024;
pub const REQUIREMENTS_MAX: usize = 1_000;

/// A conjunction of requirements on labels. The empty selector matches everything.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LabelSelector {
    requirements: Vec<Requirement>,
}

/// What one label must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requirement {
    pub key: String,
    pub operator: Operator,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operator {
    Exists,
    DoesNotExist,
    /// One of these values, sorted.
    In(Vec<String>),
    /// None of these values, or absent.
    NotIn(Vec<String>),
    GreaterThan(i64),
    LessThan(i64),
}

impl LabelSelector {
    /// Reads upstream's form: `a=b,c!=d,e in (f,g),h notin (i),j,!k,l>1`.
    pub fn parse(text: &str) -> Result<Self, SelectorError> {
        parse::labels(text)
    }

    pub fn new(requirements: Vec<Requirement>) -> Self {
        Self { requirements }
    }

    /// From a `metav1.LabelSelector`, as objects carry it.
    pub fn from_object(selector: &Object) -> Result<Self, SelectorError> {
        let mut requirements = Vec::new();
        let labels = selector.get("matchLabels").and_then(Value::as_object);
        for (key, value) in labels.into_iter().flat_map(Object::iter) {
            let value = value.as_str().unwrap_or_default().to_owned();
            requirements
                .push(Requirement { key: key.to_owned(), operator: Operator::In(vec![value]) });
        }
        let expressions = selector.get("matchExpressions").and_then(Value::as_array);
        for expression in expressions.unwrap_or_default() {
            let text = |name| expression.get(name).and_then(Value::as_str).unwrap_or_default();
            let values = expression.get("values").and_then(Value::as_array).unwrap_or_default();
            let mut values: Vec<String> =
                values.iter().filter_map(Value::as_str).map(str::to_owned).collect();
            values.sort_unstable();
            let operator = match text("operator") {
                "In" => Operator::In(values),
                "NotIn" => Operator::NotIn(values),
                "Exists" => Operator::Exists,
                "DoesNotExist" => Operator::DoesNotExist,
                other => return Err(SelectorError::Operator { operator: other.to_owned() }),
            };
            requirements.push(Requirement { key: text("key").to_owned(), operator });
        }
        Ok(Self { requirements })
    }

    pub fn is_empty(&self) -> bool {
        self.requirements.is_empty()
    }

    pub fn requirements(&self) -> &[Requirement] {
        &self.requirements
    }

    /// `label` looks up the value of a label.
    pub fn matches<'l>(&self, mut label: impl FnMut(&str) -> Option<&'l str>) -> bool {
        self.requirements.iter().all(|one| one.operator.matches(label(&one.key)))
    }
}

impl Operator {
    fn matches(&self, value: Option<&str>) -> bool {
        let among = |values: &[String], value: &str| {
            values.binary_search_by(|one| one.as_str().cmp(value)).is_ok()
        };
        let number = || value.and_then(|value| value.parse::<i64>().ok());
        match self {
            Self::Exists => value.is_some(),
            Self::DoesNotExist => value.is_none(),
            Self::In(values) => value.is_some_and(|value| among(values, value)),
            Self::NotIn(values) => value.is_none_or(|value| !among(values, value)),
            Self::GreaterThan(bound) => number().is_some_and(|number| number > *bound),
            Self::LessThan(bound) => number().is_some_and(|number| number < *bound),
        }
    }
}

/// A conjunction of requirements on fields: `metadata.name=a,status.phase!=Running`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FieldSelector {
    requirements: Vec<FieldRequirement>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldRequirement {
    pub field: String,
    pub value: String,
    /// The field must differ from the value.
    pub negated: bool,
}

impl FieldSelector {
    /// Selects by one field.
    pub fn exactly(field: &str, value: &str) -> Self {
        let (field, value) = (field.to_owned(), value.to_owned());
        Self { requirements: vec![FieldRequirement { field, value, negated: false }] }
    }

    pub fn parse(text: &str) -> Result<Self, SelectorError> {
        parse::fields(text)
    }

    pub fn is_empty(&self) -> bool {
        self.requirements.is_empty()
    }

    pub fn requirements(&self) -> &[FieldRequirement] {
        &self.requirements
    }

    /// The value that a field must have, if the selector says.
    pub fn required(&self, field: &str) -> Option<&str> {
        let mut found = self.requirements.iter();
        found.find(|one| !one.negated && one.field == field).map(|one| one.value.as_str())
    }

    /// `field` looks up a field as text; one that is not set is empty.
    pub fn matches<'f>(&self, field: impl Fn(&str) -> &'f str) -> bool {
        self.requirements.iter().all(|one| (field(&one.field) == one.value) != one.negated)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(selector: &str, labels: &[(&str, &'static str)]) -> bool {
        let selector = LabelSelector::parse(selector).expect(selector);
        selector
            .matches(|key| labels.iter().find(|(name, _)| *name == key).map(|(_, value)| *value))
    }

    #[test]
    fn every_operator() {
        let labels = [("app", "web"), ("tier", "2")];
        for selector in [
            "",
            "app=web",
            "app==web",
            "app!=db",
            "none!=x",
            "app in (db,web)",
            "app notin (db)",
            "none notin (x)",
            "app",
            "!none",
            "tier>1",
            "tier<3",
            "app=web,tier in (2)",
            " app = web , tier ",
            "none!=",
            "app in (web,)",
        ] {
            assert!(matches(selector, &labels), "{selector}");
        }
        for selector in [
            "app=db",
            "app!=web",
            "none=x",
            "app in (db)",
            "app notin (web,db)",
            "none",
            "!app",
            "tier>2",
            "app>1",
            "none<5",
            "app=",
        ] {
            assert!(!matches(selector, &labels), "{selector}");
        }
    }

    #[test]
    fn malformed_selectors_say_why() {
        for selector in [
            "app in",
            "app in (",
            "a b",
            "=x",
            "app in web",
            ",",
            "a,,b",
            "-a=b",
            "a=-",
            "a>x",
            "()",
        ] {
            assert!(LabelSelector::parse(selector).is_err(), "{selector}");
        }
    }

    #[test]
    fn fields() {
        let selector =
            FieldSelector::parse("metadata.name=a\\,b,status.phase!=Running").expect("valid");
        assert_eq!(selector.required("metadata.name"), Some("a,b"));
        assert_eq!(selector.required("status.phase"), None);
        assert!(selector.matches(|field| if field == "metadata.name" { "a,b" } else { "" }));
        assert!(FieldSelector::parse("metadata.name").is_err());
        assert!(FieldSelector::parse("a=b\\").is_err());
        assert!(FieldSelector::parse("").expect("empty").is_empty());
    }

    #[test]
    fn limits_bound_a_selector() {
        let long = "a=b,".repeat(SELECTOR_MAX_BYTES / 4) + "a=b";
        assert!(LabelSelector::parse(&long).is_err());
        let many = vec!["a=b"; REQUIREMENTS_MAX + 1].join(",");
        assert!(LabelSelector::parse(&many).is_err());
        assert!(FieldSelector::parse(&many).is_err());
    }
}
