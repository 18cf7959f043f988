//! A host's past as a pure function of the set of its reports: whatever the order or repetition of delivery.
//!
//! A report says "at this second the host was in this state". Runs of reports that say the same are kept together with
//! the times of all of them, so that a late report can split a run and two runs can never hide what lay between.

use std::cmp::Ordering;
use std::collections::BTreeMap;

/// What a report says of its host: its package list and its header lines, both stored once each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostFacts {
    /// Id of the package list.
    pub list: i64,
    /// Id of the header lines.
    pub facts: i64,
    /// Content hashes of both: the same on every collector, so that two reports of one second have one winner.
    pub rank: String,
}

/// Consecutive reports of one host that said the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// What they said.
    pub facts: HostFacts,
    /// When, unix seconds, ascending, never empty.
    pub seen: Vec<i64>,
}

impl Run {
    /// Time of the first report of the run.
    #[must_use]
    pub fn first(&self) -> i64 {
        self.seen.first().copied().unwrap_or_default()
    }

    /// Time of the last report of the run.
    #[must_use]
    pub fn last(&self) -> i64 {
        self.seen.last().copied().unwrap_or_default()
    }
}

/// Most times in one run: a host that reports every minute begins a new run twice a day instead of rewriting an ever longer one.
pub const MAX_SEEN: usize = 800;

/// A change to the stored runs of a host, which are known by their first time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Takes away the run that begins then.
    Remove(i64),
    /// Puts a run, in place of the one that begins at the same time if there is one.
    Put(Run),
}

/// The changes that make a report part of the history.
///
/// `before` is the run with the greatest first time not after `time`, `after` the one that follows it.
#[must_use]
pub fn insert(before: Option<Run>, after: Option<Run>, time: i64, facts: &HostFacts) -> Vec<Change> {
    let Some(mut run) = before else {
        return prepend_or_begin(after, time, facts);
    };
    match run.seen.binary_search(&time) {
        Ok(_) if run.facts.rank >= facts.rank => Vec::new(),
        Ok(at) => {
            // Two reports of one second: the greater rank counts, in whatever order they came.
            let later = run.seen.split_off(at + 1);
            run.seen.truncate(at);
            split(run, time, facts, later)
        }
        Err(at) if run.facts == *facts && run.seen.len() < MAX_SEEN => {
            run.seen.insert(at, time);
            vec![Change::Put(run)]
        }
        Err(at) if at == run.seen.len() => prepend_or_begin(after, time, facts),
        Err(at) => {
            let later = run.seen.split_off(at);
            split(run, time, facts, later)
        }
    }
}

/// `run` keeps its times before `time`; what it said later goes on after it.
fn split(run: Run, time: i64, facts: &HostFacts, later: Vec<i64>) -> Vec<Change> {
    let mut changes = Vec::with_capacity(3);
    if !later.is_empty() {
        changes.push(Change::Put(Run { facts: run.facts.clone(), seen: later }));
    }
    changes.push(Change::Put(Run { facts: facts.clone(), seen: vec![time] }));
    // Without earlier times the new run has taken its place: both begin at `time`.
    if !run.seen.is_empty() {
        changes.push(Change::Put(run));
    }
    changes
}

fn prepend_or_begin(after: Option<Run>, time: i64, facts: &HostFacts) -> Vec<Change> {
    match after {
        Some(mut run) if run.facts == *facts && run.seen.len() < MAX_SEEN => {
            let removed = run.first();
            run.seen.insert(0, time);
            vec![Change::Remove(removed), Change::Put(run)]
        }
        _ => vec![Change::Put(Run { facts: facts.clone(), seen: vec![time] })],
    }
}

/// A time in which a host was, as far as its reports tell, in one state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interval {
    /// What its reports said.
    pub facts: HostFacts,
    /// The first report that said so, unix seconds.
    pub from: i64,
    /// The last report that said so.
    pub last_seen: i64,
    /// How many said so.
    pub reports: usize,
    /// The report that said something else; `None` for the present state.
    pub until: Option<i64>,
}

