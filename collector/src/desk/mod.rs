//! The officer's desk: pages made on the server from plain values, one file a page.

pub mod audit;
pub mod campaigns;
pub mod chart;
pub mod failure;
pub mod filters;
pub mod find;
pub mod frame;
pub mod harmless;
pub mod host;
pub mod inbox;
pub mod overview;
pub mod product;
pub mod products;
pub mod references;
pub mod sign_in;
pub mod site;
pub mod sites;
pub mod when;

use std::fmt::Write as _;

/// The style sheet of every page.
pub const STYLE: &str = include_str!("../../templates/desk.css");

/// A text as one piece of a path or query (RFC 3986, section 2.1).
#[must_use]
pub fn piece(text: &str) -> String {
    let mut piece = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            piece.push(char::from(byte));
        } else {
            // Writing to memory does not fail.
            let _ = write!(piece, "%{byte:02X}");
        }
    }
    piece
}
