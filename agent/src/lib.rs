//! Collects a host's installed packages, seals the report for the officer's certificates and delivers it, or keeps it.

pub mod check;
pub mod cli;
pub mod clock;
pub mod command;
pub mod config;
pub mod cron;
pub mod daemon;
pub mod delivery;
pub mod exit;
pub mod host;
pub mod legacy;
pub mod packages;
pub mod paths;
pub mod recipients;
pub mod run;
pub mod send;
pub mod settle;
pub mod signing;
pub mod spool;
pub mod state;
pub mod status;
pub mod systemd;
