//! [`Path`]: the way to a value, on the stack, in the three forms in which upstream writes it.

use std::fmt;

#[derive(Clone, Copy)]
pub(super) struct Path<'p> {
    parent: Option<&'p Path<'p>>,
    step: Step<'p>,
}

#[derive(Clone, Copy)]
enum Step<'p> {
    Root,
    Field(&'p str),
    /// A field that is not declared, of an object that says what such fields are.
    Entry(&'p str),
    Index(usize),
}

impl<'p> Path<'p> {
    pub const ROOT: Path<'static> = Path { parent: None, step: Step::Root };

    pub fn field(&'p self, name: &'p str) -> Path<'p> {
        Path { parent: Some(self), step: Step::Field(name) }
    }

    pub fn entry(&'p self, name: &'p str) -> Path<'p> {
        Path { parent: Some(self), step: Step::Entry(name) }
    }

    pub fn index(&'p self, at: usize) -> Path<'p> {
        Path { parent: Some(self), step: Step::Index(at) }
    }

    /// `spec.map.key[0].name`: unknown fields.
    pub fn dotted(&self) -> String {
        self.written(false, false)
    }

    /// The same, but that an entry of the root begins with a dot: OpenAPI's errors.
    pub fn name(&self) -> String {
        self.written(true, false)
    }

    /// `spec.map[key][0].name`: apimachinery's `field.Path`.
    pub fn keyed(&self) -> String {
        self.written(false, true)
    }

    fn written(&self, dot: bool, keyed: bool) -> String {
        let mut out = match self.parent {
            Some(parent) => parent.written(dot, keyed),
            None => String::new(),
        };
        use fmt::Write as _;
        let _ = match self.step {
            Step::Root => Ok(()),
            Step::Entry(name) if keyed => write!(out, "[{name}]"),
            Step::Entry(name) if dot => write!(out, ".{name}"),
            Step::Field(name) | Step::Entry(name) if out.is_empty() => out.write_str(name),
            Step::Field(name) | Step::Entry(name) => write!(out, ".{name}"),
            Step::Index(at) => write!(out, "[{at}]"),
        };
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_forms() {
        let spec = Path::ROOT.field("spec");
        let map = spec.field("map");
        let entry = map.entry("a.b");
        let item = entry.index(1);
        assert_eq!(item.dotted(), "spec.map.a.b[1]");
        assert_eq!(item.keyed(), "spec.map[a.b][1]");
        assert_eq!(Path::ROOT.entry("a").name(), ".a");
        assert_eq!(Path::ROOT.dotted(), "");
    }
}
