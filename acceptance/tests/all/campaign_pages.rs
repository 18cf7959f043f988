//! A campaign from its form to its end on the desk, by people with different rights.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::Offset;
use wlcg_acceptance::accessibility::must_be_accessible;
use wlcg_acceptance::browser::{Browser, Screen};
use wlcg_acceptance::person::{Person, form_of, text_of};
use wlcg_acceptance::programs::{Collector, Deployment, eventually};
use wlcg_acceptance::smtp::{MailServer, Senders};

use super::{seal, text};

on_both_databases!(an_officer_leads_a_campaign, each_sees_only_what_concerns_them, mails_go_to_whom_the_registry_names);

const LIST: &str =
    "name = \"baseline\"\n[[reference]]\nproduct = \"xrootd\"\npackage = \"xrootd-server\"\nminimum = \"1:5.6.4-1\"\n";

fn today() -> Date {
    Offset::UTC.to_datetime(Timestamp::now()).date()
}

fn in_days(days: i64) -> String {
    today().checked_add(jiff::Span::new().days(days)).unwrap().to_string()
}

/// A collector with a reference list and hosts at two sites, opened, whose desk has an address.
fn filled(deployment: &Deployment, config: &str) -> Collector {
    filled_with(deployment, &format!("public_url = \"https://desk.example.org\"\n{config}"))
}

/// The same with this configuration alone.
fn filled_with(deployment: &Deployment, config: &str) -> Collector {
    let file = |name: &str, content: &str| {
        let file = deployment.folder.path().join(name);
        std::fs::write(&file, content).unwrap();
        file.display().to_string()
    };
    let config = file("config.toml", config);
    let list = file("list.toml", LIST);
    let collector = deployment.serve(&["--config", &config]);
    deployment.ask(&["reference", "import", &list]);
    let collected = Timestamp::from_second(Timestamp::now().as_second() - 30).unwrap().to_string();
    let hosts = [
        ("CERN-PROD", "wn1", "1:5.6.3-1"),
        ("CERN-PROD", "<script>alert(1)</script>", "1:5.6.3-1"),
        ("CERN-PROD", "wn2", "1:5.6.4-1"),
        ("OTHER-SITE", "secret-host", "1:5.6.3-1"),
    ];
    for (site, host, version) in hosts {
        let report =
            text(host, &collected, &[("xrootd-server", version)]).replace("site: CERN-PROD", &format!("site: {site}"));
        assert_eq!(collector.report(&seal(&deployment.certificate("officer"), &report)).0, 201);
    }
    eventually("every report is opened", || deployment.inbox("opened") == hosts.len());
    collector
}

/// Begins a campaign that asks for what the list asks for; its path.
fn begun(officer: &Person<'_>, name: &str, sites: &str) -> String {
    assert!(officer.page("/campaigns/new").contains("1:5.6.4-1 or newer"));
    officer.begin_campaign(name, &in_days(7), ("baseline", "xrootd", "xrootd-server"), sites)
}

fn mail_by(server: &MailServer) -> String {
    let address = server.address();
    format!("[mail]\nserver = \"smtp://{address}\"\nfrom = \"officer@wlcg.example.org\"\ntimeout_seconds = 20\n")
}

