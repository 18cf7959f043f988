//! Takes everything out that is known of a host, or of a whole site, a batch at a time: reports go on arriving meanwhile.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use sqlx::any::AnyArguments;
use sqlx::query::Query;
use sqlx::{Any, AssertSqlSafe};

use super::{ROWS_PER_STATEMENT, Store, StoreError, Writing, host, retrying, rows_of_binds, unless_silent};
use crate::access::deed::Deed;
use crate::history;

/// Reports, and hosts, that leave in one transaction.
const REPORTS: i64 = 250;
const HOSTS: i64 = 50;

/// How long the database may say nothing to one of them.
const SILENCE: Duration = Duration::from_secs(600);

/// Of whom everything goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose<'a> {
    /// One host.
    Host {
        /// Its site.
        site: &'a str,
        /// Its name.
        name: &'a str,
    },
    /// Every host of a site.
    Site(&'a str),
}

/// How much that is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Forgotten {
    /// Hosts with a history.
    pub hosts: u64,
    /// Stored states of theirs.
    pub states: u64,
    /// Reports in the inbox that name them, whatever became of them.
    pub reports: u64,
    /// Keys that they are known by.
    pub keys: u64,
    /// Exceptions of campaigns.
    pub exceptions: u64,
}

impl Store {
    /// How much is known of a host or a site.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn known_of(&self, whose: Whose<'_>) -> Result<Forgotten, StoreError> {
        let count = async |what: &str, name: &str| {
            let sql = format!("SELECT COUNT(*) FROM {what} WHERE {}", whose.condition(name));
            let row: (i64,) = whose.bound_as(&sql).fetch_one(&self.pool).await?;
            Ok::<u64, StoreError>(row.0.unsigned_abs())
        };
        Ok(Forgotten {
            hosts: count("host", "name").await?,
            states: count("host JOIN host_state ON host_state.host = host.id", "name").await?,
            reports: count("inbox", "host").await?,
            keys: count("sender", "name").await?,
            exceptions: count("campaign_exception", "host").await?,
        })
    }

    /// Deletes all of it, and notes the deed with the first that goes. What others have as well stays: package lists, header
    /// lines and package versions; a report that comes afterwards begins anew.
    ///
    /// # Errors
    /// [`StoreError`]; what was deleted before is gone, and the same again deletes the rest.
    pub async fn forget(&self, whose: Whose<'_>, deed: &Deed<'_>) -> Result<Forgotten, StoreError> {
        let mut gone = Forgotten::default();
        let mut noted = false;
        for step in [Step::Reports, Step::Hosts, Step::Senders, Step::Exceptions] {
            loop {
                let deed = (!noted).then_some(deed);
                let went = unless_silent(SILENCE, retrying(|| self.forget_some(whose, step, deed))).await?;
                let Some(went) = went else { break };
                noted = true;
                gone += went;
            }
        }
        Ok(gone)
    }

    /// Deletes a batch; none when nothing is left of the kind.
    async fn forget_some(
        &self,
        whose: Whose<'_>,
        step: Step,
        deed: Option<&Deed<'_>>,
    ) -> Result<Option<Forgotten>, StoreError> {
        let mut writing = self.begin().await?;
        writing.take_turn().await?;
        let went = match step {
            Step::Reports => writing.forget_reports(whose).await?,
            Step::Hosts => writing.forget_hosts(whose).await?,
            Step::Senders => writing.forget_senders(whose).await?,
            Step::Exceptions => writing.forget_exceptions(whose).await?,
        };
        if went.is_some() {
            if let Some(deed) = deed {
                writing.audit(deed).await?;
            }
            writing.commit().await?;
        }
        Ok(went)
    }
}

/// What goes one after the other.
#[derive(Debug, Clone, Copy)]
enum Step {
    Reports,
    Hosts,
    Senders,
    Exceptions,
}

impl Writing {
    async fn forget_reports(&mut self, whose: Whose<'_>) -> Result<Option<Forgotten>, StoreError> {
        let sql =
            format!("SELECT id, site, host FROM inbox WHERE {} ORDER BY id LIMIT {REPORTS}", whose.condition("host"));
        let rows: Vec<(i64, String, String)> = whose.bound_as(&sql).fetch_all(self.connection()).await?;
        if rows.is_empty() {
            return Ok(None);
        }
        let ids: Vec<i64> = rows.iter().map(|(id, _, _)| *id).collect();
        let reports = self.delete_ids("inbox", "id", &ids).await?;
        let named: BTreeSet<String> = rows.iter().map(|(_, site, name)| host::digest(site, name)).collect();
        self.forget_rejections(&named.into_iter().collect::<Vec<_>>()).await?;
        Ok(Some(Forgotten { reports, ..Forgotten::default() }))
    }

    async fn forget_hosts(&mut self, whose: Whose<'_>) -> Result<Option<Forgotten>, StoreError> {
        let sql = format!(
            "SELECT id, digest, (SELECT site.id FROM site WHERE site.name = host.site) FROM host WHERE {} \
             ORDER BY id LIMIT {HOSTS}{}",
            whose.condition("name"),
            self.dialect.for_update()
        );
        let rows: Vec<(i64, String, i64)> = whose.bound_as(&sql).fetch_all(self.connection()).await?;
        if rows.is_empty() {
            return Ok(None);
        }
        let ids: Vec<i64> = rows.iter().map(|(id, _, _)| *id).collect();
        let pasts = self.pasts(&ids).await?;
        let mut counts: BTreeMap<(i64, i64, i64, i64), i64> = BTreeMap::new();
        for (id, _, site) in &rows {
            self.sites_with_news.insert(*site);
            for ((list, facts, day), hosts) in history::counts(pasts.get(id).map_or(&[], Vec::as_slice)) {
                *counts.entry((list, facts, *site, day)).or_default() -= hosts;
            }
        }
        self.add_to_counts(&counts).await?;
        self.drop_empty_counts(&counts).await?;
        let states = self.delete_ids("host_state", "host", &ids).await?;
        self.delete_ids("host_now", "host", &ids).await?;
        let hosts = self.delete_ids("host", "id", &ids).await?;
        let digests: Vec<String> = rows.into_iter().map(|(_, digest, _)| digest).collect();
        let keys = self.delete_digests("sender", &digests).await?;
        self.forget_rejections(&digests).await?;
        Ok(Some(Forgotten { hosts, states, keys, ..Forgotten::default() }))
    }

