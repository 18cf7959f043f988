//! Ids of rows that never change nor go once they are committed: what an opener asks for with every report.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, PoisonError};

use report::hash::Hash;
use report::package::{Package, Packager};
use rustc_hash::FxHashMap;
use siphasher::sip128::SipHasher13;

/// Most ids of a kind that are kept, 40 bytes each; a grid's worth of package versions.
const MOST: usize = 400_000;

/// Most lineages whose newest lists are kept, 12 kB each with 1,500 packages.
const MOST_TIPS: usize = 1_000;

/// Most packages of all those lists, 8 bytes each.
const MOST_OF_TIPS: usize = 4_000_000;

/// Ids by the digest of what they stand for; clones share them.
#[derive(Debug, Clone, Default)]
pub(super) struct Known(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    secrets: Secrets,
    ids: Mutex<Ids>,
}

/// A hash function for each manager's packages, with a key of this process.
#[derive(Debug)]
struct Secrets {
    rpm: SipHasher13,
    dpkg: SipHasher13,
}

impl Default for Secrets {
    fn default() -> Self {
        let secret = RandomState::new();
        let hasher =
            |first: u64, second: u64| SipHasher13::new_with_keys(secret.hash_one(first), secret.hash_one(second));
        Secrets { rpm: hasher(0, 1), dpkg: hasher(2, 3) }
    }
}

/// Names a package in this process: 128 bits that nobody outside can make collide, for a tenth of what a SHA-256 costs.
pub(super) type Line = (u64, u64);

/// Digest and packages of the newest list of each lineage.
type Tips = HashMap<i64, (Hash, Arc<[i64]>)>;

/// Ids of packages, package lists and header lines.
#[derive(Debug, Default)]
pub(super) struct Ids {
    /// Packages, by their canonical lines.
    pub(super) packages: FxHashMap<Line, i64>,
    /// The blocks of packages' names, by id of the package.
    pub(super) blocks: FxHashMap<i64, u8>,
    /// Package lists.
    pub(super) lists: HashMap<Hash, i64>,
    /// Header lines.
    pub(super) facts: HashMap<Hash, i64>,
    /// The digests of package lists, by id.
    pub(super) list_digests: HashMap<i64, Hash>,
    /// The digests of header lines, by id.
    pub(super) facts_digests: HashMap<i64, Hash>,
    /// A newest list of each lineage, with its digest: whoever finds that it is still the newest need not read it.
    pub(super) tips: Tips,
}

impl Known {
    /// Looks something up.
    pub(super) fn look<T>(&self, question: impl FnOnce(&Ids) -> T) -> T {
        question(&self.0.ids.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Names a package by its canonical line, without the manager that may stand at its end.
    pub(super) fn line(&self, packager: Packager, line: &str) -> Line {
        let hasher = match packager {
            Packager::Rpm => &self.0.secrets.rpm,
            Packager::Dpkg => &self.0.secrets.dpkg,
        };
        hasher.hash(line.as_bytes()).as_u64()
    }

    /// Names a package.
    pub(super) fn line_of(&self, package: &Package<'_>) -> Line {
        let Package { name, version, arch, packager } = package;
        self.line(*packager, &[name.as_ref(), version.as_ref(), arch.as_ref()].join("\t"))
    }

    /// Keeps what a transaction has learned, once it is committed: until then an id may still be taken back.
    pub(super) fn keep(&self, learned: Ids) {
        let mut ids = self.0.ids.lock().unwrap_or_else(PoisonError::into_inner);
        add(&mut ids.packages, learned.packages, MOST);
        add(&mut ids.blocks, learned.blocks, MOST);
        add(&mut ids.lists, learned.lists, MOST);
        add(&mut ids.facts, learned.facts, MOST);
        add(&mut ids.list_digests, learned.list_digests, MOST);
        add(&mut ids.facts_digests, learned.facts_digests, MOST);
        let packages = |tips: &Tips| tips.values().map(|(_, packages)| packages.len()).sum::<usize>();
        if packages(&ids.tips) + packages(&learned.tips) > MOST_OF_TIPS {
            ids.tips.clear();
        }
        // Those of one transaction are no more than it has read.
        add(&mut ids.tips, learned.tips, MOST_TIPS);
    }
}

impl Ids {
    /// Adds a package list.
    pub(super) fn list(&mut self, digest: Hash, id: i64) {
        self.lists.insert(digest, id);
        self.list_digests.insert(id, digest);
    }

    /// Adds header lines.
    pub(super) fn facts(&mut self, digest: Hash, id: i64) {
        self.facts.insert(digest, id);
        self.facts_digests.insert(id, digest);
    }
}

/// Those of the digests whose ids are known.
pub(super) fn at_hand(known: &HashMap<Hash, i64>, digests: &HashSet<Hash>) -> HashMap<Hash, i64> {
    digests.iter().filter_map(|digest| Some((*digest, *known.get(digest)?))).collect()
}

fn add<K: Eq + std::hash::Hash, V, S: BuildHasher>(ids: &mut HashMap<K, V, S>, learned: HashMap<K, V, S>, most: usize) {
    if ids.len() + learned.len() > most {
        ids.clear();
    }
    ids.extend(learned);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_bounded_and_shared() {
        let known = Known::default();
        let other = known.clone();
        for part in 0..5_i64 {
            let lines = (0..100_001).map(|at| (known.line(Packager::Rpm, &format!("{part}\t{at}\t")), at)).collect();
            known.keep(Ids { packages: lines, ..Ids::default() });
            assert!(other.look(|ids| ids.packages.len()) <= MOST);
        }
        let newest = other.line(Packager::Rpm, "4\t7\t");
        assert_eq!(other.look(|ids| ids.packages.get(&newest).copied()), Some(7));
        let tips = |from: i64| (from..from + 600).map(|at| (at, (Hash::of(b""), Arc::from([at])))).collect();
        known.keep(Ids { tips: tips(0), ..Ids::default() });
        known.keep(Ids { tips: tips(1_000), ..Ids::default() });
        assert_eq!(other.look(|ids| ids.tips.len()), 600);
        for at in 0..30 {
            let long: Arc<[i64]> = (0..150_000).collect();
            known.keep(Ids { tips: HashMap::from([(5_000 + at, (Hash::of(b""), long))]), ..Ids::default() });
            let kept = other.look(|ids| ids.tips.values().map(|(_, packages)| packages.len()).sum::<usize>());
            assert!((150_000..=MOST_OF_TIPS).contains(&kept), "{kept}");
        }
    }

    #[test]
    fn a_package_and_its_line_have_one_name() {
        let known = Known::default();
        let mut package = Package { name: "a".into(), version: "1".into(), arch: "x".into(), packager: Packager::Rpm };
        assert_eq!(known.line_of(&package), known.line(Packager::Rpm, "a\t1\tx"));
        package.packager = Packager::Dpkg;
        assert_ne!(known.line_of(&package), known.line(Packager::Rpm, "a\t1\tx"));
    }
}
