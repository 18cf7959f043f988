//! `GET /products/{package}`: one package over the grid.

use std::collections::BTreeSet;

use axum::extract::{Path, State};
use axum::response::Response;

use super::super::Shared;
use super::super::error::HttpError;
use super::super::question::Question;
use super::super::visitor::Visitor;
use super::{frame, page};
use crate::answers::product;
use crate::answers::spread::{self, VersionSpread};
use crate::desk::chart::{Chart, Mark, Series};
use crate::desk::frame::{Paging, Section};
use crate::desk::product::{ProductPage, SITES_PER_PAGE, VERSIONS_SHOWN};
use crate::desk::when::When;
use crate::history::day_of;

/// What may be asked of a package's page.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Asked {
    at: String,
    lists: String,
    page: usize,
}

/// Days before today that the chart shows.
const CHART_DAYS: i64 = 365;

/// Versions that have a line of their own; the rest share one: together as many as the style sheet tells apart.
const LINES: usize = 7;

/// How many of these are chosen by what hosts have now: a migration that is under way is among them.
const LINES_OF_NOW: usize = 4;

/// One package.
pub(super) async fn show(
    State(shared): State<Shared>,
    visitor: Visitor,
    Path(package): Path<String>,
    Question(asked): Question<Asked>,
) -> Result<Response, HttpError> {
    let frame = frame(visitor, Section::Products);
    let scope = &frame.viewer.scope;
    let (store, judge, now, stale) = (&shared.store, &shared.judge, frame.now, shared.stale_after_days);
    let when = When { at: asked.at, lists: asked.lists };
    let of = when.read(now).map_err(|error| HttpError::Question(error.to_string()))?;
    let mut answer = product::answer(store, judge, scope, &package, of, (now, stale)).await?;
    let spread = spread::of(store, scope, &package, now, stale).await?;
    let deadlines: BTreeSet<i64> =
        answer.references.iter().filter_map(|(_, asked)| Some(crate::days::day(asked.deadline?))).collect();
    let marks = deadlines.into_iter().map(|day| Mark { day, name: "deadline".to_owned() });
    let chart = versions_chart(spread, marks.collect(), day_of(now.as_second()));
    let versions_left = answer.versions.len().saturating_sub(VERSIONS_SHOWN);
    answer.versions.truncate(VERSIONS_SHOWN);
    let sites_total = answer.sites.len();
    let paging = Paging::of(sites_total, SITES_PER_PAGE, asked.page, format!("?{}page=", when.kept()));
    page(&ProductPage {
        when,
        references: answer.references,
        versions: answer.versions,
        versions_left,
        sites: answer.sites.into_iter().skip((paging.page - 1) * SITES_PER_PAGE).take(SITES_PER_PAGE).collect(),
        sites_total,
        hosts: answer.hosts,
        chart,
        paging,
        package,
        frame,
    })
}

/// The versions that most hosts have now and those that most had at some time, each with a line; the others share one.
fn versions_chart(mut spread: Vec<VersionSpread>, marks: Vec<Mark>, today: i64) -> Chart {
    let first = today - CHART_DAYS;
    spread.retain(|version| peak(version, first) > 0);
    let mut days: Vec<i64> = spread.iter().flat_map(|version| &version.days).map(|(day, _)| *day).collect();
    // The day before a change too: lines go straight from one day to the next.
    days.extend(days.clone().iter().map(|day| day - 1));
    days.extend([first, today]);
    days.retain(|day| (first..=today).contains(day));
    days.sort_unstable();
    days.dedup();
    let began = spread.iter().filter_map(|version| version.days.first()).map(|(day, _)| *day).min();
    days.retain(|day| began.is_some_and(|began| *day >= began));
    let chosen = with_lines(&spread, first);
    let (mut alone, mut together): (Vec<VersionSpread>, Vec<VersionSpread>) = (Vec::new(), Vec::new());
    for (at, version) in spread.into_iter().enumerate() {
        (if chosen.contains(&at) { &mut alone } else { &mut together }).push(version);
    }
    let points = |of: &dyn Fn(i64) -> i64| days.iter().map(|day| (*day, of(*day))).collect::<Vec<_>>();
    let mut series: Vec<Series> = alone
        .iter()
        .rev()
        .map(|version| Series {
            name: version.version.clone(),
            points: points(&|day| hosts_on(version, day)),
            filled: false,
        })
        .collect();
    if !together.is_empty() {
        let sum = |day| together.iter().map(|version| hosts_on(version, day)).sum();
        series.push(Series { name: format!("{} other versions", together.len()), points: points(&sum), filled: false });
    }
    Chart { id: "spread", title: "Hosts by version".to_owned(), unit: "hosts", series, marks }
}

