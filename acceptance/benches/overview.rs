//! How long the overview of a whole grid takes: 170 sites, 40 products, 100,000 hosts in 5,000 distinct package lists.
//!
//! `make bench` runs it with the release build; `HOSTS=20000` makes a smaller grid. Method: the grid is written through
//! the store (one report a host, a third of them with an earlier one of another list), the program is started, and the
//! page is asked for by one client over loopback: once cold, then so often warm, timed from the request to the last byte.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a benchmark ends where its expectation does"
)]
#![allow(clippy::disallowed_methods, clippy::print_stdout, reason = "a benchmark measures time and prints it")]

use std::time::{Duration, Instant};

use report::hash::Hash;
use report::package::{Package, Packager};
use wlcg_acceptance::programs::Deployment;
use wlcg_package_collector::store::{Arrival, Store};

const SITES: usize = 170;
const PRODUCTS: usize = 40;
const PACKAGES: usize = 1_500;
/// Families of similar lists, and lists in each.
const FAMILIES: usize = 250;
const REVISIONS: usize = 20;
/// Requests after the first.
const WARM: usize = 21;

fn main() {
    let hosts: usize = std::env::var("HOSTS").map_or(100_000, |hosts| hosts.parse().unwrap());
    println!("machine: {} cores, one client over loopback, release build, full durability", cores());
    println!("database   hosts    lists   written s   cold ms   warm ms: min / median / max   page kB");
    for database in [None, Some(wlcg_acceptance::mariadb::new_database())] {
        let kind = if database.is_some() { "MariaDB" } else { "SQLite" };
        let deployment = Deployment::new(database);
        let began = Instant::now();
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        runtime.block_on(write_grid(&deployment.database, hosts));
        let written = began.elapsed();
        let list = deployment.folder.path().join("list.toml");
        std::fs::write(&list, references()).unwrap();
        deployment.ask(&["reference", "import", list.to_str().unwrap()]);
        let token = deployment.token("officer", &[]);
        let collector = deployment.serve(&["--no-open"]);
        let get = || {
            let began = Instant::now();
            let (status, page) = collector.get_as(&token, "/");
            assert_eq!(status, 200, "{page}");
            assert!(page.contains("BENCH-SITE-169") && page.contains("product39"), "the whole grid is on the page");
            (began.elapsed(), page.len())
        };
        let (cold, size) = get();
        let mut warm: Vec<Duration> = (0..WARM).map(|_| get().0).collect();
        warm.sort();
        println!(
            "{kind:<8} {hosts:>7} {:>8} {:>11.1} {:>9.0} {:>14.0} / {:.0} / {:.0} {:>19}",
            FAMILIES * REVISIONS,
            written.as_secs_f64(),
            millis(cold),
            millis(warm[0]),
            millis(warm[WARM / 2]),
            millis(warm[WARM - 1]),
            size / 1000
        );
    }
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, Into::into)
}

fn references() -> String {
    let mut list = "name = \"bench\"\n".to_owned();
    for product in 0..PRODUCTS {
        list += &format!(
            "[[reference]]\nproduct = \"product{product:02}\"\npackage = \"product{product:02}\"\nminimum = \"0:1.{}-1\"\n",
            product % REVISIONS
        );
    }
    list
}

/// A list of a family: what the family shares, and its products, of which each revision updates two more.
fn packages(family: usize, revision: usize) -> Vec<Package<'static>> {
    let package = |name: String, version: String| Package {
        name: name.into(),
        version: version.into(),
        arch: "x86_64".into(),
        packager: Packager::Rpm,
    };
    let common = (PRODUCTS..PACKAGES).map(|at| package(format!("common{at:04}"), format!("0:{}-1", at % (family + 1))));
    let products = (0..PRODUCTS).map(|product| {
        let version = if product < revision * 2 { revision } else { family % REVISIONS };
        package(format!("product{product:02}"), format!("0:1.{version}-1"))
    });
    common.chain(products).collect()
}

async fn write_grid(url: &str, hosts: usize) {
    let store = Store::open(url).await.unwrap();
    let now = wlcg_package_collector::clock::now().as_second();
    let mut lists = Vec::with_capacity(FAMILIES * REVISIONS);
    for family in 0..FAMILIES {
        let mut writing = store.begin().await.unwrap();
        for revision in 0..REVISIONS {
            let ids = writing.package_ids(&packages(family, revision)).await.unwrap();
            let digest = Hash::of(format!("{family} {revision}").as_bytes());
            let relatives: Vec<i64> =
                if revision > 0 { lists.last().copied().into_iter().collect() } else { Vec::new() };
            lists.push(writing.add_list(digest, &ids, &relatives).await.unwrap());
        }
        writing.commit().await.unwrap();
    }
    for batch in (0..hosts).collect::<Vec<_>>().chunks(1_000) {
        let mut writing = store.begin().await.unwrap();
        for host in batch {
            // Long-tailed: the first sites have most hosts.
            let site = (host * host / hosts.max(1) * SITES / hosts.max(1)).min(SITES - 1);
            let (of, name) = (format!("BENCH-SITE-{:03}", SITES - 1 - site), format!("wn{host}.example.org"));
            let id = writing.host_id(&of, &name).await.unwrap();
            let text =
                format!("packager: rpm\nkernel: 5.14.0-{}.el9.x86_64\nsystem: AlmaLinux release 9.4\n", site % 7);
            let facts = writing.facts_id(&text).await.unwrap();
            // Hosts of a site are clones of a few images.
            let images = lists.len() / SITES + 1;
            let list = (site * images + host % images) % lists.len();
            let arrival = Arrival { received: now, source: "192.0.2.1", signed: true };
            if host % 3 == 0 {
                let earlier = lists[list.saturating_sub(1)];
                writing.add_to_history(id, (now - 20 * 86_400, earlier, facts), arrival).await.unwrap();
            }
            let newest = now - i64::try_from(host % 86_400).unwrap() * 8;
            writing.add_to_history(id, (newest, lists[list], facts), arrival).await.unwrap();
        }
        writing.commit().await.unwrap();
    }
    store.close().await;
}
