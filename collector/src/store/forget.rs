//! Takes everything out that is known of a host, or of a whole site, a batch at a time: reports go on arriving meanwhile.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use sqlx::any::AnyArguments;
use sqlx::query::Query;
use sqlx::{Any, AssertSqlSafe};

use super::{ROWS_PER_STATEMENT, Store, StoreError, Writing, host, persisting, rows_of_binds, unless_silent};
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
    /// lines and package versions; a report that is opened meanwhile goes as well or begins anew, with its host's history.
    ///
    /// # Errors
    /// [`StoreError`]; what was deleted before is gone, and the same again deletes the rest.
    pub async fn forget(&self, whose: Whose<'_>, deed: &Deed<'_>) -> Result<Forgotten, StoreError> {
        let mut gone = Forgotten::default();
        let mut noted = false;
        for step in [Step::Reports, Step::Hosts, Step::Senders, Step::Exceptions] {
            // What comes later is not run after: whoever reports all the time would never have gone. Of the hosts it is asked
            // when their reports have gone, so that none is left whose reports went.
            let last = self.last_of(whose, step).await?;
            let mut after = 0;
            loop {
                let deed = (!noted).then_some(deed);
                let some = |most| self.forget_some(whose, Batch { step, after, last, most }, deed);
                let Some((went, to)) = unless_silent(SILENCE, persisting(step.most(), some)).await? else { break };
                noted = true;
                gone += went;
                after = to;
            }
        }
        Ok(gone)
    }

    /// The highest id among what is to go.
    async fn last_of(&self, whose: Whose<'_>, step: Step) -> Result<i64, StoreError> {
        let (table, name) = match step {
            Step::Reports => ("inbox", "host"),
            Step::Hosts => ("host", "name"),
            Step::Senders | Step::Exceptions => return Ok(i64::MAX),
        };
        let sql = format!("SELECT MAX(id) FROM {table} WHERE {}", whose.condition(name));
        let (last,): (Option<i64>,) = whose.bound_as(&sql).fetch_one(&self.pool).await?;
        Ok(last.unwrap_or_default())
    }

    /// Deletes a batch, and gives after which id to go on; none when nothing is left of the kind.
    async fn forget_some(
        &self,
        whose: Whose<'_>,
        batch: Batch,
        deed: Option<&Deed<'_>>,
    ) -> Result<Option<(Forgotten, i64)>, StoreError> {
        let mut writing = self.begin().await?;
        writing.take_turn().await?;
        let went = match batch.step {
            Step::Reports => writing.forget_reports(whose, batch).await?,
            Step::Hosts => writing.forget_hosts(whose, batch).await?,
            Step::Senders => writing.forget_senders(whose, batch).await?.map(|went| (went, 0)),
            Step::Exceptions => writing.forget_exceptions(whose).await?.map(|went| (went, 0)),
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

impl Step {
    /// How many of them leave in one transaction.
    fn most(self) -> i64 {
        match self {
            Step::Hosts => HOSTS,
            Step::Reports | Step::Senders | Step::Exceptions => REPORTS,
        }
    }
}

/// What goes in one transaction: at most so many of a kind, by their ids.
#[derive(Debug, Clone, Copy)]
struct Batch {
    step: Step,
    after: i64,
    last: i64,
    most: i64,
}

impl Batch {
    /// The end of a SELECT of it.
    fn end(self) -> String {
        let Batch { after, last, most, .. } = self;
        format!("id > {after} AND id <= {last} ORDER BY id LIMIT {most}")
    }
}

impl Writing {
    async fn forget_reports(&mut self, whose: Whose<'_>, batch: Batch) -> Result<Option<(Forgotten, i64)>, StoreError> {
        let sql = format!("SELECT id, site, host FROM inbox WHERE {} AND {}", whose.condition("host"), batch.end());
        let rows: Vec<(i64, String, String)> = whose.bound_as(&sql).fetch_all(self.connection()).await?;
        let Some((last, _, _)) = rows.last() else { return Ok(None) };
        let ids: Vec<i64> = rows.iter().map(|(id, _, _)| *id).collect();
        let reports = self.delete_ids("inbox", "id", &ids).await?;
        let named: BTreeSet<String> = rows.iter().map(|(_, site, name)| host::digest(site, name)).collect();
        self.forget_rejections(&named.into_iter().collect::<Vec<_>>()).await?;
        Ok(Some((Forgotten { reports, ..Forgotten::default() }, *last)))
    }

    async fn forget_hosts(&mut self, whose: Whose<'_>, batch: Batch) -> Result<Option<(Forgotten, i64)>, StoreError> {
        let sql = format!(
            "SELECT id, digest, site, name, (SELECT site.id FROM site WHERE site.name = host.site) FROM host \
             WHERE {} AND {}{}",
            whose.condition("name"),
            batch.end(),
            self.dialect.for_update()
        );
        let rows: Vec<(i64, String, String, String, i64)> = whose.bound_as(&sql).fetch_all(self.connection()).await?;
        let Some((last, ..)) = rows.last() else { return Ok(None) };
        let ids: Vec<i64> = rows.iter().map(|(id, ..)| *id).collect();
        let pasts = self.pasts(&ids).await?;
        let mut counts: BTreeMap<(i64, i64, i64, i64), i64> = BTreeMap::new();
        for (id, .., site) in &rows {
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
        // Those that were opened since its reports went: history and reports are there together or not at all.
        let names: Vec<(&str, &str)> =
            rows.iter().map(|(_, _, site, name, _)| (site.as_str(), name.as_str())).collect();
        let reports = self.delete_reports_of(&names).await?;
        let digests: Vec<String> = rows.iter().map(|(_, digest, ..)| digest.clone()).collect();
        let keys = self.delete_digests("sender", &digests).await?;
        self.forget_rejections(&digests).await?;
        Ok(Some((Forgotten { hosts, states, reports, keys, ..Forgotten::default() }, *last)))
    }

    /// Keys of hosts that have no history, and the rejections of a host that nothing else is known of: whoever began anew
    /// meanwhile keeps its own.
    async fn forget_senders(&mut self, whose: Whose<'_>, batch: Batch) -> Result<Option<Forgotten>, StoreError> {
        let sql = format!(
            "SELECT host FROM sender WHERE {} AND NOT EXISTS (SELECT 1 FROM host WHERE host.digest = sender.host) LIMIT {}",
            whose.condition("name"),
            batch.most
        );
        let rows: Vec<(String,)> = whose.bound_as(&sql).fetch_all(self.connection()).await?;
        let mut digests: Vec<String> = rows.into_iter().map(|(digest,)| digest).collect();
        let keys = self.delete_digests("sender", &digests).await?;
        if let Whose::Host { site, name } = whose
            && self.hosts_among(&[(site, name)]).await?.is_empty()
        {
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

    async fn delete_reports_of(&mut self, hosts: &[(&str, &str)]) -> Result<u64, StoreError> {
        let each = vec!["(site = ? AND host = ?)"; hosts.len()].join(" OR ");
        let mut query = sqlx::query_as::<_, (i64,)>(AssertSqlSafe(format!("SELECT id FROM inbox WHERE {each}")));
        for (site, name) in hosts {
            query = query.bind(*site).bind(*name);
        }
        let ids: Vec<i64> = query.fetch_all(self.connection()).await?.into_iter().map(|(id,)| id).collect();
        let mut reports = 0;
        for ids in ids.chunks(ROWS_PER_STATEMENT) {
            reports += self.delete_ids("inbox", "id", ids).await?;
        }
        Ok(reports)
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
