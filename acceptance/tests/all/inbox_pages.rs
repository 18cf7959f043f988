//! The inbox on the desk: what was set aside, told by its reasons, and decided on one by one or all alike at once.

use report::hash::Hash;
use report::sealed::{self, ContentEncryption, Recipient, SigningKey};
use wlcg_acceptance::person::{Person, form_of, links_of, text_of};
use wlcg_acceptance::programs::{Collector, Deployment, eventually};

use super::{seal, text};

on_both_databases!(
    sites_and_troubles,
    only_what_was_seen_is_decided_on,
    long_lists_and_hostile_values,
    who_may_look_and_who_may_decide,
);

pub(super) struct Sender<'a> {
    collector: &'a Collector,
    recipients: Vec<Recipient>,
}

impl<'a> Sender<'a> {
    pub(super) fn new(deployment: &Deployment, collector: &'a Collector, key: &str) -> Self {
        let pem = std::fs::read(deployment.certificate(key)).unwrap();
        Sender { collector, recipients: Recipient::from_pem(&pem).unwrap() }
    }

    /// Posts a text, signed or not; gives its hash and the sealed bytes.
    pub(super) fn post(&self, text: &str, key: Option<&SigningKey>) -> (String, Vec<u8>) {
        let content = key.map_or_else(|| text.as_bytes().to_vec(), |key| key.sign(text.as_bytes()).unwrap());
        let sealed = sealed::seal(&content, &self.recipients, ContentEncryption::Aes256Cbc).unwrap();
        assert_eq!(self.collector.report(&sealed).0, 201);
        (Hash::of(&sealed).to_string(), sealed)
    }
}

pub(super) fn key() -> SigningKey {
    SigningKey::generate("host", jiff::Timestamp::now()).unwrap()
}

pub(super) fn of(site: &str, host: &str) -> String {
    text(host, "2026-01-03T04:00:00Z", &[("bash", "0:5-1")]).replace("CERN-PROD", site)
}

pub(super) fn in_states(deployment: &Deployment) -> [usize; 5] {
    ["waiting", "opened", "held", "unreadable", "rejected"].map(|state| deployment.inbox(state))
}

pub(super) fn settles(deployment: &Deployment, expected: [usize; 5]) {
    eventually(&format!("the inbox comes to {expected:?}"), || in_states(deployment) == expected);
}

/// Knows CERN-PROD and DESY-HH, and no other site.
pub(super) fn registry(deployment: &Deployment) {
    let sites = ["CERN-PROD", "DESY-HH"].map(|name| {
        format!("<SITE ID=\"1\" PRIMARY_KEY=\"1G0\" NAME=\"{name}\"><SHORT_NAME>{name}</SHORT_NAME></SITE>")
    });
    let file = deployment.folder.path().join("get_site.xml");
    std::fs::write(&file, format!("<?xml version=\"1.0\"?>\n<results>\n{}</results>\n", sites.concat())).unwrap();
    deployment.ask(&["registry", "import", file.to_str().unwrap()]);
}

pub(super) fn audited(deployment: &Deployment, action: &str) -> i64 {
    deployment.number(&format!("SELECT COUNT(*) FROM audit WHERE action = 'inbox {action}' AND person = 'O. Fficer'"))
}

/// Fills in the form of decisions of a page; what the next page says of it.
pub(super) fn decide(officer: &Person<'_>, path: &str, fields: &[(&str, &str)]) -> String {
    let answer = officer.fill_in(&officer.page(path), "/inbox/decide", fields);
    assert_eq!(answer.status, 303, "{}", text_of(&answer.body));
    let page = officer.page(answer.header("location").unwrap());
    text_of(page.split_once("role=\"status\">").unwrap_or_else(|| panic!("{page}")).1.split_once("</p>").unwrap().0)
}

