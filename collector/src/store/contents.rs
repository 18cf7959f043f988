//! What many package lists hold of the packages that are asked about, in one query however many lists there are.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

use sqlx::AssertSqlSafe;

use super::{IDS_PER_STATEMENT, Store, StoreError, rows_of_binds};
use crate::package_set::Difference;

/// Id, revision and difference from the revision before, of one whole list and those that follow it.
type Segment = Vec<(i64, i64, Vec<u8>)>;

/// Rows of `presence` that are sooner read than whole lists.
const FEW_ROWS: usize = 2_000;

/// Rows of `presence` that take as long to read as one list.
const ROWS_OF_A_LIST: usize = 4;

/// Lists whose places are kept; a large grid has some 10,000 at a time.
const PLACES_KEPT: usize = 400_000;

/// Lineage and revision of package lists that were asked about.
#[derive(Debug, Default)]
pub(super) struct Places(Mutex<HashMap<i64, (i64, i64)>>);

impl Places {
    fn keep(&self, fresh: &[(i64, (i64, i64))]) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Forgets everything rather than growing for ever: what is needed is read again.
        if known.len() + fresh.len() > PLACES_KEPT {
            known.clear();
        }
        known.extend(fresh.iter().copied());
    }
}

impl Store {
    /// For each of `lists`, those of the packages `asked` that it holds, ascending; a list with none of them may be missing.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn held(&self, lists: &[i64], asked: &HashSet<i64>) -> Result<HashMap<i64, Vec<i64>>, StoreError> {
        if asked.is_empty() {
            return Ok(HashMap::new());
        }
        let mut lineages: HashMap<i64, Vec<(i64, i64)>> = HashMap::new();
        for (id, (lineage, revision)) in self.places(lists).await? {
            lineages.entry(lineage).or_default().push((revision, id));
        }
        let blocks = self.blocks_of(asked).await?;
        if blocks.len() * lineages.len() <= FEW_ROWS + lists.len() * ROWS_OF_A_LIST {
            self.held_by_presence(lineages, asked).await
        } else {
            self.held_by_content(lists, asked).await
        }
    }

    /// From the packages to the lists: what is asked about is little beside what the lists hold.
    async fn held_by_presence(
        &self,
        mut lineages: HashMap<i64, Vec<(i64, i64)>>,
        asked: &HashSet<i64>,
    ) -> Result<HashMap<i64, Vec<i64>>, StoreError> {
        let mut held = HashMap::new();
        lineages.values_mut().for_each(|revisions| revisions.sort_unstable());
        let of: Vec<i64> = lineages.keys().copied().collect();
        for presence in self.presences(asked, Some(&of)).await? {
            let Some(revisions) = lineages.get(&presence.lineage) else { continue };
            let from = revisions.partition_point(|(revision, _)| *revision < presence.first);
            for (_, id) in revisions.iter().skip(from).take_while(|(revision, _)| *revision <= presence.last) {
                held.entry(*id).or_insert_with(Vec::new).push(presence.package);
            }
        }
        held.values_mut().for_each(|packages| packages.sort_unstable());
        Ok(held)
    }

    /// Lineage and revision of each of `lists`: read once, for neither ever changes.
    async fn places(&self, lists: &[i64]) -> Result<Vec<(i64, (i64, i64))>, StoreError> {
        let (mut places, missing): (Vec<_>, Vec<_>) = {
            let known = self.places.0.lock().unwrap_or_else(PoisonError::into_inner);
            let missing = lists.iter().filter(|list| !known.contains_key(list)).copied().collect();
            (lists.iter().filter_map(|list| Some((*list, *known.get(list)?))).collect(), missing)
        };
        for ids in missing.chunks(IDS_PER_STATEMENT) {
            let sql =
                format!("SELECT id, lineage, revision FROM package_list WHERE id IN {}", rows_of_binds(1, ids.len()));
            let mut query = sqlx::query_as::<_, (i64, i64, i64)>(AssertSqlSafe(sql)).persistent(ids.len() < 8);
            for id in ids {
                query = query.bind(*id);
            }
            let rows = query.fetch_all(&self.pool).await?;
            let fresh: Vec<_> = rows.into_iter().map(|(id, lineage, revision)| (id, (lineage, revision))).collect();
            self.places.keep(&fresh);
            places.extend(fresh);
        }
        Ok(places)
    }

    /// From the lists to the packages: what is asked about is much, and each list is read once.
    async fn held_by_content(&self, lists: &[i64], asked: &HashSet<i64>) -> Result<HashMap<i64, Vec<i64>>, StoreError> {
        let mut held = HashMap::with_capacity(lists.len());
        for ids in lists.chunks(IDS_PER_STATEMENT) {
            // A list is the whole list at its base with every difference up to its own: clones share most of the way.
            let sql = format!(
                "SELECT part.lineage, part.base, part.revision, part.id, part.content FROM \
                 (SELECT lineage, base, MAX(revision) AS last FROM package_list WHERE id IN {} GROUP BY lineage, base) \
                 AS wanted JOIN package_list part ON part.lineage = wanted.lineage AND part.revision >= wanted.base \
                 AND part.revision <= wanted.last",
                rows_of_binds(1, ids.len())
            );
            let mut query =
                sqlx::query_as::<_, (i64, i64, i64, i64, Vec<u8>)>(AssertSqlSafe(sql)).persistent(ids.len() < 8);
            for id in ids {
                query = query.bind(*id);
            }
            let mut segments: BTreeMap<(i64, i64), Segment> = BTreeMap::new();
            for (lineage, base, revision, id, content) in query.fetch_all(&self.pool).await? {
                segments.entry((lineage, base)).or_default().push((revision, id, content));
            }
            let wanted: HashSet<i64> = ids.iter().copied().collect();
            for segment in segments.into_values() {
                replay(segment, &wanted, asked, &mut held)?;
            }
        }
        Ok(held)
    }
}

/// Applies the differences of a segment one after the other, as far as they concern the packages that are asked about.
fn replay(
    mut segment: Segment,
    wanted: &HashSet<i64>,
    asked: &HashSet<i64>,
    held: &mut HashMap<i64, Vec<i64>>,
) -> Result<(), StoreError> {
    segment.sort_unstable_by_key(|(revision, _, _)| *revision);
    let mut packages: Vec<i64> = Vec::new();
    for (_, id, content) in segment {
        let mut difference = Difference::unpack(&content)
            .ok_or_else(|| StoreError::Inconsistent(format!("package list {id} cannot be unpacked")))?;
        difference.removed.retain(|package| asked.contains(package));
        difference.added.retain(|package| asked.contains(package));
        if !difference.is_empty() {
            packages = difference.apply(&packages);
        }
        if wanted.contains(&id) {
            held.insert(id, packages.clone());
        }
    }
    Ok(())
}
