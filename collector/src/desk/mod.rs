//! The officer's desk: pages made on the server from plain values.

pub mod overview;
