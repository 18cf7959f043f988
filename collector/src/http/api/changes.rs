//! `GET /api/v1/changes`: what changed in the overview since a day.

use axum::extract::State as Axum;
use axum::response::Response;
use serde::Deserialize;
use utoipa::IntoParams;

use super::super::Shared;
use super::super::error::HttpError;
use super::answer::{List, Wanted};
use super::moment::At;
use super::question::{Question, Word};
use super::rows::{State, rows};
use super::{Asker, date};
use crate::answers::{matrix, time};

rows! {
    /// The number of hosts in one state that changed.
    struct StateChange {
        /// The site.
        site: String,
        /// The product.
        product: String,
        /// The state, however old the news.
        state: State,
        /// Hosts at the end of that day.
        from: i64,
        /// Hosts now.
        to: i64,
    }
}

/// What may be asked of the changes.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(super) struct Asked {
    /// The day (UTC) at whose end it is compared with now; yesterday unless another is asked for.
    #[param(inline, required = false)]
    since: Option<At>,
    /// Only this site.
    #[param(inline, required = false)]
    site: Option<Word>,
}

/// What changed since a day
///
/// Both days are judged by the reference lists of now, so that a change is one of hosts.
#[utoipa::path(get, path = "/changes", tag = "grid", params(Asked), responses((status = 200, description = "The changes", body = List<StateChange>)))]
pub(super) async fn list(
    Axum(shared): Axum<Shared>,
    asker: Asker,
    wanted: Wanted,
    Question(asked): Question<Asked>,
) -> Result<Response, HttpError> {
    let (store, judge, now) = (&shared.store, &shared.judge, asker.now);
    let scope = asker.viewer.scope.narrowed(asked.site.as_ref().map(|site| site.0.as_str()));
    let since = asked.since.map_or_else(|| time(now.as_second() - 86_400), |At(since)| since);
    let before = matrix::on_day(store, judge, &scope, date(since), Some(now)).await?;
    let after = matrix::at_present(store, judge, &scope, now, shared.stale_after_days).await?;
    let changes = matrix::changes(&before, &after).into_iter().map(|change| StateChange {
        site: change.site,
        product: change.product,
        state: change.state.into(),
        from: change.from,
        to: change.to,
    });
    wanted.rows(&List::whole(changes.collect()))
}
