//! People of a site see their own site as if there were no other, on whatever way they ask; and only officers change things.

use std::collections::BTreeSet;

use wlcg_acceptance::browser::Browser;
use wlcg_acceptance::person::Person;
use wlcg_acceptance::programs::{Answer, Collector, Deployment, eventually};
use wlcg_acceptance::routes::{Known, questions};
use wlcg_acceptance::walk::Walk;

use super::{BASELINE, seal, text};

on_both_databases!(another_site_might_as_well_not_exist);

/// Ways to another site that no link shows.
const CRAFTED: [&str; 24] = [
    "/sites/SECRET-SITE",
    "/sites/secret-site",
    "/sites/SECRET-SITE%00",
    "/sites/%25",
    "/sites/OWN-SITE%2F..%2FSECRET-SITE",
    "/sites/OWN-SITE/../SECRET-SITE",
    "/sites/OWN-SITE?site=SECRET-SITE",
    "/sites/OWN-SITE?q=secret*",
    "/sites/OWN-SITE'%20OR%20'1'='1",
    "/hosts/SECRET-SITE/secret-host.example.org",
    "/hosts/OWN-SITE/secret-host.example.org",
    "/hosts/OWN-SITE/own-host.example.org?other=SECRET-SITE/secret-host.example.org",
    "/hosts/OWN-SITE/own-host.example.org?other=secret-host.example.org",
    "/products/secret-package",
    "/products/secret-*",
    "/products/xrootd-server?site=SECRET-SITE",
    "/find?q=secret-package",
    "/find?q=secret*",
    "/find?q=xrootd-server&site=SECRET-SITE",
    "/find?q=xrootd-server&site=OWN-SITE&site=SECRET-SITE",
    "/find?site=SECRET-SITE",
    "/find?site=*",
    "/find?site=%25&q=%25",
    "/find?os=el9&tag=secret-tag",
];

/// What is guessed in every place of the API.
const KNOWN: &Known<'_> = &[
    ("site", &["OWN-SITE", "SECRET-SITE", "secret-site", "%25"]),
    ("other_site", &["OWN-SITE", "SECRET-SITE"]),
    ("host", &["own-host.example.org", "secret-host.example.org", "*"]),
    ("other", &["own-other.example.org", "secret-host.example.org", "own-host.example.org"]),
    ("package", &["xrootd-server", "secret-package"]),
    ("product", &["xrootd", "secret"]),
    ("list", &["baseline"]),
    ("campaign", &["1", "2"]),
    ("q", &["*", "secret*", "xrootd-server%20%3E%201:5.8"]),
    ("os", &["el9"]),
    ("tag", &["secret-tag", "MWR"]),
    ("state", &["compliant", "behind", "unknown"]),
    ("stale", &["true", "false"]),
    ("warned", &["true", "false"]),
    ("report", &["0000000000000000000000000000000000000000000000000000000000000000"]),
    ("problem", &["unknown_site"]),
    ("key", &["unsigned"]),
    ("person", &["contact"]),
    ("action", &["read"]),
    ("at", &["2026-11-02", "2026-11-04"]),
    ("lists", &["now", "2026-11-02"]),
    ("since", &["2026-11-01"]),
    ("changed_since", &["2026-11-01"]),
    ("from", &["2026-11-02", "1"]),
    ("to", &["2026-11-04", "1"]),
    ("version", &["1", "2"]),
    ("limit", &["1"]),
    ("format", &["csv"]),
];

