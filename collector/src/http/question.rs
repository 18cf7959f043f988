//! What stands behind the `?` of an address: every key is known, or the request is refused by its name.

use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use super::error::HttpError;

/// A query whose type refuses unknown keys.
#[derive(Debug)]
pub(super) struct Question<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Question<T> {
    type Rejection = HttpError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, HttpError> {
        // An input that was left empty says the same as none.
        let query = parts.uri.query().unwrap_or_default();
        let given: Vec<&str> = query.split('&').filter(|pair| !pair.is_empty() && !pair.ends_with('=')).collect();
        let path = format!("/?{}", given.join("&"));
        let uri = path.parse().map_err(|error| HttpError::Question(format!("query: {error}")))?;
        Query::try_from_uri(&uri)
            .map(|Query(question)| Question(question))
            .map_err(|error| HttpError::Question(format!("query \"{}\": {}", query.escape_debug(), error.body_text())))
    }
}
