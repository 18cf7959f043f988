//! The newest version of each package that somebody asked for, whatever order they come in.

use std::collections::BTreeMap;

use report::package::Packager;
use report::version;

use super::RepositoryProblem;
use crate::query::PackageQuery;

/// Most packages in a list: the whole of Debian's main has about 64,000.
const MOST: usize = 200_000;

/// What was asked for, and what of it was found.
#[derive(Debug, Clone)]
pub struct Newest {
    patterns: Vec<(String, PackageQuery, bool)>,
    packager: Packager,
    versions: BTreeMap<String, String>,
    packages: u64,
}

impl Newest {
    /// Asks for packages by name, with `*` and `?`.
    ///
    /// # Errors
    /// [`RepositoryProblem::Pattern`].
    pub fn of(patterns: &[String]) -> Result<Self, RepositoryProblem> {
        let pattern = |text: &String| match PackageQuery::parse(text) {
            Ok(query) if !query.has_bound() => Ok((text.clone(), query, false)),
            _ => Err(RepositoryProblem::Pattern(text.clone())),
        };
        let patterns = patterns.iter().map(pattern).collect::<Result<_, _>>()?;
        Ok(Newest { patterns, packager: Packager::Rpm, versions: BTreeMap::new(), packages: 0 })
    }

    /// The version of each package, by name.
    #[must_use]
    pub fn versions(&self) -> &BTreeMap<String, String> {
        &self.versions
    }

    /// The manager whose packages these are.
    #[must_use]
    pub fn packager(&self) -> Packager {
        self.packager
    }

    /// How many binary packages were seen.
    #[must_use]
    pub fn packages(&self) -> u64 {
        self.packages
    }

    /// Says whose packages follow.
    pub(super) fn begin(&mut self, packager: Packager) {
        self.packager = packager;
    }

    /// Takes a binary package, of any architecture.
    pub(super) fn offer(&mut self, name: &str, version: &str) -> Result<(), RepositoryProblem> {
        self.packages += 1;
        let mut asked = false;
        for (_, pattern, found) in &mut self.patterns {
            if pattern.matches_name(name) {
                (asked, *found) = (true, true);
            }
        }
        if !asked {
            return Ok(());
        }
        if let Some(known) = self.versions.get_mut(name) {
            if version::compare(self.packager, version, known).is_gt() {
                version.clone_into(known);
            }
        } else if self.versions.len() < MOST {
            self.versions.insert(name.to_owned(), version.to_owned());
        } else {
            return Err(RepositoryProblem::TooMany(MOST));
        }
        Ok(())
    }

    /// Whatever was asked for has to be there: a slip of the hand would leave a product without its minimum.
    pub(super) fn finish(self) -> Result<Self, RepositoryProblem> {
        match self.patterns.iter().find(|(_, _, found)| !found) {
            Some((pattern, _, _)) => {
                Err(RepositoryProblem::NoPackage { pattern: pattern.clone(), packages: self.packages })
            }
            None => Ok(self),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_package_keeps_its_newest_version() {
        let mut newest = Newest::of(&["xrootd*".to_owned(), "dcache".to_owned()]).unwrap();
        for (name, version) in [
            ("xrootd-server", "1:5.6.9-1.el9"),
            ("xrootd-server", "1:5.6.10-1.el9"),
            ("xrootd-server", "0:9.9-1.el9"),
            ("xrootd-client", "1:5.6.10~rc1-1.el9"),
            ("xrootd-client", "1:5.6.10~rc2-1.el9"),
            ("bash", "0:5-1"),
            ("dcache", "0:9.2.1-1"),
        ] {
            newest.offer(name, version).unwrap();
        }
        let newest = newest.finish().unwrap();
        let versions: Vec<_> =
            newest.versions().iter().map(|(name, version)| (name.as_str(), version.as_str())).collect();
        assert_eq!(
            versions,
            [("dcache", "0:9.2.1-1"), ("xrootd-client", "1:5.6.10~rc2-1.el9"), ("xrootd-server", "1:5.6.10-1.el9")]
        );
        assert_eq!(newest.packages(), 7);
    }

    #[test]
    fn patterns_that_name_nothing_or_are_none_are_told() {
        let mut newest = Newest::of(&["a*".to_owned(), "b".to_owned()]).unwrap();
        newest.offer("ab", "1").unwrap();
        assert!(newest.finish().unwrap_err().to_string().contains("none of its 1 packages is named \"b\""));
        for pattern in ["", "a b", "a < 1", "a\nb"] {
            assert!(matches!(Newest::of(&[pattern.to_owned()]), Err(RepositoryProblem::Pattern(_))), "{pattern}");
        }
    }
}
