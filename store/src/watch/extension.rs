//! [`Extension`]: what readers make of something that they share, made once.

use std::any::Any;
use std::fmt;
use std::sync::OnceLock;

/// A slot for one value of a type that the store does not know, such as encodings of events for a
/// protocol above it. It lives as long as what it belongs to.
#[derive(Default)]
pub struct Extension(OnceLock<Box<dyn Any + Send + Sync>>);

impl Extension {
    /// The value, made by whoever asks first; `None` if it is of another type.
    pub fn get_or_init<T: Any + Send + Sync>(&self, make: impl FnOnce() -> T) -> Option<&T> {
        self.0.get_or_init(|| Box::new(make())).downcast_ref()
    }
}

impl fmt::Debug for Extension {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.get().is_some() { "Extension(made)" } else { "Extension" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_value_stays() {
        let slot = Extension::default();
        assert_eq!(slot.get_or_init(|| 1_u32), Some(&1));
        assert_eq!(slot.get_or_init(|| 2_u32), Some(&1));
        assert_eq!(slot.get_or_init(|| "other"), None);
    }
}
