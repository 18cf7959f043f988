//! An officer's working day in a real browser, from the sign-in link to the sign-out, with and without scripts, on both databases.

use jiff::{SignedDuration, Timestamp};
use wlcg_acceptance::browser::Browser;
use wlcg_acceptance::programs::{Deployment, eventually};
use wlcg_package_collector::days;

use super::BASELINE;
use super::inbox_pages::{Sender, key};
use super::text;

on_both_databases!(a_working_day_with_scripts, a_working_day_without_scripts);

fn a_working_day_with_scripts(deployment: &Deployment) {
    a_working_day(deployment, &Browser::start());
}

fn a_working_day_without_scripts(deployment: &Deployment) {
    let browser = Browser::without_scripts();
    a_working_day(deployment, &browser);
}

fn a_working_day(deployment: &Deployment, browser: &Browser) {
    let list = deployment.folder.path().join("list.toml");
    std::fs::write(&list, BASELINE).unwrap();
    deployment.ask(&["reference", "import", list.to_str().unwrap()]);
    let collector = deployment.serve(&[]);
    let now = Timestamp::now() - SignedDuration::from_secs(60);
    let before = now - SignedDuration::from_hours(72);
    let day = |time: Timestamp| days::of(time).to_string();
    let sender = Sender::new(deployment, &collector, "officer");
    let report = |host: &str, time: Timestamp, version: &str| {
        let time = Timestamp::from_second(time.as_second()).unwrap().to_string();
        text(host, &time, &[("bash", "0:5.1.8-9.el9"), ("xrootd-server", version)])
    };
    let first = key();
    sender.post(&report("wn1.example.org", before, "1:5.6.3-1.el9"), None);
    sender.post(&report("wn1.example.org", now, "1:5.6.4-1.el9"), None);
    sender.post(&report("wn2.example.org", now, "1:5.6.2-1.el9"), None);
    sender.post(&report("wn3.example.org", before, "1:5.6.4-1.el9"), Some(&first));
    eventually("four reports are opened", || deployment.inbox("opened") == 4);
    sender.post(&report("wn3.example.org", now, "1:5.6.4-1.el9"), Some(&key()));
    eventually("one report is held", || deployment.inbox("held") == 1);

    browser.sign_in(collector.link.as_ref().unwrap());
    browser.shows("3 hosts at 1 site");

    finds_a_host_and_compares_two_dates(browser, (&day(before), &day(now)));
    takes_the_answer_along(browser);
    begins_a_campaign(browser, &day(now + SignedDuration::from_hours(24 * 30)));
    asks_for_more(browser);
    assert!(deployment.rows(&["compare"]).iter().all(|row| row["state"] == "behind"));
    approves_the_new_key(browser);
    eventually("what was held is opened", || deployment.inbox("opened") == 5);
    let people: Vec<_> = deployment.rows(&["audit"]).iter().map(|row| row["action"].to_string()).collect();
    for action in ["sign-in", "campaign new", "inbox approve"] {
        assert!(people.contains(&format!("\"{action}\"")), "{action}: {people:?}");
    }

    browser.button("Sign out").click();
    eventually("the browser is signed out", || browser.address().contains("sign-in"));
    assert_eq!(browser.visit(&format!("{}/hosts/CERN-PROD/wn1.example.org", collector.url)), 401);
}

fn finds_a_host_and_compares_two_dates(browser: &Browser, (before, now): (&str, &str)) {
    browser.link("Find").click();
    browser.field("Host name").fill("wn1.*");
    browser.button("Find").click();
    browser.shows("Take the answer as CSV");
    browser.link("wn1.example.org").click();
    browser.shows("Side by side");
    browser.field("One date").fill(before);
    browser.field("Another date").fill(now);
    browser.button("Compare the dates").click();
    browser.shows("1 package differs");
    let rows = browser.all("section [aria-label='Packages that differ'] tbody tr");
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].text(), "xrootd-server x86_64 1:5.6.3-1.el9 1:5.6.4-1.el9");
    assert!(browser.text().contains(before), "{}", browser.text());
}

fn takes_the_answer_along(browser: &Browser) {
    browser.link("Find").click();
    browser.field("Package, with or without a version").fill("xrootd-server < 5.6.4");
    browser.button("Find").click();
    browser.shows("1 host. The address of this page");
    browser.link("CSV").click();
    let (name, content) = browser.downloaded();
    assert_eq!(name, "answer.csv");
    let mut rows = csv::Reader::from_reader(content.as_slice());
    let columns: Vec<String> = rows.headers().unwrap().iter().map(str::to_owned).collect();
    assert_eq!(columns, ["site", "host", "os", "tag", "package", "version", "arch", "packager", "last_report"]);
    let found: Vec<_> = rows.records().map(Result::unwrap).collect();
    assert_eq!(found.len(), 1);
    let cells: Vec<&str> = found[0].iter().take(8).collect();
    assert_eq!(cells, ["CERN-PROD", "wn2.example.org", "el9", "", "xrootd-server", "1:5.6.2-1.el9", "x86_64", "rpm"]);
}

fn begins_a_campaign(browser: &Browser, deadline: &str) {
    browser.link("Campaigns").click();
    browser.link("New campaign").click();
    browser.field("Name").fill("Move to XRootD 5.6.4");
    browser.field("Deadline").fill(deadline);
    browser.field("xrootd-server of baseline").click();
    browser.button("Begin the campaign").click();
    browser.shows("hosts asked");
    let shown = browser.text().split_whitespace().collect::<Vec<_>>().join(" ");
    for told in ["Move to XRootD 5.6.4", "3 hosts asked", "2 ✔ done", "1 ▼ behind", deadline] {
        assert!(shown.contains(told), "{told}: {shown}");
    }
    browser.link("Campaigns").click();
    browser.shows("2 of 3");
}

fn asks_for_more(browser: &Browser) {
    browser.link("References").click();
    browser.link("baseline").click();
    browser.link("Change xrootd-server").click();
    browser.field("Minimum").fill("1:5.6.5-1.el9");
    browser.button("Preview").click();
    browser.shows("2 hosts of 3 with recent news would stand otherwise than now");
    browser.field("Why").fill("5.6.4 loses files");
    browser.button("Store as version 2").click();
    browser.shows("Stored as version 2");
}

fn approves_the_new_key(browser: &Browser) {
    browser.link("Inbox").click();
    browser.link("signed with another key than their host's").click();
    browser.link("CERN-PROD").click();
    browser.shows("wn3.example.org");
    browser.button("Approve 1 host").click();
    browser.shows("Approved 1 host");
    browser.link("Sites").click();
    browser.link("CERN-PROD").click();
    browser.shows("wn3.example.org");
}
