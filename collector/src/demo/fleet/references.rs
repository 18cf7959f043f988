//! What the invented officer asks for: two reference lists that grew over the year, so that each day has its own.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::Offset;

use super::FleetError;
use super::grid::Grid;
use super::kernel;
use super::system::Os;
use crate::access::deed::By;
use crate::reference::{Reference, ReferenceList};
use crate::store::{NewVersion, Store};

/// What is asked of a package, from a day on.
struct Asked {
    list: &'static str,
    product: &'static str,
    package: &'static str,
    os: &'static [Os],
    /// From which day on, the minimum.
    minima: &'static [(i32, &'static str)],
    /// From which day on, versions that must not run.
    blocked: &'static [(i32, &'static str)],
}

const BASELINE: &str = "Demo baseline";
const SECURITY: &str = "Demo security";

/// A list that asked for something while it was tried out, and is retired since.
const TRIAL: &str = "Demo trial";

/// The days on which the trial began and ended.
const TRIED: [i32; 2] = [110, 260];

const EL: &[Os] = &[Os::El8, Os::El9];
const DPKG: &[Os] = &[Os::Debian12, Os::Ubuntu2404];

/// The day before the first report.
const BEFORE: i32 = -1;

/// Sites have so many days to follow.
const NOTICE: i32 = 90;

/// Puts every version of both lists in place, oldest first, as the officer brought them.
///
/// # Errors
/// [`FleetError`].
pub(super) async fn fill(store: &Store, grid: &Grid) -> Result<(), FleetError> {
    for Version { day, list, changed } in versions(grid).into_iter().chain(trial(grid)) {
        let version = NewVersion {
            name: &list.name,
            by: By::operator("demo officer", grid.at(day, 9 * 3_600)),
            note: &changed,
            content: &list.to_toml()?,
            size: i64::try_from(list.references.len()).unwrap_or(i64::MAX),
        };
        store.import_reference_list(&version).await?;
    }
    Ok(())
}

/// What is asked of a package on a day.
pub(super) fn of_package(grid: &Grid, package: &str, day: i32) -> Vec<Reference> {
    asked().iter().filter(|asked| asked.package == package).flat_map(|asked| asked.on(grid, day)).collect()
}

/// A list from a day on.
struct Version {
    day: i32,
    list: ReferenceList,
    /// What is said of it: of which products it asks something new.
    changed: String,
}

fn versions(grid: &Grid) -> Vec<Version> {
    let asked = asked();
    let mut days: Vec<i32> = asked.iter().flat_map(Asked::days).chain(HOLES).collect();
    days.sort_unstable();
    days.dedup();
    let mut versions: Vec<Version> = Vec::new();
    for day in days {
        for name in [BASELINE, SECURITY] {
            let references = asked.iter().filter(|asked| asked.list == name).flat_map(|asked| asked.on(grid, day));
            let mut references: Vec<Reference> = references.collect();
            if name == SECURITY {
                references.extend(kernels(grid, day));
            }
            let before = versions.iter().rev().find(|version| version.list.name == name);
            let known =
                |reference: &&Reference| before.is_some_and(|before| before.list.references.contains(reference));
            let new = references.iter().filter(|reference| !known(reference));
            let mut changed: Vec<&str> = new.map(|reference| reference.product.as_str()).collect();
            changed.dedup();
            if !changed.is_empty() {
                let changed = format!("changed: {}", changed.join(", "));
                versions.push(Version { day, list: ReferenceList { name: name.to_owned(), references }, changed });
            }
        }
    }
    versions
}

/// The trial: what it asked, and that it asks for nothing any more.
fn trial(grid: &Grid) -> [Version; 2] {
    let [begun, ended] = TRIED;
    let davix = Asked {
        list: TRIAL,
        product: "davix",
        package: "davix-libs",
        os: EL,
        minima: &[(TRIED[0], "0:0.8.7")],
        blocked: &[],
    };
    let of = |day, references, changed: &str| Version {
        day,
        list: ReferenceList { name: TRIAL.to_owned(), references },
        changed: changed.to_owned(),
    };
    [
        of(begun, davix.on(grid, begun), "who would be behind, if davix were asked for?"),
        of(ended, Vec::new(), "tried out: nobody needs it"),
    ]
}

