//! Reports that wait for a key which cannot be used now, such as one in a token: told once, and not read again and again.

use std::sync::{Mutex, MutexGuard, PoisonError};

use report::sealed::KeyAway;

use crate::clock::Stopwatch;

/// After so many seconds all that wait are looked at again: some may be for a key that is back while another is not. Seldom, as
/// after a week without a token that is a hundred thousand.
const LOOK_AGAIN: f64 = 3_600.0;

/// What an opener remembers while a key is away.
#[derive(Default)]
pub(super) struct Away(Mutex<State>);

#[derive(Default)]
struct State {
    told: Vec<KeyAway>,
    /// The last report that was looked at and waits, and since when they are passed over.
    passed: Option<(i64, Stopwatch)>,
}

impl Away {
    /// Tells the reason once, until all is well again.
    pub(super) fn tell(&self, reason: &KeyAway) {
        let mut state = self.state();
        if !state.told.contains(reason) {
            tracing::error!(%reason, "a key cannot be used: reports that are sealed for it wait");
            state.told.push(reason.clone());
        }
    }

    /// Reports up to `last` wait; gives after which one to go on.
    pub(super) fn up_to(&self, last: i64) -> i64 {
        let mut state = self.state();
        let (passed, since) = match state.passed {
            Some((passed, since)) if since.seconds() < LOOK_AGAIN => (passed.max(last), since),
            _ => (last, Stopwatch::start()),
        };
        state.passed = Some((passed, since));
        passed
    }

    /// The oldest reports do not wait for a key any more.
    pub(super) fn is_over(&self) {
        *self.state() = State::default();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing is left half done where it could panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_is_passed_over_until_the_oldest_does_not_wait_any_more() {
        let away = Away::default();
        assert_eq!(away.up_to(64), 64);
        assert_eq!(away.up_to(128), 128);
        assert_eq!(away.up_to(64), 128, "the oldest were looked at again, and still wait");
        away.tell(&KeyAway("not there".to_owned()));
        away.tell(&KeyAway("not there".to_owned()));
        assert_eq!(away.state().told.len(), 1);
        away.is_over();
        assert_eq!(away.up_to(64), 64);
        assert!(away.state().told.is_empty());
    }
}
