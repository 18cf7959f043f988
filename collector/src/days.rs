//! Days as numbers (UTC, since 1970-01-01), as the database counts them, and as dates.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::Offset;

/// The date of a day; the last that there is for one beyond.
#[must_use]
pub fn date(day: i64) -> Date {
    let time = Timestamp::from_second(day.saturating_mul(86_400));
    of(time.unwrap_or(if day < 0 { Timestamp::MIN } else { Timestamp::MAX }))
}

/// The date that a time is on.
#[must_use]
pub fn of(time: Timestamp) -> Date {
    Offset::UTC.to_datetime(time).date()
}

/// The number of a date.
#[must_use]
pub fn day(date: Date) -> i64 {
    i64::from(Date::constant(1970, 1, 1).until(date).unwrap_or_default().get_days())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_dates_and_back() {
        assert_eq!(date(20_453).to_string(), "2025-12-31");
        assert_eq!(day(Date::constant(2025, 12, 31)), 20_453);
        assert_eq!(day(date(-1)), -1);
        assert_eq!(date(i64::MAX).year(), 9999);
        assert_eq!(of("2026-01-31T23:59:59Z".parse().unwrap()), Date::constant(2026, 1, 31));
    }
}
