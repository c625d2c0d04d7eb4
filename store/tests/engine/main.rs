//! What every engine must do, run over all of them; and what only a disk can suffer.

mod conformance;
mod crash;
mod install;
mod model;
mod support;
