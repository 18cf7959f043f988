//! Reference lists: the versions that hosts are compared with, as TOML or CSV.

use std::collections::HashSet;

use jiff::civil::Date;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A named list of references.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReferenceList {
    /// Name; an import under the same name takes the place of the list.
    pub name: String,
    /// What is asked of which package.
    #[serde(default, rename = "reference")]
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
    #[serde(default, skip_serializing_if = "Option::is_none", with = "toml_date")]
    pub since: Option<Date>,
    /// The day by which sites should be there.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "toml_date")]
    pub deadline: Option<Date>,
    /// Where people read more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// The columns of the CSV form.
const COLUMNS: [&str; 8] = ["product", "package", "os", "minimum", "blocked", "since", "deadline", "url"];

impl ReferenceList {
    /// Reads the TOML form.
    ///
    /// # Errors
    /// [`ReferenceError`] with the line or the reference that is wrong.
    pub fn from_toml(text: &str) -> Result<Self, ReferenceError> {
        let list: ReferenceList = toml::from_str(text).map_err(|error| ReferenceError::Toml(Box::new(error)))?;
        list.check()?;
        Ok(list)
    }

    /// Reads the CSV form, whose first row names the columns; `blocked` holds versions separated by spaces.
    ///
    /// # Errors
    /// [`ReferenceError`] with the row that is wrong.
    pub fn from_csv(text: &str, name: &str) -> Result<Self, ReferenceError> {
        let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
        if let Some(unknown) = reader.headers()?.iter().find(|column| !COLUMNS.contains(column)) {
            return Err(ReferenceError::Column(unknown.to_owned()));
        }
        let mut references = Vec::new();
        for row in reader.deserialize() {
            let row: Row = row?;
            let given = |text: String| (!text.is_empty()).then_some(text);
            let number = references.len() + 2;
            let date = |text: String| {
                given(text).map(|text| text.parse().map_err(|_| ReferenceError::Date { row: number, text })).transpose()
            };
            references.push(Reference {
                product: row.product,
                package: row.package,
                os: given(row.os),
                minimum: given(row.minimum),
                blocked: row.blocked.split_whitespace().map(str::to_owned).collect(),
                since: date(row.since)?,
                deadline: date(row.deadline)?,
                url: given(row.url),
            });
        }
        let list = ReferenceList { name: name.to_owned(), references };
        list.check()?;
        Ok(list)
    }

    /// Writes the TOML form.
    ///
    /// # Errors
    /// [`ReferenceError::Write`], which a list that was read does not cause.
    pub fn to_toml(&self) -> Result<String, ReferenceError> {
        toml::to_string(self).map_err(|error| ReferenceError::Write(error.to_string()))
    }

    /// Writes the CSV form, which reads back as it is: it comes from the officer's team, not from hosts.
    ///
    /// # Errors
    /// [`ReferenceError::Csv`].
    pub fn to_csv(&self) -> Result<String, ReferenceError> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(COLUMNS)?;
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let date = |date: Option<Date>| date.map(|date| date.to_string()).unwrap_or_default();
        for reference in &self.references {
            writer.write_record([
                reference.product.clone(),
                reference.package.clone(),
                text(&reference.os),
                text(&reference.minimum),
                reference.blocked.join(" "),
                date(reference.since),
                date(reference.deadline),
                text(&reference.url),
            ])?;
        }
        let bytes = writer.into_inner().map_err(|error| ReferenceError::Write(error.to_string()))?;
        String::from_utf8(bytes).map_err(|error| ReferenceError::Write(error.to_string()))
    }

    fn check(&self) -> Result<(), ReferenceError> {
        let readable = |text: &str| !text.trim().is_empty() && !text.contains(char::is_control);
        if !readable(&self.name) {
            return Err(ReferenceError::Name);
        }
        let mut seen = HashSet::new();
        for (at, reference) in self.references.iter().enumerate() {
            let wrong = |what| ReferenceError::Reference {
                number: at + 1,
                package: reference.package.escape_debug().to_string(),
                what,
            };
            let Reference { product, package, os, minimum, blocked, url, .. } = reference;
            if !readable(product) || !readable(package) {
                return Err(wrong("needs a product and a package without control characters"));
            }
            if minimum.is_none() && blocked.is_empty() {
                return Err(wrong("needs a `minimum` or `blocked` versions"));
            }
            let version = |version: &String| readable(version) && !version.contains(char::is_whitespace);
            if !minimum.iter().chain(blocked).chain(os).all(version) || !url.iter().all(|url| readable(url)) {
                return Err(wrong("has an empty value, a space or a control character in os, minimum, blocked or url"));
            }
            if !seen.insert((product, package, os)) {
                return Err(wrong("stands twice for the same product and os: keep one of them"));
            }
        }
        Ok(())
    }
}

