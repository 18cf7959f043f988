//! The way from a package to the lists that hold it: what came into and left each lineage, by blocks of package names.
//!
//! A row for each package of each list would be most of the database. Here a lineage has one row for all packages whose names
//! fall into one of [`BLOCKS`] blocks, with their changes in the order of revisions, and a new list only appends to some rows.
//! Versions of one package share a block, so that who asks about them reads one row of each lineage.

use std::collections::{BTreeMap, HashMap, HashSet};

use report::hash::Hash;
use rustc_hash::FxHashMap;
use sqlx::{AnyConnection, AssertSqlSafe};

use super::known::{Ids, Known};
use super::{IDS_PER_STATEMENT, ROWS_PER_STATEMENT, Store, StoreError, Writing, rows_of_binds};
use crate::package_set::Difference;
use crate::varint;

/// Blocks of package names: a list of 1,500 packages has some two dozen in each. Stored rows go by it, so it never changes.
pub(super) const BLOCKS: u8 = 64;

/// Revisions of a lineage that share a row; what a new list has to rewrite does not grow with its lineage.
const REVISIONS_PER_ROW: i64 = 256;

/// Of so many lineages the rows are looked up one by one; of more, those of all are read.
const FEW_LINEAGES: usize = 1_000;

/// The last revision of a package that is still in the newest list of its lineage.
const OPEN: i64 = i64::MAX;

/// A package in a lineage: in each list from a first to a last revision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Presence {
    /// Id of the package.
    pub(super) package: i64,
    /// Id of the lineage.
    pub(super) lineage: i64,
    /// The first list that has it.
    pub(super) first: i64,
    /// The last list that has it; later than any revision while the newest one does.
    pub(super) last: i64,
}

/// The block of a package's name.
pub(super) fn block_of(name: &str) -> u8 {
    Hash::of(name.as_bytes()).as_bytes().first().copied().unwrap_or_default() % BLOCKS
}

impl Writing {
    /// Notes what came into and left lineages with their new revisions, each lineage's in their order.
    pub(super) async fn note_presence(&mut self, changes: &[(i64, i64, Difference)]) -> Result<(), StoreError> {
        let ids = changes.iter().flat_map(|(_, _, change)| change.removed.iter().chain(&change.added));
        let asked: Vec<i64> = ids.copied().collect();
        let known = self.known.clone();
        let blocks = blocks(&mut self.transaction, (&known, &mut self.learned), &asked).await?;
        let mut contents: BTreeMap<(u8, i64, i64), Vec<u8>> = BTreeMap::new();
        for (lineage, revision, change) in changes {
            let mut by_block: HashMap<u8, Difference> = HashMap::new();
            for id in &change.removed {
                by_block.entry(block(&blocks, *id)?).or_default().removed.push(*id);
            }
            for id in &change.added {
                by_block.entry(block(&blocks, *id)?).or_default().added.push(*id);
            }
            for (block, part) in by_block {
                let content = contents.entry((block, *lineage, revision / REVISIONS_PER_ROW)).or_default();
                varint::write_signed(content, *revision);
                content.extend(part.pack());
            }
        }
        let rows: Vec<_> = contents.into_iter().collect();
        for rows in rows.chunks(ROWS_PER_STATEMENT) {
            let sql = format!(
                "INSERT INTO presence (block, lineage, epoch, content) VALUES {}{}",
                rows_of_binds(rows.len(), 4),
                self.dialect.append_content()
            );
            let mut insert = sqlx::query(AssertSqlSafe(sql));
            for ((block, lineage, epoch), content) in rows {
                insert = insert.bind(i64::from(*block)).bind(*lineage).bind(*epoch).bind(content.as_slice());
            }
            insert.execute(self.connection()).await?;
        }
        Ok(())
    }
}

impl Store {
    /// Where each of the packages `asked` is and was, in some lineages or in all of them, in one query.
    pub(super) async fn presences(
        &self,
        asked: &HashSet<i64>,
        lineages: Option<&[i64]>,
    ) -> Result<Vec<Presence>, StoreError> {
        let wanted = self.blocks_of(asked).await?;
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        let lineages = lineages.filter(|lineages| lineages.len() <= FEW_LINEAGES).unwrap_or_default();
        let of = match lineages.len() {
            0 => String::new(),
            some => format!(" AND lineage IN {}", rows_of_binds(1, some)),
        };
        let sql = format!(
            "SELECT lineage, content FROM presence WHERE block IN {}{of} ORDER BY block, lineage, epoch",
            rows_of_binds(1, wanted.len())
        );
        let mut query = sqlx::query_as::<_, (i64, Vec<u8>)>(AssertSqlSafe(sql)).persistent(lineages.len() < 8);
        for block in wanted {
            query = query.bind(i64::from(block));
        }
        for lineage in lineages {
            query = query.bind(*lineage);
        }
        let mut found = Vec::new();
        let mut open: HashMap<i64, i64> = HashMap::new();
        let mut last = i64::MIN;
        for (lineage, content) in query.fetch_all(&self.pool).await? {
            if lineage != last {
                close(last, &mut open, &mut found);
                last = lineage;
            }
            let damaged = || StoreError::Inconsistent(format!("presence of lineage {lineage} cannot be unpacked"));
            replay(lineage, &content, asked, &mut open, &mut found).ok_or_else(damaged)?;
        }
        close(last, &mut open, &mut found);
        Ok(found)
    }

