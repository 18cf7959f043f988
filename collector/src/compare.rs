//! A host's packages against references: compliant, behind, blocked or unknown, each with its reason.

use std::cmp::Ordering;

use jiff::Timestamp;
use jiff::tz::Offset;
use report::package::Packager;
use report::version::{compare, compare_with_query};
use serde::Serialize;

use crate::reference::Reference;

/// How a host stands; the order is that of concern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// New enough and not blocked.
    Compliant,
    /// No answer: stale, no reference for its system, no data.
    Unknown,
    /// Older than the minimum.
    Behind,
    /// A version that must not run.
    Blocked,
}

impl State {
    /// Every state, in the order of concern.
    pub const ALL: [State; 4] = [State::Compliant, State::Unknown, State::Behind, State::Blocked];

    /// The word in answers.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            State::Compliant => "compliant",
            State::Unknown => "unknown",
            State::Behind => "behind",
            State::Blocked => "blocked",
        }
    }
}

/// A state with what led to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// How the host stands.
    pub state: State,
    /// Why, for people.
    pub reason: String,
    /// Which minimum it was held against, when there is one.
    pub minimum: Option<String>,
}

/// A version of the package on the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Installed<'a> {
    /// Full version.
    pub version: &'a str,
    /// Architecture.
    pub arch: &'a str,
    /// Whose order holds.
    pub packager: Packager,
}

/// Judges the versions of one package on a host by the references for that package, without regard to the report's age.
///
/// `None` when the package is not installed, or nothing is asked of it at `at`.
#[must_use]
pub fn judge(
    references: &[&Reference],
    os: Option<&str>,
    kernel: &str,
    installed: &[Installed<'_>],
    at: Timestamp,
) -> Option<Verdict> {
    let today = Offset::UTC.to_datetime(at).date();
    let in_force = || references.iter().filter(|reference| reference.since.is_none_or(|since| since <= today));
    in_force().next()?;
    let judged = to_judge(installed, kernel)?;
    let own = in_force().find(|reference| reference.os.is_some() && reference.os.as_deref() == os);
    let Some(reference) = own.or_else(|| in_force().find(|reference| reference.os.is_none())) else {
        let reason = match os {
            Some(os) => format!("no reference for {os}"),
            None => "the host's system is not known, and the reference is for certain systems".to_owned(),
        };
        return Some(Verdict { state: State::Unknown, reason, minimum: None });
    };
    Some(judge_by(reference, judged, installed.len() > 1 && runs(judged, kernel)))
}

/// Whatever the packages say: without recent news it is not known how the host stands.
#[must_use]
pub fn with_staleness(verdict: Verdict, last_news: Timestamp, at: Timestamp, stale_after_days: u32) -> Verdict {
    let silence = at.as_second().saturating_sub(last_news.as_second());
    if silence <= i64::from(stale_after_days) * 86_400 {
        return verdict;
    }
    let reason = format!("no report for {} days, since {last_news}", silence / 86_400);
    Verdict { state: State::Unknown, reason, minimum: verdict.minimum }
}

fn judge_by(reference: &Reference, judged: Installed<'_>, running: bool) -> Verdict {
    let Installed { version, packager, .. } = judged;
    let which = if running { "running" } else { "installed" };
    let minimum = reference.minimum.clone();
    if let Some(blocked) =
        reference.blocked.iter().find(|blocked| compare_with_query(packager, version, blocked) == Ordering::Equal)
    {
        return Verdict { state: State::Blocked, reason: format!("{which} {version} is blocked ({blocked})"), minimum };
    }
    let Some(asked) = reference.minimum.as_deref() else {
        return Verdict { state: State::Compliant, reason: format!("{which} {version} is not blocked"), minimum };
    };
    let note = match (epoch(version), epoch(asked)) {
        (own, other) if own == other => "",
        _ => "; their epochs differ",
    };
    if compare(packager, version, asked) == Ordering::Less {
        let reason = format!("{which} {version} is older than {asked}{note}");
        return Verdict { state: State::Behind, reason, minimum };
    }
    Verdict { state: State::Compliant, reason: format!("{which} {version} is {asked} or newer{note}"), minimum }
}

/// Of several versions side by side the running kernel counts, else the oldest: it is what a program may still load.
fn to_judge<'a>(installed: &[Installed<'a>], kernel: &str) -> Option<Installed<'a>> {
    installed.iter().find(|candidate| runs(**candidate, kernel)).copied().or_else(|| {
        installed
            .iter()
            .copied()
            .min_by(|left, right| compare(left.packager, left.version, right.version).then(left.arch.cmp(right.arch)))
    })
}

