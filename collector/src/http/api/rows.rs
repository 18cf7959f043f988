//! Rows of answers: the same fields in JSON, as columns of CSV, and in the document that describes them.

use std::borrow::Cow;

use jiff::Timestamp;
use serde::Serialize;
use utoipa::openapi::schema::{KnownFormat, Object, ObjectBuilder, SchemaFormat, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::table::{Cell, Table};

/// What can be a row of CSV.
pub(super) trait Row {
    /// Names of the columns, which are those of the fields in JSON.
    const COLUMNS: &'static [&'static str];

    /// The values, one for each column.
    fn cells(&self) -> Vec<Cell>;
}

/// Makes structs whose fields are columns.
macro_rules! rows {
    ($($(#[$meta:meta])* struct $name:ident { $($(#[$about:meta])* $field:ident: $kind:ty,)+ })+) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, serde::Serialize, utoipa::ToSchema)]
        pub(super) struct $name {
            $($(#[$about])* pub(super) $field: $kind,)+
        }

        impl $crate::http::api::rows::Row for $name {
            const COLUMNS: &'static [&'static str] = &[$(stringify!($field)),+];

            fn cells(&self) -> Vec<$crate::table::Cell> {
                vec![$($crate::http::api::rows::Value::cell(&self.$field)),+]
            }
        }
    )+};
}
pub(super) use rows;

/// Rows as a table.
pub(super) fn table<R: Row>(rows: &[R]) -> Table {
    Table { columns: R::COLUMNS.to_vec(), rows: rows.iter().map(Row::cells).collect() }
}

/// What a field may hold.
pub(super) trait Value {
    /// The value in CSV.
    fn cell(&self) -> Cell;
}

impl Value for String {
    fn cell(&self) -> Cell {
        Cell::Text(self.clone())
    }
}

impl Value for Cow<'static, str> {
    fn cell(&self) -> Cell {
        Cell::Text(self.as_ref().to_owned())
    }
}

impl Value for i64 {
    fn cell(&self) -> Cell {
        Cell::Number(*self)
    }
}

impl Value for bool {
    fn cell(&self) -> Cell {
        Cell::Text(self.to_string())
    }
}

impl Value for Vec<String> {
    fn cell(&self) -> Cell {
        Cell::Text(self.join(" "))
    }
}

/// Whole sentences, which spaces would not tell apart in CSV.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct Sentences(pub(super) Vec<String>);

impl Value for Sentences {
    fn cell(&self) -> Cell {
        Cell::Text(self.0.join("; "))
    }
}

impl<T: Value> Value for Option<T> {
    fn cell(&self) -> Cell {
        self.as_ref().map_or_else(|| Cell::Text(String::new()), Value::cell)
    }
}

/// A time, to the second, UTC (RFC 3339).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(super) struct Time(pub(super) Timestamp);

impl Value for Time {
    fn cell(&self) -> Cell {
        Cell::Time(Some(self.0))
    }
}

impl PartialSchema for Time {
    fn schema() -> RefOr<Schema> {
        text(SchemaFormat::KnownFormat(KnownFormat::DateTime)).into()
    }
}

impl ToSchema for Time {}

/// How a host stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, serde::Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum State {
    /// New enough and not blocked.
    Compliant,
    /// No answer: no recent news, no reference for its system, nothing that is asked for installed.
    Unknown,
    /// Older than a minimum.
    Behind,
    /// With a version that must not run.
    Blocked,
}

impl From<crate::compare::State> for State {
    fn from(state: crate::compare::State) -> Self {
        match state {
            crate::compare::State::Compliant => State::Compliant,
            crate::compare::State::Unknown => State::Unknown,
            crate::compare::State::Behind => State::Behind,
            crate::compare::State::Blocked => State::Blocked,
        }
    }
}

impl From<State> for crate::compare::State {
    fn from(state: State) -> Self {
        match state {
            State::Compliant => crate::compare::State::Compliant,
            State::Unknown => crate::compare::State::Unknown,
            State::Behind => crate::compare::State::Behind,
            State::Blocked => crate::compare::State::Blocked,
        }
    }
}

impl Value for State {
    fn cell(&self) -> Cell {
        Cell::Text(crate::compare::State::from(*self).as_str().to_owned())
    }
}

/// A number of rows or of anything else that is counted in memory.
pub(super) fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// A text in a format.
pub(super) fn text(format: SchemaFormat) -> Object {
    ObjectBuilder::new().schema_type(Type::String).format(Some(format)).build()
}
