//! Which fields a write through a resource or subresource resets, and so lets nobody own.

use crate::apply::Filter;
use crate::target::Target;
use std::sync::LazyLock;

static NOTHING: Filter = Filter::All;
static STATUS: LazyLock<Filter> = LazyLock::new(|| Filter::except(&[&["status"]]));
static SPEC: LazyLock<Filter> = LazyLock::new(|| Filter::except(&[&["spec"]]));

/// The filter of the field manager for a target.
pub fn reset_fields(target: Target<'_>) -> &'static Filter {
    match target.subresource {
        "" if target.resource.has_status() => &STATUS,
        "status" => &SPEC,
        _ => &NOTHING,
    }
}
