//! Hosts page by page, filtered, and packages found on them: what looking at every host gives, on both databases.

use jiff::Timestamp;
use report::os::short_name;
use report::package::Package;
use wlcg_acceptance::programs::Deployment;
use wlcg_package_collector::access::Scope;
use wlcg_package_collector::answers::compare;
use wlcg_package_collector::answers::find::{self, FoundPage};
use wlcg_package_collector::answers::host_list;
use wlcg_package_collector::answers::judge::Judge;
use wlcg_package_collector::answers::select::HostsAsked;
use wlcg_package_collector::compare::State;
use wlcg_package_collector::query::{PackageQuery, matches_pattern};
use wlcg_package_collector::store::Store;

use super::matrix::{DAY, FIRST, Random, STALE_AFTER_DAYS, import, reports};

on_both_databases!(pages_join_to_the_whole, found_is_what_the_lists_hold, learnt_of_is_when_it_came);

fn run(story: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(story);
}

async fn filled(deployment: &Deployment) -> Store {
    let store = Store::open(&deployment.database).await.unwrap();
    reports(&store, &mut Random(11), 90).await;
    import(&store, FIRST, 1).await;
    store
}

fn scopes() -> [Scope; 3] {
    [
        Scope::All,
        Scope::Sites(["B".to_owned(), "C".to_owned(), "D".to_owned()].into()),
        Scope::Sites(Default::default()),
    ]
}

fn filters() -> Vec<HostsAsked> {
    let none = HostsAsked::default();
    let mut filters = vec![
        none.clone(),
        HostsAsked { site: Some("B".to_owned()), ..none.clone() },
        HostsAsked { site: Some("A' OR '1'='1".to_owned()), ..none.clone() },
        HostsAsked { os: Some("el9".to_owned()), ..none.clone() },
        HostsAsked { tag: Some(String::new()), ..none.clone() },
        HostsAsked { tag: Some("x".to_owned()), ..none.clone() },
        HostsAsked { stale: Some(true), ..none.clone() },
        HostsAsked { stale: Some(false), os: Some("el7".to_owned()), ..none.clone() },
        HostsAsked { product: Some("xrootd".to_owned()), ..none.clone() },
        HostsAsked { product: Some("xrootd".to_owned()), state: Some(State::Unknown), ..none.clone() },
        HostsAsked { product: Some("kernel".to_owned()), state: Some(State::Behind), ..none.clone() },
    ];
    filters.extend(State::ALL.map(|state| HostsAsked { state: Some(state), ..none.clone() }));
    filters.extend(
        ["a1", "?1", "c*", "*2", "C*", "%", "_1", "*"]
            .map(|name| HostsAsked { name: Some(name.to_owned()), ..none.clone() }),
    );
    filters
}

/// The hosts that a filter lets through with their states, from the comparison of every host.
async fn expected(store: &Store, scope: &Scope, asked: &HostsAsked, at: Timestamp) -> Vec<(String, String, State)> {
    let compared = compare::at(store, &Judge::default(), scope, at, None, STALE_AFTER_DAYS).await.unwrap();
    let stale_before = at.as_second() - i64::from(STALE_AFTER_DAYS) * DAY;
    let mut hosts = Vec::new();
    for found in compared.hosts {
        let of_product = found
            .products
            .iter()
            .filter(|found| asked.product.as_ref().is_none_or(|product| *product == found.product));
        let worst = of_product.map(|found| found.verdict.state).max();
        if asked.product.is_some() && worst.is_none() {
            continue;
        }
        let stale = found.host.state.last_news < stale_before;
        let state = worst.unwrap_or(State::Unknown);
        assert!(!stale || state == State::Unknown);
        let takes = asked.site.as_ref().is_none_or(|site| *site == found.host.state.site)
            && asked.os.as_deref().is_none_or(|os| short_name(&found.host.system).as_deref() == Some(os))
            && asked.tag.as_ref().is_none_or(|tag| *tag == found.host.tag)
            && asked.stale.is_none_or(|asked| asked == stale)
            && asked.state.is_none_or(|asked| asked == state)
            && asked.name.as_ref().is_none_or(|name| matches_pattern(name, &found.host.state.name));
        if takes {
            hosts.push((found.host.state.site, found.host.state.name, state));
        }
    }
    hosts.sort();
    hosts
}

