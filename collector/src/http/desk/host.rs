//! `GET /hosts/{site}/{host}`: one host, with its past and another one beside it.

use axum::extract::{Path, State};
use axum::response::Response;

use super::super::Shared;
use super::super::error::HttpError;
use super::super::question::Question;
use super::super::visitor::Visitor;
use super::{frame, page};
use crate::answers::host::{self, HostAnswer};
use crate::answers::warnings::{self, Newest};
use crate::answers::{AnswerError, change, time};
use crate::desk::frame::{Frame, Paging, Section};
use crate::desk::host::{HostPage, PACKAGES_PER_PAGE, STEPS_PER_PAGE, Sides};
use crate::desk::piece;
use crate::package_set::Difference;
use crate::query::{self, PackageQuery};
use crate::registry::SiteEntry;

/// What may be asked of a host's page.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Asked {
    q: String,
    page: usize,
    steps: String,
    from: String,
    to: String,
    other: String,
}

/// One host.
pub(super) async fn show(
    State(shared): State<Shared>,
    visitor: Visitor,
    Path((site, name)): Path<(String, String)>,
    Question(asked): Question<Asked>,
) -> Result<Response, HttpError> {
    let frame = frame(visitor, Section::Sites);
    let scope = &frame.viewer.scope;
    let (store, judge) = (&shared.store, &shared.judge);
    let answer = host::answer(store, judge, scope, (&site, &name), frame.now, shared.stale_after_days).await?;
    let sides = sides(&shared, &frame, &answer, &asked).await?;
    let known = shared.store.site_entry(&site).await.map_err(AnswerError::from)?;
    page(&host_page(frame, (answer, &known), &asked, sides, shared.stale_after_days))
}

fn host_page(
    frame: Frame,
    (answer, known): (HostAnswer, &SiteEntry),
    asked: &Asked,
    sides: Sides,
    stale_after_days: u32,
) -> HostPage {
    let fact = |name: &str| answer.facts.iter().find(|(n, _)| n == name).map_or("", |(_, value)| value.as_str());
    let newest = Newest {
        collected: answer.known.last_news,
        received: answer.known.received,
        source: &answer.known.source,
        signed: answer.known.signed,
        complaint: fact("reporter-warning"),
    };
    let warnings = warnings::of(newest, |source| known.is_outside(source), frame.now, stale_after_days);
    let os = answer.os.clone().unwrap_or_else(|| fact("system").to_owned());
    let packages_total = answer.packages.len();
    let mut packages = answer.packages;
    let wanted = PackageQuery::parse(&asked.q).ok().filter(|query| query.literal_name().is_none());
    packages.retain(|package| match &wanted {
        Some(pattern) => pattern.matches_name(&package.name),
        None => package.name.contains(asked.q.trim()),
    });
    let packages_found = packages.len();
    let link = format!("?q={}&page=", piece(&asked.q));
    let paging = Paging::of(packages_found, PACKAGES_PER_PAGE, asked.page, link);
    let mut products = answer.products;
    products.sort_by_key(|product| std::cmp::Reverse(product.verdict.state));
    let mut steps = answer.timeline;
    let first_seen = steps.first().map_or(time(answer.known.since), |step| step.from);
    steps.reverse();
    let steps_left = if asked.steps == "all" { 0 } else { steps.len().saturating_sub(STEPS_PER_PAGE) };
    steps.truncate(steps.len() - steps_left);
    HostPage {
        site: answer.site,
        name: answer.name,
        os,
        facts: answer.facts,
        kernels: answer.kernels,
        first_seen,
        last_news: time(answer.known.last_news),
        source: answer.known.source,
        sender: answer.known.sender.map(|(key, since)| (key, time(since))),
        warnings,
        products,
        packages: packages.into_iter().skip((paging.page - 1) * PACKAGES_PER_PAGE).take(PACKAGES_PER_PAGE).collect(),
        packages_total,
        packages_found,
        q: asked.q.clone(),
        paging,
        steps,
        steps_left,
        sides,
        frame,
    }
}

/// Two dates of the host, or the host beside another one; what cannot be compared is told on the page.
async fn sides(shared: &Shared, frame: &Frame, host: &HostAnswer, asked: &Asked) -> Result<Sides, HttpError> {
    let typed =
        Sides { from: asked.from.clone(), to: asked.to.clone(), other: asked.other.clone(), ..Sides::default() };
    let lists = if !asked.other.is_empty() {
        other_host(shared, frame, host, &asked.other).await
    } else if !asked.from.is_empty() || !asked.to.is_empty() {
        two_dates(host, &asked.from, &asked.to)
    } else {
        return Ok(typed);
    };
    match lists {
        Ok((left, right)) => {
            let store = &shared.store;
            let lists = store.lists(&[left.list, right.list]).await?;
            let packages = |list| lists.get(&list).map_or(&[][..], Vec::as_slice);
            let difference = Difference::between(packages(left.list), packages(right.list));
            let changes = change::changed_packages(store, &difference).await?;
            Ok(Sides { left: left.title, right: right.title, changes: Some(changes), ..typed })
        }
        Err(AnswerError::Store(error)) => Err(error.into()),
        Err(problem) => Ok(Sides { problem: Some(problem.to_string()), ..typed }),
    }
}

/// One of two lists.
struct Side {
    title: String,
    list: i64,
}

fn two_dates(host: &HostAnswer, from: &str, to: &str) -> Result<(Side, Side), AnswerError> {
    let side = |date: &str| -> Result<Side, AnswerError> {
        let last = host.timeline.last().ok_or_else(|| AnswerError::NoHost(host.name.clone()))?;
        if date.is_empty() {
            return Ok(Side { title: "now".to_owned(), list: last.list });
        }
        let at = query::parse_date(date)?;
        let step = host.timeline.iter().rev().find(|step| step.from <= at);
        let step = step.ok_or_else(|| AnswerError::TooEarly { name: host.name.clone(), at })?;
        Ok(Side { title: date.to_owned(), list: step.list })
    };
    Ok((side(from)?, side(to)?))
}

async fn other_host(
    shared: &Shared,
    frame: &Frame,
    host: &HostAnswer,
    other: &str,
) -> Result<(Side, Side), AnswerError> {
    let (site, name) = other.trim().split_once('/').unwrap_or((&host.site, other.trim()));
    let known = if frame.viewer.scope.holds(site) { shared.store.known_host(site, name).await? } else { None };
    let known = known.ok_or_else(|| AnswerError::NoHost(name.to_owned()))?;
    Ok((
        Side { title: host.name.clone(), list: host.known.list },
        Side { title: format!("{site}/{name}"), list: known.list },
    ))
}
