//! Judges package lists by reference lists, each once: neither a list nor header lines ever change under their id.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use report::package::Package;

use super::facts::Facts;
use super::standard::{Bench, Found, JUDGED, Judgements, Standard};
use super::{AnswerError, locked};
use crate::reference::ReferenceList;
use crate::store::{Store, StoreError};

/// What a process has judged so far; one is shared by everything that answers.
#[derive(Debug, Default)]
pub struct Judge {
    facts: Mutex<HashMap<i64, Arc<Facts>>>,
    lists: Mutex<HashMap<i64, Arc<ReferenceList>>>,
    /// Last used last.
    standards: Mutex<Vec<Arc<Standard>>>,
    /// One at a time: whoever asks for the same meanwhile finds it judged.
    judging: tokio::sync::Mutex<()>,
}

/// Standards whose judgements are kept: today's, those of a few other days and of campaigns.
const STANDARDS: usize = 8;

/// Header lines that are kept; more than any fleet has.
const KEPT: usize = 400_000;

/// Versions of reference lists that are kept: they can be long.
const LISTS: usize = 1_000;

impl Judge {
    /// What the stored lists asked for at a time.
    ///
    /// # Errors
    /// [`AnswerError`].
    pub async fn standard_at(&self, store: &Store, at: Timestamp) -> Result<Arc<Standard>, AnswerError> {
        let versions = store.reference_versions_at(at.as_second()).await?;
        let ids: Vec<i64> = versions.iter().map(|version| version.id).collect();
        let mut found: HashMap<i64, Arc<ReferenceList>> = {
            let known = locked(&self.lists);
            ids.iter().filter_map(|id| Some((*id, Arc::clone(known.get(id)?)))).collect()
        };
        let missing: Vec<i64> = ids.iter().filter(|id| !found.contains_key(id)).copied().collect();
        let mut fresh = HashMap::new();
        for (id, content) in store.reference_contents(&missing).await? {
            fresh.insert(id, Arc::new(ReferenceList::from_toml(&content)?));
        }
        found.extend(fresh.iter().map(|(id, list)| (*id, Arc::clone(list))));
        let mut known = locked(&self.lists);
        bounded(&mut known, fresh.len(), LISTS);
        known.extend(fresh);
        drop(known);
        let lists = ids.iter().filter_map(|id| found.get(id).cloned()).collect();
        Ok(self.standard(lists, at))
    }

    /// What some lists, stored or not, ask for at a time.
    #[must_use]
    pub fn standard(&self, lists: Vec<Arc<ReferenceList>>, at: Timestamp) -> Arc<Standard> {
        let fresh = Standard::new(lists, at);
        let mut standards = locked(&self.standards);
        let known = standards.iter().position(|known| known.asks_the_same(&fresh) && known.lists == fresh.lists);
        let standard = match known {
            Some(place) => standards.remove(place),
            None => Arc::new(fresh),
        };
        if standards.len() >= STANDARDS {
            standards.remove(0);
        }
        standards.push(Arc::clone(&standard));
        standard
    }

    /// Judges states, each an id of a package list and one of header lines, in a few queries however many they are.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn judge(
        &self,
        store: &Store,
        standard: &Standard,
        states: &[(i64, i64)],
    ) -> Result<Judgements, StoreError> {
        let known = standard.known(states);
        if states.iter().all(|state| known.contains_key(state)) {
            return Ok(known);
        }
        let _alone = self.judging.lock().await;
        let mut judged = standard.known(states);
        let mut missing: Vec<(i64, i64)> = states.iter().filter(|state| !judged.contains_key(state)).copied().collect();
        missing.sort_unstable();
        missing.dedup();
        let names: Vec<&str> = standard.packages().collect();
        let packages: HashMap<i64, Package<'static>> = store.packages_named(&names).await?.into_iter().collect();
        let asked: HashSet<i64> = packages.keys().copied().collect();
        let mut lists: Vec<i64> = missing.iter().map(|(list, _)| *list).collect();
        lists.dedup();
        let held = store.held(&lists, &asked).await?;
        let facts = self.facts(store, missing.iter().map(|(_, facts)| *facts)).await?;
        let mut bench = Bench::new(standard, &packages);
        let mut fresh = Judgements::default();
        let mut found: (i64, Found) = (i64::MIN, Found::new());
        for (list, of) in missing {
            if found.0 != list {
                found = (list, bench.found(held.get(&list).map(Vec::as_slice).unwrap_or_default()));
            }
            let judgement = bench.judge(&found.1, facts.get(&of).map_or(&Facts::default(), Arc::as_ref));
            fresh.insert((list, of), Arc::new(judgement));
        }
        standard.keep(&fresh);
        self.forget_the_oldest(standard);
        judged.extend(fresh);
        Ok(judged)
    }

    /// Forgets what was judged by the standards that were used longest ago, until there is not too much of all of them.
    fn forget_the_oldest(&self, but: &Standard) {
        let standards = locked(&self.standards);
        let mut judged: usize = standards.iter().map(|standard| standard.judged()).sum();
        for standard in standards.iter().filter(|standard| !std::ptr::eq(Arc::as_ptr(standard), but)) {
            if judged <= JUDGED {
                return;
            }
            judged -= standard.forget();
        }
    }

    /// What header lines say, by id.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn facts(
        &self,
        store: &Store,
        ids: impl Iterator<Item = i64>,
    ) -> Result<HashMap<i64, Arc<Facts>>, StoreError> {
        let wanted: HashSet<i64> = ids.collect();
        let mut found: HashMap<i64, Arc<Facts>> = {
            let known = locked(&self.facts);
            wanted.iter().filter_map(|id| Some((*id, Arc::clone(known.get(id)?)))).collect()
        };
        let missing: Vec<i64> = wanted.into_iter().filter(|id| !found.contains_key(id)).collect();
        if missing.is_empty() {
            return Ok(found);
        }
        let fresh: HashMap<i64, Arc<Facts>> =
            store.facts(&missing).await?.into_iter().map(|(id, text)| (id, Arc::new(Facts::read(&text)))).collect();
        let mut known = locked(&self.facts);
        bounded(&mut known, fresh.len(), KEPT);
        known.extend(fresh.iter().map(|(id, facts)| (*id, Arc::clone(facts))));
        found.extend(fresh);
        Ok(found)
    }
}

/// Forgets everything rather than growing for ever: what is needed is read again.
fn bounded<T>(kept: &mut HashMap<i64, T>, more: usize, most: usize) {
    if kept.len() + more > most {
        kept.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_judged_by_the_oldest_standards_goes_first() {
        let judge = Judge::default();
        let standard = |minimum: usize| {
            let list =
                format!("name = \"a\"\n[[reference]]\nproduct = \"x\"\npackage = \"x\"\nminimum = \"{minimum}-1\"\n");
            judge.standard(vec![Arc::new(ReferenceList::from_toml(&list).unwrap())], Timestamp::UNIX_EPOCH)
        };
        let mut kept = Vec::new();
        for number in 0..STANDARDS {
            let standard = standard(number);
            let states = 0..i64::try_from(JUDGED / 4).unwrap();
            standard.keep(&states.map(|list| ((list, 0), Arc::default())).collect());
            judge.forget_the_oldest(&standard);
            kept.push(standard);
            let judged: Vec<usize> = kept.iter().map(|standard| standard.judged()).collect();
            assert!(judged.iter().sum::<usize>() <= JUDGED && judged[number] == JUDGED / 4, "{judged:?}");
        }
        assert!(kept[3].judged() == 0 && kept[4].judged() > 0);
    }
}