fn sites_and_troubles(deployment: &Deployment) {
    deployment.new_key("second", "rsa2048");
    registry(deployment);
    let collector = deployment.serve(&[]);
    let officer = Person::signed_in(deployment, &collector, &["--name", "O. Fficer"]);
    let sender = Sender::new(deployment, &collector, "officer");
    sender.post(&of("CERN-PRDO", "wn1"), None);
    sender.post(&of("CERN-PRDO", "wn2"), None);
    let (of_testbed, _) = sender.post(&of("FAR-AWAY-TESTBED", "wn3"), None);
    let whole = of("CERN-PROD", "wn4");
    sender.post(whole.trim_end_matches("#\n"), None);
    sender.post(&whole.replace("bash\t0:5-1\tx86_64\n", ""), None);
    sender.post(&whole.replace("2026-01-03", "2999-01-03"), None);
    let others = Sender::new(deployment, &collector, "second");
    for host in ["wn5", "wn6"] {
        others.post(&of("DESY-HH", host), None);
    }
    settles(deployment, [0, 0, 6, 2, 0]);
    for _ in 0..3 {
        assert_eq!(collector.post("/v1/reports", &[("content-type", "application/pkcs7-mime")], b"<b>noise").0, 400);
    }

    // An unknown site is shown with near names; a testbed is declared.
    let near = "/inbox?state=held&problem=unknown_site&site=CERN-PRDO";
    let page = text_of(&officer.page(near));
    assert!(page.contains("Names near to it: CERN-PROD.") && page.contains("Declare the site CERN-PRDO"), "{page}");
    let without = officer.fill_in(&officer.page(near), "/inbox/decide", &[("what", "reject"), ("reason", "  ")]);
    assert!(without.status == 422 && text_of(&without.body).contains("needs a reason"), "{without:?}");
    let told = decide(&officer, near, &[("what", "reject"), ("reason", "a slip of the hand, they are told")]);
    assert!(told.contains("Rejected 2 reports"), "{told}");
    let told = decide(&officer, &format!("/inbox/{of_testbed}"), &[("what", "declare")]);
    assert!(told.contains("Declared; 1 report wait"), "{told}");
    settles(deployment, [0, 1, 3, 2, 2]);
    sender.post(&of("OTHER-TESTBED", "wn7"), None);
    settles(deployment, [0, 1, 4, 2, 2]);
    let told = decide(&officer, "/inbox?state=held&problem=unknown_site&site=OTHER-TESTBED", &[("what", "declare")]);
    assert!(told.contains("Declared; 1 report wait"), "{told}");
    settles(deployment, [0, 2, 3, 2, 2]);
    let known: Vec<_> = deployment.rows(&["registry", "list"]);
    assert_eq!(known.iter().filter(|row| row["site"].as_str().unwrap().ends_with("TESTBED")).count(), 2, "{known:?}");

    // Each trouble has its words; nobody's word makes half a report whole.
    let page = text_of(&officer.page("/inbox?state=held"));
    for told in ["that are cut short", "without any package", "of a clock that is ahead"] {
        assert!(page.contains(told), "{told}: {page}");
    }
    for problem in ["truncated", "no_packages", "clock_ahead"] {
        let page = officer.page(&format!("/inbox?state=held&problem={problem}&site=CERN-PROD"));
        assert!(!page.contains("value=\"approve\"") && !page.contains("value=\"declare\""), "{problem}");
        let fields = form_of(&page, "/inbox/decide");
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let approved = officer.post("/inbox/decide", &[&fields[..], &[("what", "approve")]].concat());
        assert!(approved.header("location").unwrap().contains("done=approve&number=0&left=1"), "{approved:?}");
        let declared = officer.post("/inbox/decide", &[&fields[..], &[("what", "declare")]].concat());
        assert_eq!(declared.status, 422);
    }
    assert_eq!(in_states(deployment), [0, 2, 3, 2, 2]);
    for wrong in ["state=held&problem=noise", "state=lost", "page=x", "nonsense=1"] {
        assert_eq!(officer.get(&format!("/inbox?{wrong}")).status, 400, "{wrong}");
    }

    // What no key opened is opened with the key.
    let page = text_of(&officer.page("/inbox?state=unreadable"));
    assert!(page.contains("that no key opens") && page.contains("Let 2 reports wait again"), "{page}");
    drop(officer);
    drop(collector);
    let collector = deployment.serve(&["--key", &deployment.key("officer"), "--key", &deployment.key("second")]);
    let officer = Person::signed_in(deployment, &collector, &["--name", "O. Fficer"]);
    let told = decide(&officer, "/inbox?state=unreadable", &[("what", "retry")]);
    assert!(told.contains("2 reports wait to be opened again"), "{told}");
    settles(deployment, [0, 4, 3, 0, 2]);
    // A rejection is taken back.
    let rejected = deployment.rows(&["inbox", "list", "--state", "rejected"])[0]["report"].as_str().unwrap().to_owned();
    let told = decide(&officer, &format!("/inbox/{rejected}"), &[("what", "retry")]);
    assert!(told.contains("1 report wait"), "{told}");
    settles(deployment, [0, 4, 4, 0, 1]);
    let deeds = ["approve", "reject", "retry"].map(|action| audited(deployment, action));
    assert_eq!(deeds, [2, 1, 2]);

    eventually("the refused are counted", || {
        let page = text_of(&officer.page("/inbox?state=refused"));
        page.contains("3 Refused at the door") && page.contains("not a sealed report") && page.contains("127.0.0.1")
    });
}

