//! What the past costs: bytes per host and year, and the work that a report makes as its host's past grows.

use std::collections::HashMap;

use jiff::Timestamp;
use report::hash::Hash;
use report::package::{Package, Packager};
use report::sealed::{ContentEncryption, OpeningKey, seal};
use wlcg_acceptance::programs::Deployment;
use wlcg_package_collector::access::deed::By;
use wlcg_package_collector::opener::Opener;
use wlcg_package_collector::store::{Arrival, HostId, Incoming, Store};

use crate::chart::{self, Line};
use crate::cost;
use crate::section::{Row, Section, Target, rounded};
use crate::spread::Spread;

/// Packages of each host, of which ten are updated each week.
const PACKAGES: usize = 1_500;
const UPDATED: usize = 10;
/// Hosts alone, and farms with their clones.
const ALONE: usize = 60;
const FARMS: usize = 5;
const CLONES: usize = 20;
/// Days after which sizes are told.
const DAYS: [i64; 4] = [10, 30, 100, 365];
/// Hosts whose reports go the whole way in, of which two are updated each day.
const HOSTS: usize = 14;
/// A day in seconds, and the first of all days.
const DAY: i64 = 86_400;
const FIRST: i64 = 19_000;

const METHOD: &str = "One report a day of 1,500 packages, ten of them updated each week, hosts on different days. *Bytes*: the database \
after so many days, less its size when it was empty, by host: hosts alone (each at a site of its own, with a list like no other's) \
and farms of twenty clones. Indexes are counted; the catalogue of package versions, which all hosts of a grid share, is not, and is \
told by itself; sealed bodies are gone (`purge`). SQLite by `dbstat`, MariaDB by `information_schema` after `ANALYZE TABLE`, in which \
space that InnoDB keeps for growth is counted. *Ingest*: reports of an old database and of three young ones, 14 hosts each, a day of the \
one and a day of the other in turn, sealed beforehand: received, opened with RSA-2048, read, stored and committed by the program's own \
opener; CPU of the collector's threads and of MariaDB, by report, each pair its own ratio.";

const REMARKS: &str = "What a host alone takes is its own way from packages to lists (`presence`: 64 rows, one for each block of package \
names, to which each change appends some eight bytes for each package), its whole list once in 32 changes, and a row with its hash for \
each list; clones share all that, and what is left of each is its runs of equal reports and two counts of each change. With a row for \
each package of each list, as it was before, the same host took 78 kB on SQLite and 347 kB on MariaDB, a clone 6.1 and 25 kB: a row \
costs 13 bytes of SQLite's besides what is in it and some 50 of InnoDB's. On MariaDB pages that are two thirds full, and the extents of \
a megabyte by which tables grow, weigh most on a database as small as this one: it is measured by what is allocated. The least that ten \
updates a week can take as differences of ids is 1.5 kB a year, the times of 365 reports at two bytes another 0.7 kB. A report touches \
its host's newest run, the newest list of its lineage and 32 differences at most, whatever lies behind: what it costs does not follow \
the history. A purged report leaves nothing in the inbox: its row, some 450 bytes with its indexes, would be 160 kB a year.";

/// Measures both databases.
pub(crate) fn measure() -> Section {
    let mut section = Section { title: "Store", method: METHOD.to_owned(), ..Section::default() };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let (mut sizes, mut costs) = (Vec::new(), Vec::new());
    for (kind, times) in [("SQLite", 1.0), ("MariaDB", 2.0)] {
        for (what, kinds, clones, target) in
            [("a host alone", ALONE, 1, 50_000.0), ("a host of twenty clones", FARMS, CLONES, 5_000.0)]
        {
            let deployment = Deployment::new(database(kind));
            let (points, catalogue) = runtime.block_on(size(&deployment, kinds, clones));
            let (_, year) = points[points.len() - 1];
            let words = format!("{kind}: bytes per host-year, {what}");
            let limit = format!("catalogue: {} a package version", rounded(catalogue));
            section.rows.push(Row::figure(&words, year, "", limit, Target::AtMost(target * times)));
            sizes.push(Line { name: format!("{kind}, {what}"), points });
        }
        let growth = runtime.block_on(ingest(kind));
        let words = format!("{kind}: CPU per report, days 941 to 1,000 to days 6 to 25");
        let shown = |of: &[f64]| Spread::of(of.iter().copied()).shown(" ms");
        section.rows.push(Row::ratio(
            &words,
            shown(&growth.old),
            format!("young: {}", shown(&growth.young)),
            Spread::of_ratios(&growth.old.iter().copied().zip(growth.young.iter().copied()).collect::<Vec<_>>()),
            Target::AtMost(1.1),
        ));
        costs.push(Line { name: kind.to_owned(), points: growth.points });
    }
    let words = "Bytes per host by days of history";
    section
        .charts
        .push((chart::write("bench-store-bytes.svg", words, ("days", "bytes per host"), &sizes), words.to_owned()));
    let words = "CPU per report by days of history";
    section
        .charts
        .push((chart::write("bench-store-ingest.svg", words, ("days", "ms per report"), &costs), words.to_owned()));
    section.remarks = REMARKS.to_owned();
    section
}

