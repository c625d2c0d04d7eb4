//! [`Path`]: where a field is, as errors show it.
//!
//! A path is a chain of borrowed steps on the stack; its text is made only where something is
//! found wrong.

use std::fmt;

/// `spec.containers[0].env[2].name`.
#[derive(Debug, Clone, Copy)]
pub struct Path<'p> {
    parent: Option<&'p Path<'p>>,
    step: Step<'p>,
}

#[derive(Debug, Clone, Copy)]
enum Step<'p> {
    Field(&'p str),
    Index(usize),
    Key(&'p str),
}

impl<'p> Path<'p> {
    /// The first step; may itself be a dotted path.
    pub const fn root(name: &'p str) -> Self {
        Self { parent: None, step: Step::Field(name) }
    }

    /// A field of what the path names; may be a dotted path.
    pub fn child<'c>(&'c self, name: &'c str) -> Path<'c> {
        Path { parent: Some(self), step: Step::Field(name) }
    }

    /// An item of a list.
    pub fn index(&self, at: usize) -> Path<'_> {
        Path { parent: Some(self), step: Step::Index(at) }
    }

    /// An entry of a map, or an item of a list by its name.
    pub fn key<'c>(&'c self, key: &'c str) -> Path<'c> {
        Path { parent: Some(self), step: Step::Key(key) }
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(parent) = self.parent {
            parent.fmt(f)?;
        }
        match self.step {
            Step::Field(name) if self.parent.is_some() => write!(f, ".{name}"),
            Step::Field(name) => f.write_str(name),
            Step::Index(at) => write!(f, "[{at}]"),
            Step::Key(key) => write!(f, "[{key}]"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_every_step() {
        let spec = Path::root("spec");
        let ports = spec.child("ports");
        let port = ports.index(2);
        assert_eq!(port.child("name").to_string(), "spec.ports[2].name");
        assert_eq!(Path::root("data").key("a.b").to_string(), "data[a.b]");
    }
}
