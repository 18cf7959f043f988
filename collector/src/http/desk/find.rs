//! `GET /find`: which hosts have a package, or are so, now or at a date.

use axum::extract::State;
use axum::response::Response;
use jiff::Timestamp;

use super::super::Shared;
use super::super::error::HttpError;
use super::super::question::Question;
use super::super::visitor::Visitor;
use super::{frame, page};
use crate::answers::matrix::stale_before;
use crate::answers::select::{HostsAsked, Place};
use crate::answers::{find, host_list, time};
use crate::compare::State as Verdict;
use crate::desk::find::{Answer, Asked, FindPage, ROWS_PER_PAGE};
use crate::desk::frame::{Frame, Section};
use crate::query::{self, ListsOf, PackageQuery, QueryError};

/// A state is of a host in all that is asked of it, not of one package.
const ONE_OF_BOTH: &str =
    "a package and a state: ask for one of them; who is behind with a package is on the package's own page";

/// Hosts and packages.
pub(super) async fn show(
    State(shared): State<Shared>,
    visitor: Visitor,
    Question(asked): Question<Asked>,
) -> Result<Response, HttpError> {
    let frame = frame(visitor, Section::Find);
    let answered = match read(&asked, frame.now) {
        _ if asked.is_empty() => empty(frame, asked, Answer::Nothing),
        Err(problem) => empty(frame, asked, Answer::Problem(problem.to_string())),
        Ok((Some(_), HostsAsked { state: Some(_), .. }, _)) => {
            empty(frame, asked, Answer::Problem(ONE_OF_BOTH.to_owned()))
        }
        Ok((None, hosts, at)) => hosts_found(&shared, frame, asked, &hosts, at).await?,
        Ok((Some(question), hosts, at)) => packages_found(&shared, frame, asked, (&question, &hosts, at)).await?,
    };
    page(&answered)
}

fn empty(frame: Frame, asked: Asked, found: Answer) -> FindPage {
    FindPage { frame, asked, found, hosts: None, silent_before: None, by_site: Vec::new(), next: None }
}

/// A package if one is asked for, what hosts must be, and when.
type Read = (Option<PackageQuery>, HostsAsked, Option<Timestamp>);

fn read(asked: &Asked, now: Timestamp) -> Result<Read, QueryError> {
    let given = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
    let question = given(&asked.q).map(|q| PackageQuery::parse(&q)).transpose()?;
    let at = given(&asked.at).map(|at| query::parse_date(&at)).transpose()?;
    let lists = given(&asked.lists).map(|lists| lists.parse::<ListsOf>()).transpose()?;
    let hosts = HostsAsked {
        lists_of: lists.map(|lists| lists.at(now)),
        site: given(&asked.site),
        os: given(&asked.os),
        tag: given(&asked.tag),
        name: given(&asked.host),
        state: Verdict::ALL.into_iter().find(|state| state.as_str() == asked.state),
        stale: match asked.stale.as_str() {
            "yes" => Some(true),
            "no" => Some(false),
            _ => None,
        },
        ..HostsAsked::default()
    };
    Ok((question, hosts, at))
}

fn after(asked: &Asked) -> Option<Place> {
    let place = (asked.after_site.clone(), asked.after_host.clone());
    Some(place).filter(|(site, host)| !site.is_empty() || !host.is_empty())
}

async fn hosts_found(
    shared: &Shared,
    frame: Frame,
    asked: Asked,
    hosts: &HostsAsked,
    at: Option<Timestamp>,
) -> Result<FindPage, HttpError> {
    let (scope, ages) = (&frame.viewer.scope, (frame.now, shared.stale_after_days));
    let place = after(&asked);
    let wanted = (place.as_ref(), ROWS_PER_PAGE);
    let found = host_list::page(&shared.store, &shared.judge, scope, (hosts, at), wanted, ages).await?;
    Ok(FindPage { hosts: found.hosts, next: found.next, ..empty(frame, asked, Answer::Hosts(found.items)) })
}

async fn packages_found(
    shared: &Shared,
    frame: Frame,
    asked: Asked,
    (question, hosts, at): (&PackageQuery, &HostsAsked, Option<Timestamp>),
) -> Result<FindPage, HttpError> {
    let (store, judge) = (&shared.store, &shared.judge);
    let (scope, ages) = (&frame.viewer.scope, (frame.now, shared.stale_after_days));
    let place = after(&asked);
    let wanted = (place.as_ref(), ROWS_PER_PAGE);
    let found = find::page(store, judge, scope, (question, hosts, at), wanted, ages).await?;
    let by_site = found.by_site.into_iter().collect();
    let found = found.page;
    let silent_before = at.is_none().then(|| time(stale_before(frame.now, shared.stale_after_days)));
    let shown = empty(frame, asked, Answer::Packages(found.items));
    Ok(FindPage { hosts: found.hosts, silent_before, by_site, next: found.next, ..shown })
}
