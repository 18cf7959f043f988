//! Reports that are opened together give what they give one by one, in whatever state their hosts are.

use std::collections::BTreeMap;

use report::hash::Hash;
use report::sealed::{ContentEncryption, OpeningKey, SigningKey};
use wlcg_acceptance::programs::Deployment;
use wlcg_package_collector::access::Scope;
use wlcg_package_collector::history::{self, Interval};
use wlcg_package_collector::opener::{Opened, Opener};
use wlcg_package_collector::store::{Incoming, Store};

on_both_databases!(together_is_one_by_one, so_are_senders);

const HOSTS: u64 = 12;

/// Plain reports of a few hosts: most say again what they said, some something else, some come late or twice.
fn reports() -> Vec<String> {
    let mut random = 7_u64;
    let mut pick = |among: u64| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) % among
    };
    let mut reports = Vec::new();
    for day in 1..=9 {
        for host in 0..HOSTS {
            let version = if pick(4) == 0 { pick(3) } else { host % 3 };
            let kernel = if pick(9) == 0 { 2 } else { 1 };
            let day = if pick(8) == 0 { 1 + pick(9) } else { day };
            // Two sites have hosts of the same names.
            let (site, name) = if host % 4 == 0 { ("DESY-HH", host / 4) } else { ("CERN-PROD", host) };
            let report = format!(
                "#\narch: x86_64\ncollected: 2026-01-0{day}T0{}:00:00Z\nhost: wn{name}\nkernel: {kernel}\npackager: rpm\n\
                 site: {site}\nsystem: AlmaLinux release 9.4\nversion: 1\n#\nbash\t0:5.{version}-1\tx86_64\n#\n",
                pick(3)
            );
            if pick(10) == 0 {
                reports.push(report.clone());
            }
            reports.push(report);
        }
    }
    reports
}

async fn receive<B: AsRef<[u8]>>(store: &Store, reports: &[B]) {
    let incoming = |(at, body): (usize, &B)| {
        let body = body.as_ref().to_vec();
        let hash = Hash::of(&body);
        Incoming { hash, received: 1_770_000_000 + at as i64, source: "192.0.2.1".to_owned(), body, handed_in: None }
    };
    let incoming: Vec<Incoming> = reports.iter().enumerate().map(incoming).collect();
    store.receive(&incoming.iter().collect::<Vec<_>>()).await.unwrap();
}

type Past = BTreeMap<(String, String), Vec<(i64, i64, usize, String)>>;

/// Every host's intervals with what they say, and the hosts of each day as they are counted.
async fn told(store: &Store) -> (Past, Vec<i64>, Vec<(String, i64, i64)>) {
    let mut past = Past::new();
    let mut present = Vec::new();
    for host in store.hosts_at(&Scope::All, i64::MAX).await.unwrap() {
        let intervals = history::intervals(store.runs(host.host).await.unwrap());
        let shown =
            |interval: &Interval| (interval.from, interval.last_seen, interval.reports, interval.facts.rank.clone());
        past.insert((host.site.clone(), host.name.clone()), intervals.iter().map(shown).collect());
        present.push((host.name, host.since, host.last_news));
    }
    let mut counts = Vec::new();
    for day in 20_454..20_464 {
        counts.push(store.groups_on(&Scope::All, day).await.unwrap().iter().map(|group| group.hosts).sum());
    }
    (past, counts, present)
}

fn together_is_one_by_one(deployment: &Deployment) {
    let other = Deployment::new(deployment.database.starts_with("mysql").then(wlcg_acceptance::mariadb::new_database));
    tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(async {
        let reports = reports();
        let together = Store::open(&deployment.database).await.unwrap();
        let one_by_one = Store::open(&other.database).await.unwrap();
        let opener = Opener::new(together.clone(), Vec::new());
        let mut opened = Opened::default();
        // A day at a time, so that most hosts stand once in each batch.
        for day in reports.chunks(usize::try_from(HOSTS).unwrap()) {
            receive(&together, day).await;
            let round = opener.open_waiting().await.unwrap();
            opened.opened += round.opened;
            opened.set_aside += round.set_aside;
        }
        let single = Opener::new(one_by_one.clone(), Vec::new());
        for report in &reports {
            receive(&one_by_one, std::slice::from_ref(report)).await;
            single.open_waiting().await.unwrap();
        }
        assert_eq!(opened.set_aside, 0);
        assert!(opened.opened > 90, "{opened:?}");
        assert_eq!(told(&together).await, told(&one_by_one).await);
        assert_eq!(deployment.inbox("opened"), opened.opened);
        let claimed = "SELECT COUNT(*) FROM inbox WHERE host LIKE 'wn%' AND site IN ('CERN-PROD', 'DESY-HH')";
        assert_eq!(deployment.number(claimed), i64::try_from(opened.opened).unwrap());
        assert_eq!(
            deployment.number("SELECT COUNT(*) FROM host_now WHERE source = '192.0.2.1' AND received >= 1770000000"),
            other.number("SELECT COUNT(*) FROM host_now WHERE source = '192.0.2.1' AND received >= 1770000000")
        );
    });
}

