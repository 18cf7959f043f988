//! Each distinct set of header lines once.

use std::collections::{BTreeMap, HashMap, HashSet};

use report::hash::Hash;
use sqlx::AssertSqlSafe;

use super::{Store, StoreError, Writing, rows_of_binds};

impl Writing {
    /// The id of a set of header lines, made when new, and the hash that orders it among others.
    ///
    /// # Errors
    /// [`StoreError`]; a conflict when another transaction made the same at the same time.
    pub async fn facts_id(&mut self, text: &str) -> Result<i64, StoreError> {
        let digest = Hash::of(text.as_bytes());
        if let Some(id) = self
            .learned
            .facts
            .get(&digest)
            .copied()
            .or_else(|| self.known.look(|known| known.facts.get(&digest).copied()))
        {
            return Ok(id);
        }
        if let Some(id) = self.facts_by_digest(digest).await? {
            return Ok(id);
        }
        sqlx::query("INSERT INTO facts (digest, text) VALUES (?, ?)")
            .bind(digest.to_string())
            .bind(text)
            .execute(self.connection())
            .await?;
        self.facts_by_digest(digest)
            .await?
            .ok_or_else(|| StoreError::Inconsistent("facts vanished after their insert".to_owned()))
    }

    /// The ids of sets of header lines, by digest, those made now that were never seen before.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn facts_ids(&mut self, texts: &BTreeMap<Hash, String>) -> Result<HashMap<Hash, i64>, StoreError> {
        let digests: HashSet<Hash> = texts.keys().copied().collect();
        let mut ids = self.known.look(|known| super::known::at_hand(&known.facts, &digests));
        self.learn_facts(&digests, &mut ids).await?;
        let missing: Vec<_> = texts.iter().filter(|(digest, _)| !ids.contains_key(*digest)).collect();
        if missing.is_empty() {
            return Ok(ids);
        }
        let sql = format!(
            "INSERT INTO facts (digest, text) VALUES {}{}",
            rows_of_binds(missing.len(), 2),
            self.dialect.keep_existing()
        );
        let mut insert = sqlx::query(AssertSqlSafe(sql));
        for (digest, text) in missing {
            insert = insert.bind(digest.to_string()).bind(text.as_str());
        }
        insert.execute(self.connection()).await?;
        self.learn_facts(&digests, &mut ids).await?;
        Ok(ids)
    }

    async fn learn_facts(&mut self, digests: &HashSet<Hash>, ids: &mut HashMap<Hash, i64>) -> Result<(), StoreError> {
        for (digest, id) in self.ids_in("facts", digests, ids).await? {
            self.learned.facts(digest, id);
            ids.insert(digest, id);
        }
        Ok(())
    }

    async fn facts_by_digest(&mut self, digest: Hash) -> Result<Option<i64>, StoreError> {
        let row: Option<(i64,)> = sqlx::query_as("SELECT id FROM facts WHERE digest = ?")
            .bind(digest.to_string())
            .fetch_optional(self.connection())
            .await?;
        Ok(row.map(|(id,)| {
            self.learned.facts(digest, id);
            id
        }))
    }
}

impl Store {
    /// Header lines by id.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn facts(&self, wanted: &[i64]) -> Result<HashMap<i64, String>, StoreError> {
        let mut texts = HashMap::new();
        let mut wanted = wanted.to_vec();
        wanted.sort_unstable();
        wanted.dedup();
        for ids in wanted.chunks(super::IDS_PER_STATEMENT) {
            let sql = format!("SELECT id, text FROM facts WHERE id IN {}", rows_of_binds(1, ids.len()));
            let mut query = sqlx::query_as::<_, (i64, String)>(AssertSqlSafe(sql)).persistent(ids.len() < 8);
            for id in ids {
                query = query.bind(*id);
            }
            texts.extend(query.fetch_all(&self.pool).await?);
        }
        Ok(texts)
    }
}
