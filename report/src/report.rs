//! What one host says of itself at one moment.

use std::borrow::Cow;
use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::package::{Package, Packager};

/// A report, whole: who, when, facts and every package. Texts may borrow from where they were read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report<'a> {
    /// Everything before the packages.
    pub header: Header<'a>,
    /// Every installed package.
    pub packages: Vec<Package<'a>>,
}

/// The header lines of a report, typed where the collector acts on them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header<'a> {
    /// Fully qualified host name; the first one where a legacy host lists several.
    pub host: Cow<'a, str>,
    /// The site the host claims to belong to; legacy hosts may leave it out.
    pub site: Option<Cow<'a, str>>,
    /// The manager of package lines that name no other.
    pub packager: Packager,
    /// When the packages were read, to the second, UTC; absent in legacy reports, whose time is that of receipt.
    pub collected: Option<Timestamp>,
    /// Every other header line by name: `arch`, `cpu`, `kernel`, `system`, `tag`, `reporter`, and names we do not know.
    pub facts: BTreeMap<Cow<'a, str>, Cow<'a, str>>,
}

impl Header<'_> {
    /// A header line by name, empty when the host did not send it.
    #[must_use]
    pub fn fact(&self, name: &str) -> &str {
        self.facts.get(name).map_or("", |value| value)
    }
}
