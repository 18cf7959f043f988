//! Package lists that are new, many at once: each kept as a difference from the newest list of a lineage that it is near to.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use futures_util::TryStreamExt as _;
use report::hash::Hash;
use sqlx::any::AnyArguments;
use sqlx::query::Query;
use sqlx::{Any, AssertSqlSafe, Either, Executor as _, Row as _};

use super::{ROWS_PER_STATEMENT, StoreError, Writing, list, rows_of_binds};
use crate::package_set::Difference;

/// A list is read from at most so many differences before a whole one is kept again.
const MAX_DIFFERENCES: i64 = 32;

/// A list joins a lineage when it differs from its newest list in at most one of so many packages.
const NEAR: usize = 4;

/// Lists to be added, and the newest lists of the lineages that they may join.
#[derive(Debug, Default)]
pub struct NewLists {
    tips: HashMap<i64, Tip>,
    rows: Vec<Row>,
    changes: Vec<(i64, i64, Difference)>,
}

#[derive(Debug)]
struct Tip {
    revision: i64,
    base: i64,
    digest: Hash,
    packages: Arc<[i64]>,
}

#[derive(Debug)]
struct Row {
    digest: Hash,
    lineage: i64,
    revision: i64,
    base: i64,
    packages: usize,
    content: Vec<u8>,
}

