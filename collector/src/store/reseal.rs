//! Every kept report in turn, and other bytes in place of those it is kept as: sealed for other keys, the same inside.

use report::hash::Hash;

use super::inbox::fitting;
use super::{Store, StoreError};
use crate::access::deed::Deed;

/// Reports that are read, and replaced in one transaction: whoever waits to write waits no longer than that takes.
const BATCH: i64 = 64;

/// A report as it is kept.
#[derive(Debug)]
pub struct Kept {
    /// What names the report, whatever it is kept as.
    pub hash: Hash,
    /// The sealed bytes.
    pub body: Vec<u8>,
    /// Which report these bytes are of.
    pub place: Place,
}

/// A report and the bytes that it was kept as when somebody looked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    id: i64,
    resealed: i64,
}

impl Place {
    /// Before every report.
    pub const BEGIN: Place = Place { id: 0, resealed: 0 };
}

impl Store {
    /// The reports behind a place, whatever became of them: no more than fit in memory easily, none at the end.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn kept_behind(&self, place: Place) -> Result<Vec<Kept>, StoreError> {
        let sql = "SELECT id, size FROM inbox WHERE id > ? ORDER BY id LIMIT ?";
        let sizes: Vec<(i64, i64)> = sqlx::query_as(sql).bind(place.id).bind(BATCH).fetch_all(&self.pool).await?;
        let together = fitting(sizes.iter().map(|(_, size)| *size)).max(1);
        let Some((last, _)) = sizes.iter().take(together).next_back() else { return Ok(Vec::new()) };
        let sql = "SELECT id, resealed, hash, body FROM inbox WHERE id > ? AND id <= ? ORDER BY id";
        let rows: Vec<(i64, i64, String, Vec<u8>)> =
            sqlx::query_as(sql).bind(place.id).bind(*last).fetch_all(&self.pool).await?;
        rows.into_iter()
            .map(|(id, resealed, hash, body)| {
                let hash = hash.parse().map_err(|_| StoreError::Inconsistent(format!("inbox hash {hash:?}")))?;
                Ok(Kept { hash, body, place: Place { id, resealed } })
            })
            .collect()
    }

    /// Puts other bytes in place of those that reports are kept as, unless somebody else did so since; with it the deed, if
    /// there is one. How many reports have them now.
    ///
    /// # Errors
    /// [`StoreError`]; none has then.
    pub async fn replace_kept(
        &self,
        anew: &[(Place, Vec<u8>)],
        at: i64,
        deed: Option<&Deed<'_>>,
    ) -> Result<u64, StoreError> {
        let mut writing = self.begin().await?;
        let mut replaced = 0;
        for (place, body) in anew {
            // Never the same twice for one report, whatever the clock says: it tells whose bytes are there.
            let resealed = at.max(place.resealed.saturating_add(1));
            replaced += sqlx::query("UPDATE inbox SET body = ?, size = ?, resealed = ? WHERE id = ? AND resealed = ?")
                .bind(body.as_slice())
                .bind(i64::try_from(body.len()).unwrap_or(i64::MAX))
                .bind(resealed)
                .bind(place.id)
                .bind(place.resealed)
                .execute(writing.connection())
                .await?
                .rows_affected();
        }
        if let Some(deed) = deed.filter(|_| replaced > 0) {
            writing.audit(deed).await?;
        }
        writing.commit().await?;
        Ok(replaced)
    }
}
