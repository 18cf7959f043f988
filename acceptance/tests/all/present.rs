//! The present and the counts of each day follow from the states over time, whatever the order of the reports.

use std::collections::{BTreeMap, HashMap, HashSet};

use report::hash::Hash;
use report::package::{Package, Packager};
use wlcg_acceptance::programs::{Deployment, eventually};
use wlcg_package_collector::access::Scope;
use wlcg_package_collector::store::{Arrival, HostGroup, Store};

on_both_databases!(
    follows_from_the_past,
    is_made_for_a_database_without_it,
    spreads_as_the_hosts_say,
    what_was_read_before_is_never_stale,
    an_unchanged_report_is_news,
    packages_lead_to_the_lists_that_hold_them
);

const DAYS: i64 = 6;

/// Reports of five hosts at two sites, in no order, some of them twice.
fn reports() -> Vec<(&'static str, &'static str, i64, i64)> {
    let mut reports = Vec::new();
    let mut random = 1_u64;
    for _ in 0..120 {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let pick = |bits: u32, among: u64| i64::try_from((random >> bits) % among).unwrap();
        let (site, host) =
            [("A", "a1"), ("A", "a2"), ("B", "b1"), ("B", "b2"), ("B", "a1")][usize::try_from(pick(20, 5)).unwrap()];
        reports.push((site, host, pick(30, u64::try_from(DAYS).unwrap() * 86_400), pick(50, 3)));
    }
    reports
}

async fn filled(url: &str) -> Store {
    let store = Store::open(url).await.unwrap();
    for report in reports() {
        add(&store, report).await;
    }
    store
}

async fn add(store: &Store, (site, host, time, version): (&str, &str, i64, i64)) {
    let mut writing = store.begin().await.unwrap();
    let host = writing.host_id(site, host).await.unwrap();
    let facts = writing.facts_id("packager: rpm\n").await.unwrap();
    let package = Package {
        name: "bash".into(),
        version: version.to_string().into(),
        arch: "x86_64".into(),
        packager: Packager::Rpm,
    };
    let digest = Hash::of(&version.to_be_bytes());
    let list = match writing.list_id(digest).await.unwrap() {
        Some(list) => list,
        None => {
            let ids = writing.package_ids(&[package]).await.unwrap();
            writing.add_list(digest, &ids, &[]).await.unwrap()
        }
    };
    let arrival = Arrival { received: time, source: "192.0.2.1", signed: false };
    writing.add_to_history(host, (time, list, facts), arrival).await.unwrap();
    writing.commit().await.unwrap();
}

type Counted = BTreeMap<(String, i64), i64>;

fn counted(groups: Vec<HostGroup>) -> Counted {
    groups.into_iter().map(|group| ((group.site, group.list), group.hosts)).collect()
}

/// What the states over time say, one host at a time.
async fn expected(store: &Store, at: i64) -> Counted {
    let mut counts = Counted::new();
    for host in store.hosts_at(&Scope::All, at).await.unwrap() {
        *counts.entry((host.site, host.list)).or_default() += 1;
    }
    counts
}

async fn agrees(store: &Store) {
    for day in 0..DAYS {
        let on = counted(store.groups_on(&Scope::All, day).await.unwrap());
        assert_eq!(on, expected(store, (day + 1) * 86_400 - 1).await, "day {day}");
    }
    let present = store.present_groups(&Scope::All, 4 * 86_400).await.unwrap();
    let hosts = store.hosts_at(&Scope::All, i64::MAX).await.unwrap();
    let stale: i64 = present.iter().map(|group| group.stale).sum();
    assert_eq!(stale, i64::try_from(hosts.iter().filter(|host| host.last_news < 4 * 86_400).count()).unwrap());
    let newly: i64 = present.iter().map(|group| group.newly_stale).sum();
    let in_day_before = |last_news: i64| (3 * 86_400..4 * 86_400).contains(&last_news);
    assert_eq!(newly, i64::try_from(hosts.iter().filter(|host| in_day_before(host.last_news)).count()).unwrap());
    assert_eq!(
        present.iter().map(|group| group.last_news).max(),
        hosts.iter().map(|host| host.last_news).max(),
        "the newest report"
    );
    assert_eq!(counted(present), expected(store, i64::MAX).await);
    let one = Scope::Sites(["A".to_owned()].into());
    let of_one = store.present_groups(&one, 0).await.unwrap();
    assert!(!of_one.is_empty() && of_one.iter().all(|group| group.site == "A"), "{of_one:?}");
    assert_eq!(store.present_groups(&Scope::Sites(Default::default()), 0).await.unwrap(), []);
    assert_eq!(store.groups_on(&Scope::Sites(Default::default()), DAYS).await.unwrap(), []);
}

