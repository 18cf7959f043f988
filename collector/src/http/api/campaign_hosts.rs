//! `GET /api/v1/campaigns/{campaign}/hosts`: the hosts that a campaign asks, page by page.

use std::sync::Arc;

use axum::extract::State as Axum;
use axum::response::Response;
use serde::Deserialize;
use utoipa::IntoParams;

use super::super::Shared;
use super::super::error::HttpError;
use super::Asker;
use super::answer::{List, Wanted};
use super::cursor::Cursor;
use super::question::{Limit, Pieces, Question, Word};
use super::rows::{State, Time, rows};
use super::whole;
use crate::answers::campaign::{self, CampaignHost};
use crate::answers::select::Place;

rows! {
    /// A host that a campaign asks.
    struct AskedHost {
        /// Its site.
        site: String,
        /// Its name.
        host: String,
        /// How it stands.
        state: State,
        /// Why.
        reason: String,
        /// The oldest version that is good, where there is one.
        minimum: Option<String>,
        /// Whether it is still to be done.
        to_do: bool,
        /// Whether it is not done, and need not be for now.
        excepted: bool,
        /// Its last report, by its own clock.
        last_report: Time,
    }
}

/// What may be asked of the list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(super) struct Asked {
    /// Only this site.
    #[param(inline, required = false)]
    site: Option<Word>,
    /// Where the page before ended.
    #[param(inline, required = false)]
    cursor: Option<Cursor>,
    /// At most so many rows. CSV without `limit` and `cursor` has every row.
    #[param(inline, required = false)]
    limit: Option<Limit>,
}

/// The hosts of a campaign
///
/// How each host stands that is asked, by site and name; none once the campaign is closed.
#[utoipa::path(get, path = "/campaigns/{campaign}/hosts", tag = "campaigns", params(Asked, ("campaign" = u32, Path, description = "Its number")),
    responses((status = 200, description = "A page of hosts", body = List<AskedHost>), (status = 404)))]
pub(super) async fn list(
    Axum(shared): Axum<Shared>,
    asker: Asker,
    wanted: Wanted,
    Pieces(id): Pieces<u32>,
    Question(asked): Question<Asked>,
) -> Result<Response, HttpError> {
    let scope = asker.viewer.scope;
    let campaign = campaign::one(&shared.store, &scope, i64::from(id)).await?;
    let exceptions = campaign::exceptions(&shared.store, &scope, campaign.id).await?;
    let scope = scope.narrowed(asked.site.as_ref().map(|site| site.0.as_str()));
    let (question, reading) = (Arc::new((campaign, exceptions, scope)), shared.reading(asker.now));
    let page = move |after: Option<Place>, limit| {
        let (shared, question) = (shared.clone(), Arc::clone(&question));
        async move {
            let (campaign, exceptions, scope) = question.as_ref();
            if campaign.closed.is_some() {
                return Ok((Vec::new(), None));
            }
            let (store, judge, part) = (&shared.store, &shared.judge, (after.as_ref(), limit));
            let page = campaign::page(store, judge, scope, campaign, exceptions, part, reading).await?;
            Ok((page.items.into_iter().map(row).collect::<Vec<_>>(), page.next))
        }
    };
    if wanted.is_csv() && asked.limit.is_none() && asked.cursor.is_none() {
        return whole::csv(move |after| page(after, whole::at_once(false))).await;
    }
    let after = asked.cursor.as_ref().map(Cursor::host);
    let (items, next) = page(after, asked.limit.unwrap_or_default().rows()).await?;
    wanted.rows(&List { items, next: next.as_ref().map(Cursor::after_host) })
}

fn row(host: CampaignHost) -> AskedHost {
    AskedHost {
        to_do: host.is_open(),
        site: host.site,
        host: host.name,
        state: host.verdict.state.into(),
        reason: host.verdict.reason,
        minimum: host.verdict.minimum,
        excepted: host.excepted,
        last_report: Time(host.last_news),
    }
}
