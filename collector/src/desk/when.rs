//! The day that a page is of, and whose reference lists it goes by: as typed, as asked, and as part of links.

use jiff::Timestamp;
use jiff::civil::Date;

use super::piece;
use crate::query::{ListsOf, QueryError, parse_date};

/// A day and a choice of lists, as typed; both empty for now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct When {
    /// A date, empty for now.
    pub at: String,
    /// `now` or a date, empty for the lists of the day that is looked at.
    pub lists: String,
}

impl When {
    /// The day, and the time whose lists are asked for.
    ///
    /// # Errors
    /// [`QueryError`] names the one that cannot be read.
    pub fn read(&self, now: Timestamp) -> Result<(Option<Date>, Option<Timestamp>), QueryError> {
        let day = given(&self.at).map(parse_date).transpose()?.map(crate::days::of);
        let lists = given(&self.lists).map(str::parse::<ListsOf>).transpose()?;
        Ok((day, lists.map(|lists| lists.at(now))))
    }

    /// What keeps it in a link: empty, or `at=...&lists=...&`.
    #[must_use]
    pub fn kept(&self) -> String {
        let pairs = [("at", &self.at), ("lists", &self.lists)];
        let given = pairs.into_iter().filter_map(|(key, value)| Some((key, given(value)?)));
        given.map(|(key, value)| format!("{key}={}&", piece(value))).collect()
    }

    /// Whether a day in the past is looked at.
    #[must_use]
    pub fn is_past(&self) -> bool {
        given(&self.at).is_some()
    }

    /// Whether lists of a date are chosen that the form does not offer by itself.
    #[must_use]
    pub fn has_other_lists(&self) -> bool {
        given(&self.lists).is_some_and(|lists| lists != "now")
    }
}

fn given(text: &str) -> Option<&str> {
    Some(text.trim()).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn when(at: &str, lists: &str) -> When {
        When { at: at.to_owned(), lists: lists.to_owned() }
    }

    #[test]
    fn a_day_and_its_lists_are_read_and_kept_in_links() {
        let now = Timestamp::UNIX_EPOCH;
        assert_eq!(when(" ", "").read(now), Ok((None, None)));
        assert_eq!(when("", "").kept(), "");
        let asked = when("2026-01-31", "now");
        assert_eq!(asked.read(now), Ok((Some(Date::constant(2026, 1, 31)), Some(now))));
        assert_eq!(asked.kept(), "at=2026-01-31&lists=now&");
        assert_eq!(when("x", "").read(now), Err(QueryError::Date("x".to_owned())));
        assert_eq!(when("", "x").read(now), Err(QueryError::Lists("x".to_owned())));
    }
}
