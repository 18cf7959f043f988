//! Ids of rows that never change nor go once they are committed: what an opener asks for with every report.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use report::hash::Hash;

/// Most ids of a kind that are kept, 40 bytes each; a grid's worth of package versions.
const MOST: usize = 400_000;

/// Ids by the digest of what they stand for; clones share them.
#[derive(Debug, Clone, Default)]
pub(super) struct Known(Arc<Mutex<Ids>>);

/// Ids of packages, package lists and header lines.
#[derive(Debug, Default)]
pub(super) struct Ids {
    /// Packages.
    pub(super) packages: HashMap<Hash, i64>,
    /// The blocks of packages' names, by id of the package.
    pub(super) blocks: HashMap<i64, u8>,
    /// Package lists.
    pub(super) lists: HashMap<Hash, i64>,
    /// Header lines.
    pub(super) facts: HashMap<Hash, i64>,
    /// The digests of package lists, by id.
    pub(super) list_digests: HashMap<i64, Hash>,
    /// The digests of header lines, by id.
    pub(super) facts_digests: HashMap<i64, Hash>,
}

impl Known {
    /// Looks something up.
    pub(super) fn look<T>(&self, question: impl FnOnce(&Ids) -> T) -> T {
        question(&self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Keeps what a transaction has learned, once it is committed: until then an id may still be taken back.
    pub(super) fn keep(&self, learned: Ids) {
        let mut ids = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        add(&mut ids.packages, learned.packages);
        add(&mut ids.blocks, learned.blocks);
        add(&mut ids.lists, learned.lists);
        add(&mut ids.facts, learned.facts);
        add(&mut ids.list_digests, learned.list_digests);
        add(&mut ids.facts_digests, learned.facts_digests);
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

fn add<K: Eq + std::hash::Hash, V>(ids: &mut HashMap<K, V>, learned: HashMap<K, V>) {
    if ids.len() + learned.len() > MOST {
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
            let ids = (0..100_001).map(|at| (Hash::of(&(part * 1_000_000 + at).to_le_bytes()), at)).collect();
            known.keep(Ids { packages: ids, ..Ids::default() });
            assert!(other.look(|ids| ids.packages.len()) <= MOST);
        }
        let newest = Hash::of(&4_000_007_i64.to_le_bytes());
        assert_eq!(other.look(|ids| ids.packages.get(&newest).copied()), Some(7));
    }
}
