//! Hosts counted by site and state, now and at the end of any day; a site is read again only when it had news.

use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sqlx::AssertSqlSafe;

use super::{Store, StoreError, Writing, rows_of_binds, scope_condition};
use crate::access::Scope;

/// Hosts of a site that are in the same state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostGroup {
    /// The site.
    pub site: String,
    /// Id of the package list.
    pub list: i64,
    /// Id of the header lines.
    pub facts: i64,
    /// How many hosts.
    pub hosts: i64,
    /// How many of them had no news since the time that was asked for; none on a past day, whose news are not counted.
    pub stale: i64,
    /// How many of those had news in the day (86,400 seconds) before that time: they fell silent within the last day.
    pub newly_stale: i64,
    /// The newest report of any of them, unix seconds; 0 on a past day.
    pub last_news: i64,
}

impl HostGroup {
    /// A group of a past day, of which nobody asks how old its news were.
    pub(crate) fn of_the_past(site: String, list: i64, facts: i64, hosts: i64) -> Self {
        HostGroup { site, list, facts, hosts, stale: 0, newly_stale: 0, last_news: 0 }
    }
}

/// The hosts of a site as they were read once, now or on a day: whoever kept what follows from them need not read them again
/// while they are the same, by their address.
#[derive(Debug, PartialEq, Eq)]
pub struct SiteGroups {
    /// Id of the site.
    pub id: i64,
    /// Its name.
    pub site: String,
    /// The day (UTC, since 1970-01-01) at whose end it was so; none: it is so now.
    pub day: Option<i64>,
    /// Its hosts; none when none is known.
    pub groups: Vec<HostGroup>,
}

/// What was read of sites, and until which news it holds.
#[derive(Debug, Default)]
pub(super) struct Known {
    present: Mutex<HashMap<i64, KnownSite>>,
    days: Mutex<HashMap<i64, HashMap<i64, KnownSite>>>,
}

#[derive(Debug)]
struct KnownSite {
    /// `site.news` before its hosts were read.
    news: i64,
    /// Any of these as the time from which on news are recent gives the same numbers.
    recent_from: RangeInclusive<i64>,
    hosts: Arc<SiteGroups>,
}

/// Past days that are kept: yesterday, and those that people turn pages of.
const DAYS: usize = 32;

/// Groups of all those days that are kept, a hundred bytes each; a grid of 100,000 hosts has some 5,000 on each.
const GROUPS: usize = 400_000;

/// Seconds in a day.
const DAY: i64 = 86_400;

/// Site, list, facts, hosts, stale ones, newest report, the oldest that is recent, newly stale ones, and the oldest report
/// that was recent a day before.
type PresentRow = (i64, i64, i64, i64, i64, i64, Option<i64>, i64, Option<i64>);

/// A site as it is now: id, name and news.
type Site = (i64, String, i64);

impl Writing {
    /// Lets everybody know that what they have read of some sites holds no longer; the last thing in a transaction, since
    /// others wait for these rows.
    pub(super) async fn tell_news(&mut self) -> Result<(), StoreError> {
        let sites = std::mem::take(&mut self.sites_with_news);
        if sites.is_empty() {
            return Ok(());
        }
        let sql = format!("UPDATE site SET news = news + 1 WHERE id IN {}", rows_of_binds(1, sites.len()));
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for site in sites {
            query = query.bind(site);
        }
        query.execute(self.connection()).await?;
        Ok(())
    }
}

