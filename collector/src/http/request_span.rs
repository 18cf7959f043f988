//! What a request causes is logged with the request: which page asked the slow question.

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use tracing::Instrument as _;

/// Answers a request inside a span `request` of its method and path; questions and their secrets stay out of the log.
pub(super) async fn span(request: Request, next: Next) -> Response {
    let span = tracing::info_span!("request", method = %request.method(), path = request.uri().path());
    next.run(request).instrument(span).await
}
