//! Package lists, each distinct one once: as a difference in a lineage of similar ones.

use std::collections::{HashMap, HashSet};

use futures_util::TryStreamExt as _;
use report::hash::Hash;
use sqlx::any::AnyArguments;
use sqlx::query::Query;
use sqlx::{Any, AnyConnection, AssertSqlSafe, Either, Executor as _, Row as _};

use super::presence::Presence;
use super::{IDS_PER_STATEMENT, ROWS_PER_STATEMENT, Store, StoreError, Writing, rows_of_binds};
use crate::package_set::Difference;

/// A list is read from at most so many differences before a whole one is kept again.
const MAX_DIFFERENCES: i64 = 32;

/// A list joins a lineage when it differs from its newest list in at most one of so many packages.
const NEAR: usize = 4;

/// Ids of the packages in a list, ascending.
pub type PackageIds = Vec<i64>;

struct Tip {
    lineage: i64,
    revision: i64,
    base: i64,
    packages: PackageIds,
}

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

    /// Adds a list that is not known yet, as a difference from the nearest of `relatives` if one is near.
    ///
    /// # Errors
    /// [`StoreError`]; a conflict when another transaction added to the same lineage at the same time.
    pub async fn add_list(&mut self, digest: Hash, packages: &[i64], relatives: &[i64]) -> Result<i64, StoreError> {
        let mut nearest: Option<(Tip, Difference)> = None;
        for relative in relatives {
            let Some(tip) = self.tip_of_lineage(*relative).await? else { continue };
            let difference = Difference::between(&tip.packages, packages);
            if nearest.as_ref().is_none_or(|(_, best)| difference.len() < best.len()) {
                nearest = Some((tip, difference));
            }
        }
        let id = match nearest.filter(|(_, difference)| difference.len() * NEAR <= packages.len()) {
            Some((tip, difference)) => self.continue_lineage(digest, packages, &tip, &difference).await?,
            None => self.begin_lineage(digest, packages).await?,
        };
        self.learned.list(digest, id);
        Ok(id)
    }

    async fn begin_lineage(&mut self, digest: Hash, packages: &[i64]) -> Result<i64, StoreError> {
        let sql = format!("INSERT INTO lineage (first_list) VALUES (?){}", self.dialect.returning_id());
        let lineage = self.id_of(sqlx::query(AssertSqlSafe(sql)).bind(digest.to_string())).await?;
        let whole = Difference { removed: Vec::new(), added: packages.to_vec() };
        let id = self.insert_list(digest, (lineage, 0, 0), packages.len(), &whole).await?;
        self.note_presence(lineage, 0, &whole).await?;
        Ok(id)
    }

    async fn continue_lineage(
        &mut self,
        digest: Hash,
        packages: &[i64],
        tip: &Tip,
        difference: &Difference,
    ) -> Result<i64, StoreError> {
        let revision = tip.revision + 1;
        let id = if revision - tip.base >= MAX_DIFFERENCES {
            let whole = Difference { removed: Vec::new(), added: packages.to_vec() };
            self.insert_list(digest, (tip.lineage, revision, revision), packages.len(), &whole).await?
        } else {
            self.insert_list(digest, (tip.lineage, revision, tip.base), packages.len(), difference).await?
        };
        self.note_presence(tip.lineage, revision, difference).await?;
        Ok(id)
    }

    async fn insert_list(
        &mut self,
        digest: Hash,
        (lineage, revision, base): (i64, i64, i64),
        packages: usize,
        content: &Difference,
    ) -> Result<i64, StoreError> {
        let sql = format!(
            "INSERT INTO package_list (digest, lineage, revision, base, packages, content) VALUES {}{}",
            rows_of_binds(1, 6),
            self.dialect.returning_id()
        );
        let insert = sqlx::query(AssertSqlSafe(sql))
            .bind(digest.to_string())
            .bind(lineage)
            .bind(revision)
            .bind(base)
            .bind(i64::try_from(packages).unwrap_or(i64::MAX))
            .bind(content.pack());
        self.id_of(insert).await
    }

    /// Inserts a row and gives the id that it gets, which one database returns as a row and the other one with the result.
    async fn id_of(&mut self, insert: Query<'_, Any, AnyArguments>) -> Result<i64, StoreError> {
        let mut results = self.connection().fetch_many(insert);
        let mut id = None;
        while let Some(result) = results.try_next().await? {
            id = match result {
                Either::Left(done) => id.or(done.last_insert_id()),
                Either::Right(row) => Some(row.try_get(0)?),
            };
        }
        id.ok_or_else(|| StoreError::Inconsistent("a new row has no id".to_owned()))
    }

    /// The newest list of the lineage that `list` is in.
    async fn tip_of_lineage(&mut self, list: i64) -> Result<Option<Tip>, StoreError> {
        let newest: Option<(i64, i64, i64, Vec<u8>)> = sqlx::query_as(
            "SELECT lineage, revision, base, content FROM package_list \
             WHERE lineage = (SELECT lineage FROM package_list WHERE id = ?) ORDER BY revision DESC LIMIT 1",
        )
        .bind(list)
        .fetch_optional(self.connection())
        .await?;
        let Some((lineage, revision, base, content)) = newest else { return Ok(None) };
        let before = match revision {
            _ if revision == base => PackageIds::new(),
            _ => read_list(self.connection(), lineage, base, revision - 1).await?,
        };
        let packages = unpack(lineage, revision, &content)?.apply(&before);
        Ok(Some(Tip { lineage, revision, base, packages }))
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
