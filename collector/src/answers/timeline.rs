//! The time line of a host: what it was and what changed, read in a number of queries that does not grow with the changes.

use std::collections::HashMap;

use jiff::Timestamp;

use super::change::{PackageChange, changes_between};
use super::time;
use crate::history::{self, Interval};
use crate::package_set::Difference;
use crate::store::{Store, StoreError};

/// A stretch of time in which every report of a host said the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Its first report.
    pub from: Timestamp,
    /// Its last report.
    pub last_seen: Timestamp,
    /// The report that said something else; none for the present.
    pub until: Option<Timestamp>,
    /// How many reports said so.
    pub reports: usize,
    /// Id of its package list.
    pub list: i64,
    /// How many packages there were.
    pub packages: usize,
    /// What came, went or changed since the step before; empty in the first.
    pub changes: Vec<PackageChange>,
    /// Header lines that changed since the step before.
    pub facts: Vec<FactChange>,
}

/// A header line that changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FactChange {
    /// Its name, such as `kernel`.
    pub name: String,
    /// What it was, empty when it was not there.
    pub from: String,
    /// What it is.
    pub to: String,
}

/// Every step of a host, oldest first.
///
/// # Errors
/// [`StoreError`].
pub async fn of(store: &Store, host: i64) -> Result<Vec<Step>, StoreError> {
    let intervals = history::intervals(store.runs(host).await?);
    let lists: Vec<i64> = intervals.iter().map(|interval| interval.facts.list).collect();
    let lists = store.lists(&lists).await?;
    let facts: Vec<i64> = intervals.iter().map(|interval| interval.facts.facts).collect();
    let facts = store.facts(&facts).await?;
    let packages_of = |interval: &Interval| lists.get(&interval.facts.list).map_or(&[][..], Vec::as_slice);
    let facts_of = |interval: &Interval| facts.get(&interval.facts.facts).map_or("", String::as_str);

    let before = || std::iter::once(None).chain(intervals.iter().map(Some));
    let differences: Vec<Difference> = intervals
        .iter()
        .zip(before())
        .map(|(interval, before)| match before {
            Some(before) => Difference::between(packages_of(before), packages_of(interval)),
            None => Difference::default(),
        })
        .collect();
    let mut changed: Vec<i64> =
        differences.iter().flat_map(|change| change.removed.iter().chain(&change.added)).copied().collect();
    changed.sort_unstable();
    changed.dedup();
    let changed: HashMap<_, _> = store.packages(&changed).await?;

    let step = |((interval, before), difference): ((&Interval, Option<&Interval>), &Difference)| Step {
        from: time(interval.from),
        last_seen: time(interval.last_seen),
        until: interval.until.map(time),
        reports: interval.reports,
        list: interval.facts.list,
        packages: packages_of(interval).len(),
        changes: changes_between(&changed, difference),
        facts: before.map(|before| changed_facts(facts_of(before), facts_of(interval))).unwrap_or_default(),
    };
    Ok(intervals.iter().zip(before()).zip(&differences).map(step).collect())
}

fn changed_facts(old: &str, new: &str) -> Vec<FactChange> {
    let lines = |text: &'_ str| -> HashMap<String, String> {
        text.lines().filter_map(|line| line.split_once(": ")).map(|(n, v)| (n.to_owned(), v.to_owned())).collect()
    };
    let (old, new) = (lines(old), lines(new));
    let mut names: Vec<&String> = old.keys().chain(new.keys()).collect();
    names.sort_unstable();
    names.dedup();
    let value = |lines: &HashMap<String, String>, name: &String| lines.get(name).cloned().unwrap_or_default();
    let change = |name: &String| FactChange { from: value(&old, name), to: value(&new, name), name: name.clone() };
    names.into_iter().map(change).filter(|change| change.from != change.to).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_lines_that_come_go_and_change_are_told() {
        let changes = changed_facts("a: 1\nb: 2\nc: 3\n", "b: 2\nc: 4\nd: 5\n");
        let told: Vec<_> = changes.iter().map(|c| format!("{} {}>{}", c.name, c.from, c.to)).collect();
        assert_eq!(told, ["a 1>", "c 3>4", "d >5"]);
    }
}
