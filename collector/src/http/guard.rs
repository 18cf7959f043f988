//! The guard before every page and every answer about hosts: whoever is not known gets no further.

use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderName, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use super::Shared;
use super::error::HttpError;
use super::peer::Source;
use super::visitor::{self, Proven, Visitor};
use crate::access::deed::By;
use crate::clock;

/// Lets known people and programs through, and keeps what they are shown out of caches.
pub(super) async fn guard(State(shared): State<Shared>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let asked = asked(&parts);
    let now = clock::now().as_second();
    let response = match visitor::identify(&parts, &shared).await {
        Ok(visitor) => {
            parts.extensions.insert(visitor.clone());
            let response = next.run(Request::from_parts(parts, body)).await;
            note(&shared, &visitor, &asked, response.status(), now);
            response
        }
        Err(error) => {
            note_refusal(&shared, &parts, &error, now);
            error.into_response()
        }
    };
    private(response)
}

/// What is asked for, as the audit log has it: a method that reads goes without saying.
fn asked(parts: &Parts) -> String {
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    if parts.method.is_safe() { path.to_owned() } else { format!("{} {path}", parts.method) }
}

/// Notes what somebody was shown or refused; what they changed is noted by the change.
fn note(shared: &Shared, visitor: &Visitor, asked: &str, status: StatusCode, now: i64) {
    if let Proven::Token(token) = visitor.proven {
        shared.log.token_used(token, now);
    }
    if status.is_client_error() {
        shared.log.note(&visitor.by(now).did("refused", &format!("{}: {asked}", status.as_u16())));
    } else if asked.starts_with('/') && !status.is_server_error() {
        shared.log.note(&visitor.by(now).did("read", asked));
    }
}

/// Notes who tried to come in; whoever shows nothing at all has not tried.
fn note_refusal(shared: &Shared, parts: &Parts, error: &HttpError, now: i64) {
    let (person, how) = match error {
        HttpError::UnknownPerson(name) => (name.as_str(), "by the proxy"),
        HttpError::UnknownToken => ("", "by a token"),
        _ => return,
    };
    let source = Source::of_request(parts, shared);
    shared.log.note(&By { at: now, person, role: "", source: &source }.did("sign-in refused", how));
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
