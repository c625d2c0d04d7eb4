//! [`ResourceList`]: amounts of resources by name, with the sums that limits and quotas are made of.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use xebec_core::quantity::Quantity;
use xebec_core::value::{Object, Value};

/// In the order of names, so that texts and stored maps are too.
#[derive(Debug, Clone, Default)]
pub struct ResourceList(BTreeMap<Box<str>, Quantity>);

impl ResourceList {
    /// The amounts of a map as objects carry it. Validation lets no others through than readable
    /// ones.
    pub fn from_object(map: Option<&Object>) -> Self {
        let amounts = map.into_iter().flat_map(Object::iter).filter_map(|(name, amount)| {
            let amount = Quantity::parse(amount.as_str()?).ok()?;
            Some((name.into(), amount))
        });
        Self(amounts.collect())
    }

    pub fn to_value(&self) -> Value {
        let amounts = self.0.iter();
        Value::Object(
            amounts.map(|(name, amount)| (name.clone(), amount.to_string().into())).collect(),
        )
    }

    pub fn get(&self, name: &str) -> Option<Quantity> {
        self.0.get(name).copied()
    }

    pub fn set(&mut self, name: impl Into<Box<str>>, amount: Quantity) {
        self.0.insert(name.into(), amount);
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, Quantity)> {
        self.0.iter().map(|(name, amount)| (&**name, *amount))
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(|name| &**name)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn retain(&mut self, mut keep: impl FnMut(&str, Quantity) -> bool) {
        self.0.retain(|name, amount| keep(name, *amount));
    }

    /// Adds amount by amount.
    pub fn add(&mut self, other: &Self) {
        for (name, amount) in other.iter() {
            let sum = self.get(name).map_or(amount, |held| held.plus(amount));
            self.set(name, sum);
        }
    }

    /// Takes amount by amount away, below zero too.
    pub fn subtract(&mut self, other: &Self) {
        for (name, amount) in other.iter() {
            let held = self.get(name).unwrap_or_default();
            self.set(name, held.minus(amount));
        }
    }

    /// Nothing is used less than not at all.
    pub fn floor_at_zero(&mut self) {
        for amount in self.0.values_mut().filter(|amount| amount.is_negative()) {
            *amount = Quantity::whole(0);
        }
    }

    /// Makes each amount at least what it is in the other list.
    pub fn raise(&mut self, other: &Self) {
        for (name, amount) in other.iter() {
            if self.get(name).is_none_or(|held| exceeds(amount, held)) {
                self.set(name, amount);
            }
        }
    }

    /// Whether both name the same resources, with equal amounts.
    pub fn same(&self, other: &Self) -> bool {
        self.0.len() == other.0.len()
            && self.iter().all(|(name, amount)| {
                other
                    .get(name)
                    .is_some_and(|held| held.partial_cmp(&amount) == Some(Ordering::Equal))
            })
    }
}

pub fn exceeds(amount: Quantity, other: Quantity) -> bool {
    amount.partial_cmp(&other) == Some(Ordering::Greater)
}

/// `cpu=1,pods=2`
impl std::fmt::Display for ResourceList {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (at, (name, amount)) in self.iter().enumerate() {
            let lead = if at == 0 { "" } else { "," };
            write!(f, "{lead}{name}={amount}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    pub fn list(amounts: &[(&str, &str)]) -> ResourceList {
        let amounts = amounts.iter().map(|(name, amount)| ((*name).into(), (*amount).into()));
        ResourceList::from_object(Some(&amounts.collect()))
    }

    #[test]
    fn lists_add_up() {
        let mut sum = list(&[("cpu", "500m"), ("memory", "1Gi")]);
        sum.add(&list(&[("cpu", "1"), ("pods", "2")]));
        assert_eq!(sum.to_string(), "cpu=1500m,memory=1Gi,pods=2");
        sum.subtract(&list(&[("pods", "3")]));
        sum.raise(&list(&[("cpu", "1"), ("memory", "2Gi")]));
        assert_eq!(sum.to_string(), "cpu=1500m,memory=2Gi,pods=-1");
        assert!(list(&[("cpu", "1000m")]).same(&list(&[("cpu", "1")])));
        assert!(!list(&[("cpu", "1")]).same(&list(&[("cpu", "1"), ("pods", "0")])));
    }
}
