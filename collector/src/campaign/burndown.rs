//! How many hosts were not done at the end of each day: from the changes of each day, without reading hosts.

use std::collections::{BTreeMap, BTreeSet};

use super::Exception;
use crate::history::day_of;

/// Hosts not done, by site and day; exact for every day, past ones included.
///
/// A host without news counts as its last report said: nothing else is known of a day that is over.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BurnDown {
    /// The first day, UTC, since 1970-01-01.
    first: i64,
    /// Numbers at the end of each day from the first.
    open: BTreeMap<String, Vec<i64>>,
    days: usize,
}

/// Hosts of a site that came to be not done (positive) or ceased to be (negative) on a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The site.
    pub site: String,
    /// UTC, since 1970-01-01; everything before the first day may stand on any day before it.
    pub day: i64,
    /// How many.
    pub hosts: i64,
}

/// A host with an exception, and when it came to be done or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExceptedPast {
    /// Its site.
    pub site: String,
    /// Its name.
    pub host: String,
    /// Since when (unix seconds, in order of time), and whether it was asked and not done from then on.
    pub states: Vec<(i64, bool)>,
}

impl BurnDown {
    /// Numbers from `first` to `last`, both included; none when `last` is before `first`.
    #[must_use]
    pub fn of(
        (first, last): (i64, i64),
        changes: &[Change],
        exceptions: &[Exception],
        excepted: &[ExceptedPast],
    ) -> Self {
        let days = usize::try_from((last - first + 1).max(0)).unwrap_or_default();
        let mut by_site: BTreeMap<&str, BTreeMap<i64, i64>> = BTreeMap::new();
        for change in changes {
            *by_site.entry(&change.site).or_default().entry(change.day.max(first)).or_default() += change.hosts;
        }
        let sum = |changes: &BTreeMap<i64, i64>| {
            let mut open = 0;
            let day = |day: i64| {
                open += changes.get(&day).copied().unwrap_or_default();
                open
            };
            (first..=last).map(day).collect::<Vec<i64>>()
        };
        let mut open: BTreeMap<String, Vec<i64>> =
            by_site.iter().map(|(site, changes)| ((*site).to_owned(), sum(changes))).collect();
        let exempt = |site: &str, host: Option<&str>, day: i64| {
            let fits = |exception: &&Exception| exception.site == site && exception.host.as_deref() == host;
            exceptions.iter().filter(fits).any(|exception| exception.is_in_force(day))
        };
        let sites: BTreeSet<&str> = exceptions.iter().map(|exception| exception.site.as_str()).collect();
        for (site, numbers) in open.iter_mut().filter(|(site, _)| sites.contains(site.as_str())) {
            for (number, day) in numbers.iter_mut().zip(first..) {
                if exempt(site, None, day) {
                    *number = 0;
                    continue;
                }
                let hosts = excepted.iter().filter(|past| past.site == *site);
                let excepted = hosts.filter(|past| past.is_open(day) && exempt(site, Some(&past.host), day)).count();
                *number -= i64::try_from(excepted).unwrap_or_default();
            }
        }
        BurnDown { first, open, days }
    }

    /// Days (UTC, since 1970-01-01) and the hosts of all sites that were not done at their end.
    #[must_use]
    pub fn total(&self) -> Vec<(i64, i64)> {
        let mut total = vec![0; self.days];
        for numbers in self.open.values() {
            total.iter_mut().zip(numbers).for_each(|(total, number)| *total += number);
        }
        (self.first..).zip(total).collect()
    }

    /// The day from which a site had nothing left to do, if it has nothing left to do; at the earliest the first day.
    #[must_use]
    pub fn done_since(&self, site: &str) -> i64 {
        let numbers = self.open.get(site).map(Vec::as_slice).unwrap_or_default();
        let done = numbers.iter().rev().take_while(|number| **number == 0).count();
        let before = if numbers.is_empty() { 0 } else { (numbers.len() - done).min(numbers.len() - 1) };
        self.first + i64::try_from(before).unwrap_or_default()
    }
}

impl ExceptedPast {
    /// Whether it was not done at the end of a day.
    fn is_open(&self, day: i64) -> bool {
        let told = self.states.iter().rev().find(|(since, _)| day_of(*since) <= day);
        told.is_some_and(|(_, open)| *open)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn done_means_done_until_now() {
        let change = |day, hosts| Change { site: "A".to_owned(), day, hosts };
        let since = |changes: &[Change]| BurnDown::of((10, 20), changes, &[], &[]).done_since("A");
        assert_eq!(since(&[change(3, 2), change(12, -2), change(15, 1), change(17, -1)]), 17);
        assert_eq!(since(&[change(3, 2), change(4, -2)]), 10);
        assert_eq!(since(&[]), 10);
    }

    #[test]
    fn before_the_first_day_there_is_nothing() {
        assert_eq!(BurnDown::of((10, 9), &[], &[], &[]).total(), []);
    }

    /// A host: its site, its states over time, and the days of an exception of its own.
    type Past = (usize, Vec<(i64, bool)>, Option<(i64, i64)>);

    fn pasts() -> impl Strategy<Value = Vec<Past>> {
        let states = proptest::collection::btree_map(0_i64..12 * 86_400, any::<bool>(), 1..8);
        let days = proptest::option::of((0_i64..12, 0_i64..12));
        proptest::collection::vec((0_usize..2, states.prop_map(|states| states.into_iter().collect()), days), 0..8)
    }

    proptest! {
        #[test]
        fn each_day_is_what_counting_host_by_host_gives(hosts in pasts(), of_site in proptest::option::of((0_i64..12, 0_i64..12))) {
            let site = |at: usize| ["A", "B"][at].to_owned();
            let exception = |site: String, host: Option<String>, (from, to): (i64, i64)| Exception {
                id: 0, site, host, reason: String::new(), author: String::new(), created: from * 86_400 + 7, expires: to,
            };
            let mut exceptions: Vec<Exception> = of_site.map(|days| exception(site(0), None, days)).into_iter().collect();
            let (mut changes, mut excepted) = (Vec::new(), Vec::new());
            for (number, (at, states, own)) in hosts.iter().enumerate() {
                let mut open = false;
                for (time, next) in states {
                    changes.push(Change { site: site(*at), day: day_of(*time), hosts: i64::from(*next) - i64::from(open) });
                    open = *next;
                }
                if let Some(days) = own {
                    exceptions.push(exception(site(*at), Some(number.to_string()), *days));
                    excepted.push(ExceptedPast { site: site(*at), host: number.to_string(), states: states.clone() });
                }
            }
            let first = 3;
            let burn_down = BurnDown::of((first, 11), &changes, &exceptions, &excepted);
            for (day, number) in burn_down.total() {
                let within = |days: &Option<(i64, i64)>| days.is_some_and(|(from, to)| from <= day && day <= to);
                let left = hosts.iter().filter(|(at, states, own)| {
                    let told = states.iter().rev().find(|(time, _)| *time < (day + 1) * 86_400);
                    told.is_some_and(|(_, open)| *open) && !within(own) && !(*at == 0 && within(&of_site))
                });
                prop_assert_eq!(number, i64::try_from(left.count()).unwrap(), "day {}", day);
            }
            prop_assert_eq!(burn_down.total().len(), 9);
        }
    }
}
