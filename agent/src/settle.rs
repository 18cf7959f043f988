//! Waits until the package manager has finished, for the report that follows a change.

use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;

use crate::config::Config;
use crate::packages;

/// Longest nap before the databases are looked at again.
const LONGEST_NAP: i64 = 60;

/// Sleeps until the package databases below `root` have been left alone for a while, and the last report is old enough.
///
/// An upgrade that goes on for hours is reported in between.
pub fn wait(config: &Config, root: &Path, last_collected: Option<Timestamp>, clock: impl Fn() -> Timestamp) {
    let begun = clock();
    while let Some(left) = left(config, packages::last_change(root), last_collected, begun, clock()) {
        std::thread::sleep(Duration::from_secs(left.unsigned_abs()));
    }
}

/// Whether packages changed after `collected`, so that the report made then is out of date already.
#[must_use]
pub fn changed_since(root: &Path, collected: Timestamp) -> bool {
    packages::last_change(root).is_some_and(|change| change > collected)
}

/// Seconds to sleep now; `None` when it is time to report.
fn left(
    config: &Config,
    change: Option<Timestamp>,
    collected: Option<Timestamp>,
    begun: Timestamp,
    now: Timestamp,
) -> Option<i64> {
    let after = |time: Option<Timestamp>, pause: u32| {
        // A time to come is from a clock that was wrong: it holds nothing up for longer than its pause.
        time.map_or(0, |time| (time.as_second() + i64::from(pause) - now.as_second()).min(i64::from(pause)))
    };
    let pause = after(collected, config.changes_apart_seconds);
    let unrest = after(change, config.settle_seconds);
    let too_long = begun.as_second() + 12 * i64::from(config.settle_seconds) - now.as_second();
    let left = pause.max(unrest.min(too_long));
    (left > 0).then(|| left.min(LONGEST_NAP))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quiet_databases_and_an_old_report_end_the_wait() {
        let config = Config { settle_seconds: 300, changes_apart_seconds: 1_800, ..Config::default() };
        let at = |second| Timestamp::from_second(second).unwrap();
        let left =
            |change, collected, begun, now| left(&config, Some(at(change)), Some(at(collected)), at(begun), at(now));
        assert_eq!(left(10_000, 0, 10_000, 10_000), Some(60));
        assert_eq!(left(10_000, 0, 10_000, 10_290), Some(10));
        assert_eq!(left(10_000, 0, 10_000, 10_300), None);
        assert_eq!(left(10_000, 9_000, 10_000, 10_300), Some(60));
        assert_eq!(left(10_000, 9_000, 10_000, 10_800), None);
        // Changes without end, and a clock that was set back.
        assert_eq!(left(13_599, 0, 10_000, 13_600), None);
        assert_eq!(left(99_999, 99_999, 10_000, 10_000), Some(60));
    }
}
