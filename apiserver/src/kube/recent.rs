//! [`Recent`]: objects that many writes look at (their namespace, service accounts, classes), read
//! from their bytes once for each revision.
//!
//! A key's modification revision says what stands there, so what is held is never wrong, only
//! unused once the object has changed.

use super::limits::{RECENT_OBJECT_BYTES_MAX, RECENT_OBJECTS_MAX};
use super::object::Stored;
use bytes::Bytes;
use parking_lot::RwLock;
use std::collections::HashMap;
use std::sync::Arc;
use xebec_core::status::Status;
use xebec_core::value::Object;
use xebec_store::kv::Revision;

#[derive(Default)]
pub struct Recent {
    held: RwLock<HashMap<Bytes, (Revision, Arc<Object>)>>,
}

impl Recent {
    /// The object with its resource version.
    pub fn object(&self, stored: &Stored) -> Result<Arc<Object>, Status> {
        let revision = stored.revision();
        if let Some((held, object)) = self.held.read().get(&stored.kv.key)
            && *held == revision
        {
            return Ok(object.clone());
        }
        let object = Arc::new(stored.object()?);
        if stored.kv.value.len() <= RECENT_OBJECT_BYTES_MAX {
            let mut all = self.held.write();
            if all.len() >= RECENT_OBJECTS_MAX {
                all.clear();
            }
            // A copy: the key may be a part of something large.
            let key = Bytes::copy_from_slice(&stored.kv.key);
            all.insert(key, (revision, object.clone()));
        }
        Ok(object)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use xebec_core::edit;
    use xebec_store::kv::KeyValue;

    fn stored(name: &str, revision: Revision, note: &str) -> Stored {
        let value = format!(r#"{{"metadata":{{"name":"{name}","uid":"u"}},"note":"{note}"}}"#);
        let (key, value) = (name.to_owned().into(), value.into());
        Stored {
            kv: Arc::new(KeyValue { key, value, mod_revision: revision, ..KeyValue::default() }),
        }
    }

    #[test]
    fn an_object_is_read_once_for_each_revision() {
        let recent = Recent::default();
        let first = recent.object(&stored("a", 1, "x")).expect("read");
        assert!(Arc::ptr_eq(&first, &recent.object(&stored("a", 1, "x")).expect("read")));
        let next = recent.object(&stored("a", 2, "y")).expect("read");
        assert_eq!(edit::text(&next, &["note"]), "y");
        // A write that looks at the past sees it.
        let past = recent.object(&stored("a", 1, "x")).expect("read");
        assert_eq!(edit::text(&past, &["note"]), "x");
    }

    #[test]
    fn little_is_held() {
        let recent = Recent::default();
        let large = "x".repeat(RECENT_OBJECT_BYTES_MAX);
        recent.object(&stored("large", 1, &large)).expect("read");
        assert!(recent.held.read().is_empty());
        for n in 0..=RECENT_OBJECTS_MAX {
            recent.object(&stored(&n.to_string(), 1, "")).expect("read");
        }
        assert!(recent.held.read().len() <= RECENT_OBJECTS_MAX);
    }
}