fn pages_join_to_the_whole(deployment: &Deployment) {
    run(async {
        let store = filled(deployment).await;
        let judge = Judge::default();
        let now = Timestamp::from_second(8 * DAY).unwrap();
        let mut shown = 0;
        for scope in scopes() {
            for asked in filters() {
                for at in [None, Some(5 * DAY + 7), Some(5 * DAY - 1)] {
                    let at = at.map(|at| Timestamp::from_second(at).unwrap());
                    let whole = expected(&store, &scope, &asked, at.unwrap_or(now)).await;
                    for limit in [1, 3, 100] {
                        let mut told = Vec::new();
                        let mut after = None;
                        loop {
                            let page = host_list::page(
                                &store,
                                &judge,
                                &scope,
                                (&asked, at),
                                (after.as_ref(), limit),
                                (now, STALE_AFTER_DAYS),
                            )
                            .await
                            .unwrap();
                            assert!(page.items.len() <= limit);
                            if let Some(hosts) = page.hosts {
                                assert_eq!(hosts, i64::try_from(whole.len()).unwrap(), "{asked:?}");
                            }
                            told.extend(page.items.into_iter().map(|line| (line.site, line.name, line.state)));
                            match page.next {
                                Some(next) => after = Some(next),
                                None => break,
                            }
                        }
                        assert_eq!(told, whole, "{scope:?} {asked:?} {at:?} {limit}");
                    }
                    shown += whole.len();
                }
            }
        }
        assert!(shown > 200, "{shown}");
    });
}

fn found_is_what_the_lists_hold(deployment: &Deployment) {
    run(async {
        let store = filled(deployment).await;
        let judge = Judge::default();
        let now = Timestamp::from_second(8 * DAY).unwrap();
        let mut shown = 0;
        for question in
            ["xrootd-server", "xrootd-server < 3", "xrootd-* >= 2", "*", "bash != 1", "no-such", "kernel = 9"]
        {
            let question = PackageQuery::parse(question).unwrap();
            for scope in scopes() {
                for at in [None, Some(4 * DAY + 7), Some(4 * DAY - 1)] {
                    let at = at.map(|at| Timestamp::from_second(at).unwrap());
                    let mut whole = Vec::new();
                    for host in store.hosts_at(&scope, at.unwrap_or(now).as_second()).await.unwrap() {
                        let packages = store.packages(&store.list(host.list).await.unwrap()).await.unwrap();
                        let matches = |package: &Package<'_>| {
                            question.matches_name(&package.name)
                                && question.matches_version(package.packager, &package.version)
                        };
                        let found = packages.into_values().filter(matches);
                        whole.extend(found.map(|package| (host.site.clone(), host.name.clone(), package)));
                    }
                    whole.sort();
                    for limit in [1, 20, 1000] {
                        let mut told = Vec::new();
                        let mut after = None;
                        loop {
                            let asked = HostsAsked::default();
                            let FoundPage { page, by_site } = find::page(
                                &store,
                                &judge,
                                &scope,
                                (&question, &asked, at),
                                (after.as_ref(), limit),
                                (now, STALE_AFTER_DAYS),
                            )
                            .await
                            .unwrap();
                            let mut hosts: Vec<_> = whole.iter().map(|(site, host, _)| (site, host)).collect();
                            hosts.dedup();
                            assert_eq!(page.hosts, i64::try_from(hosts.len()).ok());
                            for (site, number) in &by_site {
                                let at_site = hosts.iter().filter(|(of, _)| *of == site).count();
                                assert_eq!(i64::try_from(at_site).ok(), Some(*number), "{site}");
                            }
                            assert_eq!(page.hosts, Some(by_site.values().sum()));
                            told.extend(page.items.into_iter().map(|found| (found.site, found.host, found.package)));
                            match page.next {
                                Some(next) => after = Some(next),
                                None => break,
                            }
                        }
                        assert_eq!(told, whole, "{scope:?} {question:?} {at:?} {limit}");
                    }
                    shown += whole.len();
                }
            }
        }
        assert!(shown > 200, "{shown}");
    });
}

fn learnt_of_is_when_it_came(deployment: &Deployment) {
    run(async {
        let store = Store::open(&deployment.database).await.unwrap();
        let judge = Judge::default();
        let report = async |time: i64, version: usize, received: i64| {
            super::matrix::report(&store, ("A", "a1"), (time, received), super::matrix::FACTS[0], &[("bash", version)])
                .await;
        };
        let changed = async |since: i64| {
            let asked = HostsAsked { changed_since: Timestamp::from_second(since).ok(), ..HostsAsked::default() };
            let now = Timestamp::from_second(8 * DAY).unwrap();
            let page =
                host_list::page(&store, &judge, &Scope::All, (&asked, None), (None, 9), (now, STALE_AFTER_DAYS)).await;
            page.unwrap().items.len() == 1
        };
        report(1000, 1, 1100).await;
        assert!(changed(1100).await && !changed(1101).await);
        // The same again is no news.
        report(2000, 1, 2100).await;
        assert!(!changed(1101).await);
        // A change that waited in a spool is learnt of when it comes, not when it happened.
        report(3000, 2, 9000).await;
        assert!(changed(9000).await && !changed(9001).await);
        // A report from before changes the past alone.
        report(1500, 3, 9900).await;
        assert!(!changed(9001).await);
    });
}