impl Store {
    /// The hosts that may be seen, grouped by site and state; `stale_before` is in unix seconds.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn present_groups(&self, scope: &Scope, stale_before: i64) -> Result<Vec<HostGroup>, StoreError> {
        Ok(together(&self.present_sites(scope, stale_before).await?))
    }

    /// The hosts that may be seen as they were at the end of a day (UTC, since 1970-01-01), grouped by site and state.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn groups_on(&self, scope: &Scope, day: i64) -> Result<Vec<HostGroup>, StoreError> {
        Ok(together(&self.sites_on(scope, day).await?))
    }

    /// The same as [`Store::present_groups`], by site.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn present_sites(&self, scope: &Scope, stale_before: i64) -> Result<Vec<Arc<SiteGroups>>, StoreError> {
        let sites = self.sites_with_news(scope).await?;
        let (mut found, missing) = known_of(&locked(&self.groups.present), &sites, stale_before);
        if missing.is_empty() {
            return Ok(found);
        }
        // Grouped in the order of the index: nothing is sorted.
        let sql = format!(
            "SELECT site, list, facts, COUNT(*), COUNT(CASE WHEN last_news < ? THEN 1 END), MAX(last_news), \
             MIN(CASE WHEN last_news >= ? THEN last_news END), COUNT(CASE WHEN last_news < ? AND last_news >= ? THEN 1 END), \
             MIN(CASE WHEN last_news >= ? THEN last_news END) FROM host_now WHERE {} GROUP BY site, list, facts",
            of_sites(scope, &sites, &missing)
        );
        let mut query = sqlx::query_as::<_, PresentRow>(AssertSqlSafe(sql));
        let day_before = stale_before.saturating_sub(DAY);
        for time in [stale_before, stale_before, stale_before, day_before, day_before] {
            query = query.bind(time);
        }
        for id in bound(scope, &sites, &missing) {
            query = query.bind(id);
        }
        let rows = query.fetch_all(&self.pool).await?;
        let mut fresh = unread(&missing);
        for (site, list, facts, hosts, stale, last_news, next_stale, newly_stale, next_old) in rows {
            // A site that came meanwhile is read next time.
            let Some(read) = fresh.get_mut(&site) else { continue };
            // Until the next host falls silent, or the next one has been so for a day.
            read.holds_until = read
                .holds_until
                .min(next_stale.unwrap_or(i64::MAX))
                .min(next_old.unwrap_or(i64::MAX).saturating_add(DAY));
            let site = read.site.1.clone();
            read.groups.push(HostGroup { site, list, facts, hosts, stale, newly_stale, last_news });
        }
        let mut known = locked(&self.groups.present);
        for (id, read) in fresh {
            let site = read.known(None, |until| stale_before..=until);
            found.push(Arc::clone(&site.hosts));
            known.insert(id, site);
        }
        Ok(found)
    }

    /// The same as [`Store::groups_on`], by site.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn sites_on(&self, scope: &Scope, day: i64) -> Result<Vec<Arc<SiteGroups>>, StoreError> {
        let sites = self.sites_with_news(scope).await?;
        let (mut found, missing) = known_of(day_of(&mut locked(&self.groups.days), day), &sites, 0);
        if missing.is_empty() {
            return Ok(found);
        }
        let of_sites = of_sites(scope, &sites, &missing);
        let sql = if missing.len() == sites.len() {
            // In the order of the key: nothing is sorted.
            format!(
                "SELECT site, list, facts, {} FROM host_count WHERE day <= ? AND {of_sites} \
                 GROUP BY list, facts, site HAVING SUM(hosts) > 0",
                self.dialect.sum("hosts")
            )
        } else {
            // Of a few sites the present without what came after is sooner read than every site's past.
            format!(
                "SELECT site, list, facts, {} FROM \
                 (SELECT site, list, facts, -hosts AS hosts FROM host_count WHERE day > ? AND {of_sites} \
                 UNION ALL SELECT site, list, facts, COUNT(*) FROM host_now WHERE {of_sites} GROUP BY site, list, facts) \
                 AS ended GROUP BY site, list, facts HAVING SUM(hosts) > 0",
                self.dialect.sum("hosts")
            )
        };
        let mut query = sqlx::query_as::<_, (i64, i64, i64, i64)>(AssertSqlSafe(sql)).bind(day);
        let times = if missing.len() == sites.len() { 1 } else { 2 };
        for _ in 0..times {
            for id in bound(scope, &sites, &missing) {
                query = query.bind(id);
            }
        }
        let rows = query.fetch_all(&self.pool).await?;
        let mut fresh = unread(&missing);
        for (site, list, facts, hosts) in rows {
            let Some(read) = fresh.get_mut(&site) else { continue };
            read.groups.push(HostGroup::of_the_past(read.site.1.clone(), list, facts, hosts));
        }
        let mut days = locked(&self.groups.days);
        let known = day_of(&mut days, day);
        for (id, read) in fresh {
            let site = read.known(Some(day), |_| 0..=0);
            found.push(Arc::clone(&site.hosts));
            known.insert(id, site);
        }
        Ok(found)
    }

    /// The sites that may be seen. Asked before their hosts are: what comes between makes them be read again.
    async fn sites_with_news(&self, scope: &Scope) -> Result<Vec<Site>, StoreError> {
        let sql = format!("SELECT id, name, news FROM site WHERE {}", scope_condition("name", scope));
        let mut query = sqlx::query_as::<_, Site>(AssertSqlSafe(sql));
        for site in scope.sites() {
            query = query.bind(site);
        }
        Ok(query.fetch_all(&self.pool).await?)
    }
}

