//! The instruments themselves: each finds the fault that it is there to find.

use wlcg_acceptance::accessibility::serious_faults;
use wlcg_acceptance::browser::{Browser, Screen};
use wlcg_acceptance::pages::Pages;
use wlcg_acceptance::programs::eventually;
use wlcg_acceptance::schemathesis;
use wlcg_acceptance::smtp::{MailServer, Senders};

const POLICY: &str = "Content-Type: text/html; charset=utf-8\r\nContent-Security-Policy: default-src 'none'\r\n";

const FAULTY: &str = "<!DOCTYPE html><html><head><title>Faulty</title>
    <meta name=viewport content=\"width=device-width\"></head><body>
    <p id=words>unchanged</p><script>document.getElementById('words').textContent = 'a script ran'</script>
    <div class=wide style=\"width: 2000px\">wide</div><img src=\"http://outside.example.org/x.png\">
    <a href=\"/file.csv\" download=\"file.csv\">A file</a>
    <form><label for=name>Name</label><input id=name><label>Color <select><option>red<option>blue</select></label></form>
    </body></html>";

#[test]
fn the_browser_finds_what_is_wrong_with_a_page() {
    let open = Pages::start("Content-Type: text/html; charset=utf-8\r\n", FAULTY);
    let strict = Pages::start(POLICY, FAULTY);
    let browser = Browser::start();
    let says = |url: &str| {
        browser.visit(url);
        browser.complaints()
    };

    // Its policy forbids its script, its style and its picture, and each is told.
    let complaints = says(&strict.url);
    let told = |complaints: &[String], what: &str| complaints.iter().any(|complaint| complaint.contains(what));
    for what in ["script-src", "style-src", "img-src"] {
        assert!(told(&complaints, what), "{what}: {complaints:#?}");
    }
    assert!(browser.text().contains("unchanged"));
    // Axe and our own scripts work on a page that forbids scripts.
    let faults = serious_faults(&browser);
    for rule in ["image-alt", "html-has-lang"] {
        assert!(faults.iter().any(|fault| fault.contains(rule)), "{rule}: {faults:#?}");
    }
    assert!(!faults.iter().any(|fault| fault.contains(" label:")), "{faults:#?}");

    // Without a policy the script runs; what is asked from outside is told.
    let complaints = says(&open.url);
    assert!(told(&complaints, "outside.example.org"), "{complaints:#?}");
    browser.shows("a script ran");
    let wide = browser.overflowing();
    assert!(wide.iter().any(|part| part.contains("wide by 7")) && wide[0].starts_with("the page by"), "{wide:?}");
    browser.look_with(Screen::Phone);
    assert_eq!(browser.execute("return document.documentElement.clientWidth", vec![]), 390);
    assert!(browser.overflowing().iter().any(|part| part.contains("wide by 16")));
    browser.look_with(Screen::Desktop);

    browser.field("Name").fill("it's \"quoted\"");
    browser.field("Color").fill("blue");
    assert_eq!(browser.field("Name").property("value").unwrap(), "it's \"quoted\"");
    assert_eq!(browser.field("Color").property("value").unwrap(), "blue");
    browser.link("A file").click();
    let (name, content) = browser.downloaded();
    assert_eq!((name.as_str(), content.as_slice()), ("file.csv", FAULTY.as_bytes()));
    assert!(browser.printed()[0].contains("a script ran"));

    open.answer_with(404);
    assert_eq!(browser.visit(&open.url), 404);

    let browser = Browser::without_scripts();
    open.answer_with(200);
    browser.visit(&open.url);
    browser.pause();
    assert!(browser.text().contains("unchanged"));
    browser.field("Name").fill("typed");
    assert_eq!(browser.field("Name").property("value").unwrap(), "typed");
}

#[test]
fn schemathesis_finds_what_is_not_as_documented() {
    let document = |kind: &str| {
        format!(
            r#"{{"openapi": "3.1.0", "info": {{"title": "t", "version": "1"}}, "paths": {{"/hosts": {{"get": {{"responses":
                {{"200": {{"description": "d", "content": {{"application/json": {{"schema": {{"type": "{kind}"}}}}}}}}}}}}}}}}}}"#
        )
    };
    let serve = |kind| Pages::start("Content-Type: application/json\r\nAllow: GET\r\n", &document(kind));
    let liar = serve("array");
    let told = schemathesis::contradictions(&format!("{}/openapi.json", liar.url), &[("X-Token", "secret")]);
    let told = told.expect("an object where an array is promised is found");
    assert!(told.contains("is not of type \"array\""), "{told}");
    let asked = liar.received();
    let asked: Vec<_> = asked.iter().filter(|request| request.line == "GET /hosts").collect();
    assert!(!asked.is_empty() && asked.iter().all(|request| request.header("x-token") == "secret"), "{asked:?}");
    // A server that takes every method is another contradiction, and the only one of an honest answer.
    let told = schemathesis::contradictions(&format!("{}/openapi.json", serve("object").url), &[]).unwrap();
    assert!(told.contains("nsupported method") && !told.contains("is not of type"), "{told}");
}

#[test]
fn the_mail_server_takes_refuses_and_delivers() {
    let server = MailServer::start(Senders::Everyone);
    let (done, said) = hand_in(&server, "gone@example.org", &[]);
    assert!(!done && said.contains("550 no such mailbox"), "{said}");
    let (done, said) = hand_in(&server, "later@example.org", &[]);
    assert!(!done && said.contains("451 mailbox is full"), "{said}");
    let (done, said) = hand_in(&server, "contact@site.example.org", &[]);
    assert!(done, "{said} {}", server.log());
    eventually("the mail is delivered", || server.delivered().len() == 1);
    let mail = &server.delivered()[0];
    for part in ["Envelope-to: contact@site.example.org", "Return-path: <officer@example.org>", "please upgrade"] {
        assert!(mail.contains(part), "{part}: {mail}");
    }

    let server = MailServer::start(Senders::Known { user: "collector", password: "a:secret" });
    let certificate = server.certificate().display().to_string();
    let encrypted = ["--ssl-reqd", "--cacert", &certificate];
    for (options, expected) in [
        (vec![], false),
        (vec!["--user", "collector:a:secret"], false),
        (encrypted.to_vec(), false),
        ([&encrypted[..], &["--user", "collector:wrong"]].concat(), false),
        ([&encrypted[..], &["--user", "collector:a:secret"]].concat(), true),
    ] {
        let (done, said) = hand_in(&server, "contact@site.example.org", &options);
        assert_eq!(done, expected, "{options:?}: {said} {}", server.log());
    }
    eventually("the mail is delivered", || server.delivered().len() == 1);
}

/// A mail from curl; whether it was taken, and what was said.
fn hand_in(server: &MailServer, recipient: &str, options: &[&str]) -> (bool, String) {
    let mail = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(mail.path(), "Subject: please upgrade\r\n\r\nxrootd\r\n").unwrap();
    let address = server.address().replace("127.0.0.1", "smtp://localhost");
    let mut curl = std::process::Command::new("curl");
    curl.args(["-sv", "--noproxy", "*", "--max-time", "20", &address, "--mail-from", "officer@example.org"]);
    let output =
        curl.args(["--mail-rcpt", recipient, "--upload-file"]).arg(mail.path()).args(options).output().unwrap();
    (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
}
