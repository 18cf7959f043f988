//! A package as its host's package manager names it, and the two managers we know.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

/// One installed package. The texts may borrow from the database or the report they were read from.
///
/// `version` is `EPOCH:VERSION-RELEASE` for rpm (a missing epoch is `0:`) and the Debian version as it stands for dpkg.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Package<'a> {
    /// Name, such as `xrootd-server`.
    pub name: Cow<'a, str>,
    /// Full version in the manager's own form.
    pub version: Cow<'a, str>,
    /// Architecture as the manager writes it (`x86_64`, `amd64`, `noarch`, `all`).
    pub arch: Cow<'a, str>,
    /// The manager that installed it, and whose version order holds.
    pub packager: Packager,
}

impl Package<'_> {
    /// The same package with texts of its own.
    #[must_use]
    pub fn into_owned(self) -> Package<'static> {
        Package {
            name: Cow::Owned(self.name.into_owned()),
            version: Cow::Owned(self.version.into_owned()),
            arch: Cow::Owned(self.arch.into_owned()),
            packager: self.packager,
        }
    }
}

/// A package manager: decides the form of versions and their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Packager {
    /// dpkg; Debian Policy, section 5.6.12.
    Dpkg,
    /// rpm; rpm-version(7).
    Rpm,
}

impl Packager {
    /// Every manager, in the order in which they are tried.
    pub const ALL: [Packager; 2] = [Packager::Dpkg, Packager::Rpm];

    /// The word in the report's `packager:` line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Packager::Dpkg => "dpkg",
            Packager::Rpm => "rpm",
        }
    }
}

impl fmt::Display for Packager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Packager {
    type Err = UnknownPackager;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        Packager::ALL
            .into_iter()
            .find(|packager| packager.as_str() == word)
            .ok_or_else(|| UnknownPackager(word.to_owned()))
    }
}

/// A package manager whose version order we do not know.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected packager rpm or dpkg, found {0:?}")]
pub struct UnknownPackager(pub String);