/// The history that runs tell: neighbours that say the same are one interval, however they are stored.
#[must_use]
pub fn intervals(mut runs: Vec<Run>) -> Vec<Interval> {
    runs.sort_by_key(Run::first);
    let mut intervals: Vec<Interval> = Vec::with_capacity(runs.len());
    for run in runs {
        match intervals.last_mut() {
            Some(last) if last.facts == run.facts => {
                last.last_seen = run.last();
                last.reports += run.seen.len();
            }
            last => {
                if let Some(last) = last {
                    last.until = Some(run.first());
                }
                intervals.push(Interval {
                    from: run.first(),
                    last_seen: run.last(),
                    reports: run.seen.len(),
                    until: None,
                    facts: run.facts,
                });
            }
        }
    }
    intervals
}

/// The runs beside a report as they are once `changes` are made, in order of time.
#[must_use]
pub fn changed(before: Option<Run>, after: Option<Run>, changes: &[Change]) -> Vec<Run> {
    let mut runs: BTreeMap<i64, Run> = before.into_iter().chain(after).map(|run| (run.first(), run)).collect();
    for change in changes {
        match change {
            Change::Remove(first) => drop(runs.remove(first)),
            Change::Put(run) => drop(runs.insert(run.first(), run.clone())),
        }
    }
    runs.into_values().collect()
}

/// Numbers of hosts that came into (positive) or left (negative) a state, by list, header lines and day (UTC, since 1970-01-01).
pub type Counts = BTreeMap<(i64, i64, i64), i64>;

/// When a host came into and left each state: summed up to a day, 1 for its state at the end of that day.
///
/// `runs` are neighbours in order of time; the last of them has not ended.
#[must_use]
pub fn counts(runs: &[Run]) -> Counts {
    let mut counts = Counts::new();
    let mut add = |state: &HostFacts, time: i64, number: i64| {
        *counts.entry((state.list, state.facts, day_of(time))).or_insert(0) += number;
    };
    for (at, run) in runs.iter().enumerate() {
        add(&run.facts, run.first(), 1);
        if let Some(next) = runs.get(at + 1) {
            add(&run.facts, next.first(), -1);
        }
    }
    counts.retain(|_, number| *number != 0);
    counts
}

/// What has to be added to `from` to make it `to`.
#[must_use]
pub fn difference(from: &Counts, mut to: Counts) -> Counts {
    for (key, number) in from {
        *to.entry(*key).or_insert(0) -= number;
    }
    to.retain(|_, number| *number != 0);
    to
}

/// The day that a unix second is in (UTC, since 1970-01-01).
#[must_use]
pub fn day_of(seconds: i64) -> i64 {
    seconds.div_euclid(86_400)
}

/// The last time not after `at` in a run's times.
#[must_use]
pub fn last_news(seen: &[i64], at: i64) -> Option<i64> {
    let end = seen.partition_point(|time| time.cmp(&at) != Ordering::Greater);
    end.checked_sub(1).and_then(|last| seen.get(last)).copied()
}

/// A day: the distance between reports that costs one byte.
const USUAL_DISTANCE: i64 = 86_400;

/// Packs the times of a run, without the first: each distance as its difference from the one before it, in as few bytes as it needs.
#[must_use]
pub fn pack_times(seen: &[i64]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(seen.len());
    let mut usual = USUAL_DISTANCE;
    for (earlier, later) in seen.iter().zip(seen.iter().skip(1)) {
        let distance = later.wrapping_sub(*earlier);
        crate::varint::write_signed(&mut bytes, distance.wrapping_sub(usual));
        usual = distance;
    }
    bytes
}

