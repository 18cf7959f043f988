//! The matrix of sites by products is what judging every host one by one gives, now and on any day, on both databases.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use report::hash::Hash;
use report::os::short_name;
use report::package::{Package, Packager};
use wlcg_acceptance::programs::Deployment;
use wlcg_package_collector::access::Scope;
use wlcg_package_collector::access::deed::By;
use wlcg_package_collector::answers::judge::Judge;
use wlcg_package_collector::answers::matrix::{self, Counts, Matrix};
use wlcg_package_collector::compare::{self, Installed, State};
use wlcg_package_collector::reference::{Reference, ReferenceList};
use wlcg_package_collector::store::{Arrival, NewVersion, Store};

on_both_databases!(equals_the_judgement_of_every_host);

pub(super) const DAY: i64 = 86_400;
pub(super) const STALE_AFTER_DAYS: u32 = 2;

pub(super) const FIRST: &str = r#"
name = "baseline"
[[reference]]
product = "xrootd"
package = "xrootd-server"
os = "el9"
minimum = "0:3-1"
blocked = ["0:4-1"]
[[reference]]
product = "xrootd"
package = "xrootd-client"
minimum = "0:2-1"
[[reference]]
product = "kernel"
package = "kernel"
minimum = "0:2-1"
[[reference]]
product = "later"
package = "bash"
minimum = "0:9-1"
since = 1970-01-05
"#;

const SECOND: &str = r#"
name = "baseline"
[[reference]]
product = "xrootd"
package = "xrootd-server"
minimum = "0:2-1"
"#;

pub(super) const FACTS: [&str; 3] = [
    "kernel: 1-1.x86_64\npackager: rpm\nsystem: AlmaLinux release 9.4\n",
    "kernel: 3-1.x86_64\npackager: rpm\nsystem: AlmaLinux release 9.4\n",
    "packager: rpm\nsystem: CentOS Linux 7\n",
];

pub(super) struct Random(pub(super) u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % bound
    }
}

pub(super) async fn report(
    store: &Store,
    (site, host): (&str, &str),
    (time, received): (i64, i64),
    facts: &str,
    packages: &[(&str, usize)],
) {
    let mut writing = store.begin().await.unwrap();
    let host = writing.host_id(site, host).await.unwrap();
    let facts = writing.facts_id(facts).await.unwrap();
    let digest = Hash::of(format!("{packages:?}").as_bytes());
    let list = match writing.list_id(digest).await.unwrap() {
        Some(list) => list,
        None => {
            let package = |(name, version): (&str, usize)| Package {
                name: name.to_owned().into(),
                version: format!("0:{version}-1").into(),
                arch: "x86_64".into(),
                packager: Packager::Rpm,
            };
            // What is the same everywhere makes new lists differences of old ones.
            let common: Vec<String> = (0..80).map(|number| format!("common{number:02}")).collect();
            let all: Vec<Package<'_>> =
                packages.iter().copied().chain(common.iter().map(|name| (name.as_str(), 1))).map(package).collect();
            let ids = writing.package_ids(&all).await.unwrap();
            let relatives = writing.relatives(host.host, site).await.unwrap();
            writing.add_list(digest, &ids, &relatives).await.unwrap()
        }
    };
    let arrival = Arrival { received, source: "192.0.2.1", signed: false };
    writing.add_to_history(host, (time, list, facts), arrival).await.unwrap();
    writing.commit().await.unwrap();
}

const NAMES: [&str; 4] = ["xrootd-server", "xrootd-client", "kernel", "bash"];

pub(super) async fn reports(store: &Store, random: &mut Random, number: usize) {
    let hosts =
        [("A", "a1"), ("A", "a2"), ("B", "b1"), ("B", "b2"), ("B", "a1"), ("C", "c1"), ("C", "c2"), ("C", "c3")];
    for _ in 0..number {
        let mut packages = Vec::new();
        for name in NAMES {
            for _ in 0..random.below(3) {
                packages.push((name, 1 + random.below(4)));
            }
        }
        packages.sort_unstable();
        packages.dedup();
        let time = i64::try_from(random.below(8 * 86_400)).unwrap();
        let facts = FACTS[random.below(FACTS.len())];
        report(store, hosts[random.below(hosts.len())], (time, time), facts, &packages).await;
    }
}

pub(super) async fn import(store: &Store, content: &str, imported: i64) {
    let list = ReferenceList::from_toml(content).unwrap();
    let content = list.to_toml().unwrap();
    let size = i64::try_from(list.references.len()).unwrap();
    let version =
        NewVersion { name: &list.name, by: By::operator("test", imported), note: "", content: &content, size };
    store.import_reference_list(&version).await.unwrap();
}

/// By site and product (the empty one is the host itself): counts with and without staleness.
type Counted = BTreeMap<(String, String), (Counts, Counts)>;

fn count(counts: &mut Counts, state: State, hosts: i64) {
    match state {
        State::Compliant => counts.compliant += hosts,
        State::Unknown => counts.unknown += hosts,
        State::Behind => counts.behind += hosts,
        State::Blocked => counts.blocked += hosts,
    }
}