fn run(story: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(story);
}

fn follows_from_the_past(deployment: &Deployment) {
    run(async {
        let store = filled(&deployment.database).await;
        agrees(&store).await;
    });
}

/// Who has read before, and who reads for the first time.
async fn tell_the_same(knows: &Store, url: &str, scope: &Scope, stale_before: i64) {
    let fresh = Store::connect(url).await.unwrap();
    let sorted = |mut groups: Vec<HostGroup>| {
        groups.sort_by(|left, right| (&left.site, left.list, left.facts).cmp(&(&right.site, right.list, right.facts)));
        groups
    };
    let known = sorted(knows.present_groups(scope, stale_before).await.unwrap());
    assert_eq!(known, sorted(fresh.present_groups(scope, stale_before).await.unwrap()), "{stale_before}");
    for day in [0, DAYS / 2, DAYS] {
        let known = sorted(knows.groups_on(scope, day).await.unwrap());
        assert_eq!(known, sorted(fresh.groups_on(scope, day).await.unwrap()), "day {day}");
    }
    fresh.close().await;
}

fn what_was_read_before_is_never_stale(deployment: &Deployment) {
    run(async {
        let writes = Store::open(&deployment.database).await.unwrap();
        let knows = Store::connect(&deployment.database).await.unwrap();
        let one = Scope::Sites(["B".to_owned()].into());
        for (number, report) in reports().into_iter().enumerate() {
            add(&writes, report).await;
            let stale_before = i64::try_from(number).unwrap() * DAYS * 86_400 / 120;
            for scope in [&Scope::All, &one] {
                tell_the_same(&knows, &deployment.database, scope, stale_before).await;
            }
        }
        // Without news, time alone makes hosts stale.
        for stale_before in (0..DAYS * 86_400).step_by(7_000) {
            tell_the_same(&knows, &deployment.database, &Scope::All, stale_before).await;
        }
    });
}

fn an_unchanged_report_is_news(deployment: &Deployment) {
    let collector = deployment.serve(&[]);
    let token = deployment.token("officer", &[]);
    let certificate = deployment.certificate("officer");
    for day in 1..=4 {
        let time = format!("2026-01-{day:02}T00:00:00Z");
        let text = crate::text("wn1", &time, &[("bash", "0:5.1-1")]);
        assert_eq!(collector.report(&crate::seal(&certificate, &text)).0, 201);
        // The process that answers has read the site before.
        eventually(&format!("the report of day {day} is told"), || {
            let (status, sites) = collector.get_as(&token, "/api/v1/sites");
            assert_eq!(status, 200, "{sites}");
            sites.contains(&time)
        });
    }
}

fn is_made_for_a_database_without_it(deployment: &Deployment) {
    run(async {
        let store = filled(&deployment.database).await;
        deployment.sql("DELETE FROM host_now");
        deployment.sql("DELETE FROM host_count");
        deployment.sql("DELETE FROM site");
        store.migrate().await.unwrap();
        agrees(&store).await;
    });
}