/// Unpacks the times of a run; `None` when the bytes are not what [`pack_times`] makes.
#[must_use]
pub fn unpack_times(first: i64, mut bytes: &[u8]) -> Option<Vec<i64>> {
    let mut seen = vec![first];
    let (mut usual, mut last) = (USUAL_DISTANCE, first);
    while !bytes.is_empty() {
        usual = usual.wrapping_add(crate::varint::read_signed(&mut bytes)?);
        last = last.wrapping_add(usual);
        seen.push(last);
    }
    Some(seen)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn facts(list: i64) -> HostFacts {
        HostFacts { list, facts: 1, rank: format!("{list:04}") }
    }

    /// The stored runs, as the database keeps them.
    #[derive(Default)]
    struct Runs {
        runs: BTreeMap<i64, Run>,
        counts: Counts,
    }

    impl Runs {
        fn report(&mut self, time: i64, list: i64) {
            let before = self.runs.range(..=time).next_back().map(|(_, run)| run.clone());
            let after = self.runs.range(time + 1..).next().map(|(_, run)| run.clone());
            let changes = insert(before.clone(), after.clone(), time, &facts(list));
            let old: Vec<Run> = before.iter().chain(&after).cloned().collect();
            let new = changed(before, after, &changes);
            for (key, number) in difference(&counts(&old), counts(&new)) {
                *self.counts.entry(key).or_insert(0) += number;
            }
            self.counts.retain(|_, number| *number != 0);
            for run in old {
                self.runs.remove(&run.first());
            }
            self.runs.extend(new.into_iter().map(|run| (run.first(), run)));
        }

        fn intervals(&self) -> Vec<Interval> {
            intervals(self.runs.values().cloned().collect())
        }
    }

    /// The definition: for each second the greatest report, in order of time, equal neighbours as one.
    fn expected(reports: &[(i64, i64)]) -> Vec<Interval> {
        let mut by_time = BTreeMap::new();
        for (time, list) in reports {
            let best = by_time.entry(*time).or_insert(*list);
            *best = (*best).max(*list);
        }
        let runs = by_time.into_iter().map(|(time, list)| Run { facts: facts(list), seen: vec![time] });
        intervals(runs.collect())
    }

    proptest! {
        #[test]
        fn any_order_and_repetition_gives_the_same_history(
            reports in proptest::collection::vec((0_i64..40, 0_i64..4), 0..60),
            repeated in proptest::collection::vec(any::<prop::sample::Index>(), 0..20),
        ) {
            let mut runs = Runs::default();
            for (time, list) in &reports {
                runs.report(*time, *list);
            }
            for index in repeated {
                if !reports.is_empty() {
                    let (time, list) = *index.get(&reports);
                    runs.report(time, list);
                }
            }
            prop_assert_eq!(runs.intervals(), expected(&reports));
            let all: Vec<Run> = runs.runs.into_values().collect();
            prop_assert_eq!(runs.counts, counts(&all));
        }

        #[test]
        fn counts_tell_the_state_at_the_end_of_each_day(
            reports in proptest::collection::vec((0_i64..8 * 86_400, 0_i64..3), 1..20),
        ) {
            let mut runs = Runs::default();
            for (time, list) in &reports {
                runs.report(*time, *list);
            }
            for day in 0..8 {
                let told = runs.intervals().into_iter().rev().find(|interval| interval.from < (day + 1) * 86_400);
                for list in 0..3 {
                    let summed: i64 =
                        runs.counts.iter().filter(|((of, _, on), _)| *of == list && *on <= day).map(|(_, n)| n).sum();
                    let expected = told.as_ref().is_some_and(|interval| interval.facts.list == list);
                    prop_assert_eq!(summed, i64::from(expected));
                }
            }
        }

        #[test]
        fn packed_times_come_back(mut seen in proptest::collection::btree_set(any::<i64>(), 1..30)) {
            let seen: Vec<i64> = std::mem::take(&mut seen).into_iter().collect();
            prop_assert_eq!(unpack_times(seen[0], &pack_times(&seen)), Some(seen));
        }

        #[test]
        fn no_bytes_panic(first in any::<i64>(), bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let _ = unpack_times(first, &bytes);
        }
    }

    #[test]
    fn a_late_report_splits_a_run() {
        let mut runs = Runs::default();
        for (time, list) in [(1, 1), (2, 1), (9, 1), (5, 2)] {
            runs.report(time, list);
        }
        let told: Vec<_> = runs.intervals().iter().map(|i| (i.facts.list, i.from, i.last_seen, i.until)).collect();
        assert_eq!(told, [(1, 1, 2, Some(5)), (2, 5, 5, Some(9)), (1, 9, 9, None)]);
    }

    #[test]
    fn a_run_longer_than_its_bound_reads_as_one() {
        let mut runs = Runs::default();
        for time in 0..2_000 {
            runs.report(time, 1);
        }
        assert!(runs.runs.len() > 1 && runs.runs.values().all(|run| run.seen.len() <= MAX_SEEN));
        assert_eq!(runs.intervals().len(), 1);
    }

    #[test]
    fn a_daily_report_costs_a_byte_or_two() {
        let seen: Vec<i64> = (0..100).map(|day| 1_700_000_000 + day * 86_400 + day % 7).collect();
        assert!(pack_times(&seen).len() < 200);
        assert_eq!(last_news(&seen, seen[3] + 1), Some(seen[3]));
        assert_eq!(last_news(&seen, seen[0] - 1), None);
    }
}