fn an_officer_leads_a_campaign(deployment: &Deployment) {
    let server = MailServer::start(Senders::Everyone);
    let collector = filled(deployment, &mail_by(&server));
    let officer = Person::signed_in(deployment, &collector, &["--name", "Olga"]);
    assert!(officer.page("/campaigns").contains("No campaign yet"));

    let form = officer.page("/campaigns/new");
    let wrong = officer.fill_in(&form, "/campaigns", &[("name", "Move"), ("deadline", "soon"), ("note", "keep me")]);
    assert_eq!(wrong.status, 422);
    assert!(wrong.body.contains("YEAR-MONTH-DAY") && wrong.body.contains("keep me"), "{}", wrong.body);
    let path = begun(&officer, "Move to 5.6.4", "");
    let again = officer.fill_in(
        &officer.page("/campaigns/new"),
        "/campaigns",
        &[("name", "Move to 5.6.4"), ("deadline", &in_days(9)), ("chosen", "baseline / xrootd / xrootd-server")],
    );
    assert!(again.status == 422 && again.body.contains("already"), "{}", again.body);
    assert!(officer.page("/campaigns").contains("Move to 5.6.4"));

    let page = officer.page(&path);
    let shown = text_of(&page);
    for words in ["4 hosts asked", "1 ✔ done", "3 ▼ behind", "▼ on time", "left to do"] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    let hosts = officer.page(&format!("{path}?site=CERN-PROD"));
    assert!(hosts.contains("wn1") && hosts.contains("&#60;script&#62;") && !hosts.contains("<script"), "{hosts}");
    assert!(!hosts.contains("secret-host"));

    let action = format!("{path}/exceptions");
    let wrong =
        officer.fill_in(&page, &action, &[("site", "OTHER-SITE"), ("reason", "tape"), ("expires", "2020-01-01")]);
    assert!(wrong.status == 422 && wrong.body.contains("later date") && wrong.body.contains("tape"), "{}", wrong.body);
    let granted = [("site", "OTHER-SITE"), ("reason", "tape upgrade"), ("expires", &*in_days(2))];
    assert_eq!(officer.fill_in(&page, &action, &granted).status, 303);
    let page = officer.page(&path);
    assert!(text_of(&page).contains("○ excepted") && page.contains("tape upgrade"), "{page}");
    let told = deployment.rows(&["campaign", "show", "Move to 5.6.4"]);
    let states: Vec<_> = told.iter().map(|row| format!("{} {}", row["site"], row["state"])).collect();
    assert_eq!(states, ["\"CERN-PROD\" \"on time\"", "\"OTHER-SITE\" \"excepted\""]);
    assert_eq!(deployment.rows(&["campaign", "list"])[0]["to_do"], 2);

    let messages = format!("{path}/messages");
    let page = officer.page(&messages);
    assert!(page.contains("No address is known of CERN-PROD"), "{page}");
    let action = format!("{path}/letter");
    let wrong = officer.fill_in(&page, &action, &[("text", "dear {sight}")]);
    assert!(wrong.status == 422 && wrong.body.contains("{sight} means nothing"), "{}", wrong.body);
    let wrong = officer.fill_in(&page, &action, &[("contacts", "CERN-PROD = a@b.org\r\nBcc: c@d.org")]);
    assert!(wrong.status == 422 && wrong.body.contains("line 2"), "{}", wrong.body);
    let fields = [("contacts", "CERN-PROD = grid@site.example.org")];
    assert_eq!(officer.fill_in(&page, &action, &fields).status, 303);
    let page = officer.page(&messages);
    for words in
        ["1 message to approve", "grid@site.example.org", "2 of 3 hosts to do at CERN-PROD", "  wn1: xrootd-server"]
    {
        assert!(text_of(&page).contains(words), "{words}: {page}");
    }
    assert_eq!(server.delivered().len(), 0, "a preview was sent: {}", server.log());

    let approve = format!("{path}/approve");
    let csrf = form_of(&page, &approve)["csrf"].clone();
    let digest = form_of(&page, &approve)["digest"].clone();
    let forged = officer.post(&approve, &[("digest", &digest)]);
    assert_eq!(forged.status, 403, "without the proof that it was meant");
    for _ in 0..2 {
        assert_eq!(officer.post(&approve, &[("csrf", &csrf), ("digest", &digest)]).status, 303);
    }
    eventually("the collector sends what was approved", || officer.page(&messages).contains("<td>sent"));
    assert_eq!(officer.post(&approve, &[("csrf", &csrf), ("digest", &digest)]).status, 303);
    eventually("it is delivered", || server.delivered().len() == 1);
    let mail = server.delivered()[0].replace("=\n", "");
    assert!(mail.contains(&format!("https://desk.example.org{path}")), "{mail}");
    assert!(officer.page(&messages).contains("Write again to those still behind"));
    assert_eq!(server.log().matches(" <= officer@wlcg.example.org").count(), 1, "{}", server.log());

    let page = officer.page(&path);
    assert_eq!(officer.fill_in(&page, &format!("{path}/close"), &[]).status, 303);
    assert!(officer.page(&path).contains("Closed on"));
    let page = officer.page(&path);
    assert_eq!(officer.fill_in(&page, &format!("{path}/reopen"), &[]).status, 303);
    let deeds: Vec<_> = deployment.rows(&["audit"]).iter().map(|row| row["action"].to_string()).collect();
    for deed in ["campaign new", "campaign exception", "campaign preview", "campaign approve", "campaign close"] {
        assert!(deeds.contains(&format!("\"{deed}\"")), "{deed}: {deeds:?}");
    }
    assert_eq!(deeds.iter().filter(|deed| *deed == "\"campaign approve\"").count(), 1, "{deeds:?}");
}