fn only_what_was_seen_is_decided_on(deployment: &Deployment) {
    let collector = deployment.serve(&[]);
    let officer = Person::signed_in(deployment, &collector, &["--name", "O. Fficer"]);
    let sender = Sender::new(deployment, &collector, "officer");
    let cut = |host: &str| of("CERN-PROD", host).trim_end_matches("#\n").to_owned();
    sender.post(&cut("wn1"), None);
    settles(deployment, [0, 0, 1, 0, 0]);
    let path = "/inbox?state=held&problem=truncated&site=CERN-PROD";
    let page = officer.page(path);
    sender.post(&cut("wn2"), None);
    settles(deployment, [0, 0, 2, 0, 0]);
    let answer = officer.fill_in(&page, "/inbox/decide", &[("what", "reject"), ("reason", "cut")]);
    assert!(answer.header("location").unwrap().contains("done=reject&number=1&left=0"), "{answer:?}");
    assert_eq!(in_states(deployment), [0, 0, 1, 0, 1]);
    // Twice, and by two people at once: each report is decided on once.
    let page = officer.page(path);
    let numbers: Vec<u64> = std::thread::scope(|scope| {
        let reject = || {
            let answer = officer.fill_in(&page, "/inbox/decide", &[("what", "reject"), ("reason", "cut")]);
            let location = answer.header("location").unwrap().to_owned();
            location.split_once("number=").unwrap().1.split_once('&').unwrap().0.parse().unwrap()
        };
        let tries: Vec<_> = (0..4).map(|_| scope.spawn(reject)).collect();
        tries.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert_eq!(numbers.iter().sum::<u64>(), 1, "{numbers:?}");
    assert_eq!(in_states(deployment), [0, 0, 0, 0, 2]);
}

fn long_lists_and_hostile_values(deployment: &Deployment) {
    let collector = deployment.serve(&[]);
    let officer = Person::signed_in(deployment, &collector, &[]);
    let certificate = deployment.certificate("officer");
    let hosts: Vec<String> = (0..53).map(|number| format!("wn{number:02}")).collect();
    for host in &hosts {
        let cut = of("CERN-PROD", host).trim_end_matches("#\n").to_owned();
        assert_eq!(collector.report(&seal(&certificate, &cut)).0, 201);
    }
    let hostile = format!("<script>alert(1)</script>\u{202E}{}", "x".repeat(10_000));
    let cut = of("CERN-PROD", &hostile).trim_end_matches("#\n").to_owned();
    let (hash, _) = Sender::new(deployment, &collector, "officer").post(&cut, None);
    settles(deployment, [0, 0, 54, 0, 0]);

    let path = "/inbox?state=held&problem=truncated&site=CERN-PROD";
    let mut seen: Vec<String> = Vec::new();
    let page = officer.page(path);
    assert!(text_of(&page).contains("Page 1 of 2"), "{page}");
    let after = |page: &str, what: &str| links_of(page).into_iter().find(|link| link.contains(what)).unwrap();
    let next = after(&page, "&page=2");
    for page in [page.clone(), officer.page(&next), officer.page(&format!("{path}&page=99"))] {
        assert!(!page.contains("<script>") && !page.contains('\u{202E}') && page.len() < 120_000, "{}", page.len());
        let links = links_of(&page);
        let is_linked = |host: &&String| links.iter().any(|link| link.contains(&format!("&host={host}&")));
        seen.extend(hosts.iter().filter(is_linked).cloned());
    }
    seen.sort();
    seen.dedup();
    assert_eq!(seen, hosts, "every host is in one of the pages of groups");
    let older = after(&page, "&before=");
    let rows = |page: &str| page.matches("href=\"/inbox/").count();
    assert_eq!((rows(&page), rows(&officer.page(&older))), (50, 4));
    let page = officer.page(&format!("/inbox/{hash}"));
    assert!(!page.contains("<script>") && !page.contains('\u{202E}') && page.len() < 20_000, "{page}");
    // One decision for the one host with the impossible name.
    let both = [officer.page(path), officer.page(&next)].concat();
    let link = after(&both, "&host=%3Cscript%3E");
    let told = decide(&officer, &link, &[("what", "reject"), ("reason", "=1<b>\u{202E}")]);
    assert!(told.contains("Rejected 1 report."), "{told}");
    assert_eq!(in_states(deployment), [0, 0, 53, 0, 1]);
    let page = officer.page(&format!("/inbox/{hash}"));
    assert!(!page.contains("<b>") && !page.contains('\u{202E}'), "{page}");
}

fn who_may_look_and_who_may_decide(deployment: &Deployment) {
    let collector = deployment.serve(&[]);
    let sender = Sender::new(deployment, &collector, "officer");
    let (hash, _) = sender.post(of("CERN-PROD", "wn1").trim_end_matches("#\n"), None);
    settles(deployment, [0, 0, 1, 0, 0]);
    let pages = [
        "/inbox".to_owned(),
        "/inbox?state=held&problem=truncated".to_owned(),
        format!("/inbox/{hash}"),
        format!("/inbox/{hash}/sealed"),
    ];
    let officer = Person::signed_in(deployment, &collector, &[]);
    let reader = Person::signed_in(deployment, &collector, &["--role", "reader"]);
    let site = Person::signed_in(deployment, &collector, &["--role", "site", "--site", "CERN-PROD"]);
    for page in &pages[..3] {
        assert!(officer.page(page).contains("/inbox/decide"), "{page}");
        let seen = reader.page(page);
        assert!(!seen.contains("/inbox/decide") && !seen.contains("<button name=\"what\""), "{page}: {seen}");
    }
    for page in &pages {
        assert_eq!(site.get(page).status, 404, "{page}");
        assert!(
            site.get(page).body.contains("reports go to POST /v1/reports"),
            "{page}: as any path that is not there"
        );
        assert_eq!(collector.ask(page, &[], None).status, 401, "{page}");
    }
    let fields = form_of(&officer.page(&pages[1]), "/inbox/decide");
    let decision = |csrf: &str, what: &str| {
        let mut fields: Vec<(String, String)> =
            fields.clone().into_iter().filter(|(name, _)| !["csrf", "reason"].contains(&name.as_str())).collect();
        fields.extend(
            [("csrf", csrf), ("what", what), ("reason", "x")].map(|(name, value)| (name.to_owned(), value.to_owned())),
        );
        fields
    };
    for (who, person, status) in
        [("reader", &reader, 403), ("site", &site, 403), ("officer without proof", &officer, 403)]
    {
        let csrf = if who.contains("without") {
            String::new()
        } else {
            form_of(&person.page("/sites"), "/sign-out")["csrf"].clone()
        };
        for what in ["approve", "declare", "reject", "retry"] {
            let fields = decision(&csrf, what);
            let fields: Vec<(&str, &str)> =
                fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            assert_eq!(person.post("/inbox/decide", &fields).status, status, "{who} {what}");
        }
    }
    assert_eq!(in_states(deployment), [0, 0, 1, 0, 0]);
    let csrf = form_of(&officer.page("/sites"), "/sign-out")["csrf"].clone();
    for (wrong, status) in [
        (vec![("what", "dance")], 422),
        (vec![("what", "reject"), ("report", "none"), ("reason", "x")], 422),
        (vec![("what", "reject"), ("report", &"0".repeat(64)), ("reason", "x")], 404),
        (vec![("what", "reject"), ("asked", "state=held"), ("reason", "x"), ("until", "99999")], 422),
        (vec![("what", "retry"), ("asked", "lost"), ("until", "99999")], 422),
        (vec![("what", "retry"), ("asked", "state=lost"), ("until", "99999")], 422),
        (vec![("what", "retry"), ("asked", "state=held"), ("until", "x")], 422),
    ] {
        let answer = officer.post("/inbox/decide", &[&wrong[..], &[("csrf", &csrf)]].concat());
        assert_eq!(answer.status, status, "{wrong:?}: {}", text_of(&answer.body));
    }
    assert_eq!(in_states(deployment), [0, 0, 1, 0, 0]);
    assert_eq!(audited(deployment, "reject") + audited(deployment, "retry"), 0);
}