/// One host after the other, each with its whole package list.
async fn expected(
    store: &Store,
    scope: &Scope,
    at: i64,
    references: &[Reference],
    fresh_after: Option<i64>,
) -> Counted {
    let mut counted = Counted::new();
    let time = Timestamp::from_second(at).unwrap();
    for host in store.hosts_at(&Scope::All, at).await.unwrap().into_iter().filter(|host| scope.holds(&host.site)) {
        let packages: Vec<Package<'_>> =
            store.packages(&store.list(host.list).await.unwrap()).await.unwrap().into_values().collect();
        let facts = store.facts(&[host.facts]).await.unwrap().remove(&host.facts).unwrap();
        let line = |name: &str| facts.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().to_owned();
        let (os, kernel) = (short_name(&line("system: ")), line("kernel: "));
        let mut worst: BTreeMap<String, State> = BTreeMap::new();
        let mut asked: Vec<(&str, &str)> =
            references.iter().map(|reference| (reference.product.as_str(), reference.package.as_str())).collect();
        asked.sort_unstable();
        asked.dedup();
        for (product, name) in asked {
            let of_name: Vec<&Reference> =
                references.iter().filter(|of| of.package == name && of.product == product).collect();
            let installed: Vec<Installed<'_>> = packages
                .iter()
                .filter(|package| package.name == name)
                .map(|found| Installed { version: &found.version, arch: &found.arch, packager: found.packager })
                .collect();
            if let Some(verdict) = compare::judge(&of_name, os.as_deref(), &kernel, &installed, time) {
                let state = worst.entry(product.to_owned()).or_insert(verdict.state);
                *state = verdict.state.max(*state);
            }
        }
        let host_state = worst.values().copied().max().unwrap_or(State::Unknown);
        worst.insert(String::new(), host_state);
        let is_stale = fresh_after.is_some_and(|second| host.last_news < second);
        for (product, state) in worst {
            let (counts, judged) = counted.entry((host.site.clone(), product)).or_default();
            count(judged, state, 1);
            count(counts, if is_stale { State::Unknown } else { state }, 1);
        }
    }
    counted
}

fn told(matrix: &Matrix) -> Counted {
    let mut counted = Counted::new();
    for line in &matrix.sites {
        counted.insert((line.site.clone(), String::new()), (line.hosts.counts, line.hosts.judged));
        for (product, cell) in matrix.products.iter().zip(&line.products) {
            if cell.judged.total() > 0 {
                counted.insert((line.site.clone(), product.clone()), (cell.counts, cell.judged));
            }
        }
    }
    counted
}

fn total(counted: &Counted) -> (i64, i64) {
    let hosts = counted.iter().filter(|((_, product), _)| product.is_empty());
    hosts.fold((0, 0), |(all, unknown), (_, (counts, _))| (all + counts.total(), unknown + counts.unknown))
}

async fn agrees(store: &Store, judge: &Judge, content: &str) {
    let references = ReferenceList::from_toml(content).unwrap().references;
    let now = 8 * DAY;
    let time = Timestamp::from_second(now).unwrap();
    for scope in [Scope::All, Scope::Sites(["B".to_owned(), "D".to_owned()].into()), Scope::Sites(Default::default())] {
        let present = matrix::at_present(store, judge, &scope, time, STALE_AFTER_DAYS).await.unwrap();
        let fresh_after = matrix::stale_before(time, STALE_AFTER_DAYS);
        let judged = expected(store, &scope, now, &references, Some(fresh_after)).await;
        assert_eq!(told(&present), judged, "{scope:?}");
        assert_eq!((present.total.hosts.counts.total(), present.total.hosts.counts.unknown), total(&judged));
        let compared = wlcg_package_collector::answers::compare::at(store, judge, &scope, time, None, STALE_AFTER_DAYS);
        assert_eq!(i64::try_from(compared.await.unwrap().hosts.len()).unwrap(), total(&judged).0);
        let mut before: Option<Matrix> = None;
        for day in 0..9 {
            let date: Date = format!("1970-01-{:02}", day + 1).parse().unwrap();
            let on = matrix::on_day(store, judge, &scope, date, Some(time)).await.unwrap();
            let end = (day + 1) * DAY - 1;
            // By the lists of now, and what they ask now.
            let references: Vec<Reference> =
                references.iter().cloned().map(|reference| Reference { since: None, ..reference }).collect();
            assert_eq!(told(&on), expected(store, &scope, end, &references, None).await, "day {day} {scope:?}");
            if let Some(before) = before.replace(on.clone()) {
                let moved: i64 = matrix::changes(&before, &on).iter().map(|change| change.to - change.from).sum();
                let hosts = |matrix: &Matrix| {
                    told(matrix)
                        .iter()
                        .filter(|((_, product), _)| !product.is_empty())
                        .map(|(_, (_, judged))| judged.total())
                        .sum::<i64>()
                };
                assert_eq!(moved, hosts(&on) - hosts(&before));
            }
        }
    }
}

fn equals_the_judgement_of_every_host(deployment: &Deployment) {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(async {
        let store = Store::open(&deployment.database).await.unwrap();
        let judge = Judge::default();
        let mut random = Random(7);
        reports(&store, &mut random, 60).await;
        import(&store, FIRST, 1).await;
        agrees(&store, &judge, FIRST).await;
        // What was judged before does not hide what is new.
        reports(&store, &mut random, 30).await;
        agrees(&store, &judge, FIRST).await;
        import(&store, SECOND, 6 * DAY).await;
        agrees(&store, &judge, SECOND).await;
        let past = matrix::on_day(&store, &judge, &Scope::All, "1970-01-04".parse().unwrap(), None).await.unwrap();
        assert_eq!(past.products, ["kernel", "xrootd"], "the list of that day, as far as it was in force");
    });
}
