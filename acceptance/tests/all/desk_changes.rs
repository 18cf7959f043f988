//! Pages on which an officer changes something, in a real browser: reference lists and the inbox.

use wlcg_acceptance::accessibility::must_be_accessible;
use wlcg_acceptance::browser::{Browser, Screen};
use wlcg_acceptance::programs::{Deployment, eventually};

use super::{seal, text};

fn looks_right(browser: &Browser) {
    for screen in [Screen::Phone, Screen::Desktop] {
        browser.look_with(screen);
        assert_eq!(browser.overflowing(), Vec::<String>::new(), "{} {screen:?}", browser.address());
        must_be_accessible(browser);
    }
}

#[test]
fn an_officer_writes_a_list_and_works_off_the_inbox_with_the_browser() {
    let deployment = Deployment::new(None);
    let collector = deployment.serve(&[]);
    let certificate = deployment.certificate("officer");
    for host in ["wn1", "wn2"] {
        let fresh = jiff::Timestamp::from_second(jiff::Timestamp::now().as_second() - 60).unwrap().to_string();
        let report = text(host, &fresh, &[("xrootd-server", "1:5.6.3-1.el9")]);
        assert_eq!(collector.report(&seal(&certificate, &report)).0, 201);
    }
    let cut = text("wn3", "2026-01-03T04:00:00Z", &[("bash", "0:5-1")]);
    assert_eq!(collector.report(&seal(&certificate, cut.trim_end_matches("#\n"))).0, 201);
    eventually("every report is opened or held", || deployment.inbox("waiting") == 0);

    let browser = Browser::start();
    browser.sign_in(collector.link.as_ref().unwrap());
    assert_eq!(browser.open(&format!("{}/references", collector.url)), 200);
    looks_right(&browser);
    browser.field("Name of the list").fill("WLCG baseline");
    browser.button("Preview").click();
    browser.shows("Add a reference to WLCG baseline");
    browser.field("Product").fill("xrootd");
    browser.field("Package").fill("xrootd-server");
    browser.field("Since").fill("soon");
    browser.button("Preview").click();
    browser.shows("since is no date");
    looks_right(&browser);
    browser.field("Since").fill("");
    browser.field("Minimum").fill("1:5.6.4-1.el9");
    browser.button("Preview").click();
    browser.shows("2 hosts of 2 with recent news would stand otherwise than now");
    looks_right(&browser);
    browser.button("Edit as TOML").click();
    browser.shows("WLCG baseline as TOML");
    looks_right(&browser);
    browser.button("Preview").click();
    browser.field("Why").fill("the first");
    browser.button("Store as version 1").click();
    browser.shows("Stored as version 1");
    looks_right(&browser);
    browser.link("what it changed (version 1)").click();
    browser.shows("1 added.");
    looks_right(&browser);
    assert_eq!(deployment.rows(&["compare"])[0]["state"], "behind");

    browser.link("Inbox").click();
    browser.shows("Reports that are held");
    looks_right(&browser);
    browser.link("that are cut short").click();
    browser.link("CERN-PROD").click();
    browser.shows("Reject 1 report");
    looks_right(&browser);
    // Without a reason the browser itself sends nothing.
    browser.button("Reject 1 report").click();
    browser.shows("Reject 1 report");
    browser.field("Reason").fill("the next one is whole");
    browser.button("Reject 1 report").click();
    browser.shows("Rejected 1 report.");
    assert_eq!(deployment.inbox("rejected"), 1);
    let report = deployment.rows(&["inbox", "list", "--state", "rejected"])[0]["report"].as_str().unwrap().to_owned();
    assert_eq!(browser.open(&format!("{}/inbox/{report}", collector.url)), 200);
    looks_right(&browser);
    browser.button("Let it wait again").click();
    browser.shows("1 report wait");
    eventually("it is held again", || deployment.inbox("held") == 1);
    assert_eq!(browser.open(&format!("{}/inbox?state=refused", collector.url)), 200);
    looks_right(&browser);
}
