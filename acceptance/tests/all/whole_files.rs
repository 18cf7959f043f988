//! CSV of every row: more than one piece of them, of those that may be seen and no others, on both databases.

use std::collections::BTreeSet;

use wlcg_acceptance::programs::{Collector, Deployment};
use wlcg_package_collector::store::Store;

use super::matrix::{FACTS, report};

on_both_databases!(a_file_has_every_row);

/// More than two pieces of a thousand rows.
const HOSTS: usize = 2_100;

fn a_file_has_every_row(deployment: &Deployment) {
    let now = jiff::Timestamp::now().as_second();
    tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(async {
        let store = Store::open(&deployment.database).await.unwrap();
        for number in 0..HOSTS {
            let (site, host) = (if number % 7 == 0 { "OWN" } else { "OTHER" }, format!("wn{number:05}"));
            let packages = [("xrootd-server", 1 + number % 2), ("bash", 1)];
            report(&store, (site, &host), (now - 60, now - 60), FACTS[0], &packages).await;
        }
    });
    let collector = deployment.serve(&["--no-open"]);
    let reader = deployment.token("reader", &[]);
    let site = deployment.token("site", &["OWN"]);
    let date = jiff::Timestamp::from_second(now).unwrap().to_string();
    let own = HOSTS.div_ceil(7);
    for (question, of_all, of_own) in [
        ("hosts?format=csv".to_owned(), HOSTS, own),
        (format!("hosts?format=csv&at={date}"), HOSTS, own),
        ("hosts?format=csv&q=wn000*".to_owned(), 100, 15),
        ("find?format=csv&q=bash".to_owned(), HOSTS, own),
        (format!("find?format=csv&q=bash&at={date}"), HOSTS, own),
        ("find?format=csv&q=xrootd-server%20%3C%202".to_owned(), HOSTS / 2, own / 2),
    ] {
        let path = format!("/api/v1/{question}");
        assert_eq!(hosts(&collector, &reader, &path).len(), of_all, "{path}");
        let seen = hosts(&collector, &site, &path);
        assert_eq!(seen.len(), of_own, "{path}");
        assert!(seen.iter().all(|(site, _)| site == "OWN"), "{path}");
    }
    // With a limit it is a page, as in JSON, and the way to the next one is told.
    let headers = [("authorization", &*format!("Bearer {reader}"))];
    let page = collector.ask("/api/v1/hosts?format=csv&limit=10", &headers, None);
    assert_eq!(page.body.lines().count(), 11);
    assert!(page.header("link").unwrap().contains("limit=10&cursor="), "{page:?}");
    let whole = collector.ask("/api/v1/hosts?format=csv", &headers, None);
    assert_eq!((whole.header("link"), whole.header("etag")), (None, None));
    assert_eq!(whole.header("content-disposition"), Some("attachment; filename=\"answer.csv\""));
    // A question that cannot be answered says so instead of an empty file.
    assert_eq!(collector.get_as(&reader, "/api/v1/hosts?format=csv&at=x").0, 400);
}

/// Site and host of each row; none comes twice, and they are in order.
fn hosts(collector: &Collector, token: &str, path: &str) -> BTreeSet<(String, String)> {
    let (status, content) = collector.get_as(token, path);
    assert_eq!(status, 200, "{path}: {content}");
    let mut rows = csv::Reader::from_reader(content.as_bytes());
    assert_eq!(rows.headers().unwrap().iter().take(2).collect::<Vec<_>>(), ["site", "host"]);
    let all: Vec<(String, String)> =
        rows.records().map(Result::unwrap).map(|row| (row[0].to_owned(), row[1].to_owned())).collect();
    let once: BTreeSet<_> = all.iter().cloned().collect();
    assert!(all.iter().eq(&once), "{path}: rows come once, by site and host");
    once
}