    /// The blocks that the names of packages are in, which are known of whoever was asked for by name.
    pub(super) async fn blocks_of(&self, packages: &HashSet<i64>) -> Result<HashSet<u8>, StoreError> {
        let packages: Vec<i64> = packages.iter().copied().collect();
        let mut learned = Ids::default();
        let blocks = blocks(&mut *self.pool.acquire().await?, (&self.known, &mut learned), &packages).await?;
        self.known.keep(learned);
        Ok(blocks.into_values().collect())
    }

    /// Makes all of this anew from the lists, where a database has the one without the other.
    ///
    /// # Errors
    /// [`StoreError`].
    pub(super) async fn derive_presence(&self) -> Result<(), StoreError> {
        let noted = "SELECT epoch FROM presence LIMIT 1";
        if sqlx::query(noted).fetch_optional(&self.pool).await?.is_some() {
            return Ok(());
        }
        let mut writing = self.begin_unlocked().await?;
        let lineages = format!("SELECT id FROM lineage ORDER BY id{}", self.dialect.for_update());
        let lineages: Vec<(i64,)> = sqlx::query_as(AssertSqlSafe(lineages)).fetch_all(writing.connection()).await?;
        // Whoever else does the same had these rows before.
        if sqlx::query(noted).fetch_optional(writing.connection()).await?.is_some() {
            return Ok(());
        }
        for (lineage,) in lineages {
            let rows: Vec<(i64, i64, Vec<u8>)> =
                sqlx::query_as("SELECT revision, base, content FROM package_list WHERE lineage = ? ORDER BY revision")
                    .bind(lineage)
                    .fetch_all(writing.connection())
                    .await?;
            let mut before = Vec::new();
            for (revision, base, content) in rows {
                let difference = super::list::unpack(lineage, revision, &content)?;
                let packages = difference.apply(if revision == base { &[] } else { &before });
                writing.note_presence(&[(lineage, revision, Difference::between(&before, &packages))]).await?;
                before = packages;
            }
        }
        writing.commit().await
    }
}

/// The block of each package, most of them known.
async fn blocks(
    connection: &mut AnyConnection,
    (known, learned): (&Known, &mut Ids),
    packages: &[i64],
) -> Result<FxHashMap<i64, u8>, StoreError> {
    let mut blocks: FxHashMap<i64, u8> = known.look(|known| {
        let block = |id: &i64| Some((*id, *learned.blocks.get(id).or_else(|| known.blocks.get(id))?));
        packages.iter().filter_map(block).collect()
    });
    let missing: Vec<i64> = packages.iter().filter(|id| !blocks.contains_key(id)).copied().collect();
    for ids in missing.chunks(IDS_PER_STATEMENT) {
        let sql = format!("SELECT id, name FROM package WHERE id IN {}", rows_of_binds(1, ids.len()));
        let mut query = sqlx::query_as::<_, (i64, String)>(AssertSqlSafe(sql)).persistent(ids.len() < 8);
        for id in ids {
            query = query.bind(*id);
        }
        for (id, name) in query.fetch_all(&mut *connection).await? {
            let block = block_of(&name);
            learned.blocks.insert(id, block);
            blocks.insert(id, block);
        }
    }
    Ok(blocks)
}

fn block(blocks: &FxHashMap<i64, u8>, package: i64) -> Result<u8, StoreError> {
    let unknown = || StoreError::Inconsistent(format!("a list has the package {package}, which is not stored"));
    blocks.get(&package).copied().ok_or_else(unknown)
}

/// Follows the changes of one row as far as they concern the packages that are asked about.
fn replay(
    lineage: i64,
    mut content: &[u8],
    asked: &HashSet<i64>,
    open: &mut HashMap<i64, i64>,
    found: &mut Vec<Presence>,
) -> Option<()> {
    while !content.is_empty() {
        let revision = varint::read_signed(&mut content)?;
        for package in Difference::read_ids(&mut content)? {
            if let Some(first) = open.remove(&package) {
                found.push(Presence { package, lineage, first, last: revision.saturating_sub(1) });
            }
        }
        for package in Difference::read_ids(&mut content)? {
            if asked.contains(&package) {
                open.insert(package, revision);
            }
        }
    }
    Some(())
}

fn close(lineage: i64, open: &mut HashMap<i64, i64>, found: &mut Vec<Presence>) {
    found.extend(open.drain().map(|(package, first)| Presence { package, lineage, first, last: OPEN }));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            let (mut open, mut found) = (HashMap::new(), Vec::new());
            let _ = replay(1, &bytes, &HashSet::from([1, 2, 3]), &mut open, &mut found);
        }
    }

    #[test]
    fn a_name_stays_in_its_block() {
        assert_eq!(["bash", "kernel", "glibc"].map(block_of), [55, 41, 27]);
    }
}
