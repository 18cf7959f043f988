//! The questions that people type: `xrootd-server < 5.6.4`, `kernel-*`, dates, and whose reference lists.

use std::cmp::Ordering;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::Offset;
use report::package::Packager;
use report::version::compare_with_query;

/// A package name or pattern, and a bound on its version if one was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageQuery {
    name: String,
    bound: Option<(Operator, String)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Less,
    LessOrEqual,
    Equal,
    NotEqual,
    GreaterOrEqual,
    Greater,
}

/// Longer ones first, so that `<=` is not read as `<`.
const OPERATORS: [(&str, Operator); 7] = [
    ("<=", Operator::LessOrEqual),
    (">=", Operator::GreaterOrEqual),
    ("==", Operator::Equal),
    ("!=", Operator::NotEqual),
    ("<", Operator::Less),
    (">", Operator::Greater),
    ("=", Operator::Equal),
];

impl PackageQuery {
    /// Reads `PACKAGE` or `PACKAGE OP VERSION`; the name may hold `*` and `?`.
    ///
    /// # Errors
    /// [`QueryError::Question`] with an example.
    pub fn parse(question: &str) -> Result<Self, QueryError> {
        let refused = || QueryError::Question(question.escape_debug().to_string());
        let word = |text: &str| {
            let text = text.trim();
            let one =
                !text.is_empty() && !text.contains(|c: char| c.is_whitespace() || c.is_control() || "<>=!".contains(c));
            one.then(|| text.to_owned()).ok_or_else(refused)
        };
        let Some(at) = question.find(['<', '>', '=', '!']) else {
            return Ok(PackageQuery { name: word(question)?, bound: None });
        };
        let (name, rest) = question.split_at(at);
        let (operator, version) = OPERATORS
            .iter()
            .find_map(|(sign, operator)| Some((*operator, rest.strip_prefix(sign)?)))
            .ok_or_else(refused)?;
        Ok(PackageQuery { name: word(name)?, bound: Some((operator, word(version)?)) })
    }

    /// The name, unless it is a pattern.
    #[must_use]
    pub fn literal_name(&self) -> Option<&str> {
        (!self.name.contains(['*', '?'])).then_some(&self.name)
    }

    /// Whether versions are asked for, and not only names.
    #[must_use]
    pub fn has_bound(&self) -> bool {
        self.bound.is_some()
    }

    /// Whether a package of this name is asked for.
    #[must_use]
    pub fn matches_name(&self, name: &str) -> bool {
        matches_pattern(&self.name, name)
    }

    /// Whether a version is within the bound; parts that the question leaves out are not compared.
    #[must_use]
    pub fn matches_version(&self, packager: Packager, version: &str) -> bool {
        let Some((operator, asked)) = &self.bound else { return true };
        let order = compare_with_query(packager, version, asked);
        match operator {
            Operator::Less => order == Ordering::Less,
            Operator::LessOrEqual => order != Ordering::Greater,
            Operator::Equal => order == Ordering::Equal,
            Operator::NotEqual => order != Ordering::Equal,
            Operator::GreaterOrEqual => order != Ordering::Less,
            Operator::Greater => order == Ordering::Greater,
        }
    }
}

/// Whether a text is like a pattern: `*` stands for any text, `?` for one byte; linear in the text for each `*`.
#[must_use]
pub fn matches_pattern(pattern: &str, text: &str) -> bool {
    let (mut pattern, mut text) = (pattern.as_bytes(), text.as_bytes());
    let mut restart: Option<(&[u8], &[u8])> = None;
    loop {
        match (pattern.split_first(), text.split_first()) {
            (Some((b'*', after)), _) => {
                restart = Some((after, text));
                pattern = after;
            }
            (Some((wanted, after)), Some((found, rest))) if *wanted == b'?' || wanted == found => {
                (pattern, text) = (after, rest);
            }
            (None, None) => return true,
            _ => match restart {
                Some((after, [_, rest @ ..])) => {
                    restart = Some((after, rest));
                    (pattern, text) = (after, rest);
                }
                _ => return false,
            },
        }
    }
}

/// Reads a date: `2026-01-31` is the end of that day (UTC), or RFC 3339 to the second.
///
/// # Errors
/// [`QueryError::Date`] with examples.
pub fn parse_date(text: &str) -> Result<Timestamp, QueryError> {
    let refused = |_| QueryError::Date(text.escape_debug().to_string());
    if let Ok(date) = text.parse::<Date>()
        && !text.contains(['T', 't', ' '])
    {
        return Offset::UTC.to_timestamp(date.at(23, 59, 59, 0)).map_err(refused);
    }
    text.parse().map_err(refused)
}

