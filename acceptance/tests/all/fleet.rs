//! The invented grid: filled in through the real way in, and then there is something to see for every question.

use std::collections::BTreeSet;

use serde_json::Value;
use wlcg_acceptance::person::{Person, text_of};
use wlcg_acceptance::programs::Deployment;
use wlcg_package_collector::access::Scope;
use wlcg_package_collector::answers;
use wlcg_package_collector::store::Store;

on_both_databases!(an_invented_grid_has_an_answer_to_every_question);

fn an_invented_grid_has_an_answer_to_every_question(deployment: &Deployment) {
    not_around_midnight();
    let folder = deployment.folder.path().join("fleet").display().to_string();
    let fill = ["demo", "--fleet", "60", "--once", "--folder", &folder];
    let said = deployment.ask_text(&fill);
    assert!(said.contains("with 60 hosts") && said.contains("Every report is there"), "{said}");

    let text = |row: &Value, column: &str| row[column].as_str().unwrap().to_owned();
    let column = |rows: &[Value], name: &str| rows.iter().map(|row| text(row, name)).collect::<BTreeSet<_>>();
    let hosts = deployment.rows(&["hosts"]);
    assert_eq!(hosts.len(), 60);
    assert!(column(&hosts, "os").len() >= 3 && column(&hosts, "kernel").len() >= 5);
    assert!(hosts.iter().all(|host| (300..=1500).contains(&host["packages"].as_u64().unwrap())));

    let compared = deployment.rows(&["compare"]);
    assert_eq!(column(&compared, "state").len(), 4);
    assert!(deployment.inbox("held") >= 5 && deployment.inbox("unreadable") >= 2);
    assert_eq!(deployment.inbox("waiting"), 0);

    // The migration: half a year ago nobody had the new series but a testbed, by now many have.
    let half_a_year_ago = deployment.rows(&["inbox", "list", "--limit", "1"]);
    let now: jiff::Timestamp = text(&half_a_year_ago[0], "received").parse().unwrap();
    let then = (now - jiff::SignedDuration::from_hours(210 * 24)).to_string();
    let servers = |question: &str, at: &[&str]| deployment.rows(&[&["who", question], at].concat()).len();
    assert_eq!(servers("xrootd-server >= 5.7", &["--at", &then]), 0);
    assert!(servers("xrootd-server < 5.7", &["--at", &then]) > 3);
    assert!(servers("xrootd-server >= 5.7", &[]) > 3);

    // The past is judged by the list of its day.
    let minima = |at: &[&str]| column(&deployment.rows(&[&["compare", "--product", "xrootd"], at].concat()), "minimum");
    assert!(!minima(&["--at", &then]).contains("1:5.7.2") && minima(&[]).contains("1:5.7.2"));

    // A campaign is under way, with an exception for a site and one that has run out for a host.
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let store = Store::open(&deployment.database).await.unwrap();
        let campaigns = answers::campaign::all(&store, &Scope::All).await.unwrap();
        assert_eq!(campaigns.len(), 1);
        assert!(!campaigns[0].references.references.is_empty() && campaigns[0].closed.is_none());
        let exceptions = answers::campaign::exceptions(&store, &Scope::All, campaigns[0].id).await.unwrap();
        let today = now.as_second().div_euclid(86_400);
        let in_force: Vec<bool> = exceptions.iter().map(|exception| exception.is_in_force(today)).collect();
        assert_eq!(in_force, [false, true]);
        store.close().await;
    });

    every_page_has_something_to_show(deployment);

    // Somebody's hosts are never mixed with invented ones.
    let again = deployment.collector().args(fill).output().unwrap();
    let told = String::from_utf8_lossy(&again.stderr).into_owned();
    assert!(!again.status.success() && told.contains("already holds 60 hosts"), "{told}");
    assert_eq!(deployment.rows(&["hosts"]).len(), 60);
}

/// What changed since yesterday is nothing where yesterday (UTC) ends between filling in and looking.
fn not_around_midnight() {
    let of_day = || jiff::Timestamp::now().as_second().rem_euclid(86_400);
    while !(120..86_400 - 240).contains(&of_day()) {
        std::thread::sleep(std::time::Duration::from_secs(5));
    }
}

fn every_page_has_something_to_show(deployment: &Deployment) {
    let collector = deployment.serve(&[]);
    let officer = Person::signed_in(deployment, &collector, &["--name", "Olga"]);
    let site =
        Person::signed_in(deployment, &collector, &["--role", "site", "--site", "DEMO-T0-PROD", "--name", "Sam"]);
    for (who, person) in [("officer", &officer), ("site", &site)] {
        let page = person.page("/");
        let changed = page.split_once(">Changed since yesterday</h2>").unwrap_or_else(|| panic!("{page}")).1;
        assert!(changed.contains("DEMO-T0-PROD") && !changed.contains("No number of hosts"), "{who}: {changed}");
        assert!(text_of(&page).contains("since yesterday"), "{who}: {page}");
    }
    for (path, words) in [
        (
            "/",
            &["2 sites of the registries never reported", "Set aside:", "2 reports unreadable", "within the last day"]
                [..],
        ),
        ("/products/xrootd-server", &["1:5.7.3-1.el9", "other versions", "Part of xrootd"]),
        ("/find?q=voms&site=DEMO-T0-PROD", &["? silent"]),
        ("/inbox?state=rejected", &["with a site's name that cannot be one", "the site was told to set its name"]),
        ("/inbox?state=refused", &["not a sealed report", "unsupported media type", "report too large"]),
        ("/references", &["Retired", "Demo trial", "tried out"]),
        // Without a mail server nothing can have been sent.
        ("/campaigns/1/messages", &["to approve", "queued", "demo officer"]),
    ] {
        let page = text_of(&officer.page(path));
        for words in words {
            assert!(page.contains(words), "{path} without {words:?}: {page}");
        }
    }
    let letters = officer.page("/campaigns/1/messages");
    assert!(!letters.contains("how your site stands"), "a link that leads nowhere: {letters}");
}
