//! History is a pure function of the set of reports, on both databases, through the real receive and open path.

use std::collections::BTreeMap;
use std::sync::Arc;

use report::hash::Hash;
use report::sealed::{self, ContentEncryption, OpeningKey};
use wlcg_acceptance::programs::Deployment;
use wlcg_package_collector::access::Scope;
use wlcg_package_collector::history::intervals;
use wlcg_package_collector::opener::Opener;
use wlcg_package_collector::store::{Incoming, Store};

on_both_databases!(order_and_repetition_do_not_matter);

/// Orders in which the same reports are delivered, each to a host of its own site.
const ORDERS: usize = 6;

/// Sets of reports that are tried.
const SETS: u64 = 12;

fn order_and_repetition_do_not_matter(deployment: &Deployment) {
    deployment.new_key("curve", "ec-p256");
    let key = OpeningKey::from_pem(&std::fs::read(deployment.key("curve")).unwrap(), None).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let store = Store::open(&deployment.database).await.unwrap();
        let opener = Opener::new(store.clone(), vec![key.clone()]);
        let mut random = Random(4_711);
        for set in 0..SETS {
            let reports: Vec<(i64, u64)> = (0..2 + random.below(24))
                .map(|_| (1_700_000_000 + i64::try_from(random.below(20)).unwrap() * 43_200, random.below(4)))
                .collect();
            let mut told = Vec::new();
            for order in 0..ORDERS {
                let mut delivery = reports.clone();
                for _ in 0..random.below(6) {
                    delivery.push(reports[usize::try_from(random.below(reports.len() as u64)).unwrap()]);
                }
                random.shuffle(&mut delivery);
                let site = format!("SITE-{set}-{order}");
                for batch in delivery.chunks(5) {
                    deliver(&store, &key, &site, batch).await;
                    opener.open_waiting().await.unwrap();
                }
                told.push(history(&store, &site).await);
            }
            assert!(told.iter().all(|history| *history == told[0]), "set {set}: {told:#?}");
            assert_eq!(told[0].len(), runs(&reports), "set {set}: {reports:?}");
        }
        assert_eq!(store.inbox_counts().await.unwrap().len(), 1, "every report was opened");
    });
}

async fn deliver(store: &Store, key: &OpeningKey, site: &str, reports: &[(i64, u64)]) {
    let mut incoming = Vec::new();
    for (time, list) in reports {
        let collected = jiff::Timestamp::from_second(*time).unwrap();
        let mut packages = format!("common\t0:1-1\tx\nlist{list}\t0:{list}-1\tx\n");
        packages.extend((0..20).map(|n| format!("same{n:02}\t0:1-1\tx\n")));
        let text =
            format!("#\ncollected: {collected}\nhost: wn1\npackager: rpm\nsite: {site}\nversion: 1\n#\n{packages}#\n");
        let body = sealed::seal(text.as_bytes(), &[key.recipient().clone()], ContentEncryption::Aes256Cbc).unwrap();
        let (hash, source) = (Hash::of(&body), "test".to_owned());
        incoming.push(Incoming { hash, received: 1_800_000_000, source, body, handed_in: None });
    }
    store.receive(&incoming.iter().collect::<Vec<_>>()).await.unwrap();
}

async fn history(store: &Store, site: &str) -> Vec<(String, i64, i64, usize)> {
    let hosts = store.hosts_named(&Scope::All, "wn1").await.unwrap();
    let (host, _, _) = hosts.iter().find(|(_, at, _)| at == site).unwrap();
    let mut told = Vec::new();
    for interval in intervals(store.runs(*host).await.unwrap()) {
        let names = store.packages(&store.list(interval.facts.list).await.unwrap()).await.unwrap();
        let name = names.values().find(|package| package.name.starts_with("list")).unwrap().name.to_string();
        assert_eq!(names.len(), 22);
        told.push((name, interval.from, interval.last_seen, interval.reports));
    }
    told
}

/// How many states the reports tell: for each second the one whose list has the greatest hash, equal neighbours as one.
fn runs(reports: &[(i64, u64)]) -> usize {
    let mut lists: BTreeMap<i64, std::collections::BTreeSet<u64>> = BTreeMap::new();
    for (time, list) in reports {
        lists.entry(*time).or_default().insert(*list);
    }
    let rank = |list: u64| {
        let mut lines: Vec<String> = (0..20).map(|n| format!("same{n:02}\t0:1-1\tx\n")).collect();
        lines.push(format!("list{list}\t0:{list}-1\tx\n"));
        lines.push("common\t0:1-1\tx\n".to_owned());
        lines.sort();
        Hash::of(format!("rpm\n{}", lines.concat()).as_bytes())
    };
    let mut states: Vec<u64> =
        lists.into_values().map(|lists| lists.into_iter().max_by_key(|list| rank(*list)).unwrap()).collect();
    states.dedup();
    states.len()
}

struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }

    fn shuffle<T>(&mut self, items: &mut [T]) {
        for at in (1..items.len()).rev() {
            items.swap(at, usize::try_from(self.below(at as u64 + 1)).unwrap());
        }
    }
}

/// Two openers on one inbox: each report becomes history once.
#[test]
fn two_openers_open_each_report_once() {
    let deployment = Deployment::new(Some(wlcg_acceptance::mariadb::new_database()));
    deployment.new_key("curve", "ec-p256");
    let key = OpeningKey::from_pem(&std::fs::read(deployment.key("curve")).unwrap(), None).unwrap();
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let store = Store::open(&deployment.database).await.unwrap();
        let reports: Vec<(i64, u64)> = (0..60_i64).map(|n| (1_700_000_000 + n * 60, n.unsigned_abs() % 7)).collect();
        deliver(&store, &key, "CERN-PROD", &reports).await;
        let opener = Arc::new(Opener::new(store.clone(), vec![key]));
        let opening: Vec<_> = (0..4)
            .map(|_| {
                let opener = Arc::clone(&opener);
                tokio::spawn(async move { opener.open_waiting().await })
            })
            .collect();
        for opening in opening {
            opening.await.unwrap().unwrap();
        }
        let seen: usize = history(&store, "CERN-PROD").await.iter().map(|(_, _, _, reports)| reports).sum();
        assert_eq!(seen, 60);
    });
}