/// Two builds of one version on one host are one host; the spread of each day agrees with the hosts of that day.
fn spreads_as_the_hosts_say(deployment: &Deployment) {
    run(async {
        let store = filled(&deployment.database).await;
        let named = store.packages_named(&["bash"]).await.unwrap();
        let ids: Vec<(i64, i64)> = named.iter().map(|(id, _)| (*id, *id)).collect();
        for scope in [Scope::All, Scope::Sites(["B".to_owned()].into())] {
            let spread = store.spread(&scope, &ids).await.unwrap();
            for day in 0..DAYS {
                let mut expected: BTreeMap<i64, i64> = BTreeMap::new();
                for host in store.hosts_at(&scope, (day + 1) * 86_400 - 1).await.unwrap() {
                    for package in store.list(host.list).await.unwrap() {
                        *expected.entry(package).or_default() += 1;
                    }
                }
                let mut told: BTreeMap<i64, i64> = BTreeMap::new();
                for change in spread.iter().filter(|change| change.day <= day) {
                    *told.entry(change.package).or_default() += change.hosts;
                }
                told.retain(|_, hosts| *hosts != 0);
                assert_eq!(told, expected, "day {day}");
            }
        }
        let one: Vec<(i64, i64)> = ids.iter().map(|(id, _)| (*id, ids[0].0)).collect();
        let all = store.spread(&Scope::All, &one).await.unwrap();
        assert_eq!(all.iter().map(|change| change.hosts).sum::<i64>(), 5, "every host has one of the versions");
        let silent = store.silent(&Scope::All, &one, i64::MAX).await.unwrap();
        assert_eq!(silent.iter().map(|change| change.hosts).sum::<i64>(), 5);
    });
}

/// One lineage with more revisions than share a row, a short one, and so many of one list that whole lists are read for many packages.
fn packages_lead_to_the_lists_that_hold_them(deployment: &Deployment) {
    run(async {
        let store = Store::open(&deployment.database).await.unwrap();
        let names: Vec<String> = (0..40).map(|number| format!("package{number}")).collect();
        let package = |(name, version): (&String, i64)| Package {
            name: name.clone().into(),
            version: version.to_string().into(),
            arch: "x86_64".into(),
            packager: Packager::Rpm,
        };
        let packages: Vec<_> = names.iter().flat_map(|name| [(name, 1), (name, 2)]).map(package).collect();
        let mut writing = store.begin().await.unwrap();
        let ids = writing.package_ids(&packages).await.unwrap();
        let mut lists: HashMap<i64, Vec<i64>> = HashMap::new();
        for lineage in 0..202 {
            let lists_of_it = [600, 5].get(lineage).copied().unwrap_or(1_usize);
            let (mut held, mut last) = (ids[lineage % 45..lineage % 45 + 30].to_vec(), Vec::new());
            for number in 0..lists_of_it {
                let turned = ids[(number * 7 + number * number / 40 + lineage) % ids.len()];
                match held.binary_search(&turned) {
                    Ok(at) => drop(held.remove(at)),
                    Err(at) => held.insert(at, turned),
                }
                let digest = Hash::of(format!("{lineage} {number}").as_bytes());
                let list = writing.add_list(digest, &held, &last).await.unwrap();
                lists.insert(list, held.clone());
                last = vec![list];
            }
        }
        writing.commit().await.unwrap();
        assert_eq!(deployment.number("SELECT COUNT(*) FROM lineage"), 202);
        let rows = deployment.number("SELECT COUNT(*) FROM presence WHERE epoch > 1");
        assert!(rows > 0, "more than two rows for a lineage");

        let agree = async |store: &Store| {
            let all: Vec<i64> = lists.keys().copied().collect();
            for some in [&ids[..], &ids[..3], &ids[40..41]] {
                let asked: HashSet<i64> = some.iter().copied().collect();
                let mut expected: HashMap<i64, Vec<i64>> = HashMap::new();
                for (list, held) in &lists {
                    let held: Vec<i64> = held.iter().filter(|id| asked.contains(id)).copied().collect();
                    if !held.is_empty() {
                        expected.insert(*list, held);
                    }
                }
                let sorted = |mut found: HashMap<i64, Vec<i64>>| {
                    found.values_mut().for_each(|held| held.sort_unstable());
                    found.retain(|_, held| !held.is_empty());
                    found
                };
                assert_eq!(sorted(store.lists_with(some).await.unwrap()), expected);
                assert_eq!(sorted(store.held(&all, &asked).await.unwrap()), expected);
                let few: Vec<i64> = all.iter().take(2).copied().collect();
                let of_few = sorted(store.held(&few, &asked).await.unwrap());
                assert!(few.iter().all(|list| of_few.get(list) == expected.get(list)));
            }
        };
        agree(&store).await;
        deployment.sql("DELETE FROM presence");
        let again = Store::open(&deployment.database).await.unwrap();
        assert!(deployment.number("SELECT COUNT(*) FROM presence") > 0, "made anew from the lists");
        agree(&again).await;
        // Once more changes nothing.
        agree(&Store::open(&deployment.database).await.unwrap()).await;
    });
}
