//! `GET /`: sites by products.

use axum::extract::State;
use axum::response::Response;

use super::super::Shared;
use super::super::error::HttpError;
use super::super::question::Question;
use super::super::visitor::Visitor;
use super::{frame, page};
use crate::access::Scope;
use crate::answers::inbox;
use crate::answers::matrix::{self, Change, Matrix, end_of};
use crate::compare::State as Verdict;
use crate::desk::frame::{Paging, Section};
use crate::desk::overview::{CHANGES_SHOWN, Overview, SITES_PER_PAGE, by_concern};
use crate::desk::when::When;
use crate::history::day_of;

/// What may be asked of the overview.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Asked {
    at: String,
    lists: String,
    sort: String,
    page: usize,
}

/// Sites by products, now or on a day, and at the end of the day before.
pub(super) async fn show(
    State(shared): State<Shared>,
    visitor: Visitor,
    Question(asked): Question<Asked>,
) -> Result<Response, HttpError> {
    let frame = frame(visitor, Section::Overview);
    let scope = &frame.viewer.scope;
    let (store, judge, now) = (&shared.store, &shared.judge, frame.now);
    let when = When { at: asked.at, lists: asked.lists };
    let (day, lists_of) = when.read(now).map_err(|error| HttpError::Question(error.to_string()))?;
    let mut matrix = matrix::of(store, judge, scope, (day, lists_of), (now, shared.stale_after_days)).await?;
    let day_before = crate::days::date(day.map_or(day_of(now.as_second()), crate::days::day) - 1);
    let lists_of = lists_of.unwrap_or_else(|| day.map_or(now, end_of));
    let before = matrix::on_day(store, judge, scope, day_before, Some(lists_of)).await?;
    let mut changes = matrix::changes(&before, &matrix);
    changes.sort_by_key(|change| std::cmp::Reverse(weight(change)));
    let changes_total = changes.len();
    changes.truncate(CHANGES_SHOWN);
    let never_seen = if when.is_past() { Vec::new() } else { never_seen(&shared, &matrix, scope).await? };
    let set_aside = if when.is_past() { Vec::new() } else { inbox::set_aside(&shared.store, scope).await? };
    let by_name = asked.sort == "name";
    if !by_name {
        by_concern(&mut matrix.sites);
    }
    let sites = matrix.sites.len();
    let link = format!("/?{}{}page=", when.kept(), if by_name { "sort=name&" } else { "" });
    let paging = Paging::of(sites, SITES_PER_PAGE, asked.page, link);
    matrix.sites = matrix.sites.into_iter().skip((paging.page - 1) * SITES_PER_PAGE).take(SITES_PER_PAGE).collect();
    page(&Overview {
        when,
        day_before: before.total.hosts,
        sites,
        set_aside: set_aside.into_iter().map(|(state, reports)| (reports, state.as_str())).collect(),
        never_seen,
        changes,
        changes_total,
        by_name,
        stale_after_days: shared.stale_after_days,
        paging,
        matrix,
        frame,
    })
}

/// What concerns an officer most: hosts that came into a bad state, many of them.
fn weight(change: &Change) -> (Verdict, i64) {
    (change.state, (change.to - change.from).abs())
}

/// Sites of the registries that may be seen and have no host.
async fn never_seen(shared: &Shared, matrix: &Matrix, scope: &Scope) -> Result<Vec<String>, HttpError> {
    let seen: std::collections::HashSet<&str> = matrix.sites.iter().map(|line| line.site.as_str()).collect();
    let directory = shared.store.directory().await?;
    let names = directory.iter().map(|entry| entry.site.name.as_str());
    Ok(names.filter(|name| scope.holds(name) && !seen.contains(name)).map(str::to_owned).collect())
}