fn mails_go_to_whom_the_registry_names(deployment: &Deployment) {
    let server = MailServer::start(Senders::Everyone);
    let collector = filled(deployment, &mail_by(&server));
    let officer = Person::signed_in(deployment, &collector, &["--name", "Olga"]);
    let path = begun(&officer, "Move to 5.6.4", "");
    let messages = format!("{path}/messages");
    let page = officer.page(&messages);
    assert!(page.contains("No address is known of CERN-PROD, OTHER-SITE"), "{page}");

    // As GOCDB has them; the second site names nobody but its security contact.
    let site = |name: &str, mails: &str| format!("<SITE NAME=\"{name}\"><SHORT_NAME>{name}</SHORT_NAME>{mails}</SITE>");
    let mails = "<CONTACT_EMAIL>grid@cern.example.org;ops@cern.example.org</CONTACT_EMAIL><CSIRT_EMAIL>csirt@cern.example.org</CSIRT_EMAIL>";
    let security = "<CONTACT_EMAIL/><CSIRT_EMAIL>csirt@other.example.org</CSIRT_EMAIL>";
    let file = deployment.folder.path().join("get_site.xml");
    let sites = site("CERN-PROD", mails) + &site("OTHER-SITE", security);
    std::fs::write(&file, format!("<?xml version=\"1.0\"?>\n<results>{sites}</results>\n")).unwrap();
    deployment.ask(&["registry", "import", file.to_str().unwrap()]);

    let page = officer.page(&messages);
    assert!(!page.contains("No address is known"), "{page}");
    assert_eq!(officer.fill_in(&page, &format!("{path}/letter"), &[]).status, 303);
    for _ in 0..2 {
        assert_eq!(officer.fill_in(&officer.page(&messages), &format!("{path}/approve"), &[]).status, 303);
    }
    eventually("each address has its copy", || server.delivered().len() == 3);
    let header = |mail: &str, name: &str| {
        let line = mail.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.trim().to_owned()
    };
    let mut delivered: Vec<(String, String)> =
        server.delivered().iter().map(|mail| (header(mail, "Envelope-to:"), header(mail, "To:"))).collect();
    delivered.sort();
    let both = "grid@cern.example.org, ops@cern.example.org";
    let expected = [
        ("csirt@other.example.org", "csirt@other.example.org"),
        ("grid@cern.example.org", both),
        ("ops@cern.example.org", both),
    ];
    assert_eq!(delivered, expected.map(|(envelope, to)| (envelope.to_owned(), to.to_owned())));
}

fn each_sees_only_what_concerns_them(deployment: &Deployment) {
    let collector = filled(deployment, "");
    let officer = Person::signed_in(deployment, &collector, &["--name", "Olga"]);
    let of_all = begun(&officer, "For everybody", "");
    let of_other = begun(&officer, "Not for CERN", "OTHER-SITE");
    let page = officer.page(&of_all);
    let granted =
        [("site", "OTHER-SITE"), ("host", "secret-host"), ("reason", "hidden reason"), ("expires", &*in_days(2))];
    assert_eq!(officer.fill_in(&page, &format!("{of_all}/exceptions"), &granted).status, 303);

    let site = Person::signed_in(deployment, &collector, &["--role", "site", "--site", "CERN-PROD", "--name", "Sam"]);
    let reader = Person::signed_in(deployment, &collector, &["--role", "reader", "--name", "Rita"]);
    let list = site.page("/campaigns");
    assert!(list.contains("For everybody") && !list.contains("Not for CERN") && list.contains("1 of 3"), "{list}");
    assert_eq!(site.get(&of_other).status, 404);
    for path in [of_all.clone(), format!("{of_all}?site=OTHER-SITE"), format!("{of_all}?site=CERN-PROD")] {
        let page = site.page(&path);
        for hidden in ["secret-host", "hidden reason", "1:5.6.3-1</td><td>OTHER"] {
            assert!(!page.contains(hidden), "{path}: {hidden}: {page}");
        }
        // Its own words in the address come back; nothing else of the other site does.
        let echoed = usize::from(path.contains("OTHER-SITE"));
        assert_eq!(page.matches("OTHER-SITE").count(), echoed, "{path}: {page}");
        assert!(!page.contains("<form method=\"post\" action=\"/campaigns"), "{page}");
    }
    assert!(text_of(&site.page(&of_all)).contains("3 hosts asked"));
    assert!(site.page(&of_all).contains("wn1"), "whoever sees one site alone sees its hosts");
    assert!(site.page("/sites/CERN-PROD").contains("For everybody"));
    let seen = reader.page(&of_all);
    assert!(text_of(&seen).contains("4 hosts asked") && seen.contains("hidden reason"), "{seen}");
    assert!(!seen.contains("<form method=\"post\" action=\"/campaigns"), "{seen}");

    for person in [&site, &reader] {
        for path in [format!("{of_all}/messages"), "/campaigns/new".to_owned()] {
            assert_eq!(person.get(&path).status, 403, "{path}");
        }
        for action in ["close", "exceptions", "letter", "approve", "discard", "again", "exceptions/1/end"] {
            let answer = person.post(&format!("{of_all}/{action}"), &[("csrf", "x")]);
            assert_eq!(answer.status, 403, "{action}: {}", answer.body);
        }
        assert_eq!(person.post("/campaigns", &[("csrf", "x"), ("name", "Mine")]).status, 403);
    }
    for path in
        ["/campaigns/0", "/campaigns/99999", "/campaigns/x", "/campaigns/-1", "/campaigns/9999999999999999999999"]
    {
        assert_eq!(officer.get(path).status, 404, "{path}");
    }
}

