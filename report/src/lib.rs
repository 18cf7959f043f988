//! The contract between a host and the collector: all that both sides must agree on, without network, files or clock.

pub mod acknowledgement;
pub mod compression;
pub mod hash;
pub mod os;
pub mod package;
#[allow(clippy::module_inception, reason = "the crate and its central type share the field's word for it")]
pub mod report;
pub mod sealed;
pub mod site;
pub mod text;
pub mod version;