fn database(kind: &str) -> Option<String> {
    (kind == "MariaDB").then(wlcg_acceptance::mariadb::new_database)
}

/// Which version of a package hosts of a kind have on a day: the second once it was updated.
fn version(kind: usize, day: i64, package: usize) -> usize {
    let week = usize::try_from(day).unwrap().div_euclid(7) + usize::from(day % 7 >= i64::try_from(kind % 7).unwrap());
    let turn = (package + PACKAGES * 1_000 - kind * 131) % PACKAGES / UPDATED;
    usize::from(turn < week)
}

fn name(package: usize) -> String {
    format!("package{package:04}")
}

fn version_text(package: usize, version: usize) -> String {
    format!("0:1.{}.{}-{}.el9", package % 7, package % 11, version + 1)
}

/// Header lines: a kernel lives for ten weeks.
fn facts(day: i64) -> String {
    format!(
        "arch: x86_64\nkernel: 5.14.0-{}.el9.x86_64\npackager: rpm\nsystem: AlmaLinux release 9.4 (Seafoam Ocelot)\n",
        day / 70
    )
}

/// When a host reports on a day, unix seconds: never at quite the same time.
fn time(host: usize, day: i64) -> i64 {
    let host = i64::try_from(host).unwrap();
    (FIRST + day) * DAY + host * 600 + (host * 7_919 + day * 104_729) % 1_200
}

/// Bytes per host after each of [`DAYS`], and of one package version in the catalogue.
async fn size(deployment: &Deployment, kinds: usize, clones: usize) -> (Vec<(f64, f64)>, f64) {
    let store = Store::open(&deployment.database).await.unwrap();
    let ids = catalogue(&store).await;
    let empty = bytes(deployment, "<> 'package'");
    let catalogue = bytes(deployment, "= 'package'") / (PACKAGES * 2) as f64;
    let mut lists: HashMap<Vec<i64>, i64> = HashMap::new();
    let mut points = Vec::new();
    for day in 0..DAYS[DAYS.len() - 1] {
        let mut writing = store.begin().await.unwrap();
        for host in 0..kinds * clones {
            let kind = host / clones;
            let (site, name) = (format!("SITE-{kind}"), format!("wn{host}.example.org"));
            let id: HostId = writing.host_id(&site, &name).await.unwrap();
            let mut packages: Vec<i64> = (0..PACKAGES).map(|at| ids[at][version(kind, day, at)]).collect();
            packages.sort_unstable();
            let list = match lists.get(&packages) {
                Some(list) => *list,
                None => {
                    let digest = Hash::of(format!("{packages:?}").as_bytes());
                    let relatives = writing.relatives(id.host, &site).await.unwrap();
                    let list = writing.add_list(digest, &packages, &relatives).await.unwrap();
                    lists.insert(packages, list);
                    list
                }
            };
            let facts = writing.facts_id(&facts(day)).await.unwrap();
            let arrival = Arrival { received: time(host, day), source: "192.0.2.1", signed: true };
            writing.add_to_history(id, (time(host, day), list, facts), arrival).await.unwrap();
        }
        writing.commit().await.unwrap();
        if DAYS.contains(&(day + 1)) {
            points.push(((day + 1) as f64, (bytes(deployment, "<> 'package'") - empty) / (kinds * clones) as f64));
        }
    }
    store.close().await;
    (points, catalogue)
}

/// The ids of both versions of every package.
async fn catalogue(store: &Store) -> Vec<[i64; 2]> {
    let both = |at: usize| [0, 1].map(|version| (name(at), version_text(at, version)));
    let package = |(name, version): (String, String)| Package {
        name: name.into(),
        version: version.into(),
        arch: "x86_64".into(),
        packager: Packager::Rpm,
    };
    let packages: Vec<Package<'static>> = (0..PACKAGES).flat_map(both).map(package).collect();
    let mut writing = store.begin().await.unwrap();
    writing.package_ids(&packages).await.unwrap();
    writing.commit().await.unwrap();
    let names: Vec<String> = (0..PACKAGES).map(name).collect();
    let stored = store.packages_named(&names.iter().map(String::as_str).collect::<Vec<_>>()).await.unwrap();
    let ids: HashMap<(String, String), i64> = stored
        .into_iter()
        .map(|(id, package)| ((package.name.into_owned(), package.version.into_owned()), id))
        .collect();
    (0..PACKAGES).map(|at| both(at).map(|key| ids[&key])).collect()
}

