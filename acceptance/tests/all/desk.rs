//! The desk in a real browser, as people meet it.

use wlcg_acceptance::accessibility::must_be_accessible;
use wlcg_acceptance::browser::{Browser, Screen};
use wlcg_acceptance::programs::{Deployment, eventually};

use super::{seal, text};

#[test]
fn a_person_reads_the_first_page_with_and_without_scripts_on_every_screen_and_on_paper() {
    let deployment = Deployment::new(None);
    let collector = deployment.serve(&[]);
    let browser = Browser::start();
    // Not signed in, the page says how to; the browser's console calls a 401 an error.
    assert_eq!(browser.visit(&collector.url), 401);
    assert!(browser.text().contains("wlcg-package-collector sign-in"), "{}", browser.text());
    must_be_accessible(&browser);
    let _ = browser.complaints();
    assert_eq!(browser.open(collector.link.as_ref().unwrap()), 200);
    must_be_accessible(&browser);
    browser.sign_in(collector.link.as_ref().unwrap());
    assert!(browser.text().contains("No host has reported yet"), "{}", browser.text());
    must_be_accessible(&browser);

    let certificate = deployment.certificate("officer");
    let long = format!("wn-{}.example.org", "x".repeat(300));
    for host in ["wn1.example.org", &long] {
        let report = text(host, "2026-01-03T04:00:00Z", &[("bash", "0:5.1.8-9.el9")]);
        assert_eq!(collector.report(&seal(&certificate, &report)).0, 201);
    }
    eventually("every report is opened", || deployment.inbox("opened") == 2);

    // Axe itself is a script.
    let without = Browser::without_scripts();
    without.sign_in(&deployment.link(&collector, &["--role", "reader"]));
    for (browser, scripts) in [(browser, true), (without, false)] {
        for screen in [Screen::Desktop, Screen::Phone] {
            browser.look_with(screen);
            assert_eq!(browser.open(&collector.url), 200);
            for shown in ["CERN-PROD", "unknown"] {
                assert!(browser.text().contains(shown), "{shown}: {}", browser.text());
            }
            assert_eq!(browser.overflowing(), Vec::<String>::new(), "{screen:?}");
            if scripts {
                must_be_accessible(&browser);
            }
        }
        let paper = browser.printed();
        assert!(paper.len() == 1 && paper[0].contains("CERN-PROD"), "{paper:?}");
        browser.button("Sign out").click();
        eventually("the browser is signed out", || browser.address().contains("sign-in"));
        assert_eq!(browser.visit(&collector.url), 401);
    }
}
