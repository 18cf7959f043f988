//! Reference lists: the versions that hosts are compared with, as TOML here and as CSV in `table`.

use std::collections::HashSet;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

pub use self::date::parse as parse_date;
pub use self::error::ReferenceError;
pub use self::table::COLUMNS;
use self::typed::Fault;
use crate::table::{cut, misleads};

mod date;
pub mod difference;
mod error;
pub mod repository;
mod table;
pub mod typed;

/// The longest name of a list, in characters: both databases can tell two such names apart in an index.
const LONGEST_NAME: usize = 100;

/// A named list of references.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReferenceList {
    /// Name; an import under the same name takes the place of the list.
    pub name: String,
    /// What is asked of which package.
    #[serde(rename = "reference")]
    pub references: Vec<Reference>,
}

/// What is asked of one package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reference {
    /// The product that the package belongs to, such as `xrootd`.
    pub product: String,
    /// The package, such as `xrootd-server`.
    pub package: String,
    /// The system it is for, such as `el9` or `debian12`; every system when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub os: Option<String>,
    /// The oldest version that is good, in the form of the system's package manager.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum: Option<String>,
    /// Versions that are not good although new enough; without a release, every build of the version.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blocked: Vec<String>,
    /// The day from which this is asked.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "date")]
    pub since: Option<Date>,
    /// The day by which sites should be there.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "date")]
    pub deadline: Option<Date>,
    /// Where people read more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// The TOML form, with the place of each reference.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    name: Option<String>,
    #[serde(default, rename = "reference")]
    references: Vec<toml::Spanned<Reference>>,
}

/// Space around a value would be lost in a CSV cell, and is a slip of the hand anyway.
fn is_readable(text: &str) -> bool {
    !text.is_empty() && text.trim() == text && !text.contains(misleads)
}

/// The lines, from 1, that ascending places of a text are in.
fn lines_at(text: &str, places: impl Iterator<Item = usize>) -> Vec<u64> {
    let (mut line, mut counted) = (1, 0);
    let mut line_of = |place| {
        let between = text.as_bytes().get(counted..place).unwrap_or_default();
        line += between.iter().filter(|byte| **byte == b'\n').map(|_| 1_u64).sum::<u64>();
        counted = counted.max(place);
        line
    };
    places.map(&mut line_of).collect()
}

impl Reference {
    /// What makes it one reference: product, package and system.
    #[must_use]
    pub fn key(&self) -> (&str, &str, Option<&str>) {
        (&self.product, &self.package, self.os.as_deref())
    }

    /// Whether its address is one that a browser opens as a page.
    #[must_use]
    pub fn is_page(&self) -> bool {
        self.url.as_ref().is_some_and(|url| url.starts_with("https://") || url.starts_with("http://"))
    }

    /// What is wrong with it by itself.
    #[must_use]
    pub fn faults(&self) -> Vec<Fault> {
        let is_version = |text: &String| is_readable(text) && !text.contains(char::is_whitespace);
        let name = "needs a name, without control or invisible characters or space around it";
        let word = "is empty or has spaces, control or invisible characters";
        let asks = self.minimum.is_some() || !self.blocked.is_empty();
        [
            ("product", is_readable(&self.product), name),
            ("package", is_readable(&self.package), name),
            ("os", self.os.iter().all(is_version), word),
            ("minimum", self.minimum.iter().all(is_version), word),
            ("minimum", asks, "is missing: give a `minimum` or `blocked` versions"),
            ("blocked", self.blocked.iter().all(is_version), word),
            ("url", self.url.iter().all(|url| is_readable(url)), "is empty or has control or invisible characters"),
        ]
        .into_iter()
        .filter(|(_, is_right, _)| !is_right)
        .map(|(field, _, what)| Fault { field, what })
        .collect()
    }

    /// Its values as text, by the columns of the CSV form.
    #[must_use]
    pub fn columns(&self) -> [(&'static str, String); 8] {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let date = |date: Option<Date>| date.map(|date| date.to_string()).unwrap_or_default();
        [
            ("product", self.product.clone()),
            ("package", self.package.clone()),
            ("os", text(&self.os)),
            ("minimum", text(&self.minimum)),
            ("blocked", self.blocked.join(" ")),
            ("since", date(self.since)),
            ("deadline", date(self.deadline)),
            ("url", text(&self.url)),
        ]
    }
}

impl ReferenceList {
    /// A list that asks for nothing yet.
    ///
    /// # Errors
    /// [`ReferenceError::Name`].
    pub fn named(name: &str) -> Result<Self, ReferenceError> {
        let list = ReferenceList { name: name.to_owned(), references: Vec::new() };
        list.check(&[])?;
        Ok(list)
    }

    /// Reads the TOML form.
    ///
    /// # Errors
    /// [`ReferenceError`] with the line that is wrong.
    pub fn from_toml(text: &str) -> Result<Self, ReferenceError> {
        Self::from_toml_named(text, "")
    }

