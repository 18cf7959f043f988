//! Dates and times that may be asked for, and whose reference lists.

use jiff::Timestamp;
use serde::Deserialize;
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, OneOfBuilder, SchemaFormat, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::rows::text;
use crate::query::{self, ListsOf, QueryError};

/// A date, which is the end of that day (UTC), or a time.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct At(pub(super) Timestamp);

impl TryFrom<String> for At {
    type Error = QueryError;

    fn try_from(text: String) -> Result<Self, QueryError> {
        query::parse_date(&text).map(At)
    }
}

/// A date, which is the beginning of that day (UTC), or a time.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Since(pub(super) Timestamp);

impl TryFrom<String> for Since {
    type Error = QueryError;

    fn try_from(text: String) -> Result<Self, QueryError> {
        query::parse_since(&text).map(Since)
    }
}

/// Whose reference lists hosts are compared with: `now`, or a date, which is the end of that day (UTC), or a time.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Lists(ListsOf);

impl TryFrom<String> for Lists {
    type Error = QueryError;

    fn try_from(text: String) -> Result<Self, QueryError> {
        text.parse().map(Lists)
    }
}

impl Lists {
    /// The time whose lists are asked for, if any.
    pub(super) fn at(lists: Option<Lists>, now: Timestamp) -> Option<Timestamp> {
        lists.map(|Lists(of)| of.at(now))
    }
}

impl PartialSchema for Lists {
    fn schema() -> RefOr<Schema> {
        let now = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(["now"])).build();
        Schema::from(either_moment().item(now).build()).into()
    }
}

impl ToSchema for Lists {}

impl PartialSchema for At {
    fn schema() -> RefOr<Schema> {
        moment_schema()
    }
}

impl ToSchema for At {}

impl PartialSchema for Since {
    fn schema() -> RefOr<Schema> {
        moment_schema()
    }
}

impl ToSchema for Since {}

fn moment_schema() -> RefOr<Schema> {
    Schema::from(either_moment().build()).into()
}

fn either_moment() -> OneOfBuilder {
    let forms = [KnownFormat::Date, KnownFormat::DateTime].map(|form| text(SchemaFormat::KnownFormat(form)));
    forms.into_iter().fold(OneOfBuilder::new(), OneOfBuilder::item)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_begins_and_ends() {
        assert_eq!(At::try_from("2026-01-31".to_owned()).unwrap().0.to_string(), "2026-01-31T23:59:59Z");
        assert_eq!(Since::try_from("2026-01-31".to_owned()).unwrap().0.to_string(), "2026-01-31T00:00:00Z");
        // However the date is written (ISO 8601).
        assert_eq!(Since::try_from("+002026-01-31".to_owned()).unwrap().0.to_string(), "2026-01-31T00:00:00Z");
        let second = "2026-01-31T04:05:06Z";
        assert_eq!(Since::try_from(second.to_owned()).unwrap().0.to_string(), second);
        assert!(At::try_from("yesterday".to_owned()).is_err());
    }

    #[test]
    fn lists_are_those_of_now_or_of_a_date() {
        let now = Timestamp::UNIX_EPOCH;
        let lists = |text: &str| Lists::try_from(text.to_owned()).map(|lists| Lists::at(Some(lists), now).unwrap());
        assert_eq!(lists("now").unwrap(), now);
        assert_eq!(lists("2026-01-31").unwrap().to_string(), "2026-01-31T23:59:59Z");
        assert!(lists("tomorrow").unwrap_err().to_string().contains("expected now, 2026-01-31"));
    }
}
