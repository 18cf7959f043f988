//! The collector's readers of files from outside, and what several targets ask of them.
//!
//! They are taken from its source, not from its crate: its database and web server would take minutes to build with coverage.

pub mod rpm;

#[path = "../../collector/src/query.rs"]
pub mod query;
#[path = "../../collector/src/reference/mod.rs"]
pub mod reference;
#[path = "../../collector/src/registry/mod.rs"]
pub mod registry;
#[path = "../../collector/src/table.rs"]
pub mod table;
#[path = "../../collector/src/xml.rs"]
pub mod xml;

use report::site;

use reference::repository::{self, Newest};
use registry::{Kind, join_prefixes, outside, split_prefixes};

/// Any bytes as a registry's answer: refused, or sites that can be stored, written to and compared; and half of it is refused.
pub fn answer(bytes: &[u8], kind: Kind) {
    let Ok(reading) = registry::read(bytes, Some(kind)) else { return };
    assert!(!reading.sites.is_empty() && reading.sites.is_sorted_by(|left, right| left.name < right.name));
    for site in &reading.sites {
        assert!(site::check(&site.name).is_ok());
        for mail in site.contact.iter().chain(&site.security) {
            assert!(mail.bytes().all(|byte| byte.is_ascii_graphic()) && mail.matches('@').count() == 1, "{mail:?}");
        }
        assert_eq!(split_prefixes(&join_prefixes(&site.prefixes)), site.prefixes);
        for prefix in &site.prefixes {
            assert!(!outside(&site.prefixes, &prefix.addr().to_string()), "{prefix} is outside of itself");
        }
    }
    // Hostile or damaged values are told in a few lines, never with what moves a terminal's cursor.
    assert!(reading.notes.len() <= 22 && reading.notes.iter().all(|note| !note.contains(char::is_control)));
    assert_eq!(registry::read(bytes, Some(kind)).ok(), Some(reading));
    let whole = trimmed(bytes);
    assert!(registry::read(&whole[..whole.len() - 1], Some(kind)).is_err(), "cut short, and not noticed");
}

/// The newest version of every package, when the metadata can be read.
pub fn newest(bytes: &[u8]) -> Option<Newest> {
    repository::read(bytes, Newest::of(&["*".to_owned()]).expect("a pattern")).ok()
}

/// Without the white space at the end that both XML and JSON allow.
pub fn trimmed(mut bytes: &[u8]) -> &[u8] {
    while let [rest @ .., b' ' | b'\t' | b'\r' | b'\n'] = bytes {
        bytes = rest;
    }
    bytes
}

/// Changes a body by triples of place (two bytes, little-endian) and bits to flip; beyond its end: how much of it to cut off.
pub fn change(body: &mut Vec<u8>, changes: &[u8]) {
    for change in changes.chunks_exact(3) {
        let at = usize::from(u16::from_le_bytes([change[0], change[1]]));
        match body.len() {
            length if at < length => body[at] ^= change[2],
            length => body.truncate(length - usize::from(change[2]).min(length)),
        }
    }
}

/// A folder in memory, for readers that take a path.
#[must_use]
pub fn folder() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).expect("a folder")
}
