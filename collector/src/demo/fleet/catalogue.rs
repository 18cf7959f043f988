//! What can be installed: the sources of each family of systems, with their packages and their versions over the year.

use super::system::Os;

const EL: &str = include_str!("packages/el.txt");
const DEBIAN: &str = include_str!("packages/debian.txt");

/// Every source of both families.
pub(super) struct Catalogue {
    el: Vec<Source>,
    debian: Vec<Source>,
}

/// A source package: its packages are built and updated together.
pub(super) struct Source {
    /// What kind of host has it: `base`, `common`, `hep`, `texlive` ...
    pub(super) group: &'static str,
    name: &'static str,
    releases_a_year: i32,
    pub(super) arch: &'static str,
    version: &'static str,
    /// On el9, where it differs.
    version9: &'static str,
    pub(super) packages: Vec<&'static str>,
}

impl Catalogue {
    pub(super) fn read() -> Self {
        Catalogue { el: read(EL, true), debian: read(DEBIAN, false) }
    }

    pub(super) fn sources(&self, os: Os) -> &[Source] {
        match os {
            Os::El8 | Os::El9 => &self.el,
            Os::Debian12 | Os::Ubuntu2404 => &self.debian,
        }
    }
}

fn read(text: &'static str, el: bool) -> Vec<Source> {
    let mut group = "base";
    let mut sources = Vec::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            group = name;
            continue;
        }
        let mut fields = line.split(' ');
        let mut field = || fields.next().unwrap_or_default();
        let (name, releases, arch, version) = (field(), field(), field(), field());
        let version9 = if el { field() } else { "=" };
        let releases_a_year = releases.parse().unwrap_or_default();
        sources.push(Source { group, name, releases_a_year, arch, version, version9, packages: fields.collect() });
    }
    sources
}

impl Source {
    /// The version that the repositories of `os` have on `day`.
    pub(super) fn version(&self, os: Os, day: i32) -> String {
        match os {
            Os::El8 => el_version(self.version, 8, 0, (10, self.releases(0, day))),
            Os::El9 => {
                let version = if self.version9 == "=" { self.version } else { self.version9 };
                let minor = os.minor(day);
                let rebuilt = if self.releases_a_year == 0 { 0 } else { 2 * minor.saturating_sub(4) };
                el_version(version, 9, rebuilt, (minor, self.releases(os.minor_since(day), day)))
            }
            Os::Debian12 => debian_version(self.version, self.releases(0, day)),
            Os::Ubuntu2404 => ubuntu_version(self.version, self.releases(0, day)),
        }
    }

    /// How often it was released after `since` up to `day`.
    fn releases(&self, since: i32, day: i32) -> u32 {
        if self.releases_a_year == 0 {
            return 0;
        }
        let distance = 365 / self.releases_a_year;
        let letters: i32 = self.name.bytes().map(i32::from).sum();
        let phase = letters.rem_euclid(distance);
        let until = |day: i32| (day - phase).div_euclid(distance) + 1;
        (until(day.max(0)) - until(since)).max(0).unsigned_abs()
    }
}

/// `EPOCH:VERSION-RELEASE.elN`, and `_MINOR.BUILD` behind it for what came out within a minor release.
fn el_version(version: &str, major: u32, rebuilt: u32, (minor, build): (u32, u32)) -> String {
    let (upstream, release) = version.rsplit_once('-').unwrap_or((version, "1"));
    let digits = release.bytes().take_while(u8::is_ascii_digit).count();
    let (number, rest) = release.split_at(digits);
    let number = number.parse::<u32>().unwrap_or_default().saturating_add(rebuilt);
    let build = if build == 0 { String::new() } else { format!("_{minor}.{build}") };
    format!("{upstream}-{number}{rest}.el{major}{build}")
}

/// Debian counts its stable updates: `2.36-9+deb12u8` is followed by `2.36-9+deb12u9`.
fn debian_version(version: &str, releases: u32) -> String {
    if releases == 0 {
        return version.to_owned();
    }
    // A rebuild of the old version, `+b1`, is none of the new one.
    let version = version.rsplit_once("+b").map_or(version, |(version, _)| version);
    match version.rsplit_once("deb12u") {
        Some((base, update)) => format!("{base}deb12u{}", update.parse::<u32>().unwrap_or_default() + releases),
        None => format!("{version}+deb12u{releases}"),
    }
}

/// Ubuntu counts behind its own revision: `5.2.15-2ubuntu1`, `5.2.15-2ubuntu1.1`.
fn ubuntu_version(version: &str, releases: u32) -> String {
    let base = version.split_once("deb12u").map_or(version, |(base, _)| base.trim_end_matches(['+', '~']));
    let base = base.rsplit_once("+b").map_or(base, |(base, _)| base);
    if releases == 0 { format!("{base}ubuntu1") } else { format!("{base}ubuntu1.{releases}") }
}

#[cfg(test)]
mod tests {
    use std::cmp::Ordering;

    use super::*;

    #[test]
    fn every_line_is_whole() {
        let catalogue = Catalogue::read();
        for os in [Os::El9, Os::Debian12] {
            let sources = catalogue.sources(os);
            let packages: Vec<&str> = sources.iter().flat_map(|source| source.packages.iter().copied()).collect();
            assert!(packages.len() > 1_300, "{os:?}: {}", packages.len());
            let mut once = packages.clone();
            once.sort_unstable();
            once.dedup();
            assert_eq!(once.len(), packages.len(), "{os:?} has a package twice");
            for source in sources {
                assert!(!source.packages.is_empty() && !source.packages.contains(&""), "{}", source.name);
                assert!(["x86_64", "noarch", "amd64", "all"].contains(&source.arch), "{}", source.name);
                assert!(source.version.starts_with(|first: char| first.is_ascii_alphanumeric()), "{}", source.name);
            }
        }
    }

    #[test]
    fn versions_only_rise() {
        let catalogue = Catalogue::read();
        for os in Os::ALL {
            let mut rose = 0;
            for source in catalogue.sources(os) {
                for day in 0..365 {
                    let (today, tomorrow) = (source.version(os, day), source.version(os, day + 1));
                    if today != tomorrow {
                        let order = report::version::compare(os.packager(), &today, &tomorrow);
                        assert_eq!(order, Ordering::Less, "{os:?} {}: {today} {tomorrow}", source.name);
                        rose += 1;
                    }
                }
            }
            assert!(rose > 100, "{os:?}: {rose}");
        }
    }
}
