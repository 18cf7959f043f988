//! Whether the clock may be believed by whoever deletes what is old: one that leaps ahead makes everything old at once.

/// How far ahead of what was expected the clock is believed at once, in seconds.
const BELIEVED: i64 = 7 * 86_400;

/// How long somebody has to set it right, in seconds of running: after that the clock is what everybody lives by.
const DOUBTED: f64 = 86_400.0;

/// Follows the clock.
#[derive(Debug, Clone)]
pub struct Leaps {
    /// A time that was believed, unix seconds, and how long the program had run then.
    believed: (i64, f64),
    /// How long the program had run when the clock was first doubted.
    doubted: Option<f64>,
}

/// What to think of the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It goes as it should.
    Believed,
    /// It is ahead by so many seconds, and nothing is to be deleted by it.
    Ahead(i64),
}

impl Leaps {
    /// Begins with the newest time that the database knows, unix seconds: the collector may have been off since.
    #[must_use]
    pub fn since(newest: i64) -> Self {
        Leaps { believed: (newest, 0.0), doubted: None }
    }

    /// Looks at the clock, with how long the program has been running by a clock that cannot leap.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "seconds of running fit")]
    pub fn look(&mut self, now: i64, running: f64) -> Verdict {
        let (time, at) = self.believed;
        let ahead = now.saturating_sub(time).saturating_sub((running - at) as i64);
        if ahead > BELIEVED && running - *self.doubted.get_or_insert(running) < DOUBTED {
            return Verdict::Ahead(ahead);
        }
        *self = Leaps { believed: (now, running), doubted: None };
        Verdict::Believed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 86_400;

    #[test]
    fn a_leap_is_doubted_for_a_day_and_steps_back_are_not() {
        let mut leaps = Leaps::since(0);
        assert_eq!(leaps.look(DAY, 10.0), Verdict::Believed);
        let ahead = Verdict::Ahead(365 * DAY);
        assert_eq!(leaps.look(366 * DAY + 3_600, 3_610.0), ahead);
        assert_eq!(leaps.look(366 * DAY + 7_200, 7_210.0), ahead);
        assert_eq!(leaps.look(DAY + 10_800, 10_810.0), Verdict::Believed, "it was set right");
        assert_eq!(leaps.look(366 * DAY, 20_000.0), Verdict::Ahead(365 * DAY - 19_990), "and leapt again");
        assert_eq!(leaps.look(367 * DAY, 20_000.0 + 86_399.0), Verdict::Ahead(366 * DAY - 19_990 - 86_399));
        assert_eq!(leaps.look(367 * DAY, 20_000.0 + 86_400.0), Verdict::Believed, "nobody has set it right");
        assert_eq!(leaps.look(0, 200_000.0), Verdict::Believed, "what is behind deletes nothing");
    }

    #[test]
    fn a_collector_that_was_off_for_long_doubts_its_clock_for_a_day() {
        let mut leaps = Leaps::since(0);
        assert_eq!(leaps.look(100 * DAY, 1.0), Verdict::Ahead(100 * DAY - 1));
        assert_eq!(leaps.look(101 * DAY, 86_402.0), Verdict::Believed);
    }
}
