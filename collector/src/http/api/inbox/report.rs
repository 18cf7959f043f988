//! `GET /api/v1/inbox/{report}`: one report.

use axum::extract::State as Axum;
use axum::response::Response;
use report::hash::Hash;
use serde::{Deserialize, Serialize};
use utoipa::PartialSchema;
use utoipa::ToSchema;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};

use super::super::super::Shared;
use super::super::super::error::HttpError;
use super::super::Asker;
use super::super::answer::Wanted;
use super::super::question::{Nothing, Pieces, Question};
use super::super::rows::{self, Time};
use super::{InboxReport, not_for_sites, row};
use crate::answers::{inbox, time};
use crate::desk::inbox::words;
use crate::inbox_decision::DecisionError;
use crate::problem::Problem;
use crate::store::Pinned;

/// What is known of a report without opening it.
#[derive(Debug, Serialize, ToSchema)]
pub(in super::super) struct OneReport {
    /// The report.
    report: InboxReport,
    /// Whether its sealed bytes are still kept: `/inbox/{report}/sealed`, outside of the API, has them.
    kept: bool,
    /// What to do about the trouble that it is in; none when it is in none.
    next_step: Option<String>,
    /// What the host that it claims to be of is known by; none for a host that never signed.
    known_by: Option<KnownBy>,
    /// Names of known sites that are near to the one that it claims, where no registry knows that.
    near: Vec<String>,
}

/// What a host is known by.
#[derive(Debug, Serialize, ToSchema)]
pub(in super::super) struct KnownBy {
    /// SHA-256 of its key; none for a host that may go without a signature.
    key: Option<String>,
    /// Since when.
    since: Time,
    /// Who approved that; none for the key of its first signed report.
    approved: Option<String>,
}

/// SHA-256 in lower case.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(try_from = "String")]
pub(in super::super) struct Name(Hash);

impl TryFrom<String> for Name {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse().map(Name).map_err(|_| "report: expected its SHA-256, 64 digits of 0-9 and a-f".to_owned())
    }
}

impl PartialSchema for Name {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new().schema_type(Type::String).pattern(Some("^[0-9a-f]{64}$")).build().into()
    }
}

impl ToSchema for Name {}

/// One report
///
/// What is known of it without opening it, what is wrong with it, and what to do. CSV has the report alone. Not for the role `site`.
#[utoipa::path(get, path = "/inbox/{report}", tag = "reports", params(("report" = inline(Name), Path, description = "Its hash")),
    responses((status = 200, description = "The report", body = OneReport), (status = 404)))]
pub(in super::super) async fn show(
    Axum(shared): Axum<Shared>,
    asker: Asker,
    wanted: Wanted,
    Pieces(Name(hash)): Pieces<Name>,
    Question(Nothing {}): Question<Nothing>,
) -> Result<Response, HttpError> {
    not_for_sites(&asker.viewer)?;
    let found = inbox::report(&shared.store, &asker.viewer.scope, hash).await?.ok_or(DecisionError::NoReport(hash))?;
    let given = |text: String| Some(text).filter(|text| !text.is_empty());
    let known_by = |Pinned { key, since, approved }| KnownBy {
        key: given(key),
        since: Time(time(since)),
        approved: given(approved),
    };
    let problem = &found.report.problem;
    let answer = OneReport {
        next_step: (!problem.is_empty()).then(|| words::of(Problem::named(problem)).next.to_owned()),
        report: row(found.report),
        kept: found.kept,
        known_by: found.pinned.map(known_by),
        near: found.near,
    };
    wanted.object(&answer, None, || rows::table(std::slice::from_ref(&answer.report)))
}
