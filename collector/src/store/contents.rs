//! What many package lists hold of the packages that are asked about, in one query however many lists there are.

use std::collections::{BTreeMap, HashMap, HashSet};

use sqlx::AssertSqlSafe;

use super::{IDS_PER_STATEMENT, Store, StoreError, rows_of_binds};
use crate::package_set::Difference;

/// Id, revision and difference from the revision before, of one whole list and those that follow it.
type Segment = Vec<(i64, i64, Vec<u8>)>;

impl Store {
    /// For each of `lists`, those of the packages `asked` that it holds, ascending.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn held(&self, lists: &[i64], asked: &HashSet<i64>) -> Result<HashMap<i64, Vec<i64>>, StoreError> {
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
