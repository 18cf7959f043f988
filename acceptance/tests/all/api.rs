//! `/api/v1`: it keeps the word of its document, on both databases.

use report::hash::Hash;
use serde_json::Value;
use wlcg_acceptance::person::Person;
use wlcg_acceptance::programs::{Answer, Collector, Deployment, eventually};
use wlcg_acceptance::schemathesis::must_keep_its_word;
use wlcg_package_collector::store::Store;

use super::matrix::{FACTS, FIRST, Random, import, report, reports};

on_both_databases!(
    keeps_the_word_of_its_document,
    answers_in_both_forms_and_page_by_page,
    a_site_sees_itself_alone,
    a_sites_own_tool_hands_in,
    the_guide_works_as_it_stands
);

fn filled(deployment: &Deployment) {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(async {
        let store = Store::open(&deployment.database).await.unwrap();
        reports(&store, &mut Random(3), 40).await;
        import(&store, FIRST, 1).await;
    });
}

fn keeps_the_word_of_its_document(deployment: &Deployment) {
    filled(deployment);
    let collector = deployment.serve(&[]);
    let officer = Person::signed_in(deployment, &collector, &["--name", "Olga"]);
    let asked = ("baseline", "kernel", "kernel");
    assert_eq!(officer.begin_campaign("Move", "2100-01-01", asked, ""), "/campaigns/1");
    let cut = super::text("wn1", "2026-01-02T00:00:00Z", &[("bash", "0:5-1")]);
    assert_eq!(collector.report(&super::seal(&deployment.certificate("officer"), cut.trim_end_matches("#\n"))).0, 201);
    assert_eq!(collector.post("/v1/reports", &[("content-type", "application/pkcs7-mime")], b"noise").0, 400);
    eventually("one is held", || deployment.inbox("held") == 1);
    for (role, sites) in [("officer", &[][..]), ("reader", &[]), ("site", &["B", "C"])] {
        let token = format!("Bearer {}", deployment.token(role, sites));
        must_keep_its_word(&format!("{}/api/v1/openapi.json", collector.url), &[("Authorization", &token)]);
    }
}

pub(super) fn ask(collector: &Collector, token: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
    let token = format!("Bearer {token}");
    let headers: Vec<(&str, &str)> =
        [("authorization", token.as_str())].into_iter().chain(headers.iter().copied()).collect();
    collector.ask(&format!("/api/v1{path}"), &headers, None)
}

pub(super) fn json(collector: &Collector, token: &str, path: &str) -> Value {
    let answer = ask(collector, token, path, &[]);
    assert_eq!(answer.status, 200, "{path}: {answer:?}");
    serde_json::from_str(&answer.body).unwrap()
}

