//! What a [`KeyRange`] means: etcd's convention, taken apart once.

use crate::command::KeyRange;

/// The keys that a [`KeyRange`] names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bounds<'a> {
    /// One key.
    Key(&'a [u8]),
    /// All keys from this one on.
    From(&'a [u8]),
    /// The half-open interval.
    Between(&'a [u8], &'a [u8]),
}

impl<'a> Bounds<'a> {
    pub fn new(range: &'a KeyRange) -> Self {
        match range.end.as_ref() {
            [] => Bounds::Key(&range.key),
            [0] => Bounds::From(&range.key),
            end => Bounds::Between(&range.key, end),
        }
    }

    pub fn contains(&self, key: &[u8]) -> bool {
        match self {
            Bounds::Key(only) => key == *only,
            Bounds::From(from) => key >= *from,
            Bounds::Between(from, to) => key >= *from && key < *to,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contains(key: &[u8], end: &[u8], probe: &[u8]) -> bool {
        let range = KeyRange { key: key.to_vec().into(), end: end.to_vec().into() };
        Bounds::new(&range).contains(probe)
    }

    #[test]
    fn follows_etcd() {
        assert!(contains(b"a", b"", b"a"));
        assert!(!contains(b"a", b"", b"a\0"));
        assert!(contains(b"a", b"\0", b"zz"));
        assert!(!contains(b"b", b"\0", b"a"));
        assert!(contains(b"a", b"c", b"b"));
        assert!(!contains(b"a", b"c", b"c"));
        assert!(!contains(b"c", b"a", b"b"));
    }
}
