//! Receives sealed reports, opens them, keeps every host's history and compares it with reference versions.

pub mod access;
pub mod answers;
pub mod cli;
pub mod clock;
pub mod compare;
pub mod config;
pub mod demo;
pub mod desk;
pub mod history;
pub mod http;
pub mod intake;
pub mod keys;
pub mod metrics;
pub mod opener;
pub mod package_set;
pub mod problem;
pub mod query;
pub mod reference;
pub mod registry;
pub mod serve;
pub mod store;
pub mod systemd;
pub mod table;
pub mod unseal;
pub mod varint;
pub mod xml;
