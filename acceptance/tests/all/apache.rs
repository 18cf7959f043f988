//! The shipped site file in a running Apache: reports come through, and nobody is believed who is not vouched for.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use wlcg_acceptance::apache::{Apache, People};
use wlcg_acceptance::person::{encoded, form_of};
use wlcg_acceptance::programs::{Collector, Deployment, eventually, package};

const OFFICER: &str = "/DC=ch/DC=cern/CN=MW Officer";

/// Everybody that the collector knows.
const PEOPLE: &str = "
    [[people]]
    name = '/DC=ch/DC=cern/CN=MW Officer'
    role = 'officer'
    [[people]]
    group = 'wlcg-middleware-officers'
    role = 'officer'
    [[people]]
    name = '/DC=ch/DC=cern/CN=A Reader'
    role = 'reader'
    [[people]]
    name = '/DC=de/DC=desy/CN=Site Contact'
    role = 'site'
    sites = ['DESY-HH']
    [[people]]
    group = 'desy-contacts'
    role = 'site'
    sites = ['DESY-HH']
";

/// A collector on a Unix socket in `folder`, which the web server may open.
pub(super) fn behind(folder: &Path, deployment: &Deployment) -> Collector {
    let socket = folder.join("socket");
    let config = folder.join("config.toml");
    std::fs::write(&config, PEOPLE).unwrap();
    let config = config.display().to_string();
    let collector = deployment.serve_on(&format!("unix:{}", socket.display()), &["--config", &config]);
    assert_eq!(collector.link, None, "a proxy says who asks");
    std::fs::set_permissions(&socket, std::fs::Permissions::from_mode(0o777)).unwrap();
    collector
}