fn another_site_might_as_well_not_exist(deployment: &Deployment) {
    let alone = Deployment::new(None);
    // What was sealed once is opened by both: even its hash is the same.
    for file in [Deployment::key, Deployment::certificate] {
        std::fs::copy(file(deployment, "officer"), file(&alone, "officer")).unwrap();
    }
    let [shared, lonely] = [deployment, &alone].map(|deployment| deployment.serve(&[]));
    fill(deployment, &shared, &alone, &lonely);

    let asked = ("baseline", "xrootd", "xrootd-server");
    let olga = Person::signed_in(deployment, &shared, &["--name", "Olga"]);
    assert_eq!(olga.begin_campaign("Secret move", "2100-01-01", asked, "SECRET-SITE"), "/campaigns/1");
    let officer = Browser::start();
    officer.sign_in(shared.link.as_ref().unwrap());
    let mut paths: BTreeSet<String> = CRAFTED.map(str::to_owned).into();
    let mut forms = BTreeSet::new();
    let walk = Walk::from(&officer, &format!("{}/", shared.url), 4, |path| {
        paths.insert(path.to_owned());
        forms.extend(posts(&officer));
    });
    paths.extend(walk.files);
    paths.extend(questions(&shared, KNOWN));

    let site = ["--role", "site", "--site", "OWN-SITE", "--name", "contact"];
    let keys = [(deployment, &shared), (&alone, &lonely)].map(|(deployment, collector)| {
        let token = format!("Bearer {}", deployment.token("site", &["OWN-SITE"]));
        [("authorization", token), ("cookie", collector.sign_in(&deployment.link(collector, &site)))]
    });
    // The two do differ for whoever may see it, and the own site is there.
    let officers = [(deployment, &shared), (&alone, &lonely)]
        .map(|(deployment, collector)| collector.get_as(&deployment.token("officer", &[]), "/find?q=secret-package").1);
    assert!(officers[0].contains("secret-host") && !officers[1].contains("secret-host"));
    assert!(shared.ask("/sites", &[("authorization", &keys[0][0].1)], None).body.contains("/sites/OWN-SITE"));
    let mut different = Vec::new();
    for path in &paths {
        for ((name, mine), (_, its)) in keys[0].iter().zip(&keys[1]) {
            let (here, there) = (shared.ask(path, &[(name, mine)], None), lonely.ask(path, &[(name, its)], None));
            if (here.status, plain(&here.body)) != (there.status, plain(&there.body)) {
                different.push(format!("{path} by {name}: {}", first_difference(&here, &there)));
            }
        }
    }
    assert!(different.is_empty(), "{}", different.join("\n"));

    // Nobody in particular sees nothing at all; who is no officer changes nothing.
    // What the API looks like is no secret.
    for path in paths.iter().filter(|path| *path != "/api/v1/openapi.json") {
        let status = shared.ask(path, &[], None).status;
        assert!([400, 401, 404].contains(&status), "{path}: {status}");
    }
    for role in [&site[..], &["--role", "reader"]] {
        let cookie = shared.sign_in(&deployment.link(&shared, role));
        let page = shared.ask("/", &[("cookie", &cookie)], None).body;
        let proof = csrf(&page);
        for (action, fields) in forms.iter().filter(|(action, _)| action != "/sign-out") {
            let form = format!("{fields}&csrf={proof}");
            let answer = shared.ask(action, &[("cookie", &cookie)], Some(&form));
            assert!([403, 404].contains(&answer.status), "{role:?} {action} {fields}: {answer:?}");
        }
    }
}