impl Writing {
    /// The lineages that lists are in, by list.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn lineages_of(&mut self, lists: &BTreeSet<i64>) -> Result<HashMap<i64, i64>, StoreError> {
        let lists: Vec<i64> = lists.iter().copied().collect();
        let mut lineages = HashMap::with_capacity(lists.len());
        for lists in lists.chunks(ROWS_PER_STATEMENT) {
            let sql = format!("SELECT id, lineage FROM package_list WHERE id IN {}", rows_of_binds(1, lists.len()));
            let mut query = sqlx::query_as::<_, (i64, i64)>(AssertSqlSafe(sql));
            for list in lists {
                query = query.bind(*list);
            }
            lineages.extend(query.fetch_all(self.connection()).await?);
        }
        Ok(lineages)
    }

    /// Begins to add lists that may join some lineages.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn new_lists(&mut self, lineages: &BTreeSet<i64>) -> Result<NewLists, StoreError> {
        let lineages: Vec<i64> = lineages.iter().copied().collect();
        let mut new = NewLists::default();
        for lineages in lineages.chunks(ROWS_PER_STATEMENT) {
            // The newest of each is found by its index, however many there are before it.
            let sql = format!(
                "SELECT tip.lineage, tip.revision, tip.base, tip.digest FROM (SELECT id, (SELECT revision FROM package_list \
                 WHERE lineage = lineage.id ORDER BY revision DESC LIMIT 1) AS revision FROM lineage WHERE id IN {}) newest \
                 JOIN package_list tip ON tip.lineage = newest.id AND tip.revision = newest.revision",
                rows_of_binds(1, lineages.len())
            );
            let mut query = sqlx::query_as::<_, (i64, i64, i64, String)>(AssertSqlSafe(sql));
            for lineage in lineages {
                query = query.bind(*lineage);
            }
            let mut unread = Vec::new();
            for (lineage, revision, base, digest) in query.fetch_all(self.connection()).await? {
                let digest = digest
                    .parse()
                    .map_err(|_| StoreError::Inconsistent(format!("digest {digest:?} in lineage {lineage}")))?;
                let kept = self.known.look(|known| known.tips.get(&lineage).cloned());
                match kept.filter(|(of, _)| *of == digest) {
                    Some((_, packages)) => drop(new.tips.insert(lineage, Tip { revision, base, digest, packages })),
                    None => unread.push((lineage, revision, base, digest)),
                }
            }
            new.tips.extend(self.read_tips(unread).await?);
        }
        Ok(new)
    }

    async fn read_tips(&mut self, unread: Vec<(i64, i64, i64, Hash)>) -> Result<Vec<(i64, Tip)>, StoreError> {
        if unread.is_empty() {
            return Ok(Vec::new());
        }
        let sql = format!(
            "SELECT lineage, revision, content FROM package_list WHERE {} ORDER BY lineage, revision",
            vec!["lineage = ? AND revision BETWEEN ? AND ?"; unread.len()].join(" OR ")
        );
        let mut query = sqlx::query_as::<_, (i64, i64, Vec<u8>)>(AssertSqlSafe(sql));
        for (lineage, revision, base, _) in &unread {
            query = query.bind(*lineage).bind(*base).bind(*revision);
        }
        let mut packages: HashMap<i64, Vec<i64>> = HashMap::with_capacity(unread.len());
        for (lineage, revision, content) in query.fetch_all(self.connection()).await? {
            let packages = packages.entry(lineage).or_default();
            *packages = list::unpack(lineage, revision, &content)?.apply(packages);
        }
        let tip = |(lineage, revision, base, digest)| {
            let packages = packages.remove(&lineage).unwrap_or_default().into();
            (lineage, Tip { revision, base, digest, packages })
        };
        Ok(unread.into_iter().map(tip).collect())
    }

    /// Adds a list that is not known yet, as a difference from the newest of the nearest of some lineages if one is near; gives
    /// the lineage that it is in.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn add_to(
        &mut self,
        new: &mut NewLists,
        digest: Hash,
        packages: Vec<i64>,
        lineages: &[i64],
    ) -> Result<i64, StoreError> {
        let nearest = lineages
            .iter()
            .filter_map(|lineage| Some((*lineage, Difference::between(&new.tips.get(lineage)?.packages, &packages))))
            .min_by_key(|(_, difference)| difference.len())
            .filter(|(_, difference)| difference.len() * NEAR <= packages.len());
        let whole = || Difference { removed: Vec::new(), added: packages.clone() };
        let (lineage, revision, base, change) = match nearest {
            Some((lineage, change)) => {
                let tip = new.tips.get(&lineage).map_or((0, 0), |tip| (tip.revision, tip.base));
                let revision = tip.0 + 1;
                (lineage, revision, if revision - tip.1 >= MAX_DIFFERENCES { revision } else { tip.1 }, change)
            }
            None => (self.begin_lineage(digest).await?, 0, 0, whole()),
        };
        let content = if base == revision { whole().pack() } else { change.pack() };
        new.rows.push(Row { digest, lineage, revision, base, packages: packages.len(), content });
        new.changes.push((lineage, revision, change));
        new.tips.insert(lineage, Tip { revision, base, digest, packages: packages.into() });
        Ok(lineage)
    }

    /// Stores what was added; gives the ids of the lists.
    ///
    /// # Errors
    /// [`StoreError`]; a conflict when another transaction added to the same lineage at the same time.
    pub async fn put_lists(&mut self, new: NewLists) -> Result<HashMap<Hash, i64>, StoreError> {
        for rows in new.rows.chunks(ROWS_PER_STATEMENT) {
            let sql = format!(
                "INSERT INTO package_list (digest, lineage, revision, base, packages, content) VALUES {}",
                rows_of_binds(rows.len(), 6)
            );
            let mut insert = sqlx::query(AssertSqlSafe(sql));
            for row in rows {
                insert = insert
                    .bind(row.digest.to_string())
                    .bind(row.lineage)
                    .bind(row.revision)
                    .bind(row.base)
                    .bind(i64::try_from(row.packages).unwrap_or(i64::MAX))
                    .bind(row.content.as_slice());
            }
            insert.execute(self.connection()).await?;
        }
        self.note_presence(&new.changes).await?;
        let digests: HashSet<Hash> = new.rows.iter().map(|row| row.digest).collect();
        let lists = self.list_ids(&digests).await?;
        if lists.len() != digests.len() {
            return Err(StoreError::Inconsistent("a list vanished after its insert".to_owned()));
        }
        let changed: HashSet<i64> = new.changes.iter().map(|(lineage, ..)| *lineage).collect();
        let tips = new.tips.into_iter().filter(|(lineage, _)| changed.contains(lineage));
        self.learned.tips.extend(tips.map(|(lineage, tip)| (lineage, (tip.digest, tip.packages))));
        Ok(lists)
    }

    /// The id of a list that is not known yet, added beside some others.
    ///
    /// # Errors
    /// As [`Writing::put_lists`].
    pub async fn add_list(&mut self, digest: Hash, packages: &[i64], relatives: &[i64]) -> Result<i64, StoreError> {
        let lineages = self.lineages_of(&relatives.iter().copied().collect()).await?;
        let beside: Vec<i64> = relatives.iter().filter_map(|list| lineages.get(list).copied()).collect();
        let mut new = self.new_lists(&beside.iter().copied().collect()).await?;
        self.add_to(&mut new, digest, packages.to_vec(), &beside).await?;
        let lists = self.put_lists(new).await?;
        lists.get(&digest).copied().ok_or_else(|| StoreError::Inconsistent("a new list has no id".to_owned()))
    }

    async fn begin_lineage(&mut self, digest: Hash) -> Result<i64, StoreError> {
        let sql = format!("INSERT INTO lineage (first_list) VALUES (?){}", self.dialect.returning_id());
        self.id_of(sqlx::query(AssertSqlSafe(sql)).bind(digest.to_string())).await
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
}
