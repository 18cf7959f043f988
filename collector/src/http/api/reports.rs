//! `POST /api/v1/reports`: a report text that a site's own tool has made, in; its acknowledgement out once it is durable.

use axum::Json;
use axum::extract::{Request, State as Axum};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use jiff::Timestamp;
use report::acknowledgement::{Acknowledgement, Receipt};
use report::compression;
use report::hash::{self, Hash};
use report::sealed::{self, ContentEncryption, Recipient};
use utoipa::ToSchema;

use super::super::Shared;
use super::super::change::Author;
use super::super::error::HttpError;
use super::super::receive::{counted, keep, read_body};
use super::super::visitor::Visitor;
use super::question::{Nothing, Question};
use crate::access::Role;
use crate::admission::Turned;
use crate::clock;
use crate::room::NoRoom;
use crate::store::{HandedIn, Incoming};
use crate::unseal;

/// The answer to a report that is durable.
#[derive(Debug, serde::Serialize, ToSchema)]
#[schema(as = Acknowledgement)]
pub(super) struct Acknowledged {
    /// SHA-256 of the report text, in lower-case hex.
    report: String,
    /// Whether this text came for the first time.
    status: Novelty,
}

/// Whether a text came for the first time.
#[derive(Debug, serde::Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Novelty {
    /// Stored now.
    Stored,
    /// Stored before.
    Duplicate,
}

/// Hand in a report
///
/// One report text, plain or as one zstd frame, for a site of the token (role `site`), or for any (role `officer`). The same text
/// again is the same report. Its form: `#`, header lines `name: value` with at least `host`, `packager`, `site` and `version: 1`,
/// `#`, package lines `name TAB version TAB architecture`, `#`; every line ended by a line feed.
#[utoipa::path(post, path = "/reports", tag = "reports",
    request_body(content = String, content_type = "text/plain", description = "The report text"),
    responses(
        (status = 201, description = "Stored now, and durable", body = Acknowledged),
        (status = 200, description = "Stored before", body = Acknowledged),
        (status = 408, description = "The body took too long"),
        (status = 413, description = "More than any host's report"),
        (status = 415, description = "Neither plain text nor one zstd frame"),
        (status = 429, description = "More than your address or site may send in a minute; Retry-After says when to come back"),
        (status = 422, description = "No report text; the problem names the line")))]
pub(super) async fn hand_in(
    Axum(shared): Axum<Shared>,
    Author(visitor): Author,
    Question(Nothing {}): Question<Nothing>,
    request: Request,
) -> Result<Response, HttpError> {
    let now = clock::now();
    let taken = counted(&shared, &visitor.source, take(&shared, &visitor, request, now)).await?;
    let (status, novelty) = match taken.status {
        Receipt::Stored => (StatusCode::CREATED, Novelty::Stored),
        Receipt::Duplicate => (StatusCode::OK, Novelty::Duplicate),
    };
    Ok((status, Json(Acknowledged { report: taken.report.to_string(), status: novelty })).into_response())
}

async fn take(
    shared: &Shared,
    visitor: &Visitor,
    request: Request,
    now: Timestamp,
) -> Result<Acknowledgement, HttpError> {
    let (parts, body) = request.into_parts();
    check_form(&parts.headers)?;
    let expected = match parts.headers.get("content-digest") {
        Some(value) => hash::parse_content_digest(value.to_str().unwrap_or("sha-256="))?,
        None => None,
    };
    let (body, mut place) = read_body(shared, &visitor.source, &parts.headers, body).await?;
    if expected.is_some_and(|expected| expected != Hash::of(&body)) {
        return Err(HttpError::DigestMismatch);
    }
    let text = compression::expand(body).map_err(|error| HttpError::NoReport(error.to_string()))?;
    let claim = unseal::read(&text, now, now).map_err(|error| HttpError::NoReport(error.to_string()))?;
    let may = match visitor.viewer.role {
        Role::Officer => true,
        Role::Site => visitor.viewer.scope.holds(claim.site),
        Role::Reader => false,
    };
    if !may {
        return Err(HttpError::NotYourSite(claim.site.to_owned()));
    }
    // What the opener would set aside is told at once.
    claim.package_list().map_err(|error| HttpError::NoReport(error.to_string()))?;
    let hash = Hash::of(&text);
    let body = sealed_for(&shared.recipients, text)?;
    shared.room.grow(&mut place, body.len()).map_err(|NoRoom| Turned::crowded())?;
    let by = HandedIn { person: visitor.viewer.name.clone(), role: visitor.viewer.role };
    let (received, source) = (now.as_second(), visitor.source.clone());
    keep(shared, Incoming { hash, received, source, body, handed_in: Some(by) }, place).await
}

/// The text as it is kept: sealed where there is a certificate to seal it for.
fn sealed_for(recipients: &[Recipient], text: Vec<u8>) -> Result<Vec<u8>, HttpError> {
    if recipients.is_empty() {
        return Ok(text);
    }
    let frame = compression::compress(&text).map_err(|error| HttpError::Sealing(error.to_string()))?;
    sealed::seal(&frame, recipients, ContentEncryption::Aes256Gcm)
        .map_err(|error| HttpError::Sealing(error.to_string()))
}

fn check_form(headers: &HeaderMap) -> Result<(), HttpError> {
    let value = |name| headers.get(name).map(|value| value.to_str().unwrap_or_default().to_ascii_lowercase());
    let kind = value(header::CONTENT_TYPE);
    let essence = kind.as_deref().map(|kind| kind.split(';').next().unwrap_or_default().trim());
    let of_kind = essence.is_none_or(|kind| TAKEN.contains(&kind));
    let coding = value(header::CONTENT_ENCODING);
    let of_coding = coding.as_deref().is_none_or(|coding| ["identity", "zstd"].contains(&coding.trim()));
    if of_kind && of_coding { Ok(()) } else { Err(HttpError::NotText) }
}

/// What a report text may be called; the bytes say whether it is a zstd frame (RFC 8878, section 7.1).
const TAKEN: [&str; 3] = ["text/plain", "application/zstd", "application/octet-stream"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_text_and_frames_are_taken() {
        let check = |lines: &[(&'static str, &'static str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in lines {
                headers.append(*name, value.parse().unwrap());
            }
            check_form(&headers).is_ok()
        };
        assert!(check(&[]) && check(&[("content-type", "Text/Plain; charset=utf-8")]));
        assert!(check(&[("content-type", "application/zstd"), ("content-encoding", "ZSTD")]));
        assert!(!check(&[("content-type", "application/json")]) && !check(&[("content-encoding", "gzip")]));
    }
}
