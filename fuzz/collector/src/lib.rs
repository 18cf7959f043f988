//! A collector that listens on a Unix socket, what is sent to it, and what everything that comes back must hold.

pub mod answer;
pub mod html;
pub mod instance;
pub mod seeds;
pub mod settings;
pub mod stand;
pub mod template;
pub mod words;

/// Where these bytes begin in those.
#[must_use]
pub fn find(bytes: &[u8], sought: &[u8]) -> Option<usize> {
    bytes.windows(sought.len()).position(|window| window == sought)
}
