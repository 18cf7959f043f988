//! Each package version once, named by a hash so that texts of any length and case stay apart.

use std::collections::HashMap;

use report::hash::Hash;
use report::package::{Package, Packager};
use report::text::PackageSection;
use sqlx::AssertSqlSafe;

use super::known::{Ids, Line};
use super::{ROWS_PER_STATEMENT, Store, StoreError, Writing, presence, rows_of_binds};

type Row = (i64, String, String, String, String);

/// The packages of a list: the ids of those that are at hand, and the others.
#[derive(Debug, Default)]
pub struct Looked<'a> {
    ids: Vec<i64>,
    others: Vec<Package<'a>>,
}

impl Looked<'_> {
    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty() && self.others.is_empty()
    }
}

/// Packages none of which was looked up yet.
impl<'a> From<Vec<Package<'a>>> for Looked<'a> {
    fn from(others: Vec<Package<'a>>) -> Self {
        Looked { ids: Vec::new(), others }
    }
}

impl Writing {
    /// Looks the packages of a report up by its lines, of which only unknown ones are parsed; nothing when the lines are not those
    /// of a canonical list, in order and each once.
    #[must_use]
    pub fn look_up_lines<'a>(&self, section: &PackageSection<'a>) -> Option<Looked<'a>> {
        let lines = section.ascending_lines()?;
        let mut found = Looked { ids: Vec::with_capacity(lines.len()), others: Vec::new() };
        let names: Vec<Line> = lines.iter().map(|line| self.known.line(section.packager(), line)).collect();
        let ids: Vec<Option<i64>> =
            self.known.look(|known| names.iter().map(|name| known.packages.get(name).copied()).collect());
        for ((line, name), id) in lines.into_iter().zip(&names).zip(ids) {
            match id.or_else(|| self.learned.packages.get(name).copied()) {
                Some(id) => found.ids.push(id),
                None => found.others.push(section.canonical(line)?),
            }
        }
        Some(found)
    }

    /// Makes the ids of packages known that were not at hand, those of packages that were never seen before made now: what is asked
    /// of many reports is asked once.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn learn_packages(&mut self, looked: &[&Looked<'_>]) -> Result<(), StoreError> {
        let others = looked.iter().flat_map(|looked| &looked.others);
        let mut missing: HashMap<Hash, &Package<'_>> = HashMap::new();
        for package in others {
            if self.package_id(package).is_none() {
                missing.insert(digest(package), package);
            }
        }
        let mut digests: Vec<Hash> = missing.keys().copied().collect();
        // Every transaction inserts in the same order: two openers never wait for each other crosswise.
        digests.sort_unstable();
        self.learn_stored(&digests, &mut missing).await?;
        if !missing.is_empty() {
            digests.retain(|digest| missing.contains_key(digest));
            self.insert_packages(&digests, &missing).await?;
            self.learn_stored(&digests, &mut missing).await?;
        }
        match missing.len() {
            0 => Ok(()),
            some => Err(StoreError::Inconsistent(format!("{some} packages vanished after their insert"))),
        }
    }

    /// The ids of packages that were looked up and learned, ascending.
    ///
    /// # Errors
    /// [`StoreError`] when one was not learned.
    pub fn ids_of(&self, looked: &Looked<'_>) -> Result<Vec<i64>, StoreError> {
        let unknown = || StoreError::Inconsistent("a package has no id after it was learned".to_owned());
        let mut ids = looked.ids.clone();
        for package in &looked.others {
            ids.push(self.package_id(package).ok_or_else(unknown)?);
        }
        ids.sort_unstable();
        ids.dedup();
        Ok(ids)
    }

    /// The ids of packages, ascending, those that were never seen before made now.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn package_ids(&mut self, packages: &[Package<'_>]) -> Result<Vec<i64>, StoreError> {
        let looked = Looked::from(packages.to_vec());
        self.learn_packages(&[&looked]).await?;
        self.ids_of(&looked)
    }

    fn package_id(&self, package: &Package<'_>) -> Option<i64> {
        let line = self.known.line_of(package);
        let learned = self.learned.packages.get(&line).copied();
        learned.or_else(|| self.known.look(|known| known.packages.get(&line).copied()))
    }

    /// Learns the ids of those digests that are stored; what is found leaves `missing`.
    async fn learn_stored(
        &mut self,
        digests: &[Hash],
        missing: &mut HashMap<Hash, &Package<'_>>,
    ) -> Result<(), StoreError> {
        for chunk in digests.chunks(ROWS_PER_STATEMENT) {
            let sql = format!("SELECT id, digest FROM package WHERE digest IN {}", rows_of_binds(1, chunk.len()));
            let mut query = sqlx::query_as::<_, (i64, String)>(AssertSqlSafe(sql));
            for digest in chunk {
                query = query.bind(digest.to_string());
            }
            for (id, digest) in query.fetch_all(self.connection()).await? {
                let digest =
                    digest.parse().map_err(|_| StoreError::Inconsistent(format!("package digest {digest:?}")))?;
                if let Some(package) = missing.remove(&digest) {
                    self.learned.blocks.insert(id, presence::block_of(&package.name));
                    self.learned.packages.insert(self.known.line_of(package), id);
                }
            }
        }
        Ok(())
    }

    async fn insert_packages(
        &mut self,
        digests: &[Hash],
        packages: &HashMap<Hash, &Package<'_>>,
    ) -> Result<(), StoreError> {
        for chunk in digests.chunks(ROWS_PER_STATEMENT) {
            let sql = format!(
                "INSERT INTO package (digest, packager, name, version, arch) VALUES {}{}",
                rows_of_binds(chunk.len(), 5),
                self.dialect.keep_existing()
            );
            let mut query = sqlx::query(AssertSqlSafe(sql));
            for digest in chunk {
                let Some(package) = packages.get(digest) else { continue };
                query = query
                    .bind(digest.to_string())
                    .bind(package.packager.as_str())
                    .bind(package.name.as_ref())
                    .bind(package.version.as_ref())
                    .bind(package.arch.as_ref());
            }
            query.execute(self.connection()).await?;
        }
        Ok(())
    }
}