fn sources(deployment: &Deployment) -> Vec<String> {
    let rows = deployment.rows(&["inbox", "list"]);
    rows.iter().map(|row| row["source"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn reports_come_through_and_only_the_team_sees_the_desk() {
    let deployment = Deployment::new(None);
    let folder = tempfile::tempdir().unwrap();
    let mut collector = behind(folder.path(), &deployment);
    let apache = Apache::start(folder.path(), &People::Certificates);

    // A host, over TLS that it checks.
    let sent = deployment.reporter(&apache.url()).env("SSL_CERT_FILE", apache.ca()).output().unwrap();
    assert!(sent.status.success(), "{} {}", String::from_utf8_lossy(&sent.stderr), apache.log());
    eventually("the report is opened", || deployment.inbox("opened") == 1);
    assert_eq!(sources(&deployment), ["127.0.0.1"], "the address that the proxy saw");

    // A host that lies about its address, in every header there is, and tries to have the true one removed.
    for (at, lie) in [
        "X-Forwarded-For: 203.0.113.7",
        "X-Real-IP: 203.0.113.7",
        "Forwarded: for=203.0.113.7",
        "Connection: close, X-Forwarded-For",
    ]
    .into_iter()
    .enumerate()
    {
        let text = crate::text("wn2", &format!("2026-01-0{}T00:00:00Z", at + 1), &[("bash", "0:5.1-1")]);
        let file = folder.path().join("sealed");
        std::fs::write(&file, crate::seal(&deployment.certificate("officer"), &text)).unwrap();
        let body = format!("@{}", file.display());
        let options = ["-H", lie, "-H", "Content-Type: application/pkcs7-mime", "--data-binary", &body];
        assert_eq!(apache.curl("/v1/reports", &options).0, 201, "{lie}");
    }
    assert_eq!(sources(&deployment), ["127.0.0.1"; 5]);

    // People.
    let strings = |name| apache.as_person(name);
    let officer = strings("officer");
    let officer: Vec<&str> = officer.iter().map(String::as_str).collect();
    let (status, page) = apache.curl("/", &officer);
    assert_eq!(status, 200, "{page} {}", apache.log());
    assert!(page.contains(&format!("Signed in as <strong>{OFFICER}")), "{page}");
    let (status, page) = apache.curl("/", &[&officer[..], &["-H", "X-Remote-User: /CN=Forged"]].concat());
    assert!(status == 200 && page.contains(OFFICER) && !page.contains("Forged"), "{page}");
    // Whoever has the header removed on the way is nobody.
    let (status, page) = apache.curl("/", &[&officer[..], &["-H", "Connection: close, X-Remote-User"]].concat());
    assert!(status == 401 || page.contains(OFFICER), "{status} {page}");
    for (who, path, options) in [
        ("nobody", "/", vec![]),
        ("nobody", "/", vec!["-H", "X-Remote-User: /DC=ch/DC=cern/CN=MW Officer"]),
        ("nobody", "/healthz/../", vec![]),
        ("nobody", "/v1/reports/../../", vec![]),
        ("nobody", "//", vec![]),
        ("nobody", "/", vec!["-H", "X-Remote-Groups: wlcg-middleware-officers"]),
        ("nobody", "/", vec!["-H", "Authorization: Bearer eyJ0"]),
        ("stranger", "/", vec![]),
        ("stranger", "/", vec!["-H", "X-Remote-Groups: wlcg-middleware-officers"]),
        ("stranger", "/", vec!["-H", "X-Remote-User: /DC=ch/DC=cern/CN=MW Officer"]),
    ] {
        let certificate = if who == "nobody" { Vec::new() } else { strings(who) };
        let mut all: Vec<&str> = certificate.iter().map(String::as_str).collect();
        all.extend(options);
        assert_eq!(apache.curl(path, &all).0, 403, "{who} {path} {all:?}");
    }
    people_see_their_part(&deployment, &apache);
    let foreigner = strings("foreigner");
    let foreigner: Vec<&str> = foreigner.iter().map(String::as_str).collect();
    assert_ne!(apache.curl("/", &foreigner).0, 200, "another authority says the same name");
    assert_eq!(apache.curl("/healthz", &["-H", "X-Remote-User: x"]).0, 200);
    needs_no_sign_in(&apache);
    changes_are_meant(&apache, &officer);

    // Prometheus, from where it is expected; even the officer sees nothing from elsewhere.
    let (status, page) = apache.curl("/metrics", &[]);
    assert!(status == 200 && page.contains("reports_received_total 5"), "{status} {page} {}", apache.log());
    let elsewhere = ["--interface", "127.0.0.2"];
    assert_eq!(apache.curl("/metrics", &elsewhere).0, 403);
    assert_eq!(apache.curl("/metrics", &[&officer[..], &elsewhere].concat()).0, 403);
    assert_eq!(apache.curl("/", &[&officer[..], &elsewhere].concat()).0, 200);

    // Too large: what is far too large is not read by Apache, what is too large not taken by the collector.
    let large = |size: &str| {
        let file = folder.path().join("large");
        std::fs::File::create(&file).unwrap().set_len(size.parse().unwrap()).unwrap();
        let body = format!("@{}", file.display());
        apache.curl("/v1/reports", &["-H", "Content-Type: application/pkcs7-mime", "--data-binary", &body]).0
    };
    assert_eq!((large("4194305"), large("30000000")), (413, 413));

    // The collector is away, and back: no waiting after that.
    collector.kill();
    assert_eq!(apache.curl("/healthz", &[]).0, 503);
    let _collector = behind(folder.path(), &deployment);
    assert_eq!(apache.curl("/healthz", &[]).0, 200);
}

/// The description of the API is for everybody, as its guide says; what it describes is not.
pub(super) fn needs_no_sign_in(apache: &Apache) {
    let (status, document) = apache.curl("/api/v1/openapi.json", &[]);
    assert!(status == 200 && document.contains("\"openapi\""), "{status} {document} {}", apache.log());
    for path in ["/api/v1/overview", "/api/v1/openapi.json/", "/api/v1/openapi.json/../hosts", "/api/v1/openapiXjson"] {
        assert!([302, 401, 403].contains(&apache.curl(path, &[]).0), "{path}");
    }
}

/// An officer whom Apache names begins a campaign with the proof of the page, and not without.
pub(super) fn changes_are_meant(apache: &Apache, officer: &[&str]) {
    let (status, page) = apache.curl("/campaigns/new", officer);
    assert_eq!(status, 200, "{page}");
    let proof = form_of(&page, "/campaigns")["csrf"].clone();
    let begin = |name: &str, proof: &str, more: &[&str]| {
        let csrf = format!("csrf={}", encoded(proof));
        let name = format!("name={name}");
        let asked = format!("pasted={}", encoded("product,package,minimum\nxrootd,xrootd-server,1:5-1\n"));
        let form = ["-d", &csrf, "-d", &name, "-d", "deadline=2100-01-01", "-d", &asked];
        apache.curl("/campaigns", &[officer, &form[..], more].concat()).0
    };
    let ours = format!("Origin: {}", apache.url());
    for (wrong, headers) in [
        ("", vec![]),
        ("0", vec!["-H", &ours]),
        (proof.as_str(), vec!["-H", "Origin: https://evil.example.org"]),
        (proof.as_str(), vec!["-H", "Origin: https://localhost"]),
        (proof.as_str(), vec!["-H", "Sec-Fetch-Site: cross-site"]),
    ] {
        assert_eq!(begin("forged", wrong, &headers), 403, "{wrong} {headers:?}");
    }
    // Whom the proxy does not name has no use for somebody else's proof.
    let form = format!("csrf={}&name=forged", encoded(&proof));
    assert!([302, 401, 403].contains(&apache.curl("/campaigns", &["-d", &form]).0));
    assert_eq!(begin("meant", &proof, &["-H", &ours]), 303);
    let page = apache.curl("/campaigns", officer).1;
    assert!(page.contains(">meant</a>") && !page.contains("forged"), "{page}");
}

/// Each role over certificates, and programs over the same address with a token instead.
fn people_see_their_part(deployment: &Deployment, apache: &Apache) {
    let get = |name: &str, more: &[&str]| {
        let certificate = if name.is_empty() { Vec::new() } else { apache.as_person(name) };
        let certificate: Vec<&str> = certificate.iter().map(String::as_str).collect();
        apache.curl("/sites", &[&certificate[..], more].concat())
    };
    for (name, sees) in [("officer", true), ("reader", true), ("contact", false)] {
        let (status, page) = get(name, &[]);
        assert_eq!((status, page.contains("CERN-PROD")), (200, sees), "{name}: {page}");
    }
    let (status, told) = get("stranger", &[]);
    assert!(status == 403 && told.contains("/DC=ch/DC=cern/CN=Somebody Else"), "{told}");

    let bearer = |token: &str| format!("Authorization: Bearer {token}");
    let (reader, contact) = (bearer(&deployment.token("reader", &[])), bearer(&deployment.token("site", &["DESY-HH"])));
    for (name, header, status, sees) in [
        ("", &reader, 200, true),
        ("contact", &reader, 200, true),
        ("", &contact, 200, false),
        ("officer", &contact, 200, false),
        ("officer", &bearer("wpc_0"), 401, false),
        ("", &bearer("wpc_0"), 401, false),
    ] {
        let (found, page) = get(name, &["-H", header]);
        assert_eq!((found, page.contains("CERN-PROD")), (status, sees), "{name} {header}: {page}");
    }
    assert_eq!(apache.curl("/metrics", &["-H", &bearer("wpc_0")]).0, 401, "a false token opens no way around");
    // A certificate is shown by the browser itself: what changes something must be meant.
    let officer = apache.as_person("officer");
    let officer: Vec<&str> = officer.iter().map(String::as_str).collect();
    assert_eq!(apache.curl("/sign-out", &[&officer[..], &["-d", "csrf=0"]].concat()).0, 403);
    // Whom the proxy names needs no link, and a link makes nobody of another name.
    let link = deployment.ask_text(&["sign-in", "--role", "reader"]);
    let form = link.trim().split_once('?').unwrap().1;
    assert_eq!(apache.curl("/sign-in", &[&officer[..], &["-d", form]].concat()).0, 409);
}

/// The packaged program brings its own OpenSSL, which must find what the system trusts, wherever that is kept.
#[test]
fn the_packaged_program_trusts_whom_the_system_trusts() {
    if let Some(reason) = wlcg_acceptance::systemd_box::unavailable() {
        let _ = writeln!(std::io::stderr(), "skipped the system's authorities: {reason}");
        return;
    }
    let deployment = Deployment::new(None);
    let folder = tempfile::tempdir().unwrap();
    let _collector = behind(folder.path(), &deployment);
    let apache = Apache::start(folder.path(), &People::Certificates);
    let unpacked = folder.path().join("unpacked");
    let deb = package("wlcg-package-reporter_", ".deb");
    assert!(std::process::Command::new("dpkg-deb").arg("-x").arg(deb).arg(&unpacked).status().unwrap().success());
    let report = |place: &str| {
        let command = deployment.reporter(&apache.url());
        // In a mount namespace of its own the system trusts nobody, or the test's authority, in one place.
        let script = format!(
            "mount -t tmpfs tmpfs /etc/ssl; mkdir -p /etc/pki; mount -t tmpfs tmpfs /etc/pki
             [ -z '{place}' ] || {{ mkdir -p $(dirname {place}); cp {} {place}; }}; exec \"$@\"",
            apache.ca().display()
        );
        let program = unpacked.join("usr/bin/wlcg-package-reporter");
        let mut namespaced = std::process::Command::new("unshare");
        namespaced.args(["--mount", "sh", "-c", &script, "sh"]).arg(program).args(command.get_args());
        let output = namespaced.env_remove("SSL_CERT_FILE").env_remove("SSL_CERT_DIR").output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (code, said) = report("");
    assert!(code == Some(75) && said.contains("nobody vouches"), "{said}");
    for place in ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt"] {
        let (code, said) = report(place);
        assert_eq!(code, Some(0), "{place}: {said}");
    }
}

#[test]
fn without_the_proxy_nobody_has_a_name() {
    let deployment = Deployment::new(None);
    let folder = tempfile::tempdir().unwrap();
    let _socket = behind(folder.path(), &deployment);
    let ask = |arguments: &[&str]| {
        let mut curl = std::process::Command::new("curl");
        curl.args(["-s", "-w", "\n%{http_code}"]).args(arguments);
        String::from_utf8(curl.output().unwrap().stdout).unwrap()
    };
    let socket = folder.path().join("socket").display().to_string();
    let answer = ask(&["--unix-socket", &socket, "http://collector/"]);
    assert!(answer.ends_with("\n401") && answer.contains("you are not signed in"), "{answer}");
    let twice = ["-H", "X-Remote-User: a", "-H", "X-Remote-User: b"];
    let answer = ask(&[&["--unix-socket", &socket, "http://collector/"][..], &twice].concat());
    assert!(answer.ends_with("\n403") && answer.contains("X-Remote-User once"), "{answer}");
    // A proxy that says nobody's name leaves it to a link, and the cookie never leaves TLS.
    let link = deployment.ask_text(&["sign-in"]);
    let form = link.trim().split_once('?').unwrap().1;
    let answer = ask(&["--unix-socket", &socket, "-i", "-d", form, "http://collector/sign-in"]);
    let cookie =
        answer.lines().find_map(|line| line.strip_prefix("set-cookie: ")).unwrap_or_else(|| panic!("{answer}"));
    assert!(cookie.starts_with("__Host-") && cookie.contains("; Secure") && cookie.contains("; HttpOnly"), "{cookie}");
    let cookie = format!("Cookie: {}", cookie.split(';').next().unwrap());
    assert!(ask(&["--unix-socket", &socket, "-H", &cookie, "http://collector/"]).ends_with("\n200"));
    // Where the proxy names somebody, the cookie does not count.
    let named = ["-H", "X-Remote-User: /CN=Nobody"];
    let answer = ask(&[&["--unix-socket", &socket, "-H", &cookie, "http://collector/"][..], &named].concat());
    assert!(answer.ends_with("\n403") && answer.contains("/CN=Nobody"), "{answer}");
    let tcp = deployment.serve(&[]);
    for header in
        ["X-Remote-User: officer", "X-Remote-Groups: x", "X-Forwarded-For: 127.0.0.1", "Forwarded: for=127.0.0.1"]
    {
        let answer = ask(&["-H", header, &format!("{}/", tcp.url)]);
        assert!(answer.ends_with("\n403") && answer.contains("trusted_proxies"), "{header}: {answer}");
    }
    let answer = ask(&[
        "-X",
        "POST",
        "-H",
        "X-Forwarded-For: 203.0.113.9",
        "--data-binary",
        "@-",
        &format!("{}/v1/reports", tcp.url),
    ]);
    assert!(!answer.ends_with("\n201"), "{answer}");
}