    /// Reads the TOML form of the list of this name, which the text need not have again; an empty one is the text's.
    ///
    /// # Errors
    /// [`ReferenceError`] with the line that is wrong, or [`ReferenceError::OtherName`].
    pub fn from_toml_named(text: &str, name: &str) -> Result<Self, ReferenceError> {
        let written: Written = toml::from_str(text).map_err(|error| ReferenceError::Toml(Box::new(error)))?;
        let lines = lines_at(text, written.references.iter().map(|reference| reference.span().start));
        let references = written.references.into_iter().map(toml::Spanned::into_inner).collect();
        let name = match written.name {
            Some(written) if !name.is_empty() && written != name => {
                return Err(ReferenceError::OtherName {
                    written: cut(&written, LONGEST_NAME),
                    wanted: name.to_owned(),
                });
            }
            Some(written) => written,
            None => name.to_owned(),
        };
        let list = ReferenceList { name, references };
        list.check(&lines)?;
        Ok(list)
    }

    /// Writes the TOML form.
    ///
    /// # Errors
    /// [`ReferenceError::Write`], which a list that was read does not cause.
    pub fn to_toml(&self) -> Result<String, ReferenceError> {
        toml::to_string(self).map_err(|error| ReferenceError::Write(error.to_string()))
    }

    /// Doubts what is written; `lines` are those of the references.
    fn check(&self, lines: &[u64]) -> Result<(), ReferenceError> {
        if !is_readable(&self.name) || self.name.chars().count() > LONGEST_NAME {
            return Err(ReferenceError::Name(LONGEST_NAME));
        }
        let mut seen = HashSet::new();
        for (at, reference) in self.references.iter().enumerate() {
            let twice = !seen.insert(reference.key());
            let twice = twice.then_some(Fault { field: "package", what: "stands twice for the same product and os" });
            if let Some(fault) = reference.faults().into_iter().next().or(twice) {
                return Err(ReferenceError::Reference {
                    line: lines.get(at).copied().unwrap_or_default(),
                    package: cut(&reference.package.escape_debug().to_string(), LONGEST_NAME),
                    fault,
                });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = r#"
        name = "WLCG baseline"
        [[reference]]
        product = "xrootd"
        package = "xrootd-server"
        os = "el9"
        minimum = "1:5.6.4-1.el9"
        blocked = ["1:5.6.5-1.el9", "1:5.6.6"]
        since = 2026-01-15
        deadline = "2026-03-01"
        url = "https://example.org/a?b=c"
        [[reference]]
        product = "xrootd"
        package = "xrootd-server"
        blocked = ["5.7.0"]
    "#;

    #[test]
    fn both_forms_read_back() {
        let list = ReferenceList::from_toml(LIST).unwrap();
        assert_eq!(list.references[0].since, Some(Date::constant(2026, 1, 15)));
        assert_eq!(ReferenceList::from_toml(&list.to_toml().unwrap()).unwrap(), list);
        assert_eq!(ReferenceList::from_csv(&list.to_csv().unwrap(), &list.name).unwrap(), list);
    }

    #[test]
    fn the_shipped_example_is_read() {
        let list = ReferenceList::from_toml(include_str!("../../../config/reference-example.toml")).unwrap();
        assert!(list.references.len() > 5);
    }

    #[test]
    fn a_text_is_of_the_list_that_it_names() {
        let named = |text: &str, name: &str| ReferenceList::from_toml_named(text, name).map(|list| list.name);
        assert_eq!(named(LIST, "WLCG baseline").unwrap(), "WLCG baseline");
        assert_eq!(named("", "other").unwrap(), "other");
        assert!(named(LIST, "other").unwrap_err().to_string().contains("\"WLCG baseline\", not \"other\""));
        assert!(matches!(named("", ""), Err(ReferenceError::Name(_))));
        assert!(ReferenceList::named("a\tb").is_err() && ReferenceList::named(&"x".repeat(101)).is_err());
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (from, to, told) in [
            ("os = \"el9\"", "oss = \"el9\"", "oss"),
            ("since = 2026-01-15", "since = \"soon\"", "soon"),
            ("blocked = [\"5.7.0\"]", "", "line 12 (xrootd-server), minimum: is missing"),
            ("blocked = [\"5.7.0\"]", "blocked = [\"5.7.0\"]\nos = \"el9\"", "twice"),
            ("\"xrootd-server\"", "\"a\\u0007b\"", "control"),
            ("since = 2026-01-15", "since = 2026-01-15T10:00:00", "YEAR-MONTH-DAY"),
            ("since = 2026-01-15", "since = 7", "YEAR-MONTH-DAY"),
            ("\"xrootd\"", "\" xrootd\"", "space"),
        ] {
            let error = ReferenceList::from_toml(&LIST.replacen(from, to, 1)).unwrap_err().to_string();
            assert!(error.contains(told), "{error}");
        }
    }
}
