//! [`Chain`]: the plug-ins in their order.

use super::{Plugin, Review};
use xebec_core::status::Status;
use xebec_core::value::Object;

/// All plug-ins; each half of admission goes through them in this order.
#[derive(Default)]
pub struct Chain {
    plugins: Vec<Box<dyn Plugin>>,
}

impl Chain {
    pub fn new(plugins: Vec<Box<dyn Plugin>>) -> Self {
        Self { plugins }
    }

    /// The half that changes objects.
    pub fn admit(&self, review: &mut Review<'_>, object: &mut Object) -> Result<(), Status> {
        self.plugins.iter().try_for_each(|plugin| plugin.admit(review, object))
    }

    /// The half that only judges.
    pub fn validate(&self, review: &mut Review<'_>, object: Option<&Object>) -> Result<(), Status> {
        self.plugins.iter().try_for_each(|plugin| plugin.validate(review, object))
    }
}
