//! The watch machinery as its callers see it, over a history on a make-believe disk.

mod disk;
mod watch_issues;
mod watch_properties;
mod watch_store;
mod watch_threads;
mod watch_topics;
mod watch_transcripts;
mod world;