/// Places of the versions that have a line: first what hosts have now, then what most of them had since `first`.
fn with_lines(spread: &[VersionSpread], first: i64) -> BTreeSet<usize> {
    let by = |number: &dyn Fn(&VersionSpread) -> i64| {
        let mut places: Vec<(i64, usize)> = spread.iter().map(number).zip(0..).collect();
        places.sort_unstable_by_key(|(number, at)| std::cmp::Reverse((*number, *at)));
        places
    };
    let now = by(&VersionSpread::now).into_iter().filter(|(hosts, _)| *hosts > 0);
    let mut chosen: BTreeSet<usize> = now.map(|(_, at)| at).take(LINES_OF_NOW).collect();
    for (_, at) in by(&|version| peak(version, first)) {
        if chosen.len() < LINES {
            chosen.insert(at);
        }
    }
    chosen
}

/// The most hosts that had a version on any day since `first`.
fn peak(version: &VersionSpread, first: i64) -> i64 {
    let since = version.days.iter().filter(|(day, _)| *day >= first).map(|(_, hosts)| *hosts);
    since.max().unwrap_or(0).max(hosts_on(version, first))
}

fn hosts_on(version: &VersionSpread, day: i64) -> i64 {
    let until = version.days.partition_point(|(changed, _)| *changed <= day);
    until.checked_sub(1).and_then(|last| version.days.get(last)).map_or(0, |(_, hosts)| *hosts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(name: i64, days: &[(i64, i64)]) -> VersionSpread {
        VersionSpread { version: name.to_string(), days: days.to_vec() }
    }

    fn names(chart: &Chart) -> Vec<&str> {
        chart.series.iter().map(|series| series.name.as_str()).collect()
    }

    #[test]
    fn the_most_used_versions_have_lines_and_the_rest_share_one() {
        let gone = |number: i64| version(number, &[(100, number), (110, 0), (200, 0)]);
        let drawn = versions_chart((1..=9).map(gone).collect(), Vec::new(), 200);
        assert_eq!(names(&drawn), ["9", "8", "7", "6", "5", "4", "3", "2 other versions"]);
        assert_eq!(drawn.series[7].points, [(100, 3), (109, 3), (110, 0), (199, 0), (200, 0)]);
        assert!(versions_chart(Vec::new(), Vec::new(), 200).series.is_empty());
    }

    #[test]
    fn a_migration_under_way_is_not_hidden_by_what_was_used_more_before_it() {
        // Nine old versions that many had, and the three that hosts go to.
        let old = |number: i64| version(number, &[(100, 50 + number), (150, 0), (200, 0)]);
        let new = |number: i64| version(number, &[(190, number), (200, number)]);
        let spread: Vec<VersionSpread> = (1..=9).map(old).chain((21..=23).map(new)).collect();
        let drawn = versions_chart(spread.clone(), Vec::new(), 200);
        assert_eq!(names(&drawn), ["23", "22", "21", "9", "8", "7", "6", "5 other versions"]);
        // Of many new ones those that most have; what none had in the year has no line and is not counted.
        let many = spread.into_iter().chain((31..=36).map(new)).chain([version(99, &[(-400, 5), (-300, 0)])]);
        let drawn = versions_chart(many.collect(), Vec::new(), 200);
        assert_eq!(names(&drawn), ["36", "35", "34", "33", "9", "8", "7", "11 other versions"]);
    }
}
