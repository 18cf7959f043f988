//! `GET /inbox`: what waits and what was set aside, by its reasons.

use axum::extract::State;
use axum::response::Response;

use super::super::super::Shared;
use super::super::super::error::HttpError;
use super::super::super::question::Question;
use super::super::super::visitor::Visitor;
use super::super::{frame, page};
use super::{filter_of, not_for_sites};
use crate::answers::inbox;
use crate::desk::frame::{Paging, Section};
use crate::desk::inbox::{Asked, GROUPS_PER_PAGE, InboxPage, REFUSED, REPORTS_PER_PAGE, Tab};
use crate::problem::Problem;
use crate::store::{GroupPart, InboxFilter, InboxState, InboxTotal};

/// One part of the inbox, as far as it is told apart.
pub(super) async fn show(
    State(shared): State<Shared>,
    visitor: Visitor,
    Question(mut asked): Question<Asked>,
) -> Result<Response, HttpError> {
    not_for_sites(&visitor.viewer)?;
    let frame = frame(visitor, Section::Inbox);
    if asked.state.is_empty() {
        asked.state = InboxState::Held.as_str().to_owned();
    }
    let store = &shared.store;
    let scope = &frame.viewer.scope.clone();
    let (refused, refusal_groups, last_refused) = store.refused().await?;
    let mut shown = InboxPage {
        by: None,
        tabs: Tab::all(&store.inbox_states(scope).await?, (refused, last_refused)),
        groups: Vec::new(),
        paging: paging(refusal_groups, &asked),
        reports: Vec::new(),
        total: 0,
        hosts: 0,
        until: 0,
        older: None,
        near: Vec::new(),
        refusals: Vec::new(),
        frame,
        asked,
    };
    if shown.asked.state == REFUSED {
        let (limit, offset) = part(&shown.paging);
        shown.refusals = store.refusal_groups(limit, offset).await?;
        return page(&shown);
    }
    let filter = filter_of(&shown.asked)
        .ok_or_else(|| HttpError::Question("state or problem: expected one that the inbox names".to_owned()))?;
    let all = InboxFilter { before: None, ..filter.clone() };
    let InboxTotal { reports, hosts, newest } = store.inbox_total(scope, &all).await?;
    (shown.total, shown.hosts, shown.until) = (reports, hosts, newest);
    shown.by = shown.asked.by().filter(|_| filter.state.is_some_and(InboxState::is_set_aside));
    if let Some(apart) = shown.by {
        shown.paging = paging(store.inbox_group_number(scope, &all, apart).await?, &shown.asked);
        let (limit, offset) = part(&shown.paging);
        shown.groups = store.inbox_groups(scope, &all, apart, GroupPart::Largest { limit, offset }).await?;
    }
    let limit = i64::try_from(REPORTS_PER_PAGE).unwrap_or(i64::MAX);
    shown.reports = store.inbox_page(scope, &filter, limit.saturating_add(1)).await?;
    if shown.reports.len() > REPORTS_PER_PAGE {
        shown.reports.truncate(REPORTS_PER_PAGE);
        shown.older = shown.reports.last().map(|report| report.number);
    }
    if let (Some(Problem::UnknownSite), Some(site)) = (filter.problem, &filter.site) {
        shown.near = inbox::near(store, site).await?;
    }
    page(&shown)
}

fn paging(groups: i64, asked: &Asked) -> Paging {
    let link = format!("{}&page=", asked.link());
    Paging::of(usize::try_from(groups).unwrap_or_default(), GROUPS_PER_PAGE, asked.page, link)
}

/// How many groups are shown, and how many stand before them.
fn part(paging: &Paging) -> (i64, i64) {
    let number = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
    (number(GROUPS_PER_PAGE), number((paging.page - 1).saturating_mul(GROUPS_PER_PAGE)))
}
