//! The real parts that the system is tried with, each started and ended by the tests themselves.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test ends where its expectation does"
)]
#![allow(clippy::disallowed_methods, reason = "the harness starts processes and waits by the clock")]
#![allow(clippy::missing_panics_doc, reason = "the harness is for tests, which end by panicking")]

pub mod accessibility;
pub mod apache;
pub mod browser;
pub mod faketime;
pub mod fault_proxy;
pub mod galera;
pub mod ledger;
pub mod load;
pub mod mariadb;
pub mod openssl;
pub mod outage;
pub mod pages;
pub mod person;
pub mod programs;
pub mod promtool;
pub mod routes;
pub mod rpm_database;
pub mod schemathesis;
pub mod small_disk;
pub mod smtp;
pub mod systemd_box;
pub mod walk;
