//! One host as its page shows it: its newest state with the words of its newest report.

use super::{Store, StoreError};

/// A host with its newest state.
#[derive(Debug, Clone)]
pub struct KnownHost {
    /// Id of the host.
    pub host: i64,
    /// Id of its newest package list.
    pub list: i64,
    /// Id of its newest header lines.
    pub facts_id: i64,
    /// Its newest header lines.
    pub facts: String,
    /// The first report that said so, unix seconds.
    pub since: i64,
    /// The newest report, unix seconds of its host's clock.
    pub last_news: i64,
    /// When that one came, unix seconds of ours.
    pub received: i64,
    /// The address it came from.
    pub source: String,
    /// Whether it was signed.
    pub signed: bool,
    /// The key that the host is known by, and since when; none for a host that never signed.
    pub sender: Option<(String, i64)>,
}

/// Id, list, facts' id and text, since, last news, received, source, signed, key and its time.
type Row = (i64, i64, i64, String, i64, i64, i64, String, i64, Option<String>, Option<i64>);

impl Store {
    /// The host of that name at a site.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn known_host(&self, site: &str, name: &str) -> Result<Option<KnownHost>, StoreError> {
        let row: Option<Row> = sqlx::query_as(
            "SELECT host.id, host_now.list, facts.id, facts.text, host_now.since, host_now.last_news, host_now.received, \
             host_now.source, host_now.signed, sender.digest, sender.since FROM host \
             JOIN host_now ON host_now.host = host.id JOIN facts ON facts.id = host_now.facts \
             LEFT JOIN sender ON sender.host = host.digest WHERE host.digest = ?",
        )
        .bind(super::host::digest(site, name))
        .fetch_optional(&self.pool)
        .await?;
        Ok(row.map(|(host, list, facts_id, facts, since, last_news, received, source, signed, key, key_since)| {
            KnownHost {
                host,
                list,
                facts_id,
                facts,
                since,
                last_news,
                received,
                source,
                signed: signed != 0,
                sender: key.filter(|key| !key.is_empty()).zip(key_since),
            }
        }))
    }
}
