//! Who did what, when and from where.

use super::{StoreError, Writing};
use crate::access::Viewer;

/// Something that somebody did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deed<'a> {
    /// Unix seconds.
    pub at: i64,
    /// Who.
    pub person: &'a str,
    /// Their role; empty when they had none.
    pub role: &'a str,
    /// The address they came from, or `command line`.
    pub source: &'a str,
    /// A word for the kind of deed, such as `sign-in`, `read`, `token new`.
    pub action: &'a str,
    /// What it was done to.
    pub object: &'a str,
}

impl<'a> Deed<'a> {
    /// A deed of somebody who is known.
    #[must_use]
    pub fn of(viewer: &'a Viewer, source: &'a str, at: i64, action: &'a str, object: &'a str) -> Self {
        Deed { at, person: &viewer.name, role: viewer.role.as_str(), source, action, object }
    }

    /// A deed of whoever runs this program on its machine.
    #[must_use]
    pub fn of_operator(name: &'a str, at: i64, action: &'a str, object: &'a str) -> Self {
        Deed { at, person: name, role: "operator", source: "command line", action, object }
    }
}

impl Writing {
    /// Notes a deed in the transaction that does it: neither is there without the other.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn audit(&mut self, deed: &Deed<'_>) -> Result<(), StoreError> {
        sqlx::query("INSERT INTO audit (at, person, role, source, action, object) VALUES (?, ?, ?, ?, ?, ?)")
            .bind(deed.at)
            .bind(deed.person)
            .bind(deed.role)
            .bind(deed.source)
            .bind(deed.action)
            .bind(deed.object)
            .execute(self.connection())
            .await?;
        Ok(())
    }
}