#[derive(Deserialize)]
struct Row {
    product: String,
    package: String,
    #[serde(default)]
    os: String,
    #[serde(default)]
    minimum: String,
    #[serde(default)]
    blocked: String,
    #[serde(default)]
    since: String,
    #[serde(default)]
    deadline: String,
    #[serde(default)]
    url: String,
}

/// TOML's own dates, and dates written as text.
mod toml_date {
    use super::{Date, Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(date: &Option<Date>, serializer: S) -> Result<S::Ok, S::Error> {
        let native = date.and_then(|date| date.to_string().parse::<toml::value::Datetime>().ok());
        native.serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Date>, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Native(toml::value::Datetime),
            Text(String),
        }
        let text = match Written::deserialize(deserializer)? {
            Written::Native(date) => date.to_string(),
            Written::Text(text) => text,
        };
        text.parse().map(Some).map_err(|_| serde::de::Error::custom(format!("date {text:?}: expected YEAR-MONTH-DAY")))
    }
}

/// Why a list cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ReferenceError {
    /// Not the TOML form.
    #[error("reference list: {0}")]
    Toml(#[source] Box<toml::de::Error>),
    /// Not the CSV form.
    #[error("reference list: {0}")]
    Csv(#[from] csv::Error),
    /// A column that means nothing here.
    #[error("reference list: column {0:?} is unknown: use product,package,os,minimum,blocked,since,deadline,url")]
    Column(String),
    /// A date that is none.
    #[error("reference list, row {row}: date {text:?}: expected YEAR-MONTH-DAY")]
    Date {
        /// Row in the file, from 1.
        row: usize,
        /// What stood there.
        text: String,
    },
    /// No name.
    #[error("reference list: needs a name without control characters")]
    Name,
    /// A reference that asks nothing, or something twice.
    #[error("reference {number} ({package}): {what}")]
    Reference {
        /// Which one, from 1.
        number: usize,
        /// Its package.
        package: String,
        /// What is wrong.
        what: &'static str,
    },
    /// A list that cannot be written.
    #[error("writing a reference list: {0}")]
    Write(String),
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
        let list = ReferenceList::from_toml(include_str!("../../config/reference-example.toml")).unwrap();
        assert!(list.references.len() > 5);
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (from, to, told) in [
            ("os = \"el9\"", "oss = \"el9\"", "oss"),
            ("since = 2026-01-15", "since = \"soon\"", "soon"),
            ("blocked = [\"5.7.0\"]", "", "reference 2 (xrootd-server): needs a `minimum`"),
            ("blocked = [\"5.7.0\"]", "blocked = [\"5.7.0\"]\nos = \"el9\"", "twice"),
            ("\"xrootd-server\"", "\"a\\u0007b\"", "control"),
        ] {
            let error = ReferenceList::from_toml(&LIST.replacen(from, to, 1)).unwrap_err().to_string();
            assert!(error.contains(told), "{error}");
        }
        assert!(ReferenceList::from_csv("product,package,min\na,b,1\n", "x").unwrap_err().to_string().contains("min"));
        assert!(
            ReferenceList::from_csv("product,package,minimum,since\na,b,1,x\n", "x")
                .unwrap_err()
                .to_string()
                .contains("row 2")
        );
    }
}
