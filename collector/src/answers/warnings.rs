//! What is strange about a host, beside its packages.

use jiff::Timestamp;

use super::time;

/// A host's clock may be ahead of ours by so many seconds before it is worth a word.
const CLOCK_AHEAD: i64 = 300;

/// Something that a person should look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Warning {
    /// No report for so many days.
    Stale(i64),
    /// Nothing proves who sent the newest report.
    Unsigned,
    /// The newest report came from an address that is none of the site's.
    Outside(String),
    /// The host's clock is ahead by so many seconds.
    ClockAhead(i64),
    /// What the host itself complains of, such as a recipient certificate that ends soon.
    Reporter(String),
}

/// What a warning is about, of most concern last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum WarningKind {
    /// [`Warning::Stale`].
    Silent,
    /// [`Warning::Unsigned`].
    Unsigned,
    /// [`Warning::Outside`].
    Outside,
    /// [`Warning::ClockAhead`].
    ClockAhead,
    /// [`Warning::Reporter`].
    Complaint,
}

impl WarningKind {
    /// The word in answers.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            WarningKind::Silent => "silent",
            WarningKind::Unsigned => "unsigned",
            WarningKind::Outside => "outside",
            WarningKind::ClockAhead => "clock_ahead",
            WarningKind::Complaint => "complaint",
        }
    }
}

impl Warning {
    /// What it is about.
    #[must_use]
    pub fn kind(&self) -> WarningKind {
        match self {
            Warning::Stale(_) => WarningKind::Silent,
            Warning::Unsigned => WarningKind::Unsigned,
            Warning::Outside(_) => WarningKind::Outside,
            Warning::ClockAhead(_) => WarningKind::ClockAhead,
            Warning::Reporter(_) => WarningKind::Complaint,
        }
    }
}

impl std::fmt::Display for Warning {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Warning::Stale(days) => write!(f, "no report for {days} days"),
            Warning::Unsigned => write!(
                f,
                "the newest report is unsigned, integrity not proven: nothing shows who sent it, or that it is whole"
            ),
            Warning::Outside(source) => write!(f, "came from {source}, which is none of the site's addresses"),
            Warning::ClockAhead(seconds) => write!(f, "its clock is ahead by {seconds} seconds"),
            Warning::Reporter(text) => write!(f, "the host says: {text}"),
        }
    }
}

/// What a newest report tells of its way.
#[derive(Debug, Clone, Copy)]
pub struct Newest<'a> {
    /// Its time by the host's clock, unix seconds.
    pub collected: i64,
    /// Its time by ours, unix seconds.
    pub received: i64,
    /// Where it came from.
    pub source: &'a str,
    /// Whether it was signed.
    pub signed: bool,
    /// Its header line `reporter-warning`, empty when there is none.
    pub complaint: &'a str,
}

/// Every warning about a host; `outside` says whether an address is none of its site's.
#[must_use]
pub fn of(newest: Newest<'_>, outside: impl Fn(&str) -> bool, now: Timestamp, stale_after_days: u32) -> Vec<Warning> {
    let mut warnings: Vec<Warning> = silent(newest.collected, now, stale_after_days).into_iter().collect();
    if !newest.signed {
        warnings.push(Warning::Unsigned);
    }
    if outside(newest.source) {
        warnings.push(Warning::Outside(newest.source.to_owned()));
    }
    let ahead = newest.collected.saturating_sub(newest.received);
    if ahead > CLOCK_AHEAD {
        warnings.push(Warning::ClockAhead(ahead));
    }
    warnings.extend(complains(newest.complaint));
    warnings
}

/// What is strange about a host at a date, as far as its report of then tells: how that one came is not known any more.
#[must_use]
pub fn of_date(collected: i64, complaint: &str, at: Timestamp, stale_after_days: u32) -> Vec<Warning> {
    silent(collected, at, stale_after_days).into_iter().chain(complains(complaint)).collect()
}

fn silent(collected: i64, at: Timestamp, stale_after_days: u32) -> Option<Warning> {
    let silence = at.duration_since(time(collected)).as_secs();
    (silence > i64::from(stale_after_days) * 86_400).then_some(Warning::Stale(silence / 86_400))
}

fn complains(complaint: &str) -> Option<Warning> {
    (!complaint.is_empty()).then(|| Warning::Reporter(complaint.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_oddity_is_told() {
        let now = time(10 * 86_400);
        let good = Newest {
            collected: 9 * 86_400,
            received: 9 * 86_400 + 5,
            source: "192.0.2.1",
            signed: true,
            complaint: "",
        };
        let never = |_: &str| false;
        assert_eq!(of(good, never, now, 7), []);
        assert_eq!(of(Newest { collected: 0, ..good }, never, now, 7), [Warning::Stale(10)]);
        assert_eq!(of(Newest { signed: false, ..good }, never, now, 7), [Warning::Unsigned]);
        assert_eq!(of(good, |_| true, now, 7), [Warning::Outside("192.0.2.1".to_owned())]);
        let ahead = Newest { received: 9 * 86_400 - 301, ..good };
        assert_eq!(of(ahead, never, now, 7), [Warning::ClockAhead(301)]);
        let told = of(Newest { complaint: "certificate ends", ..good }, never, now, 7);
        assert_eq!(told[0].to_string(), "the host says: certificate ends");
        assert_eq!(of_date(9 * 86_400, "", now, 7), []);
        assert_eq!(of_date(0, "ends", now, 7), [Warning::Stale(10), Warning::Reporter("ends".to_owned())]);
    }
}
