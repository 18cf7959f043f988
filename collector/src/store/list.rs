//! Package lists, each distinct one once: as a difference in a lineage of similar ones.

use std::collections::{HashMap, HashSet};

use report::hash::Hash;
use sqlx::{AnyConnection, AssertSqlSafe};

use super::presence::Presence;
use super::{IDS_PER_STATEMENT, ROWS_PER_STATEMENT, Store, StoreError, Writing, rows_of_binds};
use crate::package_set::Difference;

/// Ids of the packages in a list, ascending.
pub type PackageIds = Vec<i64>;

impl Writing {
    /// The id of the list with this hash, when it is known.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list_id(&mut self, digest: Hash) -> Result<Option<i64>, StoreError> {
        if let Some(id) = self
            .learned
            .lists
            .get(&digest)
            .copied()
            .or_else(|| self.known.look(|known| known.lists.get(&digest).copied()))
        {
            return Ok(Some(id));
        }
        let row: Option<(i64,)> = sqlx::query_as("SELECT id FROM package_list WHERE digest = ?")
            .bind(digest.to_string())
            .fetch_optional(self.connection())
            .await?;
        Ok(row.map(|(id,)| {
            self.learned.list(digest, id);
            id
        }))
    }

    /// The ids of those package lists that are known, by digest.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list_ids(&mut self, digests: &HashSet<Hash>) -> Result<HashMap<Hash, i64>, StoreError> {
        let mut ids = self.known.look(|known| super::known::at_hand(&known.lists, digests));
        for (digest, id) in self.ids_in("package_list", digests, &ids).await? {
            self.learned.list(digest, id);
            ids.insert(digest, id);
        }
        Ok(ids)
    }
}

impl Store {
    /// The packages of a list.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list(&self, list: i64) -> Result<PackageIds, StoreError> {
        let mut connection = self.pool.acquire().await?;
        let (lineage, base, revision): (i64, i64, i64) =
            sqlx::query_as("SELECT lineage, base, revision FROM package_list WHERE id = ?")
                .bind(list)
                .fetch_one(&mut *connection)
                .await?;
        read_list(&mut connection, lineage, base, revision).await
    }

    /// The packages of several lists, read together: lists of one host are mostly of one lineage.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn lists(&self, wanted: &[i64]) -> Result<HashMap<i64, PackageIds>, StoreError> {
        let mut wanted = wanted.to_vec();
        wanted.sort_unstable();
        wanted.dedup();
        let mut lists = HashMap::with_capacity(wanted.len());
        for ids in wanted.chunks(ROWS_PER_STATEMENT) {
            let sql = format!(
                "SELECT needed.id, needed.lineage, needed.revision, needed.base, needed.content FROM package_list needed \
                 JOIN (SELECT lineage, MIN(base) AS first_revision, MAX(revision) AS last_revision FROM package_list \
                 WHERE id IN {} GROUP BY lineage) span ON span.lineage = needed.lineage \
                 AND needed.revision >= span.first_revision AND needed.revision <= span.last_revision \
                 ORDER BY needed.lineage, needed.revision",
                rows_of_binds(1, ids.len())
            );
            let mut query = sqlx::query_as::<_, (i64, i64, i64, i64, Vec<u8>)>(AssertSqlSafe(sql));
            for id in ids {
                query = query.bind(*id);
            }
            let mut packages = PackageIds::new();
            for (id, lineage, revision, base, content) in query.fetch_all(&self.pool).await? {
                if revision == base {
                    packages.clear();
                }
                packages = unpack(lineage, revision, &content)?.apply(&packages);
                if ids.binary_search(&id).is_ok() {
                    lists.insert(id, packages.clone());
                }
            }
        }
        Ok(lists)
    }

    /// For each list that holds any of `packages`: which of them it holds.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn lists_with(&self, packages: &[i64]) -> Result<HashMap<i64, Vec<i64>>, StoreError> {
        let mut of_lineage: HashMap<i64, Vec<Presence>> = HashMap::new();
        for presence in self.presences(&packages.iter().copied().collect(), None).await? {
            of_lineage.entry(presence.lineage).or_default().push(presence);
        }
        let lineages: Vec<i64> = of_lineage.keys().copied().collect();
        let mut holders: HashMap<i64, Vec<i64>> = HashMap::new();
        for ids in lineages.chunks(IDS_PER_STATEMENT) {
            let sql = format!(
                "SELECT id, lineage, revision FROM package_list WHERE lineage IN {}",
                rows_of_binds(1, ids.len())
            );
            let mut query = sqlx::query_as::<_, (i64, i64, i64)>(AssertSqlSafe(sql)).persistent(ids.len() < 8);
            for id in ids {
                query = query.bind(*id);
            }
            for (list, lineage, revision) in query.fetch_all(&self.pool).await? {
                let holds = |presence: &&Presence| (presence.first..=presence.last).contains(&revision);
                let found = of_lineage.get(&lineage).into_iter().flatten().filter(holds);
                let mut found = found.map(|presence| presence.package).peekable();
                if found.peek().is_some() {
                    holders.entry(list).or_default().extend(found);
                }
            }
        }
        Ok(holders)
    }

    /// How many packages each of `lists` has.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn sizes_of(&self, lists: &[i64]) -> Result<HashMap<i64, i64>, StoreError> {
        let mut sizes = HashMap::with_capacity(lists.len());
        for ids in lists.chunks(IDS_PER_STATEMENT) {
            let sql = format!("SELECT id, packages FROM package_list WHERE id IN {}", rows_of_binds(1, ids.len()));
            let mut query = sqlx::query_as::<_, (i64, i64)>(AssertSqlSafe(sql)).persistent(false);
            for id in ids {
                query = query.bind(*id);
            }
            sizes.extend(query.fetch_all(&self.pool).await?);
        }
        Ok(sizes)
    }

    /// How many packages each list has.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list_sizes(&self) -> Result<HashMap<i64, i64>, StoreError> {
        let rows: Vec<(i64, i64)> =
            sqlx::query_as("SELECT id, packages FROM package_list").fetch_all(&self.pool).await?;
        Ok(rows.into_iter().collect())
    }
}

/// Applies the differences from the whole list `base` up to `revision`.
async fn read_list(
    connection: &mut AnyConnection,
    lineage: i64,
    base: i64,
    revision: i64,
) -> Result<PackageIds, StoreError> {
    let rows: Vec<(Vec<u8>,)> = sqlx::query_as(
        "SELECT content FROM package_list WHERE lineage = ? AND revision >= ? AND revision <= ? ORDER BY revision",
    )
    .bind(lineage)
    .bind(base)
    .bind(revision)
    .fetch_all(connection)
    .await?;
    let mut packages = PackageIds::new();
    for (content,) in rows {
        packages = unpack(lineage, revision, &content)?.apply(&packages);
    }
    Ok(packages)
}

pub(super) fn unpack(lineage: i64, revision: i64, content: &[u8]) -> Result<Difference, StoreError> {
    Difference::unpack(content)
        .ok_or_else(|| StoreError::Inconsistent(format!("package list {lineage}.{revision} cannot be unpacked")))
}
