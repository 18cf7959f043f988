//! `GET /api/v1/inbox/refused`: what was refused at the door, counted.

use axum::extract::State as Axum;
use axum::response::Response;
use serde::Deserialize;
use utoipa::IntoParams;

use super::super::super::Shared;
use super::super::super::error::HttpError;
use super::super::Asker;
use super::super::answer::{List, Wanted};
use super::super::cursor::Cursor;
use super::super::question::{Limit, Question};
use super::super::rows::{Time, rows};
use super::not_for_sites;
use crate::answers::time;
use crate::days;
use crate::store::RefusalGroup;

rows! {
    /// Reports from one address that were refused for the same reason, within the last 90 days.
    struct RefusedReports {
        /// Why.
        reason: String,
        /// The address that they came from; `other addresses` where there were too many of a day to tell apart.
        source: String,
        /// How many.
        reports: i64,
        /// The first day, UTC.
        first_day: String,
        /// When the last one came.
        last: Time,
    }
}

/// What may be asked of the list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(in super::super) struct Asked {
    /// Where the page before ended.
    #[param(inline, required = false)]
    cursor: Option<Cursor>,
    /// At most so many rows.
    #[param(inline, required = false)]
    limit: Limit,
}

/// Refused at the door
///
/// Reports that were refused for good and are not kept, counted by reason and address. Not for the role `site`.
#[utoipa::path(get, path = "/inbox/refused", tag = "reports", params(Asked), responses((status = 200, description = "A page of counts", body = List<RefusedReports>)))]
pub(in super::super) async fn list(
    Axum(shared): Axum<Shared>,
    asker: Asker,
    wanted: Wanted,
    Question(asked): Question<Asked>,
) -> Result<Response, HttpError> {
    not_for_sites(&asker.viewer)?;
    let after = asked.cursor.as_ref().map(Cursor::host);
    let after = after.as_ref().map(|(reason, source)| (reason.as_str(), source.as_str()));
    let mut groups = shared.store.refusals_after(after, asked.limit.and_one()).await?;
    let next = asked.limit.cut(&mut groups).map(|last| Cursor::after(&[&last.reason, &last.source]));
    let row = |RefusalGroup { source, reason, times, first_day, last }| RefusedReports {
        reason,
        source,
        reports: times,
        first_day: days::date(first_day).to_string(),
        last: Time(time(last)),
    };
    wanted.rows(&List { items: groups.into_iter().map(row).collect(), next })
}