/// Signed and unsigned reports, a batch in each row: keys that are new, shared, changed, or come from two sites at once.
const SIGNED: [&[(&str, &str, Option<usize>)]; 4] = [
    &[("A", "a1", Some(0)), ("A", "a2", Some(0)), ("B", "b1", Some(1)), ("A", "a3", None), ("C", "c1", Some(2))],
    &[("A", "a4", Some(3)), ("B", "b2", Some(3)), ("A", "a1", Some(0)), ("B", "b3", Some(0)), ("C", "c2", Some(2))],
    &[("A", "a1", Some(1)), ("A", "a2", None), ("A", "a3", Some(4)), ("B", "a1", None), ("C", "c1", Some(2))],
    &[("A", "a3", Some(4)), ("A", "a3", None), ("B", "b2", Some(5)), ("C", "a3", Some(4)), ("C", "c2", Some(2))],
];

fn so_are_senders(deployment: &Deployment) {
    let other = Deployment::new(deployment.database.starts_with("mysql").then(wlcg_acceptance::mariadb::new_database));
    let pem = std::fs::read(deployment.key("officer")).unwrap();
    let opening = || vec![OpeningKey::from_pem(&pem, None).unwrap()];
    let keys: Vec<_> = (0..6).map(|_| SigningKey::generate("host", jiff::Timestamp::now()).unwrap()).collect();
    let report = |day: usize, (site, host, key): (&str, &str, Option<usize>)| {
        let text = super::text(host, &format!("2026-01-0{}T04:00:00Z", day + 1), &[("bash", "0:5.1-1")]);
        let text = text.replace("CERN-PROD", &format!("{site}-SITE"));
        let content = match key {
            Some(key) => keys[key].sign(text.as_bytes()).unwrap(),
            None => text.into_bytes(),
        };
        report::sealed::seal(&content, &[opening()[0].recipient().clone()], ContentEncryption::default()).unwrap()
    };
    let days = SIGNED.iter().enumerate();
    let days: Vec<Vec<Vec<u8>>> =
        days.map(|(day, reports)| reports.iter().map(|of| report(day, *of)).collect()).collect();
    tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(async {
        let together = Store::open(&deployment.database).await.unwrap();
        let one_by_one = Store::open(&other.database).await.unwrap();
        let opener = Opener::new(together.clone(), opening());
        let single = Opener::new(one_by_one.clone(), opening());
        for day in &days {
            receive(&together, day).await;
            opener.open_waiting().await.unwrap();
            for report in day {
                receive(&one_by_one, std::slice::from_ref(report)).await;
                single.open_waiting().await.unwrap();
            }
        }
        assert_eq!(told(&together).await, told(&one_by_one).await);
    });
    let became = |deployment: &Deployment| {
        let rows = deployment.rows(&["inbox", "list"]);
        let row = |row: &serde_json::Value| {
            let text = |name: &str| row[name].as_str().unwrap().to_owned();
            (text("report"), (text("state"), text("problem"), text("sender")))
        };
        rows.iter().map(row).collect::<BTreeMap<_, _>>()
    };
    let (here, there) = (became(deployment), became(&other));
    assert_eq!(here, there);
    let states: Vec<&str> =
        days.iter().flatten().map(|report| here[&Hash::of(report).to_string()].0.as_str()).collect();
    let (o, h) = ("opened", "held");
    let expected = [[o, o, o, o, o], [o, h, o, h, o], [h, h, o, h, o], [o, h, o, h, o]];
    assert_eq!(states, expected.concat());
    for of in [deployment, &other] {
        assert_eq!(of.number("SELECT COUNT(*) FROM sender"), 8);
    }
}
