//! Kubernetes API machinery without I/O.
//!
//! [`schema::BUILT_IN`] is the one table of facts about the API; everything else walks it.
//!
//! Invariants: this crate reads no clock, file or socket, and has no type for any one kind.

pub mod apply;
pub mod codec;
pub mod convert;
pub mod custom;
pub mod defaults;
pub mod discovery;
pub mod document;
pub mod edit;
pub mod field_error;
pub mod human;
pub mod image;
pub mod jsonpath;
pub mod lifecycle;
pub mod names;
pub mod openapi;
pub mod patch;
pub mod pattern;
pub mod quantity;
pub mod registry;
pub mod schema;
pub mod selector;
pub mod status;
pub mod strategy;
pub mod table;
pub mod target;
pub mod time;
pub mod validation;
pub mod value;
