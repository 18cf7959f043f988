//! What comes in: acknowledged once and for all, or refused with a reason, or set aside; nothing earlier is lost.

use wlcg_acceptance::programs::{Collector, Deployment, eventually};
use wlcg_package_collector::store::Store;

use super::{seal, text};

on_both_databases!(duplicates, bad_input, opening_apart, strange_texts);

fn duplicates(deployment: &Deployment) {
    let collector = deployment.serve(&[]);
    let sealed = seal(&deployment.certificate("officer"), &text("wn1", "2026-01-01T00:00:00Z", &[("bash", "0:5-1")]));
    let answers: Vec<_> = std::thread::scope(|scope| {
        let posts: Vec<_> = (0..16).map(|_| scope.spawn(|| collector.report(&sealed))).collect();
        posts.into_iter().map(|post| post.join().unwrap()).collect()
    });
    assert_eq!(answers.iter().filter(|(status, _)| *status == 201).count(), 1, "{answers:?}");
    let hash = report::hash::Hash::of(&sealed).to_string();
    for (status, answer) in &answers {
        assert_eq!(answer["report"], hash.as_str());
        assert_eq!(answer["status"], if *status == 201 { "stored" } else { "duplicate" });
    }
    assert_eq!(collector.report(&sealed).0, 200);
    eventually("the report is opened", || deployment.inbox("opened") == 1);
    assert_eq!(deployment.rows(&["inbox"]).len(), 1);
}

