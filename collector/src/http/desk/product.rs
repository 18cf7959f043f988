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

/// Versions that have a line of their own; the rest share one.
const LINES: usize = 6;

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

/// The versions that most hosts had at some time, each with a line; the others share one.
fn versions_chart(spread: Vec<VersionSpread>, marks: Vec<Mark>, today: i64) -> Chart {
    let first = today - CHART_DAYS;
    let peak = |version: &VersionSpread| {
        let started = hosts_on(version, first);
        version.days.iter().filter(|(day, _)| *day >= first).map(|(_, hosts)| *hosts).max().unwrap_or(0).max(started)
    };
    let mut peaks: Vec<i64> = spread.iter().map(peak).filter(|peak| *peak > 0).collect();
    peaks.sort_unstable_by_key(|peak| std::cmp::Reverse(*peak));
    let least = peaks.get(LINES - 1).copied().unwrap_or(1);
    let mut days: Vec<i64> = spread.iter().flat_map(|version| &version.days).map(|(day, _)| *day).collect();
    // The day before a change too: lines go straight from one day to the next.
    days.extend(days.clone().iter().map(|day| day - 1));
    days.extend([first, today]);
    days.retain(|day| (first..=today).contains(day));
    days.sort_unstable();
    days.dedup();
    let began = spread.iter().filter_map(|version| version.days.first()).map(|(day, _)| *day).min();
    days.retain(|day| began.is_some_and(|began| *day >= began));
    let (mut alone, mut together): (Vec<VersionSpread>, Vec<VersionSpread>) = (Vec::new(), Vec::new());
    for version in spread.into_iter().filter(|version| peak(version) > 0) {
        let has_line = alone.len() < LINES && peak(&version) >= least;
        (if has_line { &mut alone } else { &mut together }).push(version);
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

fn hosts_on(version: &VersionSpread, day: i64) -> i64 {
    let until = version.days.partition_point(|(changed, _)| *changed <= day);
    until.checked_sub(1).and_then(|last| version.days.get(last)).map_or(0, |(_, hosts)| *hosts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_used_versions_have_lines_and_the_rest_share_one() {
        let version =
            |number: i64| VersionSpread { version: format!("{number}"), days: vec![(100, number), (110, 0), (200, 0)] };
        let drawn = versions_chart((1..=9).map(version).collect(), Vec::new(), 200);
        let names: Vec<_> = drawn.series.iter().map(|series| series.name.as_str()).collect();
        assert_eq!(names, ["9", "8", "7", "6", "5", "4", "3 other versions"]);
        assert_eq!(drawn.series[6].points, [(100, 6), (109, 6), (110, 0), (199, 0), (200, 0)]);
        assert!(versions_chart(Vec::new(), Vec::new(), 200).series.is_empty());
    }
}