#[test]
fn without_an_address_of_the_desk_the_proposed_letter_has_no_link() {
    let deployment = Deployment::new(None);
    let mail = "[mail]\nserver = \"smtp://127.0.0.1:1\"\nfrom = \"officer@wlcg.example.org\"\n";
    let collector = filled_with(&deployment, mail);
    let officer = Person::signed_in(&deployment, &collector, &["--name", "Olga"]);
    let path = begun(&officer, "Move to 5.6.4", "");
    let (messages, action) = (format!("{path}/messages"), format!("{path}/letter"));
    let page = officer.page(&messages);
    let proposed = form_of(&page, &action)["text"].clone();
    assert!(proposed.contains("{list}") && !proposed.contains("{link}"), "{proposed}");
    let fields = [("contacts", "CERN-PROD = grid@site.example.org")];
    assert_eq!(officer.fill_in(&page, &action, &fields).status, 303, "what is proposed can be previewed");
    let page = officer.page(&messages);
    assert!(text_of(&page).contains("1 message to approve") && !page.contains("how your site stands"), "{page}");
    // A link that somebody writes would lead nowhere.
    let wrong = officer.fill_in(&page, &action, &[("text", "see {link}")]);
    assert!(wrong.status == 422 && wrong.body.contains("public_url"), "{}", wrong.body);
}

#[test]
fn the_pages_are_for_every_person_and_every_screen() {
    let deployment = Deployment::new(None);
    let collector =
        filled(&deployment, "[mail]\nserver = \"smtp://127.0.0.1:1\"\nfrom = \"officer@wlcg.example.org\"\n");
    let officer = Person::signed_in(&deployment, &collector, &["--name", "Olga"]);
    let path = begun(&officer, &format!("Move {}", "x".repeat(95)), "");
    let granted = [("site", "OTHER-SITE"), ("reason", "tape upgrade"), ("expires", &*in_days(2))];
    assert_eq!(officer.fill_in(&officer.page(&path), &format!("{path}/exceptions"), &granted).status, 303);
    let messages = format!("{path}/messages");
    let fields = [("contacts", "CERN-PROD = grid@site.example.org")];
    assert_eq!(officer.fill_in(&officer.page(&messages), &format!("{path}/letter"), &fields).status, 303);
    let browser = Browser::start();
    browser.sign_in(&deployment.link(&collector, &["--name", "Olga"]));
    for screen in [Screen::Desktop, Screen::Phone] {
        browser.look_with(screen);
        for page in ["/campaigns", "/campaigns/new", &format!("{path}?site=CERN-PROD"), &messages] {
            assert_eq!(browser.open(&format!("{}{page}", collector.url)), 200, "{page}");
            must_be_accessible(&browser);
            assert_eq!(browser.overflowing(), Vec::<String>::new(), "{page} {screen:?}");
        }
    }
    assert!(browser.text().contains("Approve and send"), "{}", browser.text());
}
