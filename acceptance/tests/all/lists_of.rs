//! A past day by the reference lists of then, or of another time: pages, API and command say the same, on both databases.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use wlcg_acceptance::person::{Person, links_of, text_of};
use wlcg_acceptance::programs::{Collector, Deployment};
use wlcg_package_collector::days;
use wlcg_package_collector::store::Store;

use super::matrix::{DAY, FACTS, FIRST, import, report};

on_both_databases!(a_past_day_goes_by_the_lists_that_are_asked_for);

/// What was asked for first with less of it.
const SECOND: &str = r#"
name = "baseline"
[[reference]]
product = "xrootd"
package = "xrootd-server"
minimum = "0:2-1"
"#;

fn a_past_day_goes_by_the_lists_that_are_asked_for(deployment: &Deployment) {
    let now = Timestamp::now();
    let day = days::of(now - SignedDuration::from_hours(72)).to_string();
    fill(deployment, now.as_second());
    let collector = deployment.serve(&["--no-open"]);
    let token = deployment.token("reader", &[]);
    let officer = Person::signed_in(deployment, &collector, &["--name", "Olga"]);

    // The host was behind what was asked then, and has what is asked today.
    let asked = [
        (String::new(), "compliant"),
        ("lists=now&".to_owned(), "compliant"),
        (format!("lists={day}&"), "behind"),
        (format!("at={day}&"), "behind"),
        (format!("at={day}&lists=now&"), "compliant"),
        (format!("at={day}&lists={day}T23:59:59Z&"), "behind"),
    ];
    for (when, state) in &asked {
        assert_eq!(&answer(&collector, &token, &format!("/api/v1/hosts?{when}"))["items"][0]["state"], state, "{when}");
        let overview = answer(&collector, &token, &format!("/api/v1/overview?{when}"));
        assert_eq!(overview["total"][0][state], 1, "{when}: {overview}");
        let product = answer(&collector, &token, &format!("/api/v1/products/xrootd-server?{when}"));
        assert_eq!(product["versions"][0][state], 1, "{when}: {product}");
        assert_eq!(product["references"].as_array().unwrap().len(), 1, "{product}");
        let sites = answer(&collector, &token, &format!("/api/v1/products/xrootd-server/sites?{when}"));
        assert_eq!(sites["items"][0][state], 1, "{when}: {sites}");

        let shape = if *state == "behind" { "▼ behind" } else { "✔ compliant" };
        let page = text_of(&officer.page(&format!("/?{when}")));
        assert!(page.contains(&format!("1 {shape}")), "{when}: {page}");
        let page = officer.page(&format!("/find?{when}site=A"));
        assert!(page.contains(&format!("<td class=\"state\">{shape}</td>")), "{when}: {page}");
        let page = officer.page(&format!("/products/xrootd-server?{when}"));
        assert!(page.contains(&format!("<td class=\"number {state}\">1</td>")), "{when}: {page}");

        let mut command = vec!["compare"];
        for (key, option) in [("at=", "--at"), ("lists=", "--list-of")] {
            command.extend(when.split('&').filter_map(|pair| pair.strip_prefix(key)).flat_map(|value| [option, value]));
        }
        assert_eq!(deployment.rows(&command)[0]["state"], *state, "{command:?}");
    }

    // The choice stays in the links of the page, and says what it is.
    let page = officer.page(&format!("/?at={day}&lists=now"));
    assert!(links_of(&page).contains(&format!("/find?at={day}&lists=now&site=A")), "{page}");
    assert!(links_of(&page).contains(&format!("/?at={day}&lists=now&sort=name")), "{page}");
    assert!(
        text_of(&page).contains(&format!("Who was behind on {day}")) && text_of(&page).contains("baseline of today")
    );
    let file = format!("/api/v1/hosts?site=A&at={day}&lists=now&");
    let page = officer.page(&format!("/find?site=A&at={day}&lists=now"));
    assert!(links_of(&page).iter().any(|link| link.starts_with(&file)), "{page}");

    // What is no choice is told by its name.
    for path in ["/", "/products/xrootd-server", "/api/v1/overview", "/api/v1/hosts", "/api/v1/products/xrootd-server"]
    {
        for (wrong, told) in [
            ("lists=tomorrow", "reference lists of \"tomorrow\": expected now"),
            ("at=31.1.2026", "date \"31.1.2026\""),
        ] {
            let asked = format!("{path}?{wrong}");
            let (status, said) = if path.starts_with("/api/") {
                collector.get_as(&token, &asked)
            } else {
                let refused = officer.get(&asked);
                (refused.status, text_of(&refused.body))
            };
            assert!(status == 400 && said.replace("\\\"", "\"").contains(told), "{asked}: {status} {said}");
        }
    }
    let page = text_of(&officer.page("/find?site=A&lists=tomorrow"));
    assert!(page.contains("reference lists of \"tomorrow\": expected now"), "{page}");
    let output = deployment.collector().args(["compare", "--list-of", "tomorrow"]).output().unwrap();
    assert!(String::from_utf8_lossy(&output.stderr).contains("expected now, 2026-01-31"), "{output:?}");
}

/// One host whose package was too old until less was asked for.
fn fill(deployment: &Deployment, now: i64) {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(async {
        let store = Store::open(&deployment.database).await.unwrap();
        import(&store, FIRST, now - 10 * DAY).await;
        import(&store, SECOND, now - DAY).await;
        for time in [now - 5 * DAY, now - 4 * DAY, now - 60] {
            report(&store, ("A", "a1"), (time, time), FACTS[0], &[("xrootd-server", 2)]).await;
        }
    });
}

fn answer(collector: &Collector, token: &str, path: &str) -> Value {
    let (status, body) = collector.get_as(token, path);
    assert_eq!(status, 200, "{path}: {body}");
    serde_json::from_str(&body).unwrap()
}
