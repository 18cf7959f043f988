//! `POST /v1/reports`: a sealed report in, its acknowledgement out once it is durable.

use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt as _;
use report::acknowledgement::{Acknowledgement, Receipt};
use report::hash::{self, Hash};
use report::sealed;

use super::Shared;
use super::error::HttpError;
use super::peer::Source;
use crate::admission::Turned;
use crate::clock::{self, Stopwatch};
use crate::intake::IntakeError;
use crate::room::{NoRoom, Place, Room};
use crate::store::Incoming;

/// Takes a sealed report.
pub(super) async fn receive(
    State(shared): State<Shared>,
    Source(from): Source,
    request: Request,
) -> Result<Response, HttpError> {
    let acknowledgement = counted(&shared, &from, take(&shared, &from, request)).await?;
    let status = match acknowledgement.status {
        Receipt::Stored => StatusCode::CREATED,
        Receipt::Duplicate => StatusCode::OK,
    };
    Ok((status, axum::Json(acknowledgement)).into_response())
}

/// Counts what becomes of a report.
pub(super) async fn counted(
    shared: &Shared,
    from: &str,
    taking: impl Future<Output = Result<Acknowledgement, HttpError>>,
) -> Result<Acknowledgement, HttpError> {
    let watch = Stopwatch::start();
    let taken = taking.await;
    match &taken {
        Ok(acknowledgement) => shared.metrics.received(acknowledgement.status, watch.seconds()),
        Err(error) => {
            shared.metrics.refused(error.refusal());
            if let (Some(refusals), Some(reason)) = (&shared.refusals, error.for_good()) {
                refusals.note(clock::now().as_second(), from, reason);
            }
        }
    }
    taken
}

async fn take(shared: &Shared, from: &str, request: Request) -> Result<Acknowledgement, HttpError> {
    let (parts, body) = request.into_parts();
    check_media_type(&parts.headers)?;
    let expected = match parts.headers.get("content-digest") {
        Some(value) => hash::parse_content_digest(value.to_str().unwrap_or("sha-256="))?,
        None => None,
    };
    let (body, place) = read_body(shared, from, &parts.headers, body).await?;
    let hash = Hash::of(&body);
    if expected.is_some_and(|expected| expected != hash) {
        return Err(HttpError::DigestMismatch);
    }
    sealed::check_structure(&body)?;
    store(shared, from, hash, (body, place)).await
}

/// Stores a body; the acknowledgement follows the durable commit.
pub(super) async fn store(
    shared: &Shared,
    source: &str,
    hash: Hash,
    (body, place): (Vec<u8>, Place),
) -> Result<Acknowledgement, HttpError> {
    let received = clock::now().as_second();
    let source = source.to_owned();
    keep(shared, Incoming { hash, received, source, body, handed_in: None }, place).await
}

/// Stores a report; the acknowledgement follows the durable commit.
pub(super) async fn keep(shared: &Shared, report: Incoming, place: Place) -> Result<Acknowledgement, HttpError> {
    let intake = shared.intake.as_ref().ok_or(HttpError::Intake(IntakeError::Stopping))?;
    tracing::debug!(report = %report.hash, from = report.source, "report read");
    let hash = report.hash;
    Ok(Acknowledgement { report: hash, status: intake.receive(report, place).await? })
}

/// Reads a body while it stays within its bounds of bytes and time, if one from there is taken now and others leave room for it.
///
/// A body that is too large is read on for a while and thrown away: a sender that is cut off while it writes sees a
/// broken connection instead of the answer, and would try again for ever. So is one that is not taken now.
pub(super) async fn read_body(
    shared: &Shared,
    from: &str,
    headers: &HeaderMap,
    body: Body,
) -> Result<(Vec<u8>, Place), HttpError> {
    let patience = Duration::from_secs(shared.body_timeout_seconds);
    if let Err(turned) = shared.admission.check(from) {
        let _ = tokio::time::timeout(patience, collect(body, &shared.room, 0, 0)).await;
        return Err(turned.into());
    }
    let limit = shared.max_report_bytes;
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| length > limit.saturating_add(MAX_THROWN_AWAY)) {
        return Err(HttpError::TooLarge(limit));
    }
    let reading = collect(body, &shared.room, limit, announced.unwrap_or_default());
    tokio::time::timeout(patience, reading).await.map_err(|_| HttpError::Slow(shared.body_timeout_seconds))?
}

/// Most of a body that is too large that is read to its end before the answer.
const MAX_THROWN_AWAY: usize = 16 * 1024 * 1024;

async fn collect(mut body: Body, room: &Room, limit: usize, announced: usize) -> Result<(Vec<u8>, Place), HttpError> {
    let mut bytes = Vec::with_capacity(announced.min(limit));
    let mut place = Ok(Place::default());
    let mut length = 0_usize;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| HttpError::Incomplete)?.into_data() else { continue };
        length = length.saturating_add(data.len());
        if length > limit.saturating_add(MAX_THROWN_AWAY) {
            break;
        }
        if length <= limit {
            place = place.and_then(|mut place| room.grow(&mut place, length).map(|()| place));
        }
        if length <= limit && place.is_ok() {
            bytes.extend_from_slice(&data);
        } else {
            bytes = Vec::new();
        }
    }
    if length > limit {
        return Err(HttpError::TooLarge(limit));
    }
    Ok((bytes, place.map_err(|NoRoom| Turned::crowded())?))
}

/// A missing type is taken: the bytes say what they are.
fn check_media_type(headers: &HeaderMap) -> Result<(), HttpError> {
    let Some(value) = headers.get(header::CONTENT_TYPE) else { return Ok(()) };
    let essence = value.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim();
    TAKEN.iter().any(|taken| essence.eq_ignore_ascii_case(taken)).then_some(()).ok_or(HttpError::MediaType)
}

/// RFC 8551, section 3.2.1, its older name, and what a tool says that knows no better.
const TAKEN: [&str; 4] =
    ["application/pkcs7-mime", "application/x-pkcs7-mime", "application/cms", "application/octet-stream"];