/// The hosts of all sites.
fn together(sites: &[Arc<SiteGroups>]) -> Vec<HostGroup> {
    sites.iter().flat_map(|site| &site.groups).cloned().collect()
}

/// What is known of `sites`, and those that have to be read.
fn known_of<'a>(
    known: &HashMap<i64, KnownSite>,
    sites: &'a [Site],
    recent_from: i64,
) -> (Vec<Arc<SiteGroups>>, Vec<&'a Site>) {
    let (mut found, mut missing) = (Vec::with_capacity(sites.len()), Vec::new());
    for site in sites {
        let holds = |known: &&KnownSite| known.news == site.2 && known.recent_from.contains(&recent_from);
        match known.get(&site.0).filter(holds) {
            Some(known) => found.push(Arc::clone(&known.hosts)),
            None => missing.push(site),
        }
    }
    (found, missing)
}

/// A site while its hosts are read.
struct ReadSite<'a> {
    site: &'a Site,
    groups: Vec<HostGroup>,
    /// Until when its hosts are as recent as they are.
    holds_until: i64,
}

impl ReadSite<'_> {
    fn known(self, day: Option<i64>, recent_from: impl FnOnce(i64) -> RangeInclusive<i64>) -> KnownSite {
        let (id, name, news) = self.site;
        let hosts = Arc::new(SiteGroups { id: *id, site: name.clone(), day, groups: self.groups });
        KnownSite { news: *news, recent_from: recent_from(self.holds_until), hosts }
    }
}

/// A place for each site that is to be read, also for one without hosts.
fn unread<'a>(missing: &[&'a Site]) -> HashMap<i64, ReadSite<'a>> {
    missing.iter().map(|site| (site.0, ReadSite { site, groups: Vec::new(), holds_until: i64::MAX })).collect()
}

/// What is known of a day.
fn day_of(days: &mut HashMap<i64, HashMap<i64, KnownSite>>, day: i64) -> &mut HashMap<i64, KnownSite> {
    // Forgets everything rather than growing for ever: what is needed is read again.
    if !days.contains_key(&day) && (days.len() >= DAYS || groups_of(days) >= GROUPS) {
        days.clear();
    }
    days.entry(day).or_default()
}

fn groups_of(days: &HashMap<i64, HashMap<i64, KnownSite>>) -> usize {
    days.values().flat_map(HashMap::values).map(|site| site.hosts.groups.len()).sum()
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A condition on a column `site`, with the binds that [`bound`] gives.
fn of_sites(scope: &Scope, sites: &[Site], missing: &[&Site]) -> String {
    match bound(scope, sites, missing).count() {
        0 => "1 = 1".to_owned(),
        some => format!("site IN {}", rows_of_binds(1, some)),
    }
}

/// The ids to ask for; none when every site is.
fn bound(scope: &Scope, sites: &[Site], missing: &[&Site]) -> impl Iterator<Item = i64> {
    let every = *scope == Scope::All && missing.len() == sites.len();
    missing.iter().filter(move |_| !every).map(|site| site.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_days_are_kept_and_fewer_where_hosts_have_little_in_common() {
        let site = |groups: usize| {
            let groups = vec![HostGroup::of_the_past("A".to_owned(), 1, 1, 1); groups];
            let hosts = Arc::new(SiteGroups { id: 1, site: "A".to_owned(), day: Some(1), groups });
            KnownSite { news: 0, recent_from: 0..=0, hosts }
        };
        let kept = |groups: usize| {
            let mut days = HashMap::new();
            let most = (0..100).map(|day| {
                day_of(&mut days, day).insert(1, site(groups));
                assert!(days[&day][&1].hosts.groups.len() == groups && groups_of(&days) < GROUPS + groups);
                days.len()
            });
            most.max().unwrap()
        };
        assert_eq!((kept(10), kept(100_000), kept(GROUPS)), (DAYS, 4, 1));
    }
}
