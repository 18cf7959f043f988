//! A person's name, role and sites as columns.

use super::StoreError;
use crate::access::{Role, Scope, Viewer};

/// The column `sites`: names joined by line feeds, which no site name holds.
pub(super) fn sites_of(scope: &Scope) -> String {
    scope.sites().collect::<Vec<_>>().join("\n")
}

/// Name, role and sites as they were stored.
pub(super) fn viewer_of(name: String, role: &str, sites: &str) -> Result<Viewer, StoreError> {
    let role = Role::named(role).ok_or_else(|| StoreError::Inconsistent(format!("role {role:?} of {name:?}")))?;
    let scope = match role {
        Role::Officer | Role::Reader => Scope::All,
        Role::Site => Scope::Sites(sites.lines().map(str::to_owned).collect()),
    };
    Ok(Viewer { name, role, scope })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_comes_back_as_it_was() {
        for scope in [Scope::Sites(["A".to_owned(), "B".to_owned()].into()), Scope::Sites(Default::default())] {
            assert_eq!(viewer_of("x".to_owned(), "site", &sites_of(&scope)).unwrap().scope, scope);
        }
        assert_eq!(viewer_of("x".to_owned(), "reader", "").unwrap().scope, Scope::All);
        assert!(viewer_of("x".to_owned(), "boss", "").is_err());
    }
}