impl Asked {
    /// The days on which something new is asked.
    fn days(&self) -> impl Iterator<Item = i32> {
        self.minima.iter().chain(self.blocked).map(|(day, _)| *day)
    }

    fn on(&self, grid: &Grid, day: i32) -> Vec<Reference> {
        let minimum = self.minima.iter().rev().find(|(since, _)| *since <= day);
        let blocked = || self.blocked.iter().filter(|(since, _)| *since <= day);
        if minimum.is_none() && blocked().next().is_none() {
            return Vec::new();
        }
        let reference = |os: Option<Os>| Reference {
            product: self.product.to_owned(),
            package: self.package.to_owned(),
            os: os.map(|os| os.short_name().to_owned()),
            minimum: minimum.map(|(_, minimum)| (*minimum).to_owned()),
            blocked: blocked().map(|(_, version)| (*version).to_owned()).collect(),
            since: minimum.and_then(|(since, _)| date(grid, *since)),
            deadline: minimum.filter(|(since, _)| *since > 0).and_then(|(since, _)| date(grid, *since + NOTICE)),
            url: Some("https://demo.example/baseline".to_owned()),
        };
        if self.os.is_empty() { vec![reference(None)] } else { self.os.iter().map(|os| reference(Some(*os))).collect() }
    }
}

/// The days on which a hole in the kernel became known.
const HOLES: [i32; 3] = [BEFORE, 120, 270];

/// A hole in the kernel is mended within a week: the kernel of a fortnight after it came out.
fn kernels(grid: &Grid, day: i32) -> Vec<Reference> {
    let Some(hole) = HOLES.iter().rev().find(|hole| **hole <= day).copied() else { return Vec::new() };
    let reference = |os: Os| {
        let runs = kernel::running(os, kernel::current(os, hole - 14));
        Reference {
            product: "kernel".to_owned(),
            package: "kernel-core".to_owned(),
            os: Some(os.short_name().to_owned()),
            minimum: runs.strip_suffix(".x86_64").map(|version| format!("0:{version}")),
            blocked: Vec::new(),
            since: date(grid, hole),
            deadline: date(grid, hole + 7),
            url: None,
        }
    };
    EL.iter().map(|os| reference(*os)).collect()
}

fn date(grid: &Grid, day: i32) -> Option<Date> {
    Timestamp::from_second(grid.at(day, 0)).ok().map(|time| Offset::UTC.to_datetime(time).date())
}

// The migration to 5.7: two of its releases turned out to be bad for servers, at sites that had been quick.
const SERVER: &[(i32, &str)] =
    &[(BEFORE, "1:5.6.4"), (75, "1:5.6.6"), (150, "1:5.6.9"), (232, "1:5.7.1"), (300, "1:5.7.2")];
const SERVER_DPKG: &[(i32, &str)] = &[(BEFORE, "5.6.4"), (75, "5.6.6"), (150, "5.6.9"), (232, "5.7.1"), (300, "5.7.2")];
const WITHDRAWN: &[(i32, &str)] = &[(200, "1:5.7.0"), (300, "1:5.7.1")];
const WITHDRAWN_DPKG: &[(i32, &str)] = &[(200, "5.7.0"), (300, "5.7.1")];

