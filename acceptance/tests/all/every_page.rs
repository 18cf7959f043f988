//! Every kind of page of the desk, found by its links, on an invented grid: for eyes, ears, phones, paper and caches.

use wlcg_acceptance::accessibility::serious_faults;
use wlcg_acceptance::browser::{Browser, Screen};
use wlcg_acceptance::programs::{Answer, Deployment};
use wlcg_acceptance::walk::Walk;

#[test]
fn every_page_is_accessible_fits_a_phone_and_paper_and_is_kept_by_no_cache() {
    let deployment = Deployment::with_fleet(60, None);
    let collector = deployment.serve(&[]);
    let token = deployment.token("officer", &[]);
    let browser = Browser::start();
    browser.sign_in(collector.link.as_ref().unwrap());
    let mut faults = Vec::new();
    let walk = Walk::from(&browser, &format!("{}/", collector.url), 2, |path| {
        let mut found = serious_faults(&browser);
        for screen in [Screen::Phone, Screen::Paper, Screen::Desktop] {
            browser.look_with(screen);
            found.extend(browser.overflowing().into_iter().map(|part| format!("{screen:?}: {part}")));
        }
        found.extend(missing_on_paper(&browser).into_iter().map(|word| format!("not on paper: {word:?}")));
        let answer = collector.ask(path, &[("authorization", &format!("Bearer {token}"))], None);
        found.extend(badly_sent(&answer));
        faults.extend(found.into_iter().map(|fault| format!("{path}: {fault}")));
    });
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(walk.pages.len() > 15, "{:#?}", walk.pages);
}

#[test]
fn every_page_of_an_empty_collector_says_what_to_do_next() {
    let deployment = Deployment::new(None);
    let collector = deployment.serve(&[]);
    for (who, least) in [(&["--role", "officer"][..], 8), (&["--role", "site", "--site", "CERN-PROD"], 5)] {
        let browser = Browser::start();
        browser.sign_in(&deployment.link(&collector, who));
        let mut faults = Vec::new();
        let walk = Walk::from(&browser, &format!("{}/", collector.url), 2, |path| {
            let mut found = serious_faults(&browser);
            browser.look_with(Screen::Phone);
            found.extend(browser.overflowing().into_iter().map(|part| format!("phone: {part}")));
            browser.look_with(Screen::Desktop);
            if !shows_something(&browser) {
                found.push(format!("nothing to do next: {}", browser.first("main").text()));
            }
            faults.extend(found.into_iter().map(|fault| format!("{path}: {fault}")));
        });
        assert!(faults.is_empty(), "{who:?}: {}", faults.join("\n"));
        assert!(walk.pages.len() >= least, "{who:?}: {:#?}", walk.pages);
    }
}

/// Whether there are rows, or words on why there are none with a link, a command or a form to go on with.
fn shows_something(browser: &Browser) -> bool {
    let script = "
        const told = [...document.querySelectorAll('main .empty, main .done, main .note')];
        const next = (element) => element.querySelector('a[href], code') !== null;
        return document.querySelector('main tbody tr') !== null
            || (told.length > 0 && [...document.querySelectorAll('main .empty')].every(next)
                && (told.some(next) || document.querySelector('main form[method=post]') !== null));";
    browser.execute(script, vec![]).as_bool().unwrap()
}

/// Words of headings that are on the page and not on its printout: what is cut off at the right edge, for example.
fn missing_on_paper(browser: &Browser) -> Vec<String> {
    let script = "
        return [...document.querySelectorAll('h1, h2, thead th, svg text')]
            .filter((element) => element.checkVisibility() && !element.closest('.hidden, details:not([open])'))
            .flatMap((element) => element.textContent.split(/[^A-Za-z0-9]+/));";
    let words = browser.execute(script, vec![]);
    let paper: String = browser.printed().concat().split_whitespace().collect();
    let missing = |word: &&str| !paper.contains(*word);
    words.as_array().unwrap().iter().filter_map(|word| word.as_str()).filter(missing).map(str::to_owned).collect()
}

/// What headers of a page lack.
fn badly_sent(answer: &Answer) -> Vec<String> {
    let wanted = [
        ("content-type", "text/html; charset=utf-8"),
        ("cache-control", "no-store"),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "same-origin"),
    ];
    let mut faults: Vec<String> = wanted
        .iter()
        .filter(|(name, value)| answer.header(name) != Some(value))
        .map(|(name, _)| format!("{} {name}: {:?}", answer.status, answer.header(name)))
        .collect();
    let policy = answer.header("content-security-policy").unwrap_or_default();
    let part = |wanted: &str| policy.split(';').any(|part| part.trim() == wanted);
    for wanted in ["default-src 'none'", "base-uri 'none'", "form-action 'self'", "frame-ancestors 'none'"] {
        if !part(wanted) {
            faults.push(format!("policy without {wanted}: {policy}"));
        }
    }
    if policy.contains("unsafe") || policy.contains('*') || policy.contains("http") {
        faults.push(format!("policy with a hole: {policy}"));
    }
    faults
}