fn answers_in_both_forms_and_page_by_page(deployment: &Deployment) {
    filled(deployment);
    // A host that says what it likes of itself.
    tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(async {
        let store = Store::open(&deployment.database).await.unwrap();
        let facts = "kernel: \u{1b}[31m\u{202e}\npackager: rpm\nsystem: =HYPERLINK(\"x\")\ntag: <b>\n";
        report(&store, ("B", "=cmd|' /C calc'!A0"), (700_000, 700_000), facts, &[("kernel", 1)]).await;
        report(&store, ("B", "b/1?x#%\u{e9}"), (700_000, 700_000), FACTS[0], &[("kernel", 1)]).await;
    });
    let collector = deployment.serve(&[]);
    let token = deployment.token("reader", &[]);

    let whole = json(&collector, &token, "/hosts");
    assert_eq!((whole["items"].as_array().unwrap().len(), &whole["next"]), (10, &Value::Null));
    let mut paged = Vec::new();
    let mut path = "/hosts?limit=3".to_owned();
    loop {
        let answer = ask(&collector, &token, &path, &[]);
        let page: Value = serde_json::from_str(&answer.body).unwrap();
        paged.extend(page["items"].as_array().unwrap().clone());
        match page["next"].as_str() {
            Some(next) => {
                path = format!("/hosts?limit=3&cursor={next}");
                assert_eq!(answer.header("link").unwrap(), format!("</api/v1{path}>; rel=\"next\""));
            }
            None => break,
        }
    }
    assert_eq!(Value::Array(paged), whole["items"]);

    let first = ask(&collector, &token, "/hosts", &[]);
    assert_eq!(first.header("cache-control"), Some("private, no-cache"));
    let tag = first.header("etag").unwrap();
    let again = ask(&collector, &token, "/hosts", &[("if-none-match", &format!("\"x\", {tag}"))]);
    assert_eq!((again.status, again.body.as_str(), again.header("etag")), (304, "", Some(tag)));
    let csv = ask(&collector, &token, "/hosts", &[("accept", "text/csv"), ("if-none-match", tag)]);
    assert_eq!(csv.status, 200, "another form is another answer");
    let named = ask(&collector, &token, "/hosts?format=csv", &[("accept", "application/json")]);
    assert_eq!(named.body, csv.body, "what is asked for by name counts");
    assert_eq!(csv.body.lines().count(), 11);
    assert!(csv.body.contains("B,'=cmd|' /C calc'!A0,") && csv.body.contains("\"'=HYPERLINK"), "{}", csv.body);
    assert!(!csv.body.contains(['\u{1b}', '\u{202e}']) && !first.body.contains(['\u{1b}', '\u{202e}']));
    let strange = json(&collector, &token, "/hosts?q=%3Dcmd*");
    assert_eq!(strange["items"][0]["kernel"], "\u{1b}[31m\u{202e}", "a program gets it as it was");
    assert_eq!(json(&collector, &token, "/hosts/B/b%2F1%3Fx%23%25%C3%A9")["host"], "b/1?x#%\u{e9}");

    for (path, told) in [
        ("/hosts?sites=A", "sites"),
        ("/hosts?limit=0", "1 to 1000"),
        ("/hosts?limit=1001", "1 to 1000"),
        ("/hosts?cursor=x", "cursor"),
        ("/hosts?at=yesterday", "yesterday"),
        ("/hosts?site=", "leave it out"),
        ("/hosts?state=good", "good"),
        ("/hosts?format=xml", "json or csv"),
        ("/hosts?site=A&site=B", "site"),
        ("/find", "q"),
        ("/find?q=a+b", "PACKAGE OP VERSION"),
        ("/hosts/%FF/x", "UTF-8"),
        ("/references/baseline?version=-1", "version"),
    ] {
        let answer = ask(&collector, &token, path, &[]);
        assert_eq!(
            (answer.status, answer.header("content-type")),
            (400, Some("application/problem+json")),
            "{path}: {answer:?}"
        );
        assert!(answer.body.contains(told), "{path}: {answer:?}");
    }
    assert_eq!(ask(&collector, &token, "/hosts", &[("accept", "text/html")]).status, 406);
    for path in ["/hosts/B/no", "/sites/Z", "/references/no", "/hosts/B/b1/packages?at=1960-01-01", "/nothing"] {
        let answer = ask(&collector, &token, path, &[]);
        assert_eq!((answer.status, answer.header("content-type")), (404, Some("application/problem+json")), "{path}");
    }
    let wrong_method = collector.post("/api/v1/hosts", &[("authorization", &format!("Bearer {token}"))], b"");
    assert!(wrong_method.0 == 405 && wrong_method.1.contains("another method"), "{wrong_method:?}");

    // The parts of one host agree with each other.
    let host = json(&collector, &token, "/hosts/B/b1");
    let packages = json(&collector, &token, "/hosts/B/b1/packages?limit=1000");
    assert_eq!(
        packages["items"].as_array().unwrap().len(),
        usize::try_from(host["packages"].as_u64().unwrap()).unwrap()
    );
    let history = json(&collector, &token, "/hosts/B/b1/history");
    assert_eq!(history["items"].as_array().unwrap().len(), usize::try_from(host["states"].as_u64().unwrap()).unwrap());
    let last = history["items"].as_array().unwrap().last().unwrap();
    assert_eq!(last["from"], host["since"]);
    assert_eq!(json(&collector, &token, "/hosts/B/b1/diff")["items"], last["changes"]);
    let since = last["from"].as_str().unwrap();
    assert_eq!(
        json(&collector, &token, &format!("/hosts/B/b1/history?changed_since={since}"))["items"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    let other = json(&collector, &token, "/hosts/B/b1/diff?other_site=A&other=a1");
    let back = json(&collector, &token, "/hosts/A/a1/diff?other_site=B&other=b1");
    assert_eq!(other["items"].as_array().unwrap().len(), back["items"].as_array().unwrap().len());
    assert_eq!(json(&collector, &token, "/hosts/B/b1/diff?other=b1")["items"], Value::Array(Vec::new()));

    let found = json(&collector, &token, "/find?q=kernel+%3C+3&site=B");
    assert!(found["items"].as_array().unwrap().iter().all(|row| row["site"] == "B" && row["package"] == "kernel"));
    let versions = json(&collector, &token, "/products/kernel");
    let spread = json(&collector, &token, "/products/kernel/spread");
    assert!(!versions["references"].as_array().unwrap().is_empty() && !spread["items"].as_array().unwrap().is_empty());
    let lists = json(&collector, &token, "/references");
    assert_eq!((&lists["items"][0]["list"], &lists["items"][0]["version"]), (&"baseline".into(), &1.into()));
}

/// Every path of the document, with what the other site has in it.
fn paths(collector: &Collector) -> Vec<String> {
    let document: Value = serde_json::from_str(&collector.get("/api/v1/openapi.json").1).unwrap();
    let paths = document["paths"].as_object().unwrap();
    let gets = paths.iter().filter(|(_, item)| item.get("get").is_some()).map(|(path, _)| path);
    let mut all: Vec<String> = gets
        .map(|path| {
            let path = path.strip_prefix("/api/v1").unwrap();
            path.replace("{site}", "A")
                .replace("{host}", "a2")
                .replace("{package}", "kernel")
                .replace("{list}", "baseline")
                .replace("{campaign}", "1")
                .replace("{report}", &"0".repeat(64))
        })
        .filter(|path| path != "/openapi.json")
        .collect();
    let questions = [
        "/hosts?site=A",
        "/hosts?q=a2",
        "/hosts?cursor=41",
        "/hosts?at=1970-01-08",
        "/hosts?at=1970-01-08&site=A",
        "/find?q=kernel",
        "/find?q=kernel&site=A",
        "/find?q=*&at=1970-01-08",
        "/overview?at=1970-01-07",
        "/overview?site=A",
        "/changes?since=1970-01-02&site=A",
        "/hosts/B/b1/diff?other=a2&other_site=A",
        "/hosts/A/a2/diff?other=b1&other_site=B",
    ];
    all.extend(questions.map(str::to_owned));
    all
}

fn a_site_sees_itself_alone(deployment: &Deployment) {
    filled(deployment);
    let collector = deployment.serve(&[]);
    let (reader, site) = (deployment.token("reader", &[]), deployment.token("site", &["B"]));
    let mut told = 0;
    for path in paths(&collector) {
        for accept in ["application/json", "text/csv"] {
            let all = ask(&collector, &reader, &path, &[("accept", accept)]);
            told += usize::from(all.body.contains("a2") || all.body.contains("\"A\""));
            let own = ask(&collector, &site, &path, &[("accept", accept)]);
            // What a question asks for, its own refusal may repeat.
            let speaks_of_it = own.status == 200
                && (own.body.contains("a2") || own.body.contains("\"A\"") || own.body.contains("\nA,"));
            assert!(!speaks_of_it, "{path}: {own:?}");
        }
    }
    assert!(told > 8, "the questions do lead to the other site: {told}");
    for below in ["", "/packages", "/history", "/diff"] {
        let (there, nowhere) = (
            ask(&collector, &site, &format!("/hosts/A/a2{below}"), &[]),
            ask(&collector, &site, &format!("/hosts/A/zz{below}"), &[]),
        );
        assert_eq!((there.status, there.body.replace("a2", "zz")), (404, nowhere.body), "{below}");
    }
    let (there, nowhere) = (ask(&collector, &site, "/sites/A", &[]), ask(&collector, &site, "/sites/Z", &[]));
    assert_eq!((there.status, there.body.replace("\\\"A\\\"", "\\\"Z\\\"")), (404, nowhere.body));
    // Its own counts are its own.
    let overview = json(&collector, &site, "/overview");
    assert_eq!((&overview["total"][0]["hosts"], overview["items"][0]["site"].as_str()), (&3.into(), Some("B")));
    // Nobody sees nothing.
    for path in paths(&collector) {
        assert_eq!(ask(&collector, "wpc_none", &path, &[]).status, 401, "{path}");
        assert_eq!(collector.get(&format!("/api/v1{path}")).0, 401, "{path}");
    }
}

fn a_sites_own_tool_hands_in(deployment: &Deployment) {
    let site = |token: &str| {
        [("authorization".to_owned(), format!("Bearer {token}")), ("content-type".to_owned(), "text/plain".to_owned())]
    };
    let post = |collector: &Collector, headers: &[(String, String)], body: &[u8]| {
        let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        collector.post("/api/v1/reports", &headers, body)
    };
    // What hosts send without a signature is refused here; a token of the site is as good as one.
    let config = deployment.folder.path().join("strict.toml");
    std::fs::write(&config, "unsigned = \"refuse\"\n").unwrap();
    let collector = deployment.serve(&["--config", config.to_str().unwrap()]);
    let (own, other, reader) = (
        deployment.token("site", &["CERN-PROD"]),
        deployment.token("site", &["DESY-HH"]),
        deployment.token("reader", &[]),
    );
    let text = super::text("puppet1", "2026-01-02T00:00:00Z", &[("bash", "0:5-1")]);
    let hash = Hash::of(text.as_bytes()).to_string();
    let (status, first) = post(&collector, &site(&own), text.as_bytes());
    let first: Value = serde_json::from_str(&first).unwrap();
    assert_eq!(
        (status, first["report"].as_str(), first["status"].as_str()),
        (201, Some(hash.as_str()), Some("stored"))
    );
    let frame = report::compression::compress(text.as_bytes()).unwrap();
    let mut zstd = site(&own);
    zstd[1].1 = "application/zstd".to_owned();
    let (status, again) = post(&collector, &zstd, &frame);
    assert!(
        status == 200 && again.contains(&hash) && again.contains("duplicate"),
        "the same text is the same report: {again}"
    );
    eventually("it is opened", || deployment.inbox("opened") == 1);
    let host = json(&collector, &own, "/hosts/CERN-PROD/puppet1");
    assert_eq!((&host["packages"], &host["signed"]), (&1.into(), &true.into()));
    let kept = deployment.collector().args(["inbox", "show", &hash]).output().unwrap().stdout;
    assert!(!kept.is_empty() && !String::from_utf8_lossy(&kept).contains("puppet1"), "it is kept sealed");

    for (token, text, status, told) in [
        (&other, text.clone(), 403, "CERN-PROD"),
        (&reader, text.clone(), 403, "CERN-PROD"),
        (&own, text.replace("CERN-PROD", "DESY-HH"), 403, "DESY-HH"),
        (&own, text.replace("bash\t", "bash "), 422, "line 11"),
        (&own, text.replace("x86_64\n#\n", "x86_64\n"), 422, "truncated"),
        (&own, text.replace("site: CERN-PROD\n", ""), 422, "site"),
        (&own, text.replace("bash\t0:5-1\tx86_64\n", ""), 422, "no packages"),
        (&own, "hello".to_owned(), 422, "line 1"),
        (&"wpc_none".to_owned(), text.clone(), 401, "token"),
    ] {
        let (answered, problem) = post(&collector, &site(token), text.as_bytes());
        assert!(answered == status && problem.contains(told), "{status} {told}: {answered} {problem}");
    }
    let mut json_type = site(&own);
    json_type[1].1 = "application/json".to_owned();
    assert_eq!(post(&collector, &json_type, text.as_bytes()).0, 415);
    // A host's own way in stays as it was: without a token it is not history.
    let sealed = super::seal(
        &deployment.certificate("officer"),
        &super::text("wn1", "2026-01-02T00:00:00Z", &[("bash", "0:5-1")]),
    );
    assert_eq!(collector.report(&sealed).0, 201);
    eventually("it is set aside", || deployment.inbox("rejected") == 1);
    assert_eq!(json(&collector, &reader, "/hosts")["items"].as_array().unwrap().len(), 1);
    assert!(deployment.rows(&["audit", "--action", "hand in"]).iter().any(|row| row["object"] == hash.as_str()));

    // A front door without a private key seals for the certificates that it is given, and else keeps the text.
    let next = super::text("puppet2", "2026-01-02T00:00:00Z", &[("bash", "0:5-1")]);
    let config = deployment.folder.path().join("door.toml");
    std::fs::write(&config, format!("recipients = [{:?}]\n", deployment.certificate("officer"))).unwrap();
    drop(collector);
    for (number, (arguments, readable)) in
        [(vec!["--no-open", "--config", config.to_str().unwrap()], false), (vec!["--no-open"], true)]
            .into_iter()
            .enumerate()
    {
        let door = deployment.serve(&arguments);
        let text = next.replace("puppet2", &format!("puppet2{number}"));
        assert_eq!(post(&door, &site(&own), text.as_bytes()).0, 201);
        let hash = Hash::of(text.as_bytes()).to_string();
        let kept = deployment.collector().args(["inbox", "show", &hash]).output().unwrap().stdout;
        assert_eq!(kept == text.as_bytes(), readable);
    }
    deployment.ask(&["open", "--once"]);
    assert_eq!(deployment.inbox("opened"), 3);
}

/// Every line of the shell blocks in the guide, in one shell, against a collector with the host that it names.
fn the_guide_works_as_it_stands(deployment: &Deployment) {
    let collector = deployment.serve(&[]);
    let text = super::text("wn1.example.org", "2026-01-02T00:00:00Z", &[("bash", "0:5.1.8-9.el9")]);
    assert_eq!(collector.report(&super::seal(&deployment.certificate("officer"), &text)).0, 201);
    eventually("it is opened", || deployment.inbox("opened") == 1);
    let guide = include_str!("../../../docs/api.md");
    let blocks: String = guide.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(blocks.lines().count() > 10);
    let program = wlcg_acceptance::programs::program("wlcg-package-collector");
    let path = format!("{}:{}", program.parent().unwrap().display(), std::env::var("PATH").unwrap());
    let ran = std::process::Command::new("bash")
        .args(["-euo", "pipefail", "-c", &blocks])
        .current_dir(deployment.folder.path())
        .env("PATH", path)
        .env("NO_PROXY", "*")
        .env("WLCG_PACKAGE_COLLECTOR_DATABASE", &deployment.database)
        .env("URL", &collector.url)
        .env("TOKEN", deployment.token("reader", &[]))
        .env("SITE_TOKEN", deployment.token("site", &["CERN-PROD"]))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ran.stdout);
    assert!(ran.status.success(), "{said}{}", String::from_utf8_lossy(&ran.stderr));
    for told in ["wn1.example.org", "\n304\n", "version,day,hosts", "\"status\":\"stored\"", "0:5.1.8-9.el9"] {
        assert!(said.contains(told), "{told}: {said}");
    }
}
