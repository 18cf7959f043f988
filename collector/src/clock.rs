//! The only door to the clock: everything else is told the time.

use std::time::Instant;

use jiff::Timestamp;

/// The present second, UTC.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the door that the lint points to")]
pub fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_second(now.as_second()).unwrap_or(now)
}

/// Measures how long something takes, whatever happens to the machine's time meanwhile.
#[derive(Debug, Clone, Copy)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts one.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the door that the lint points to")]
    pub fn start() -> Self {
        Stopwatch(Instant::now())
    }

    /// Seconds since its start.
    #[must_use]
    pub fn seconds(self) -> f64 {
        self.0.elapsed().as_secs_f64()
    }
}