/// Reads a date from which on something is wanted: `2026-01-31` is the beginning of that day (UTC), or RFC 3339.
///
/// # Errors
/// [`QueryError::Date`] with examples.
pub fn parse_since(text: &str) -> Result<Timestamp, QueryError> {
    let refused = |_| QueryError::Date(text.escape_debug().to_string());
    if let Ok(date) = text.parse::<Date>()
        && !text.contains(['T', 't', ' '])
    {
        return Offset::UTC.to_timestamp(date.at(0, 0, 0, 0)).map_err(refused);
    }
    text.parse().map_err(refused)
}

/// Whose reference lists hosts are compared with, where they are not those of the date that is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListsOf {
    /// Those of today.
    Now,
    /// Those that held then.
    Date(Timestamp),
}

impl ListsOf {
    /// The time whose lists are meant.
    #[must_use]
    pub fn at(self, now: Timestamp) -> Timestamp {
        match self {
            ListsOf::Now => now,
            ListsOf::Date(at) => at,
        }
    }
}

impl std::str::FromStr for ListsOf {
    type Err = QueryError;

    /// Reads `now`, or a date as [`parse_date`] does.
    fn from_str(text: &str) -> Result<Self, QueryError> {
        if text == "now" {
            return Ok(ListsOf::Now);
        }
        parse_date(text).map(ListsOf::Date).map_err(|_| QueryError::Lists(text.escape_debug().to_string()))
    }
}

/// Why a question cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// Not a package and a bound.
    #[error(
        "question \"{0}\": expected PACKAGE or 'PACKAGE OP VERSION', such as 'xrootd-server < 5.6.4' or 'kernel-*'"
    )]
    Question(String),
    /// Not a date.
    #[error("date \"{0}\": expected 2026-01-31 (the end of that day, UTC) or 2026-01-31T04:05:06Z")]
    Date(String),
    /// Neither a date nor `now`.
    #[error(
        "reference lists of \"{0}\": expected now, 2026-01-31 (those of that day's end, UTC) or 2026-01-31T04:05:06Z"
    )]
    Lists(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_are_read_with_and_without_spaces() {
        let asked = PackageQuery::parse(" xrootd-server < 5.6.4 ").unwrap();
        assert_eq!(asked, PackageQuery::parse("xrootd-server<5.6.4").unwrap());
        assert!(asked.matches_version(Packager::Rpm, "1:5.6.3-1.el9"));
        assert!(!asked.matches_version(Packager::Rpm, "1:5.6.4-1.el9"));
        assert!(PackageQuery::parse("bash >= 5.2").unwrap().matches_version(Packager::Dpkg, "5.2.15-2+b2"));
        assert!(PackageQuery::parse("bash == 5.2.15").unwrap().matches_version(Packager::Dpkg, "5.2.15-2+b2"));
        assert_eq!(PackageQuery::parse("bash").unwrap().literal_name(), Some("bash"));
        for wrong in ["", "<", "a <", "< 1", "a b", "a < 1 2", "a <> 1", "a ! 1"] {
            assert!(PackageQuery::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn patterns_match_whole_names() {
        let matches = |pattern: &str, name: &str| PackageQuery::parse(pattern).unwrap().matches_name(name);
        assert!(matches("kernel-*", "kernel-core") && matches("*", "") && matches("a*b*c", "aXbYbc"));
        assert!(matches("python3.?", "python3.9") && !matches("python3.?", "python3.11"));
        assert!(!matches("kernel-*", "mykernel-core") && !matches("bash", "bash2"));
        assert!(!matches(&"*a".repeat(50), &"b".repeat(5_000)));
    }

    #[test]
    fn a_day_means_its_end() {
        assert_eq!(parse_date("2026-01-31").unwrap().to_string(), "2026-01-31T23:59:59Z");
        assert_eq!(parse_date("2026-01-31T04:05:06+01:00").unwrap().to_string(), "2026-01-31T03:05:06Z");
        assert!(parse_date("31.1.2026").is_err() && parse_date("2026-02-30").is_err());
        assert_eq!("2026-01-31".parse(), Ok(ListsOf::Date(parse_date("2026-01-31").unwrap())));
        assert_eq!("now".parse(), Ok(ListsOf::Now));
        for wrong in ["", "Now", "today", "now "] {
            assert_eq!(wrong.parse::<ListsOf>(), Err(QueryError::Lists(wrong.to_owned())));
        }
    }
}