/// Bytes of the tables whose name is such, with their indexes.
fn bytes(deployment: &Deployment, such: &str) -> f64 {
    if deployment.database.starts_with("sqlite:") {
        let tables = format!("SELECT name FROM sqlite_master WHERE tbl_name {such}");
        return deployment.number(&format!("SELECT SUM(pgsize) FROM dbstat WHERE name IN ({tables})")) as f64;
    }
    let of = "FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name";
    let tables = wlcg_acceptance::mariadb::ask(&deployment.database, &format!("SELECT table_name {of} {such}"));
    deployment.sql(&format!("ANALYZE TABLE {}", tables.split_whitespace().collect::<Vec<_>>().join(", ")));
    deployment.number(&format!("SELECT CAST(SUM(data_length + index_length) AS SIGNED) {of} {such}")) as f64
}

/// Milliseconds of CPU per report.
struct Growth {
    young: Vec<f64>,
    old: Vec<f64>,
    /// By day of the old database.
    points: Vec<(f64, f64)>,
}

/// Young databases, each compared with other days of the old one: a day's reports are few, and their cost varies.
const YOUNG_ONES: i64 = 3;
/// Days of each that are compared.
const COMPARED: i64 = 20;
/// The days before, in a young database and in the old one.
const YOUNG: i64 = 5;
const OLD: i64 = 940;

async fn ingest(kind: &str) -> Growth {
    let old_place = Deployment::new(database(kind));
    let old = Way::into(&old_place).await;
    let mut by_day = Vec::new();
    for day in 0..OLD {
        by_day.push(old.day(day).await);
    }
    let mut growth = Growth { young: Vec::new(), old: Vec::new(), points: Vec::new() };
    for part in 0..YOUNG_ONES {
        let young_place = Deployment::new(database(kind));
        let young = Way::into(&young_place).await;
        for day in 0..YOUNG {
            young.day(day).await;
        }
        for day in 0..COMPARED {
            growth.young.push(young.day(YOUNG + day).await);
            growth.old.push(old.day(OLD + part * COMPARED + day).await);
        }
    }
    by_day.extend_from_slice(&growth.old);
    for (from, to) in [(5, 15), (20, 40), (80, 120), (280, 320), (980, 1_000)] {
        let point = Spread::of(by_day[from..to].iter().copied()).median;
        growth.points.push(((from + to) as f64 / 2.0, point));
    }
    growth
}

/// The way that a report takes into a database.
struct Way<'a> {
    store: Store,
    opener: Opener,
    key: OpeningKey,
    deployment: &'a Deployment,
}

impl<'a> Way<'a> {
    async fn into(deployment: &'a Deployment) -> Self {
        let pem = std::fs::read(deployment.key("officer")).unwrap();
        let key = OpeningKey::from_pem(&pem, None).unwrap();
        let store = Store::open(&deployment.database).await.unwrap();
        let opener = Opener::new(store.clone(), vec![OpeningKey::from_pem(&pem, None).unwrap()]);
        Way { store, opener, key, deployment }
    }

    /// A day's reports; milliseconds of CPU for each, without those of sealing and of throwing bodies away.
    async fn day(&self, day: i64) -> f64 {
        let recipients = [self.key.recipient().clone()];
        let reports: Vec<Incoming> = (0..HOSTS)
            .map(|host| {
                let body = seal(text(host, day).as_bytes(), &recipients, ContentEncryption::default()).unwrap();
                let received = time(host, day) + 5;
                Incoming { hash: Hash::of(&body), received, source: "192.0.2.1".to_owned(), body, handed_in: None }
            })
            .collect();
        let before = self.cpu_ms();
        self.store.receive(&reports.iter().collect::<Vec<_>>()).await.unwrap();
        let done = self.opener.open_waiting().await.unwrap();
        let took = self.cpu_ms() - before;
        assert_eq!((done.opened, done.set_aside), (HOSTS, 0));
        let by = By { at: (FIRST + day + 2) * DAY, person: "bench", role: "", source: "bench" };
        let purged = self.store.purge_opened(i64::MAX, &by.did("purge", "bench")).await.unwrap();
        assert_eq!(purged, HOSTS as u64);
        took / HOSTS as f64
    }

    /// CPU of this process so far, and of the database's if it has one.
    fn cpu_ms(&self) -> f64 {
        let server = self.deployment.database.split_once("socket=").map(|(_, socket)| {
            let pid = std::path::Path::new(socket).with_file_name("pid");
            std::fs::read_to_string(pid).unwrap().trim().to_owned()
        });
        ["self".to_owned()].into_iter().chain(server).map(|process| cost::on_cpu_ms(&process)).sum()
    }
}

fn text(host: usize, day: i64) -> String {
    let collected = Timestamp::from_second(time(host, day)).unwrap();
    let collected = collected.strftime("%Y-%m-%dT%H:%M:%SZ");
    let mut text = format!(
        "#\narch: x86_64\ncollected: {collected}\nhost: wn{host}.example.org\nkernel: 5.14.0-{}.el9.x86_64\npackager: rpm\n\
         site: SITE-{host}\nsystem: AlmaLinux release 9.4 (Seafoam Ocelot)\nversion: 1\n#\n",
        day / 70
    );
    for at in 0..PACKAGES {
        text += &format!("{}\t{}\tx86_64\n", name(at), version_text(at, version(host, day, at)));
    }
    text + "#\n"
}
