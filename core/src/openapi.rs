//! OpenAPI documents, made from the schema and the registry.

pub mod descriptions;