/// Both collectors get the same of the own site, the shared one also all of another.
fn fill(deployment: &Deployment, shared: &Collector, alone: &Deployment, lonely: &Collector) {
    let certificate = deployment.certificate("officer");
    let report = |site: &str, host: &str, day: &str, packages: &[(&str, &str)]| {
        let text = text(host, &format!("2026-11-{day}T04:00:00Z"), packages).replace("CERN-PROD", site);
        if site == "OWN-SITE" {
            return seal(&certificate, &text);
        }
        let secret = text.replace("AlmaLinux release 9.4", "AlmaLinux release 9.4 secret").replace("427", "427.secret");
        seal(&certificate, &secret.replace("version: 1\n", "tag: secret-tag\nversion: 1\n"))
    };
    let bash = ("bash", "0:5.1.8-9.el9");
    let own = [
        report("OWN-SITE", "own-host.example.org", "02", &[bash, ("xrootd-server", "1:5.6.3-1.el9")]),
        report("OWN-SITE", "own-host.example.org", "03", &[bash, ("xrootd-server", "1:5.6.4-1.el9")]),
        report("OWN-SITE", "own-other.example.org", "03", &[bash]),
        report("OWN-SITE", "own-empty.example.org", "03", &[]),
    ];
    let secret = [
        report("SECRET-SITE", "secret-host.example.org", "02", &[bash, ("xrootd-server", "1:5.6.3-1.el9")]),
        report(
            "SECRET-SITE",
            "secret-host.example.org",
            "03",
            &[bash, ("secret-package", "0:1-1"), ("xrootd-server", "1:5.9-1.secret")],
        ),
        report("SECRET-SITE", "secret-other.example.org", "03", &[("secret-package", "0:2-1")]),
        report("SECRET-SITE", "secret-empty.example.org", "03", &[]),
        // Of the same name as a host of the own site.
        report("SECRET-SITE", "own-host.example.org", "03", &[("secret-package", "0:3-1")]),
    ];
    for (collector, deployment, reports) in
        [(shared, deployment, [&secret[..], &own].concat()), (lonely, alone, own.to_vec())]
    {
        let list = deployment.folder.path().join("list.toml");
        std::fs::write(&list, BASELINE).unwrap();
        deployment.ask(&["reference", "import", list.to_str().unwrap()]);
        let registry = deployment.folder.path().join("sites.xml");
        let site = |name: &str| {
            format!("<SITE NAME=\"{name}\"><SHORT_NAME>{name}</SHORT_NAME><EMAIL>{name}@example.org</EMAIL></SITE>")
        };
        std::fs::write(&registry, format!("<results>{}{}</results>", site("OWN-SITE"), site("SECRET-SITE"))).unwrap();
        deployment.ask(&["registry", "import", registry.to_str().unwrap()]);
        for sealed in &reports {
            assert_eq!(collector.report(sealed).0, 201);
        }
        eventually("everything is opened or set aside", || deployment.inbox("waiting") == 0);
        assert_eq!(deployment.inbox("opened") + deployment.inbox("held"), reports.len());
    }
}

/// The forms of a page that change something: where they go and what is filled in.
fn posts(browser: &Browser) -> Vec<(String, String)> {
    let script = "
        return [...document.querySelectorAll('form[method=post]')].map((form) => {
            const filled = [...new FormData(form)].filter(([name]) => name !== 'csrf');
            return [new URL(form.getAttribute('action') ?? '', location).pathname, new URLSearchParams(filled).toString()];
        });";
    let found = browser.execute(script, vec![]);
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    found.as_array().unwrap().iter().map(|form| (text(&form[0]), text(&form[1]))).collect()
}

fn csrf(page: &str) -> &str {
    page.split_once("name=\"csrf\" value=\"").and_then(|(_, rest)| rest.split_once('"')).map_or("", |(proof, _)| proof)
}

/// An answer without what is of this moment and of this collector.
fn plain(body: &str) -> String {
    let body = match csrf(body) {
        "" => body.to_owned(),
        proof => body.replace(proof, "PROOF"),
    };
    let mut out = String::new();
    let mut rest = body.as_str();
    while let Some(first) = rest.chars().next() {
        let length = time_at(rest).unwrap_or(first.len_utf8());
        out += if length > 10 { "TIME" } else { &rest[..length] };
        rest = &rest[length..];
    }
    (1..9).fold(out.replace("just now", "AGO"), |out, minutes| {
        out.replace(&format!("{minutes} minutes ago"), "AGO").replace(&format!("{minutes} minute ago"), "AGO")
    })
}

/// How long the time is that a text begins with: `2026-01-31T04:05` or with a space, perhaps with seconds and `Z`.
fn time_at(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let begins = bytes.get(..16)?.iter().zip(b"0000-00-00T00:00").all(|(found, pattern)| match pattern {
        b'0' => found.is_ascii_digit(),
        b'T' => *found == b'T' || *found == b' ',
        exact => found == exact,
    });
    let more = text.get(16..)?.find(|character: char| !":0123456789Z.".contains(character)).unwrap_or(text.len() - 16);
    begins.then_some(16 + more)
}

fn first_difference(here: &Answer, there: &Answer) -> String {
    let (left, right) = (plain(&here.body), plain(&there.body));
    let at = left.bytes().zip(right.bytes()).take_while(|(left, right)| left == right).count();
    let part = |text: &str| {
        String::from_utf8_lossy(&text.as_bytes()[at.saturating_sub(80).min(text.len())..])
            .chars()
            .take(240)
            .collect::<String>()
    };
    format!("{} {:?}\n   alone {} {:?}", here.status, part(&left), there.status, part(&right))
}
