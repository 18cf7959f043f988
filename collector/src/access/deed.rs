//! Who did what, when and from where: a line of the audit log.

use super::Viewer;

/// Whoever does something, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct By<'a> {
    /// Unix seconds.
    pub at: i64,
    /// Their name.
    pub person: &'a str,
    /// Their role; empty for whoever has none.
    pub role: &'a str,
    /// The address they came from, or `command line`.
    pub source: &'a str,
}

/// Something that somebody did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deed<'a> {
    /// Who did it.
    pub by: By<'a>,
    /// A word or two for the kind of deed, such as `sign-in`, `read`, `token new`.
    pub action: &'a str,
    /// What it was done to.
    pub object: &'a str,
}

impl<'a> By<'a> {
    /// Somebody who came over the network and is known.
    #[must_use]
    pub fn viewer(viewer: &'a Viewer, source: &'a str, at: i64) -> Self {
        By { at, person: &viewer.name, role: viewer.role.as_str(), source }
    }

    /// Whoever runs this program on its machine.
    #[must_use]
    pub fn operator(name: &'a str, at: i64) -> Self {
        By { at, person: name, role: "operator", source: "command line" }
    }

    /// What they did.
    #[must_use]
    pub fn did(self, action: &'a str, object: &'a str) -> Deed<'a> {
        Deed { by: self, action, object }
    }
}
