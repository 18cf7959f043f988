//! Who may see what: officers all and may change it, readers all, sites themselves alone.

pub mod contacts;
pub mod csrf;
pub mod deed;
pub mod gocdb;
pub mod log;
pub mod operator;
pub mod people;
pub mod retention;
pub mod secret;
pub mod sign_in;
pub mod token;
pub mod watch;

use std::collections::BTreeSet;

/// What a person or a token may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Sees its own sites.
    Site,
    /// Sees everything, changes nothing.
    Reader,
    /// Sees and changes everything.
    Officer,
}

impl Role {
    /// Every role.
    pub const ALL: [Role; 3] = [Role::Site, Role::Reader, Role::Officer];

    /// The word in the database, in the configuration and on pages.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Role::Site => "site",
            Role::Reader => "reader",
            Role::Officer => "officer",
        }
    }

    /// The role of a word.
    #[must_use]
    pub fn named(word: &str) -> Option<Self> {
        Role::ALL.into_iter().find(|role| role.as_str() == word)
    }
}

/// The sites that an answer may speak of: everything else is as if it were not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// Every site.
    All,
    /// These sites, perhaps none.
    Sites(BTreeSet<String>),
}

impl Scope {
    /// Whether a site may be seen.
    #[must_use]
    pub fn holds(&self, site: &str) -> bool {
        match self {
            Scope::All => true,
            Scope::Sites(sites) => sites.contains(site),
        }
    }

    /// The sites by name, where not all may be seen.
    pub fn sites(&self) -> impl Iterator<Item = &str> {
        match self {
            Scope::All => None,
            Scope::Sites(sites) => Some(sites.iter().map(String::as_str)),
        }
        .into_iter()
        .flatten()
    }

    /// What is left of this scope when one site is asked for.
    #[must_use]
    pub fn narrowed(&self, site: Option<&str>) -> Self {
        match site {
            None => self.clone(),
            Some(site) if self.holds(site) => Scope::Sites([site.to_owned()].into()),
            Some(_) => Scope::Sites(BTreeSet::new()),
        }
    }
}

/// Someone who asks, as far as that is proven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Viewer {
    /// A name for people and for the audit log.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// What they may see.
    pub scope: Scope,
}

impl Viewer {
    /// What they may, in words.
    #[must_use]
    pub fn described(&self) -> String {
        let sites: Vec<&str> = self.scope.sites().collect();
        let of = if sites.is_empty() { String::new() } else { format!(" of {}", sites.join(", ")) };
        format!("{}, {}{of}", self.name, self.role.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_never_grows() {
        let site = Scope::Sites(["A".to_owned()].into());
        assert!(Scope::All.holds("B") && site.holds("A") && !site.holds("B") && !site.holds("a"));
        assert_eq!(Scope::All.narrowed(Some("A")), site);
        assert_eq!(site.narrowed(None), site);
        assert_eq!(site.narrowed(Some("B")), Scope::Sites(BTreeSet::new()));
        assert_eq!((Scope::All.sites().count(), site.sites().collect::<Vec<_>>()), (0, vec!["A"]));
    }
}