fn asked() -> Vec<Asked> {
    let baseline = |product, package, os, minima| Asked { list: BASELINE, product, package, os, minima, blocked: &[] };
    let xrootd = |package, os, minima, blocked| Asked { blocked, ..baseline("xrootd", package, os, minima) };
    let back_door = |package, blocked| Asked { list: SECURITY, product: "xz", package, os: &[], minima: &[], blocked };
    let security = |product, package, os, minima| Asked { list: SECURITY, ..baseline(product, package, os, minima) };
    vec![
        xrootd("xrootd-server", EL, SERVER, WITHDRAWN),
        xrootd("xrootd-server", DPKG, SERVER_DPKG, WITHDRAWN_DPKG),
        xrootd("xrootd-client", EL, &[(BEFORE, "1:5.6.4"), (150, "1:5.6.6")], &[]),
        xrootd("xrootd-client", DPKG, &[(BEFORE, "5.6.4"), (150, "5.6.6")], &[]),
        baseline("voms", "voms", EL, &[(BEFORE, "0:2.1.0")]),
        baseline("voms", "voms-clients", DPKG, &[(BEFORE, "2.1.0")]),
        // Nothing is asked of Ubuntu here: its hosts are unknown until somebody says what is good.
        baseline("gfal2", "gfal2", EL, &[(BEFORE, "0:2.22.1"), (160, "0:2.22.2")]),
        baseline("gfal2", "libgfal2-2", &[Os::Debian12], &[(BEFORE, "2.22.1"), (160, "2.22.2")]),
        baseline("htcondor", "condor", EL, &[(BEFORE, "0:23.0.3"), (150, "0:23.0.12"), (305, "0:23.0.17")]),
        baseline("htcondor", "condor", DPKG, &[(BEFORE, "23.0.3"), (150, "23.0.12"), (305, "23.0.17")]),
        baseline("dcache", "dcache", EL, &[(BEFORE, "0:9.2.17"), (190, "0:9.2.27")]),
        baseline("dcache", "dcache", DPKG, &[(BEFORE, "9.2.17"), (190, "9.2.27")]),
        baseline("arc", "nordugrid-arc-arex", EL, &[(BEFORE, "0:6.18.0"), (255, "0:6.19.0")]),
        baseline("cvmfs", "cvmfs", EL, &[(BEFORE, "0:2.11.2"), (130, "0:2.11.5")]),
        baseline("cvmfs", "cvmfs", DPKG, &[(BEFORE, "2.11.2"), (130, "2.11.5")]),
        security("apptainer", "apptainer", EL, &[(BEFORE, "0:1.3.0"), (205, "0:1.3.6")]),
        security("apptainer", "apptainer", DPKG, &[(BEFORE, "1.3.0"), (205, "1.3.6")]),
        security("ca-policy", "ca-policy-egi-core", EL, &[(BEFORE, "0:1.128"), (290, "0:1.131")]),
        security("ca-policy", "ca-policy-egi-core", DPKG, &[(BEFORE, "1.128"), (290, "1.131")]),
        security("openssl", "openssl-libs", &[Os::El8], &[(BEFORE, "1:1.1.1c-15"), (240, "1:1.1.1c-15.el8_10.2")]),
        security("openssl", "openssl-libs", &[Os::El9], &[(BEFORE, "1:3.0.7-27"), (240, "1:3.0.7-29")]),
        back_door("xz-libs", &[(BEFORE, "5.6.0"), (BEFORE, "5.6.1")]),
        back_door("liblzma5", &[(BEFORE, "5.6.0"), (BEFORE, "5.6.1")]),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_grow_over_the_year_and_each_is_one_that_could_be_imported() {
        let grid = Grid::invent(1, 1, "2026-11-24T21:00:00Z".parse().unwrap());
        let versions = versions(&grid);
        for name in [BASELINE, SECURITY] {
            let of_name: Vec<&Version> = versions.iter().filter(|version| version.list.name == name).collect();
            assert!(of_name.len() >= 4 && of_name.is_sorted_by(|one, other| one.day < other.day), "{name}");
            for version in of_name {
                let text = version.list.to_toml().unwrap();
                assert_eq!(ReferenceList::from_toml(&text).unwrap(), version.list);
                assert!(!version.changed.is_empty());
            }
        }
        let [begun, ended] = trial(&grid);
        assert!(!begun.list.references.is_empty() && ended.list.references.is_empty() && begun.day < ended.day);
    }
}
