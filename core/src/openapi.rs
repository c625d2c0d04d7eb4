//! OpenAPI documents, made from the schema and the registry.
//!
//! [`definitions`] shows messages as schemas, [`routes`] lists the operations of a group version;
//! [`v2`] and [`v3`] put both into documents. Custom resources bring structural schemas instead of
//! messages and take the same way.

mod custom;
mod definitions;
pub mod descriptions;
mod gnostic;
mod options;
mod routes;
pub mod v2;
pub mod v3;

/// What both documents say of the server.
const TITLE: &str = "Kubernetes";
const VERSION: &str = "unversioned";
