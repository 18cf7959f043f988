//! Senders that people decided against, each for one host: a key, or reports without one.

use std::collections::{HashMap, HashSet};

use report::hash::Hash;
use sqlx::AssertSqlSafe;

use super::{ROWS_PER_STATEMENT, StoreError, Writing, rows_of_binds};
use crate::access::Scope;
use crate::problem::Problem;
use crate::store::InboxFilter;

/// A sender that claims to be a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimedSender {
    /// The site.
    pub site: String,
    /// The host's name.
    pub host: String,
    /// SHA-256 of the key; empty for reports without a signature.
    pub key: String,
    /// The trouble that its reports were in.
    pub problem: Problem,
}

impl ClaimedSender {
    fn host_digest(&self) -> String {
        super::host::digest(&self.site, &self.host)
    }
}

impl Writing {
    /// What was said when this sender was rejected for this host, and the trouble that it was in; none when it was not.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn rejected_sender(
        &mut self,
        (site, name): (&str, &str),
        key: Option<Hash>,
    ) -> Result<Option<(Problem, String)>, StoreError> {
        let row: Option<(String, String)> =
            sqlx::query_as("SELECT problem, told FROM rejected_sender WHERE host = ? AND digest = ?")
                .bind(super::host::digest(site, name))
                .bind(key.map_or_else(String::new, |key| key.to_string()))
                .fetch_optional(self.connection())
                .await?;
        Ok(row.and_then(|(problem, told)| Some((Problem::named(&problem)?, told))))
    }

    /// Which hosts of these sites and names anybody was rejected for.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn rejected_for<'a>(
        &mut self,
        hosts: &[(&'a str, &'a str)],
    ) -> Result<HashSet<(&'a str, &'a str)>, StoreError> {
        if hosts.is_empty() {
            return Ok(HashSet::new());
        }
        let by_digest: HashMap<String, (&str, &str)> =
            hosts.iter().map(|(site, name)| (super::host::digest(site, name), (*site, *name))).collect();
        let sql =
            format!("SELECT DISTINCT host FROM rejected_sender WHERE host IN {}", rows_of_binds(1, by_digest.len()));
        let mut query = sqlx::query_as::<_, (String,)>(AssertSqlSafe(sql));
        for digest in by_digest.keys() {
            query = query.bind(digest.as_str());
        }
        let rows = query.fetch_all(self.connection()).await?;
        Ok(rows.iter().filter_map(|(digest,)| by_digest.get(digest).copied()).collect())
    }

    /// Remembers that these senders are rejected, with what was said.
    ///
    /// # Errors
    /// [`StoreError`]; a conflict when somebody else rejects one of them at the same time.
    pub async fn reject_senders(&mut self, senders: &[ClaimedSender], told: &str) -> Result<(), StoreError> {
        self.forgive_senders(senders).await?;
        for rows in senders.chunks(ROWS_PER_STATEMENT) {
            let sql = format!(
                "INSERT INTO rejected_sender (host, digest, problem, told) VALUES {}",
                rows_of_binds(rows.len(), 4)
            );
            let mut query = sqlx::query(AssertSqlSafe(sql));
            for sender in rows {
                query =
                    query.bind(sender.host_digest()).bind(sender.key.as_str()).bind(sender.problem.as_str()).bind(told);
            }
            query.execute(self.connection()).await?;
        }
        Ok(())
    }

    /// Takes rejections back: what these senders send next is judged as if nobody had decided.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn forgive_senders(&mut self, senders: &[ClaimedSender]) -> Result<(), StoreError> {
        for rows in senders.chunks(ROWS_PER_STATEMENT) {
            let each = vec!["(host = ? AND digest = ?)"; rows.len()].join(" OR ");
            let mut query = sqlx::query(AssertSqlSafe(format!("DELETE FROM rejected_sender WHERE {each}")));
            for sender in rows {
                query = query.bind(sender.host_digest()).bind(sender.key.as_str());
            }
            query.execute(self.connection()).await?;
        }
        Ok(())
    }

    /// The senders of the reports that a filter lets through and that are in doubt about who sent them.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn doubted_senders(&mut self, filter: &InboxFilter) -> Result<Vec<ClaimedSender>, StoreError> {
        let (condition, texts, before) = filter.condition(&Scope::All);
        let sql = format!("SELECT DISTINCT site, host, sender, problem FROM inbox WHERE host <> '' AND {condition}");
        let mut query = sqlx::query_as::<_, (String, String, String, String)>(AssertSqlSafe(sql));
        for text in &texts {
            query = query.bind(text.as_str());
        }
        if let Some(before) = before {
            query = query.bind(before);
        }
        let rows = query.fetch_all(self.connection()).await?;
        let sender = |(site, host, key, problem): (String, String, String, String)| {
            let problem = Problem::named(&problem).filter(|problem| problem.is_doubt())?;
            Some(ClaimedSender { site, host, key, problem })
        };
        Ok(rows.into_iter().filter_map(sender).collect())
    }
}
