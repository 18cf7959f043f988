//! `POST /inbox/decide`: an officer's decision on one report, or on all that are alike and were seen.

use axum::extract::State;
use axum::response::{IntoResponse as _, Redirect, Response};
use report::hash::Hash;
use serde::Deserialize;

use super::super::super::Shared;
use super::super::super::change::OfficerForm;
use super::super::super::error::HttpError;
use super::filter_of;
use crate::access::deed::By;
use crate::clock;
use crate::desk::inbox::Asked;
use crate::inbox_decision;
use crate::inbox_decision::alike::{self, ApprovedAlike};
use crate::problem::Problem;
use crate::store::{InboxFilter, InboxState, Store};

/// A decision as the form has it: on one report, or on what a page of the inbox showed.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Decision {
    what: String,
    reason: String,
    /// Hash of the one report.
    report: String,
    /// What the page was asked for, as a query.
    asked: String,
    /// Number of the newest report that the page knew of.
    until: i64,
}

/// What was done, as the next page tells it.
struct Done {
    number: u64,
    left: u64,
}

/// Carries a decision out, and shows the inbox again.
pub(super) async fn decide(
    State(shared): State<Shared>,
    OfficerForm(visitor, decision): OfficerForm<Decision>,
) -> Result<Response, HttpError> {
    let by = visitor.by(clock::now().as_second());
    let what = decision.what.as_str();
    if !["approve", "declare", "reject", "retry"].contains(&what) {
        return Err(HttpError::FormField(format!("what: {what:?} is none of approve, declare, reject, retry")));
    }
    let (done, back) = if decision.report.is_empty() {
        let asked: Asked = serde_html_form::from_str(&decision.asked)
            .map_err(|error| HttpError::FormField(format!("asked: {error}")))?;
        (on_all(&shared.store, &decision, &asked, by).await?, asked.link())
    } else {
        let report = decision.report.parse().map_err(|_| HttpError::FormField("report: is no hash".to_owned()))?;
        (on_one(&shared.store, &decision, report, by).await?, "/inbox?state=held".to_owned())
    };
    Ok(Redirect::to(&format!("{back}&done={what}&number={}&left={}", done.number, done.left)).into_response())
}

async fn on_one(store: &Store, decision: &Decision, report: Hash, by: By<'_>) -> Result<Done, HttpError> {
    let number = match decision.what.as_str() {
        // What an approval does depends on the report's trouble.
        "declare" => inbox_decision::approve(store, report, by).await?.waiting(),
        "approve" => inbox_decision::approve(store, report, by).await.map(|_| 1)?,
        "reject" => inbox_decision::reject(store, report, &decision.reason, by).await?,
        _ => inbox_decision::retry(store, Some(report), by).await?,
    };
    Ok(Done { number, left: 0 })
}

async fn on_all(store: &Store, decision: &Decision, asked: &Asked, by: By<'_>) -> Result<Done, HttpError> {
    let unreadable = || HttpError::FormField("asked: expected what a page of the inbox was asked for".to_owned());
    // What came after the page was made was not seen, and is not decided on.
    let before = Some(decision.until.saturating_add(1));
    let filter = InboxFilter { before, ..filter_of(asked).ok_or_else(unreadable)? };
    // A whole state may wait again; to judge it, its trouble has to be looked at.
    if filter.problem.is_none() && decision.what != "retry" {
        return Err(unreadable());
    }
    match decision.what.as_str() {
        "approve" => {
            let ApprovedAlike { hosts, left, .. } = alike::approve(store, &filter, by).await?;
            Ok(Done { number: hosts, left })
        }
        "declare" => declare(store, &filter, by).await,
        "reject" => Ok(Done { number: alike::reject(store, &filter, &decision.reason, by).await?, left: 0 }),
        _ => Ok(Done { number: alike::retry(store, &filter, by).await?, left: 0 }),
    }
}

/// Declares the site of what is shown, by way of one of its reports.
async fn declare(store: &Store, filter: &InboxFilter, by: By<'_>) -> Result<Done, HttpError> {
    let of_one_site = filter.site.is_some() && filter.problem == Some(Problem::UnknownSite);
    if !of_one_site || filter.state != Some(InboxState::Held) {
        return Err(HttpError::FormField("asked: expected a site that no registry names".to_owned()));
    }
    let report = store.inbox_hosts(filter).await?.pop().and_then(|of_host| of_host.hash.parse().ok());
    match report {
        Some(report) => Ok(Done { number: inbox_decision::approve(store, report, by).await?.waiting(), left: 0 }),
        // Somebody else was faster.
        None => Ok(Done { number: 0, left: 0 }),
    }
}
