//! What stands behind the `?` of an address of the API: every key is known and every value means something, or the request is
//! refused by its name.

use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequestParts, Path, Query};
use axum::http::request::Parts;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::super::error::HttpError;
use crate::query;

/// A query whose type refuses unknown keys; `format` is the answer's own (`answer.rs`).
#[derive(Debug)]
pub(super) struct Question<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Question<T> {
    type Rejection = HttpError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, HttpError> {
        let query = parts.uri.query().unwrap_or_default();
        let of_question = |pair: &&str| !pair.is_empty() && pair.split('=').next() != Some("format");
        let given: Vec<&str> = query.split('&').filter(of_question).collect();
        let uri = format!("/?{}", given.join("&"));
        let uri = uri.parse().map_err(|error| HttpError::Question(format!("query: {error}")))?;
        Query::try_from_uri(&uri)
            .map(|Query(question)| Question(question))
            .map_err(|error| HttpError::Question(format!("query \"{}\": {}", query.escape_debug(), error.body_text())))
    }
}

/// Nothing may be asked.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Nothing {}

/// The named pieces of a path.
#[derive(Debug)]
pub(super) struct Pieces<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Pieces<T> {
    type Rejection = HttpError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, HttpError> {
        let pieces: Result<Path<T>, PathRejection> = Path::from_request_parts(parts, state).await;
        pieces.map(|Path(pieces)| Pieces(pieces)).map_err(|error| HttpError::Question(error.body_text()))
    }
}

/// Most rows of one page.
const MOST: u16 = 1000;

/// How many rows a page has at most.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(try_from = "u16")]
pub(super) struct Limit(u16);

impl Default for Limit {
    fn default() -> Self {
        Limit(100)
    }
}

impl TryFrom<u16> for Limit {
    type Error = String;

    fn try_from(rows: u16) -> Result<Self, String> {
        if (1..=MOST).contains(&rows) {
            Ok(Limit(rows))
        } else {
            Err(format!("limit {rows}: expected 1 to {MOST}, and the other rows by `cursor`"))
        }
    }
}

impl Limit {
    /// As a number.
    pub(super) fn rows(self) -> usize {
        usize::from(self.0)
    }

    /// One more, to see whether there are more.
    pub(super) fn and_one(self) -> i64 {
        i64::from(self.0) + 1
    }

    /// Cuts what was read to a page; the last row of it when there are more.
    pub(super) fn cut<T>(self, rows: &mut Vec<T>) -> Option<&T> {
        let more = rows.len() > self.rows();
        rows.truncate(self.rows());
        rows.last().filter(|_| more)
    }
}

impl PartialSchema for Limit {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::Integer)
            .minimum(Some(1))
            .maximum(Some(MOST))
            .default(Some(Limit::default().0.into()))
            .build()
            .into()
    }
}

impl ToSchema for Limit {}

/// The number of a row, in lists that grow at their beginning: the page is of those before it.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Before(pub(super) i64);

impl TryFrom<String> for Before {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let digits = (1..=18).contains(&text.len()) && text.bytes().all(|digit| digit.is_ascii_digit());
        let number = digits.then(|| text.parse().ok()).flatten();
        number.map(Before).ok_or_else(|| "cursor: expected the one from `next` of the page before".to_owned())
    }
}

impl PartialSchema for Before {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new().schema_type(Type::String).pattern(Some("^[0-9]{1,18}$")).build().into()
    }
}

impl ToSchema for Before {}

/// A word that is not empty: who asks for nothing leaves the key out.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Word(pub(super) String);

/// The longest word, in characters; names of hosts have 253 at most (RFC 1035).
const LONGEST_WORD: usize = 500;

impl TryFrom<String> for Word {
    type Error = String;

    fn try_from(word: String) -> Result<Self, String> {
        match word.chars().count() {
            0 => Err("an empty value asks for nothing: leave it out".to_owned()),
            1..=LONGEST_WORD => Ok(Word(word)),
            long => Err(format!("a value of {long} characters: expected {LONGEST_WORD} at most")),
        }
    }
}

impl PartialSchema for Word {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new().schema_type(Type::String).min_length(Some(1)).max_length(Some(LONGEST_WORD)).build().into()
    }
}

impl ToSchema for Word {}

/// A question for packages; see [`query::PackageQuery`].
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct PackageQuestion(pub(super) query::PackageQuery);

impl TryFrom<String> for PackageQuestion {
    type Error = query::QueryError;

    fn try_from(text: String) -> Result<Self, query::QueryError> {
        query::PackageQuery::parse(&text).map(PackageQuestion)
    }
}

impl PartialSchema for PackageQuestion {
    /// A name, then perhaps an operator and a version, with space of any kind around each.
    fn schema() -> RefOr<Schema> {
        const SPACE: &str = r"\u0009-\u000d\u0020\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000";
        const WORD: &str = r"[^\u0000-\u0020\u007f-\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000<>=!]+";
        let pattern = format!("^[{SPACE}]*{WORD}[{SPACE}]*((<=|>=|==|!=|<|>|=)[{SPACE}]*{WORD}[{SPACE}]*)?$");
        ObjectBuilder::new().schema_type(Type::String).pattern(Some(pattern)).build().into()
    }
}

impl ToSchema for PackageQuestion {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_and_words_have_bounds() {
        assert!([0, 1001].into_iter().all(|rows| Limit::try_from(rows).is_err()) && Limit::try_from(1000).is_ok());
        assert!(Word::try_from(String::new()).is_err() && Word::try_from("é".repeat(500)).is_ok());
        assert!(Word::try_from("é".repeat(501)).is_err());
    }
}
