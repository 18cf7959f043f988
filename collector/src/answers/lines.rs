//! Lines of the overview as they were added up before: each holds while the hosts of its site are those that it counts.

use std::sync::{Arc, Mutex, Weak};

use rustc_hash::FxHashMap;

use super::locked;
use super::matrix::Line;
use crate::store::SiteGroups;

/// Cells of all lines that are kept for one standard, a hundred bytes each: 170 sites by 40 products on a fortnight's days.
const CELLS: usize = 100_000;

/// Lines by day and site.
#[derive(Debug, Default)]
pub(super) struct Lines(Mutex<FxHashMap<(Option<i64>, i64), Counted>>);

/// A line with the hosts that it counts: those may be forgotten, but no others come to their address.
#[derive(Debug)]
struct Counted {
    hosts: Weak<SiteGroups>,
    line: Arc<Line>,
}

impl Lines {
    /// The line of these very hosts.
    pub(super) fn of(&self, hosts: &Arc<SiteGroups>) -> Option<Arc<Line>> {
        let known = locked(&self.0);
        let counted = known.get(&(hosts.day, hosts.id))?;
        std::ptr::eq(counted.hosts.as_ptr(), Arc::as_ptr(hosts)).then(|| Arc::clone(&counted.line))
    }

    /// Keeps a line in place of the one of other hosts of that site.
    pub(super) fn keep(&self, hosts: &Arc<SiteGroups>, line: &Arc<Line>) {
        let mut known = locked(&self.0);
        // Forgets everything rather than growing for ever: what is needed is added up again.
        if known.len() * (line.products.len() + 1) >= CELLS {
            known.clear();
        }
        let counted = Counted { hosts: Arc::downgrade(hosts), line: Arc::clone(line) };
        known.insert((hosts.day, hosts.id), counted);
    }

    /// Forgets all lines.
    pub(super) fn forget(&self) {
        locked(&self.0).clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(id: i64, day: Option<i64>) -> Arc<SiteGroups> {
        Arc::new(SiteGroups { id, site: "A".to_owned(), day, groups: Vec::new() })
    }

    #[test]
    fn a_line_is_of_the_hosts_that_it_counts_alone() {
        let lines = Lines::default();
        let line = |site: &str| Arc::new(Line { site: site.to_owned(), ..Line::default() });
        let (now, before) = (hosts(1, None), hosts(1, Some(9)));
        lines.keep(&now, &line("now"));
        lines.keep(&before, &line("before"));
        assert_eq!(lines.of(&now).map(|line| line.site.clone()).as_deref(), Some("now"));
        assert_eq!(lines.of(&before).map(|line| line.site.clone()).as_deref(), Some("before"));
        // The same numbers, read again: they may be of other reports.
        drop(now);
        let again = hosts(1, None);
        assert!(lines.of(&again).is_none());
        lines.keep(&again, &line("again"));
        assert_eq!(lines.of(&again).map(|line| line.site.clone()).as_deref(), Some("again"));
    }

    #[test]
    fn lines_do_not_grow_for_ever() {
        let lines = Lines::default();
        let line = Arc::new(Line { products: vec![Default::default(); 99], ..Line::default() });
        let most = (0..3_000).map(|id| {
            lines.keep(&hosts(id, None), &line);
            locked(&lines.0).len()
        });
        assert_eq!(most.max(), Some(CELLS / 100));
    }
}
