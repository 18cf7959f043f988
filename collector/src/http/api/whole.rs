//! CSV of every row there is, sent while it is read: no answer is in memory as a whole.

use axum::body::Body;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::super::error::HttpError;
use super::super::patience::in_time;
use super::rows::{self, Row};
use crate::answers::select::Place;
use crate::table::Format;

/// Rows that are read and sent at once.
const AT_ONCE: usize = 1_000;

/// How many rows to read at once: of the past every piece costs as much as the whole.
pub(super) fn at_once(of_the_past: bool) -> usize {
    if of_the_past { usize::MAX } else { AT_ONCE }
}

/// Every row, from pieces that each tell where the next one begins; what fails after the first piece ends the connection, so that
/// nobody takes a part for the whole.
pub(super) async fn csv<R, F, Reading>(piece: F) -> Result<Response, HttpError>
where
    R: Row + Send + 'static,
    F: Fn(Option<Place>) -> Reading + Send + 'static,
    Reading: Future<Output = Result<(Vec<R>, Option<Place>), HttpError>> + Send,
{
    let (first, next) = piece(None).await?;
    let first = rows::table(&first).render(Format::Csv);
    let more = stream::try_unfold((piece, next), |(piece, next)| async move {
        let Some(after) = next else { return Ok(None) };
        let (found, next) = in_time(piece(Some(after))).await?;
        let text = rows::table(&found).render(Format::Csv);
        let without_titles = text.split_once('\n').map_or_else(String::new, |(_, found)| found.to_owned());
        Ok(Some((without_titles, (piece, next))))
    });
    let more = more.inspect_err(|error: &HttpError| tracing::error!(%error, "an answer as CSV broke off"));
    let body = Body::from_stream(stream::once(async { Ok(first) }).chain(more));
    let headers = [
        (header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache")),
        (header::VARY, HeaderValue::from_static("accept, authorization, cookie")),
        (header::CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8; header=present")),
        (header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment; filename=\"answer.csv\"")),
    ];
    Ok((headers, body).into_response())
}
