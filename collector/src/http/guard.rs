//! The guard before every page and every answer about hosts: whoever is not known gets no further.

use axum::extract::{Request, State};
use axum::http::{HeaderName, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use super::Shared;
use super::visitor;

/// Lets known people and programs through, and keeps what they are shown out of caches.
pub(super) async fn guard(State(shared): State<Shared>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let response = match visitor::identify(&parts, &shared).await {
        Ok(visitor) => {
            parts.extensions.insert(visitor);
            next.run(Request::from_parts(parts, body)).await
        }
        Err(error) => error.into_response(),
    };
    private(response)
}

/// What an answer says of itself unless its endpoint knows better.
const PRIVATE: [(HeaderName, &str); 3] = [
    (header::CACHE_CONTROL, "no-store"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "same-origin"),
];

fn private(mut response: Response) -> Response {
    for (name, value) in PRIVATE {
        response.headers_mut().entry(name).or_insert(header::HeaderValue::from_static(value));
    }
    response
}
