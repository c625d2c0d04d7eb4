//! [`Lookup`]: the fields of one object by name, at a cost that stays linear however many they are.

use super::{Object, SCAN_MAX, Value};
use std::collections::HashMap;

/// Fields of one object by name, for as many look-ups as another object has fields: a scan for
/// each would take hours where a client sends maps of many keys. Names that come in the object's
/// own order cost one comparison each; an index is made once others would be dear.
pub struct Lookup<'o> {
    object: &'o Object,
    /// Empty until it is needed.
    index: HashMap<&'o str, usize>,
    /// Behind the field found last.
    near: usize,
}

impl<'o> Lookup<'o> {
    pub fn new(object: &'o Object) -> Self {
        Self { object, index: HashMap::new(), near: 0 }
    }

    pub fn get(&mut self, name: &str) -> Option<&'o Value> {
        if let Some((near, value)) = self.object.at(self.near)
            && near == name
        {
            self.near += 1;
            return Some(value);
        }
        let at = self.position(name)?;
        self.near = at + 1;
        self.object.at(at).map(|(_, value)| value)
    }

    fn position(&mut self, name: &str) -> Option<usize> {
        if self.object.len() <= SCAN_MAX {
            return self.object.iter().position(|(key, _)| key == name);
        }
        if self.index.is_empty() {
            let names = self.object.iter().enumerate().rev();
            self.index = names.map(|(at, (key, _))| (key, at)).collect();
        }
        self.index.get(name).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_fields_of_small_and_large_objects_in_any_order() {
        for count in [3, 100_i64] {
            let object: Object =
                (0..count).map(|n| (n.to_string().into_boxed_str(), n.into())).collect();
            let mut lookup = Lookup::new(&object);
            for n in (0..count).chain((0..count).rev()) {
                assert_eq!(lookup.get(&n.to_string()).and_then(Value::as_i64), Some(n));
            }
            assert_eq!(lookup.get("none"), None);
        }
    }
}
