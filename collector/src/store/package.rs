//! Each package version once, named by a hash so that texts of any length and case stay apart.

use std::collections::HashMap;

use report::hash::Hash;
use report::package::{Package, Packager};
use sqlx::AssertSqlSafe;

use super::{ROWS_PER_STATEMENT, Store, StoreError, Writing, rows_of_binds};

type Row = (i64, String, String, String, String);

impl Writing {
    /// The ids of packages, sorted, those that were never seen before made now.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn package_ids(&mut self, packages: &[Package<'_>]) -> Result<Vec<i64>, StoreError> {
        let mut by_digest: HashMap<String, &Package<'_>> =
            packages.iter().map(|package| (digest(package), package)).collect();
        let mut digests: Vec<String> = by_digest.keys().cloned().collect();
        // Every transaction inserts in the same order: two openers never wait for each other crosswise.
        digests.sort_unstable();
        let mut ids = self.known_ids(&digests, &mut by_digest).await?;
        if !by_digest.is_empty() {
            digests.retain(|digest| by_digest.contains_key(digest));
            self.insert_packages(&digests, &by_digest).await?;
            ids.extend(self.known_ids(&digests, &mut by_digest).await?);
        }
        if !by_digest.is_empty() {
            return Err(StoreError::Inconsistent(format!("{} packages vanished after their insert", by_digest.len())));
        }
        ids.sort_unstable();
        Ok(ids)
    }

    /// Ids of the digests that are stored; what is found leaves `missing`.
    async fn known_ids(
        &mut self,
        digests: &[String],
        missing: &mut HashMap<String, &Package<'_>>,
    ) -> Result<Vec<i64>, StoreError> {
        let mut ids = Vec::with_capacity(digests.len());
        for chunk in digests.chunks(ROWS_PER_STATEMENT) {
            let sql = format!("SELECT id, digest FROM package WHERE digest IN {}", rows_of_binds(1, chunk.len()));
            let mut query = sqlx::query_as::<_, (i64, String)>(AssertSqlSafe(sql));
            for digest in chunk {
                query = query.bind(digest.as_str());
            }
            for (id, digest) in query.fetch_all(self.connection()).await? {
                missing.remove(&digest);
                ids.push(id);
            }
        }
        Ok(ids)
    }

    async fn insert_packages(
        &mut self,
        digests: &[String],
        packages: &HashMap<String, &Package<'_>>,
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
                    .bind(digest.as_str())
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

fn digest(package: &Package<'_>) -> String {
    let Package { name, version, arch, packager } = package;
    // No field may hold a TAB, so the parts cannot run into each other.
    Hash::of(format!("{packager}\t{name}\t{version}\t{arch}").as_bytes()).to_string()
}

fn package_of((id, packager, name, version, arch): Row) -> Result<(i64, Package<'static>), StoreError> {
    let packager: Packager =
        packager.parse().map_err(|error| StoreError::Inconsistent(format!("package {id}: {error}")))?;
    Ok((id, Package { name: name.into(), version: version.into(), arch: arch.into(), packager }))
}
