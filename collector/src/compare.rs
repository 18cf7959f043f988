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

impl std::fmt::Display for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
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
    let candidates = candidates(installed, kernel)?;
    let mut fitting: Vec<&&Reference> =
        in_force().filter(|reference| reference.os.is_some() && reference.os.as_deref() == os).collect();
    if fitting.is_empty() {
        fitting = in_force().filter(|reference| reference.os.is_none()).collect();
    }
    // Several lists may ask for the same package: the host has to meet them all.
    let verdicts = fitting.iter().flat_map(|reference| candidates.judge_by(reference));
    Some(worst(verdicts).unwrap_or_else(|| {
        let reason = match os {
            Some(os) => format!("no reference for {os}"),
            None => "the host's system is not known, and the reference is for certain systems".to_owned(),
        };
        Verdict { state: State::Unknown, reason, minimum: None }
    }))
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

/// What counts of a package's versions: the running kernel alone, else every one, as a program may still load any.
struct Candidates<'a> {
    which: &'static str,
    /// Oldest first.
    versions: Vec<Installed<'a>>,
}

/// `None` when nothing is installed.
fn candidates<'a>(installed: &[Installed<'a>], kernel: &str) -> Option<Candidates<'a>> {
    let running = installed.iter().find(|candidate| runs(**candidate, kernel));
    if let (Some(running), [_, _, ..]) = (running, installed) {
        return Some(Candidates { which: "running", versions: vec![*running] });
    }
    let mut versions = installed.to_vec();
    versions.sort_by(|left, right| {
        let by_version = || compare(left.packager, left.version, right.version);
        left.packager.cmp(&right.packager).then_with(by_version).then(left.arch.cmp(right.arch))
    });
    (!versions.is_empty()).then_some(Candidates { which: "installed", versions })
}

impl Candidates<'_> {
    fn judge_by(&self, reference: &Reference) -> Option<Verdict> {
        worst(self.versions.iter().map(|installed| judge_one(reference, *installed, self.which)))
    }
}

/// The one of most concern; of several the first.
fn worst(verdicts: impl Iterator<Item = Verdict>) -> Option<Verdict> {
    verdicts.reduce(|worst, next| if next.state > worst.state { next } else { worst })
}

fn judge_one(reference: &Reference, installed: Installed<'_>, which: &str) -> Verdict {
    let Installed { version, packager, .. } = installed;
    let minimum = reference.minimum.clone();
    if let Some(blocked) =
        reference.blocked.iter().find(|blocked| compare_with_query(packager, version, blocked) == Ordering::Equal)
    {
        return Verdict { state: State::Blocked, reason: format!("{which} {version} is blocked ({blocked})"), minimum };
    }
    let Some(asked) = reference.minimum.as_deref() else {
        return Verdict { state: State::Compliant, reason: format!("{which} {version} is not blocked"), minimum };
    };
    let note = if epoch(version) == epoch(asked) { "" } else { "; their epochs differ" };
    if is_older(packager, version, asked) {
        let reason = format!("{which} {version} is older than {asked}{note}");
        return Verdict { state: State::Behind, reason, minimum };
    }
    Verdict { state: State::Compliant, reason: format!("{which} {version} is {asked} or newer{note}"), minimum }
}

/// A minimum without release or revision asks for none; a missing epoch is 0.
fn is_older(packager: Packager, version: &str, minimum: &str) -> bool {
    let compared = match version.rsplit_once('-') {
        Some((without_release, _)) if !minimum.contains('-') => without_release,
        _ => version,
    };
    compare(packager, compared, minimum) == Ordering::Less
}

/// rpm kernels say `VERSION-RELEASE.ARCH` of themselves, variants add `+rt` and the like; Debian's have a package each.
fn runs(installed: Installed<'_>, kernel: &str) -> bool {
    let version = installed.version.split_once(':').map_or(installed.version, |(_, version)| version);
    let arch = kernel.strip_prefix(version).and_then(|rest| rest.strip_prefix('.'));
    installed.packager == Packager::Rpm
        && arch
            .and_then(|arch| arch.strip_prefix(installed.arch))
            .is_some_and(|end| end.is_empty() || end.starts_with('+'))
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
    fn the_kernel_of_a_variant_is_the_running_one_too() {
        assert!(runs(rpm("0:5.14.0-427.el9"), "5.14.0-427.el9.x86_64+rt"));
        assert!(!runs(rpm("0:5.14.0-427.el9"), "5.14.0-427.el9_4.x86_64"));
        assert!(!runs(rpm("0:5.14.0-427.el9"), "5.14.0-427.el9.x86_64_v2"));
    }

    #[test]
    fn a_blocked_version_beside_an_older_one_is_not_missed() {
        let asked = reference(None, Some("1:5.6.4-1"), &["1:5.6.5"]);
        let installed = [rpm("1:5.6.5-1"), rpm("1:5.6.4-1")];
        assert_eq!(state(&[&asked], None, &installed), Some(State::Blocked));
    }

    #[test]
    fn a_host_has_to_meet_every_list() {
        let (old, new) = (reference(None, Some("1:5.6.4-1"), &[]), reference(None, Some("1:5.7.0-1"), &[]));
        let installed = [rpm("1:5.6.5-1")];
        assert_eq!(state(&[&old, &new], None, &installed), Some(State::Behind));
        assert_eq!(state(&[&new, &old], None, &installed), Some(State::Behind));
    }

    #[test]
    fn a_minimum_without_release_is_met_by_every_build() {
        let debian = |version: &'static str| Installed { version, arch: "amd64", packager: Packager::Dpkg };
        let asked = reference(None, Some("5.2.15"), &[]);
        for (version, expected) in [
            ("5.2.15-2+b8", State::Compliant),
            ("5.2.15-~bpo1", State::Compliant),
            ("5.2.15~rc1-1", State::Behind),
            ("1:0.1-1", State::Compliant),
        ] {
            assert_eq!(state(&[&asked], None, &[debian(version)]), Some(expected), "{version}");
        }
        assert_eq!(state(&[&reference(None, Some("1:5.6.4"), &[])], None, &[rpm("5.6.4-1")]), Some(State::Behind));
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
