//! The way from the root of an object to a value. It lives on the stack and becomes text only
//! when there is something to say.

use std::fmt;

pub(super) struct Path<'p> {
    parent: Option<&'p Path<'p>>,
    step: Step<'p>,
}

#[derive(Clone, Copy)]
enum Step<'p> {
    Root,
    Field(&'p str),
    Index(usize),
}

impl<'p> Path<'p> {
    pub(super) const ROOT: Path<'static> = Path { parent: None, step: Step::Root };

    pub(super) fn field(&'p self, name: &'p str) -> Path<'p> {
        Path { parent: Some(self), step: Step::Field(name) }
    }

    /// Whether the path consists of these fields.
    pub(super) fn is(&self, fields: &[&str]) -> bool {
        match (self.step, fields.split_last(), self.parent) {
            (Step::Root, None, _) => true,
            (Step::Field(name), Some((last, before)), Some(parent)) => {
                name == *last && parent.is(before)
            }
            _ => false,
        }
    }

    pub(super) fn index(&'p self, at: usize) -> Path<'p> {
        Path { parent: Some(self), step: Step::Index(at) }
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(parent) = self.parent {
            parent.fmt(f)?;
        }
        match self.step {
            Step::Root => Ok(()),
            Step::Field(name) => {
                let first = self.parent.is_none_or(|parent| matches!(parent.step, Step::Root));
                if !first {
                    f.write_str(".")?;
                }
                f.write_str(name)
            }
            Step::Index(at) => write!(f, "[{at}]"),
        }
    }
}