fn bad_input(deployment: &Deployment) {
    let collector = deployment.serve(&["--no-open"]);
    let sealed = seal(&deployment.certificate("officer"), &text("wn1", "2026-01-01T00:00:00Z", &[("bash", "0:5-1")]));
    assert_eq!(collector.report(&sealed).0, 201);
    let other = report::hash::Hash::of(b"other").content_digest();
    let cms = "application/pkcs7-mime; smime-type=enveloped-data";
    let huge = vec![0x30; 5 * 1024 * 1024];
    for (what, headers, body, expected) in [
        ("empty", vec![("content-type", cms)], &b""[..], 400),
        ("foreign", vec![("content-type", cms)], b"GET / HTTP/1.0", 400),
        ("truncated", vec![("content-type", cms)], &sealed[..sealed.len() / 2], 400),
        ("trailing", vec![("content-type", cms)], &[&sealed[..], b"x"].concat(), 400),
        ("wrong digest", vec![("content-type", cms), ("content-digest", &other)], &sealed, 400),
        ("unreadable digest", vec![("content-type", cms), ("content-digest", "sha-256=x")], &sealed, 400),
        ("wrong type", vec![("content-type", "text/html")], &sealed, 415),
        ("oversized", vec![("content-type", cms)], &huge, 413),
    ] {
        let (status, problem) = collector.post("/v1/reports", &headers, body);
        assert_eq!(status, expected, "{what}: {problem}");
        let problem: serde_json::Value = serde_json::from_str(&problem).unwrap_or_else(|_| panic!("{what}: {problem}"));
        assert_eq!(problem["status"], expected, "{what}");
        assert!(problem["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{what}");
    }
    let chunked = collector.post("/v1/reports", &[("content-type", cms), ("transfer-encoding", "chunked")], &huge);
    assert_eq!(chunked.0, 413, "the limit holds while streaming");
    assert_eq!(collector.get("/v1/reports").0, 405);
    assert_eq!(collector.get("/nothing-here").0, 404);
    assert_eq!(collector.post("/feeder/?protocol=5", &[], b"#\nhost: a\n#\n#\n").0, 422, "readable text is refused");
    let right = report::hash::Hash::of(&sealed).content_digest();
    assert_eq!(collector.post("/v1/reports", &[("content-type", cms), ("content-digest", &right)], &sealed).0, 200);
    assert_eq!(deployment.rows(&["inbox"]).len(), 1, "what was accepted is still there, and nothing else");
    refusals_are_counted(deployment, collector);
}

fn refusals_are_counted(deployment: &Deployment, mut collector: Collector) {
    let counted = |at_least: usize| {
        tokio::runtime::Runtime::new().unwrap().block_on(async {
            let store = Store::open(&deployment.database).await.unwrap();
            let counts = store.refusals(0, 100).await.unwrap();
            let times =
                |reason: &str| counts.iter().find(|count| count.reason == reason).map_or(0, |count| count.times);
            assert!(counts.iter().all(|count| count.source == "127.0.0.1" && count.last / 86_400 == count.day));
            let told = ["not a sealed report", "digest mismatch", "report too large", "readable report"].map(times);
            (counts.iter().map(|count| count.times).sum::<i64>() >= at_least as i64).then_some(told)
        })
    };
    eventually("they are counted, soon after they were answered", || counted(10) == Some([4, 1, 2, 1]));
    // What was answered just before the end is counted too, and added to what another process has counted.
    for _ in 0..3 {
        assert_eq!(collector.report(b"no report").0, 400);
    }
    assert!(collector.terminate().success());
    assert_eq!(counted(13), Some([7, 1, 2, 1]));
}

fn opening_apart(deployment: &Deployment) {
    let collector = deployment.serve(&["--no-open", "--no-desk"]);
    deployment.new_key("stranger", "ec-p256");
    let report = text("wn1", "2026-01-01T00:00:00Z", &[("bash", "0:5-1")]);
    let ours = seal(&deployment.certificate("officer"), &report);
    let cms = ["cms", "-encrypt", "-binary", "-aes-256-cbc", "-outform", "DER"];
    let strangers = deployment.certificate("stranger");
    let foreign = wlcg_acceptance::openssl::openssl(&[&cms[..], &[&strangers]].concat(), report.as_bytes());
    assert_eq!((collector.report(&foreign).0, collector.report(&ours).0), (201, 201));
    assert_eq!((deployment.inbox("waiting"), deployment.rows(&["hosts"]).len()), (2, 0));
    assert_eq!(collector.get("/").0, 404);

    deployment.ask(&["open", "--once"]);
    assert_eq!((deployment.inbox("opened"), deployment.inbox("unreadable")), (1, 1));
    let unreadable = &deployment.rows(&["inbox", "list", "--state", "unreadable"])[0];
    assert!(unreadable["reason"].as_str().unwrap().contains("another recipient"), "{unreadable}");
    let kept = deployment.collector().args(["inbox", "show", unreadable["report"].as_str().unwrap()]).output().unwrap();
    assert_eq!(kept.stdout, foreign, "it stays sealed, byte for byte");

    deployment.ask(&["inbox", "retry"]);
    deployment.ask(&["open", "--once", "--key", &deployment.key("stranger")]);
    assert_eq!(deployment.inbox("opened"), 2, "a key that comes later opens what waited");
    assert_eq!(deployment.rows(&["hosts"]).len(), 1);
}

fn strange_texts(deployment: &Deployment) {
    let collector = deployment.serve(&["--no-open"]);
    let whole = text("wn1", "2026-01-02T00:00:00Z", &[("bash", "0:5-1"), ("zlib", "0:1-1")]);
    let certificate = deployment.certificate("officer");
    let texts = [
        ("opened", whole.clone(), ""),
        ("held", whole.replace("zlib\t0:1-1\tx86_64\n#\n", "zli"), "truncated"),
        ("held", whole.replace("site: CERN-PROD\n", ""), "site"),
        ("held", whole.replace("CERN-PROD", "MY-SITE"), "placeholder"),
        ("held", text("wn1", "2026-01-03T00:00:00Z", &[]), "no packages"),
        ("held", whole.replace("2026-01-02", "2999-01-02"), "clock"),
        ("unreadable", whole.replace("bash\t0:5-1", "bash 0:5-1"), "line 11"),
        ("unreadable", "no report at all".to_owned(), "line 1"),
        (
            "opened",
            text("wn2", "2026-01-02T00:00:00Z", &[("b\u{202E}<b>=1", &"9".repeat(10_000))]).replace('\n', "\r\n"),
            "",
        ),
    ];
    for (_, text, _) in &texts {
        assert_eq!(collector.report(&seal(&certificate, text)).0, 201);
    }
    // Bits flipped on the way, with no digest to tell: whatever comes out, no panic and no other host's state.
    let sealed = seal(&certificate, &whole);
    let mut accepted = texts.len();
    for bit in (0..sealed.len() * 8).step_by(sealed.len() * 8 / 60) {
        let mut flipped = sealed.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        accepted += usize::from(collector.report(&flipped).0 == 201);
    }
    deployment.ask(&["open", "--once"]);
    assert_eq!(deployment.rows(&["inbox"]).len(), accepted);
    assert_eq!(deployment.inbox("waiting"), 0, "nothing blocks the queue");
    let inbox = deployment.rows(&["inbox"]);
    for (state, text, told) in texts.iter().filter(|(_, _, told)| !told.is_empty()) {
        let found = inbox.iter().find(|row| row["reason"].as_str().unwrap().contains(told));
        assert_eq!(found.unwrap_or_else(|| panic!("{told}: {text}"))["state"], *state, "{told}");
    }
    let kept = deployment.rows(&["hosts", "--at", "2026-01-02"]);
    let packages = |host: &str| kept.iter().find(|row| row["host"] == host).unwrap()["packages"].clone();
    assert_eq!((packages("wn1"), packages("wn2")), (2.into(), 1.into()), "half a report is no state");
    assert_eq!(deployment.rows(&["who", "b*"]).iter().filter(|row| row["host"] == "wn2").count(), 1);
}