impl Store {
    /// Packages by id.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn packages(&self, ids: &[i64]) -> Result<HashMap<i64, Package<'static>>, StoreError> {
        let mut packages = HashMap::with_capacity(ids.len());
        for chunk in ids.chunks(ROWS_PER_STATEMENT) {
            let sql = format!(
                "SELECT id, packager, name, version, arch FROM package WHERE id IN {}",
                rows_of_binds(1, chunk.len())
            );
            let mut query = sqlx::query_as::<_, Row>(AssertSqlSafe(sql));
            for id in chunk {
                query = query.bind(*id);
            }
            for row in query.fetch_all(&self.pool).await? {
                let (id, package) = package_of(row)?;
                packages.insert(id, package);
            }
        }
        Ok(packages)
    }

    /// Every version of the packages with these names.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn packages_named(&self, names: &[&str]) -> Result<Vec<(i64, Package<'static>)>, StoreError> {
        let mut packages = Vec::new();
        for chunk in names.chunks(ROWS_PER_STATEMENT) {
            let sql = format!(
                "SELECT id, packager, name, version, arch FROM package WHERE name IN {}",
                rows_of_binds(1, chunk.len())
            );
            let mut query = sqlx::query_as::<_, Row>(AssertSqlSafe(sql));
            for name in chunk {
                query = query.bind(*name);
            }
            for row in query.fetch_all(&self.pool).await? {
                packages.push(package_of(row)?);
            }
        }
        let blocks = packages.iter().map(|(id, package)| (*id, presence::block_of(&package.name))).collect();
        self.known.keep(Ids { blocks, ..Ids::default() });
        Ok(packages)
    }

    /// Every package name there ever was, for names that are asked by pattern.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn package_names(&self) -> Result<Vec<String>, StoreError> {
        let rows: Vec<(String,)> = sqlx::query_as("SELECT DISTINCT name FROM package").fetch_all(&self.pool).await?;
        Ok(rows.into_iter().map(|(name,)| name).collect())
    }
}

fn digest(package: &Package<'_>) -> Hash {
    let Package { name, version, arch, packager } = package;
    // No field may hold a TAB, so the parts cannot run into each other.
    Hash::of_parts(
        [packager.as_str(), "\t", name.as_ref(), "\t", version.as_ref(), "\t", arch.as_ref()].map(str::as_bytes),
    )
}

fn package_of((id, packager, name, version, arch): Row) -> Result<(i64, Package<'static>), StoreError> {
    let packager: Packager =
        packager.parse().map_err(|error| StoreError::Inconsistent(format!("package {id}: {error}")))?;
    Ok((id, Package { name: name.into(), version: version.into(), arch: arch.into(), packager }))
}