    /// Keys of hosts that have no history, and the rejections of a host that nothing else is known of.
    async fn forget_senders(&mut self, whose: Whose<'_>) -> Result<Option<Forgotten>, StoreError> {
        let sql = format!("SELECT host FROM sender WHERE {} LIMIT {REPORTS}", whose.condition("name"));
        let rows: Vec<(String,)> = whose.bound_as(&sql).fetch_all(self.connection()).await?;
        let mut digests: Vec<String> = rows.into_iter().map(|(digest,)| digest).collect();
        let keys = self.delete_digests("sender", &digests).await?;
        if let Whose::Host { site, name } = whose {
            digests.push(host::digest(site, name));
        }
        let rejections = self.forget_rejections(&digests).await?;
        Ok((keys + rejections > 0).then_some(Forgotten { keys, ..Forgotten::default() }))
    }

    async fn forget_exceptions(&mut self, whose: Whose<'_>) -> Result<Option<Forgotten>, StoreError> {
        let sql = format!("DELETE FROM campaign_exception WHERE {}", whose.condition("host"));
        let exceptions = whose.bound(&sql).execute(self.connection()).await?.rows_affected();
        Ok((exceptions > 0).then_some(Forgotten { exceptions, ..Forgotten::default() }))
    }

    async fn forget_rejections(&mut self, hosts: &[String]) -> Result<u64, StoreError> {
        self.delete_digests("rejected_sender", hosts).await
    }

    /// Takes away those of the counts that count nobody any more.
    pub(super) async fn drop_empty_counts(
        &mut self,
        counts: &BTreeMap<(i64, i64, i64, i64), i64>,
    ) -> Result<(), StoreError> {
        let keys: Vec<_> = counts.keys().collect();
        for keys in keys.chunks(ROWS_PER_STATEMENT) {
            let each = vec!["(list = ? AND facts = ? AND site = ? AND day = ? AND hosts = 0)"; keys.len()].join(" OR ");
            let mut delete = sqlx::query(AssertSqlSafe(format!("DELETE FROM host_count WHERE {each}")));
            for (list, facts, site, day) in keys {
                delete = delete.bind(*list).bind(*facts).bind(*site).bind(*day);
            }
            delete.execute(self.connection()).await?;
        }
        Ok(())
    }

    async fn delete_ids(&mut self, table: &str, column: &str, ids: &[i64]) -> Result<u64, StoreError> {
        let sql = format!("DELETE FROM {table} WHERE {column} IN {}", rows_of_binds(1, ids.len()));
        let mut delete = sqlx::query(AssertSqlSafe(sql));
        for id in ids {
            delete = delete.bind(*id);
        }
        Ok(delete.execute(self.connection()).await?.rows_affected())
    }

    async fn delete_digests(&mut self, table: &str, digests: &[String]) -> Result<u64, StoreError> {
        if digests.is_empty() {
            return Ok(0);
        }
        let sql = format!("DELETE FROM {table} WHERE host IN {}", rows_of_binds(1, digests.len()));
        let mut delete = sqlx::query(AssertSqlSafe(sql));
        for digest in digests {
            delete = delete.bind(digest.as_str());
        }
        Ok(delete.execute(self.connection()).await?.rows_affected())
    }
}

impl<'a> Whose<'a> {
    /// A condition on the columns `site` and `name`, with the binds of [`Whose::texts`].
    fn condition(self, name: &str) -> String {
        match self {
            Whose::Host { .. } => format!("site = ? AND {name} = ?"),
            Whose::Site(_) => "site = ?".to_owned(),
        }
    }

    fn texts(self) -> Vec<&'a str> {
        match self {
            Whose::Host { site, name } => vec![site, name],
            Whose::Site(site) => vec![site],
        }
    }

    fn bound(self, sql: &str) -> Query<'a, Any, AnyArguments> {
        self.texts().into_iter().fold(sqlx::query(AssertSqlSafe(sql.to_owned())), Query::bind)
    }

    fn bound_as<O: for<'r> sqlx::FromRow<'r, sqlx::any::AnyRow>>(
        self,
        sql: &str,
    ) -> sqlx::query::QueryAs<'a, Any, O, AnyArguments> {
        self.texts().into_iter().fold(sqlx::query_as(AssertSqlSafe(sql.to_owned())), sqlx::query::QueryAs::bind)
    }
}

impl fmt::Display for Whose<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Whose::Host { site, name } => write!(f, "host {site}/{name}"),
            Whose::Site(site) => write!(f, "site {site}"),
        }
    }
}

impl fmt::Display for Forgotten {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Forgotten { hosts, states, reports, keys, exceptions } = self;
        write!(f, "hosts {hosts}, states {states}, reports {reports}, keys {keys}, exceptions {exceptions}")
    }
}

impl std::ops::AddAssign for Forgotten {
    fn add_assign(&mut self, more: Self) {
        self.hosts += more.hosts;
        self.states += more.states;
        self.reports += more.reports;
        self.keys += more.keys;
        self.exceptions += more.exceptions;
    }
}