/// rpm kernels say `VERSION-RELEASE.ARCH` of themselves.
fn runs(installed: Installed<'_>, kernel: &str) -> bool {
    let version = installed.version.split_once(':').map_or(installed.version, |(_, version)| version);
    installed.packager == Packager::Rpm
        && kernel.strip_prefix(version).and_then(|rest| rest.strip_prefix('.')) == Some(installed.arch)
}

fn epoch(version: &str) -> &str {
    match version.split_once(':') {
        Some((epoch, _)) => epoch.trim_start_matches('0'),
        None => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reference(os: Option<&str>, minimum: Option<&str>, blocked: &[&str]) -> Reference {
        Reference {
            product: "xrootd".to_owned(),
            package: "xrootd-server".to_owned(),
            os: os.map(str::to_owned),
            minimum: minimum.map(str::to_owned),
            blocked: blocked.iter().map(|version| (*version).to_owned()).collect(),
            since: None,
            deadline: None,
            url: None,
        }
    }

    fn rpm(version: &str) -> Installed<'_> {
        Installed { version, arch: "x86_64", packager: Packager::Rpm }
    }

    fn day(date: &str) -> Timestamp {
        format!("{date}T12:00:00Z").parse().unwrap()
    }

    fn state(references: &[&Reference], os: Option<&str>, installed: &[Installed<'_>]) -> Option<State> {
        judge(references, os, "", installed, day("2026-02-01")).map(|verdict| verdict.state)
    }

    #[test]
    fn the_four_states_come_with_reasons() {
        let el9 = reference(Some("el9"), Some("1:5.6.4-1.el9"), &["1:5.6.5-1.el9", "1:5.7.0"]);
        for (version, expected, told) in [
            ("1:5.6.4-1.el9", State::Compliant, "or newer"),
            ("1:5.6.3-9.el9", State::Behind, "older than 1:5.6.4-1.el9"),
            ("0:9.9.9-1.el9", State::Behind, "epochs differ"),
            ("1:5.6.5-1.el9", State::Blocked, "blocked"),
            ("1:5.7.0-3.el9", State::Blocked, "(1:5.7.0)"),
            ("1:5.6.4~rc1-1.el9", State::Behind, "older"),
        ] {
            let verdict = judge(&[&el9], Some("el9"), "", &[rpm(version)], day("2026-02-01")).unwrap();
            assert_eq!(verdict.state, expected, "{version}: {}", verdict.reason);
            assert!(verdict.reason.contains(told), "{}", verdict.reason);
        }
    }

    #[test]
    fn the_right_system_is_asked_for_the_right_version() {
        let el9 = reference(Some("el9"), Some("1:2-1"), &[]);
        let any = reference(None, Some("1:1-1"), &[]);
        assert_eq!(state(&[&el9, &any], Some("el9"), &[rpm("1:1.5-1")]), Some(State::Behind));
        assert_eq!(state(&[&el9, &any], Some("el8"), &[rpm("1:1.5-1")]), Some(State::Compliant));
        assert_eq!(state(&[&el9], Some("el8"), &[rpm("1:1.5-1")]), Some(State::Unknown));
        assert_eq!(state(&[&el9], None, &[rpm("1:1.5-1")]), Some(State::Unknown));
        assert_eq!(state(&[&el9], Some("el9"), &[]), None);
    }

    #[test]
    fn nothing_is_asked_before_its_day() {
        let later =
            Reference { since: Some(jiff::civil::Date::constant(2026, 2, 2)), ..reference(None, Some("1"), &[]) };
        assert_eq!(state(&[&later], None, &[rpm("0:0-1")]), None);
        assert!(judge(&[&later], None, "", &[rpm("0:0-1")], day("2026-02-02")).is_some());
    }

    #[test]
    fn of_several_kernels_the_running_one_counts_else_the_oldest() {
        let asked = reference(None, Some("0:5.14.0-427.el9"), &[]);
        let kernels = [rpm("0:5.14.0-362.el9"), rpm("0:5.14.0-427.el9")];
        let judged = |kernel: &str| judge(&[&asked], None, kernel, &kernels, day("2026-02-01")).unwrap();
        assert_eq!(judged("5.14.0-427.el9.x86_64").state, State::Compliant);
        assert!(judged("5.14.0-362.el9.x86_64").reason.starts_with("running"));
        assert_eq!(judged("6.1.0").state, State::Behind);
    }

    #[test]
    fn silence_is_never_compliance() {
        let fine = Verdict { state: State::Compliant, reason: String::new(), minimum: None };
        let stale = with_staleness(fine.clone(), day("2026-01-20"), day("2026-02-01"), 7);
        assert_eq!(stale.state, State::Unknown);
        assert!(stale.reason.contains("12 days"), "{}", stale.reason);
        assert_eq!(with_staleness(fine, day("2026-01-26"), day("2026-02-01"), 7).state, State::Compliant);
    }
}
