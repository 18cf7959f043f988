//! Each package version once, named by a hash so that texts of any length and case stay apart.

use std::collections::HashMap;

use report::hash::Hash;
use report::package::{Package, Packager};
use sqlx::AssertSqlSafe;

use super::known::Ids;
use super::{ROWS_PER_STATEMENT, Store, StoreError, Writing, presence, rows_of_binds};

type Row = (i64, String, String, String, String);

impl Writing {
    /// The ids of packages, sorted, those that were never seen before made now.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn package_ids(&mut self, packages: &[Package<'_>]) -> Result<Vec<i64>, StoreError> {
        let mut ids = self.ids_of(packages.iter()).await?;
        ids.sort_unstable();
        ids.dedup();
        Ok(ids)
    }

    /// Makes sure that the ids of packages are at hand: what is asked of many reports is asked once.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn learn_packages(&mut self, packages: &[&Package<'_>]) -> Result<(), StoreError> {
        self.ids_of(packages.iter().copied()).await.map(drop)
    }

    async fn ids_of<'a>(
        &mut self,
        packages: impl Iterator<Item = &'a Package<'a>> + Clone,
    ) -> Result<Vec<i64>, StoreError> {
        let mut ids = Vec::with_capacity(packages.size_hint().0);
        let mut missing: HashMap<Hash, &Package<'_>> = HashMap::new();
        let digests: Vec<Hash> = packages.clone().map(digest).collect();
        let (known, learned) = (&self.known, &self.learned.packages);
        known.look(|known| {
            for (digest, package) in digests.iter().zip(packages) {
                match learned.get(digest).or_else(|| known.packages.get(digest)) {
                    Some(id) => ids.push(*id),
                    None => drop(missing.insert(*digest, package)),
                }
            }
        });
        if !missing.is_empty() {
            let mut digests: Vec<Hash> = missing.keys().copied().collect();
            // Every transaction inserts in the same order: two openers never wait for each other crosswise.
            digests.sort_unstable();
            ids.extend(self.known_ids(&digests, &mut missing).await?);
            if !missing.is_empty() {
                digests.retain(|digest| missing.contains_key(digest));
                self.insert_packages(&digests, &missing).await?;
                ids.extend(self.known_ids(&digests, &mut missing).await?);
            }
        }
        if !missing.is_empty() {
            return Err(StoreError::Inconsistent(format!("{} packages vanished after their insert", missing.len())));
        }
        Ok(ids)
    }

    /// Ids of the digests that are stored; what is found leaves `missing`.
    async fn known_ids(
        &mut self,
        digests: &[Hash],
        missing: &mut HashMap<Hash, &Package<'_>>,
    ) -> Result<Vec<i64>, StoreError> {
        let mut ids = Vec::with_capacity(digests.len());
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
                }
                self.learned.packages.insert(digest, id);
                ids.push(id);
            }
        }
        Ok(ids)
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
