//! Who may see the desk: links that work once, sessions, tokens, and forms that people mean.

use wlcg_acceptance::programs::{Answer, Collector, Deployment, eventually};

/// Whoever is responsible for a site in GOCDB sees it, as long as the file says so.
#[test]
fn gocdb_says_who_looks_after_a_site() {
    let deployment = Deployment::new(None);
    let folder = deployment.folder.path();
    let (socket, export, config) = (folder.join("socket"), folder.join("contacts.xml"), folder.join("c.toml"));
    let contact =
        |dn: &str, role: &str| format!("<CONTACT><CERTDN>{dn}</CERTDN><ROLE_NAME>{role}</ROLE_NAME></CONTACT>");
    let answer = |people: &str| format!("<results><SITE NAME='DESY-HH'>{people}</SITE></results>");
    let (ana, bo) = (contact("/CN=Ana", "Site Security Officer"), contact("/CN=Bo", "Site Administrator"));
    std::fs::write(&export, answer(&(ana.clone() + &contact("/CN=Cy", "Site Observer")))).unwrap();
    std::fs::write(&config, format!("gocdb_roles = '{}'\n", export.display())).unwrap();
    let config = config.display().to_string();
    deployment.ask(&["migrate"]);
    assert!(deployment.ask_text(&["check", "--config", &config]).contains("1 people at 1 sites"));
    let _collector = deployment.serve_on(&format!("unix:{}", socket.display()), &["--config", &config]);
    let status = |name: &str| {
        let mut curl = std::process::Command::new("curl");
        curl.args(["-s", "-o", "/dev/null", "-w", "%{http_code}", "--unix-socket"]).arg(&socket);
        let output =
            curl.args(["-H", &format!("X-Remote-User: {name}"), "http://desk/sites/DESY-HH"]).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    // The page is there for whoever may see the site, though no host of it has reported.
    let all = || ["/CN=Ana", "/CN=Bo", "/CN=Cy"].map(status);
    let (seen, refused) = (status("/CN=Ana"), "403".to_owned());
    assert_ne!(seen, refused);
    assert_eq!(all(), [seen.clone(), refused.clone(), refused.clone()]);

    // Damaged: nobody's role changes, and officers are told.
    let damaged = answer(&bo);
    std::fs::write(&export, &damaged[..damaged.len() - "</results>".len()]).unwrap();
    let noted = || format!("{:?}", deployment.rows(&["audit", "--action", "gocdb roles"]));
    eventually("the damage is noted", || noted().contains("cut short"));
    assert_eq!(all(), [seen.clone(), refused.clone(), refused.clone()]);
    let check = deployment.collector().args(["check", "--config", &config]).output().unwrap();
    assert!(!check.status.success() && String::from_utf8_lossy(&check.stderr).contains("cut short"));

    std::fs::write(&export, &damaged).unwrap();
    eventually("the new file counts", || status("/CN=Bo") != refused);
    assert_eq!(all(), [refused.clone(), seen, refused]);
}

on_both_databases!(a_link_signs_in_once, tokens_open_what_they_say, forms_are_meant);

const BROWSER: (&str, &str) = ("accept", "text/html,application/xhtml+xml");

fn form(link: &str) -> &str {
    link.split_once('?').unwrap().1
}

fn page(collector: &Collector, cookie: &str) -> Answer {
    collector.ask("/", &[("cookie", cookie), BROWSER], None)
}

fn a_link_signs_in_once(deployment: &Deployment) {
    let collector = deployment.serve(&[]);
    let printed = collector.link.clone().expect("serve prints a link on loopback");
    assert!(printed.starts_with(&collector.url), "{printed}");

    // Nobody in particular.
    let answer = collector.ask("/", &[], None);
    assert_eq!((answer.status, answer.header("www-authenticate")), (401, Some("Bearer")));
    assert!(answer.body.contains("wlcg-package-collector sign-in"), "{}", answer.body);
    let answer = collector.ask("/", &[BROWSER], None);
    assert_eq!(answer.status, 401);
    assert!(answer.body.contains("<h1>") && answer.header("content-security-policy").is_some(), "{answer:?}");

    // Looking at the link does not use it up, using it does.
    for _ in 0..2 {
        let (path, query) = ("/sign-in?", form(&printed));
        let answer = collector.ask(&format!("{path}{query}"), &[BROWSER], None);
        assert!(answer.status == 200 && answer.body.contains("<button>Sign in</button>"), "{answer:?}");
    }
    let answer = collector.ask("/sign-in", &[], Some(form(&printed)));
    assert_eq!((answer.status, answer.header("location")), (303, Some("/")), "{answer:?}");
    let set = answer.header("set-cookie").unwrap().to_owned();
    for part in ["HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=43200"] {
        assert!(set.contains(part), "{part} is not in {set}");
    }
    let cookie = set.split(';').next().unwrap();
    let shown = page(&collector, cookie);
    assert!(shown.status == 200 && shown.body.contains("operator"), "{shown:?}");
    assert_eq!(shown.header("cache-control"), Some("no-store"));
    assert_eq!(collector.ask("/sign-in", &[], Some(form(&printed))).status, 403, "once");
    assert_eq!(page(&collector, cookie).status, 200, "and does no harm");

    // Of many who use one link at the same time, one is signed in.
    let raced = deployment.link(&collector, &[]);
    let signed_in: u16 = std::thread::scope(|scope| {
        let tries: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| u16::from(collector.ask("/sign-in", &[], Some(form(&raced))).status == 303)))
            .collect();
        tries.into_iter().map(|one| one.join().unwrap()).sum()
    });
    assert_eq!(signed_in, 1);

    // Too old, and nonsense.
    let old = deployment.link(&collector, &[]);
    deployment.sql("UPDATE sign_in_link SET expires = 1");
    for refused in [form(&old), "link=0", "link=", "", "lin=1", "link=%00%ff"] {
        assert_eq!(collector.ask("/sign-in", &[], Some(refused)).status, 403, "{refused}");
    }
    assert_eq!(collector.ask("/sign-in", &[("sec-fetch-site", "cross-site")], Some(form(&old))).status, 403);

    // Signing in again ends the session before; a session ends by itself.
    let again = form(&deployment.link(&collector, &[])).to_owned();
    let answer = collector.ask("/sign-in", &[("cookie", cookie)], Some(&again));
    let newer = answer.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    assert_eq!((page(&collector, cookie).status, page(&collector, &newer).status), (401, 200));
    deployment.sql("UPDATE session SET expires = 1");
    assert_eq!(page(&collector, &newer).status, 401);
    for wrong in [String::new(), "wlcg-package-collector=".to_owned(), format!("{newer}; {newer}")] {
        assert_eq!(page(&collector, &wrong).status, 401, "{wrong}");
    }

    // A cookie is nothing through a proxy that nobody trusts.
    let fresh = collector
        .sign_in(&deployment.link(&collector, &["--role", "site", "--site", "CERN-PROD", "--name", "S. Contact"]));
    let seen = page(&collector, &fresh);
    assert!(seen.body.contains("S. Contact") && seen.body.contains("CERN-PROD"), "{seen:?}");
    assert_eq!(collector.ask("/", &[("cookie", &fresh), ("x-forwarded-for", "192.0.2.1")], None).status, 403);

    // A role and its sites belong together.
    for wrong in [&["sign-in", "--role", "site"][..], &["sign-in", "--role", "reader", "--site", "CERN-PROD"]] {
        let output = deployment.collector().args(wrong).output().unwrap();
        assert!(!output.status.success() && !output.stderr.is_empty(), "{wrong:?}");
    }
}

fn tokens_open_what_they_say(deployment: &Deployment) {
    let collector = deployment.serve(&[]);
    let token = deployment.token("reader", &[]);
    assert!(token.starts_with("wpc_") && token.len() == 68, "{token}");
    assert_eq!(collector.get_as(&token, "/").0, 200);
    // A token is no cookie, and no other scheme.
    assert_eq!(collector.get_with("/", &[("cookie", &format!("wlcg-package-collector={token}"))]).0, 401);
    assert_eq!(collector.get_with("/", &[("authorization", &format!("Basic {token}"))]).0, 401);
    for wrong in ["wpc_", &token[..67], &format!("{token}0"), &token.to_uppercase().replace("WPC_", "wpc_")] {
        let (status, told) = collector.get_as(wrong, "/");
        assert!(status == 401 && told.contains("unknown, has expired or was revoked"), "{wrong}: {told}");
    }
    // A token that opens nothing is refused even where a session would do.
    let cookie = collector.sign_in(collector.link.as_ref().unwrap());
    assert_eq!(collector.get_with("/", &[("cookie", &cookie), ("authorization", "Bearer wpc_0")]).0, 401);

    let listed = deployment.rows(&["token", "list"]);
    assert_eq!((&listed[0]["state"], &listed[0]["role"]), (&"holds".into(), &"reader".into()));
    assert!(!format!("{listed:?}").contains(&token), "{listed:?}");
    deployment.ask(&["token", "revoke", &listed[0]["id"].to_string()]);
    assert_eq!(collector.get_as(&token, "/").0, 401);
    assert_eq!(deployment.rows(&["token", "list"])[0]["state"], "revoked");
    let again = deployment.collector().args(["token", "revoke", &listed[0]["id"].to_string()]).output().unwrap();
    assert!(!again.status.success() && String::from_utf8_lossy(&again.stderr).contains("token list"));

    let short = deployment.token("site", &["CERN-PROD", "DESY-HH"]);
    assert_eq!(collector.get_as(&short, "/").0, 200);
    assert_eq!(deployment.rows(&["token", "list"])[1]["sites"], "CERN-PROD DESY-HH");
    deployment.sql("UPDATE token SET expires = 1");
    assert_eq!(collector.get_as(&short, "/").0, 401);
    assert_eq!(deployment.rows(&["token", "list"])[1]["state"], "expired");
    let endless = deployment.collector().args(["token", "new", "--name", "x", "--role", "reader"]).output().unwrap();
    assert!(!endless.status.success(), "a token ends");

    // What the database knows lets nobody in.
    if let Some(file) = deployment.database.strip_prefix("sqlite:") {
        let kept = std::fs::read(file).unwrap();
        let kept = [kept, std::fs::read(format!("{file}-wal")).unwrap_or_default()].concat();
        let session = cookie.split_once('=').unwrap().1;
        for secret in [&token["wpc_".len()..], &short["wpc_".len()..], session] {
            assert!(!kept.windows(secret.len()).any(|bytes| bytes == secret.as_bytes()));
        }
        let digest = report::hash::Hash::of(token.as_bytes()).to_string();
        assert!(kept.windows(64).any(|bytes| bytes == digest.as_bytes()), "its hash does");
    }
}

fn forms_are_meant(deployment: &Deployment) {
    let collector = deployment.serve(&[]);
    let cookie = collector.sign_in(collector.link.as_ref().unwrap());
    let other = collector.sign_in(&deployment.link(&collector, &[]));
    let proof = |cookie: &str| {
        let body = page(&collector, cookie).body;
        let field = body.split_once("name=\"csrf\" value=\"").unwrap_or_else(|| panic!("{body}")).1;
        field.split_once('"').unwrap().0.to_owned()
    };
    let out = |headers: &[(&str, &str)], form: &str| {
        let headers = [&[("cookie", cookie.as_str())][..], headers].concat();
        collector.ask("/sign-out", &headers, Some(form)).status
    };
    let (mine, others) = (format!("csrf={}", proof(&cookie)), format!("csrf={}", proof(&other)));
    assert_ne!(mine, others);
    for wrong in ["", "csrf=", "csrf=0", &others, &format!("{mine}0")] {
        assert_eq!(out(&[], wrong), 403, "{wrong}");
    }
    for elsewhere in [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("origin", "https://evil.example"),
        ("origin", "null"),
    ] {
        assert_eq!(out(&[elsewhere], &mine), 403, "{elsewhere:?}");
    }
    assert_eq!(collector.ask("/sign-out", &[], Some(&mine)).status, 401);
    assert_eq!(collector.ask("/sign-out", &[("cookie", &cookie)], None).status, 405, "a link does not sign out");
    assert_eq!(page(&collector, &cookie).status, 200, "still signed in");
    // Another process of the same collector accepts what this one gave out.
    let second = deployment.serve(&[]);
    let origin = ("origin", second.url.as_str());
    let answer = second.ask("/sign-out", &[("cookie", &cookie), origin], Some(&mine));
    assert_eq!(answer.status, 303, "{answer:?}");
    assert!(answer.header("set-cookie").unwrap().contains("Max-Age=0"), "{answer:?}");
    assert_eq!((page(&collector, &cookie).status, page(&collector, &other).status), (401, 200));
    // A token is its own proof, and has nothing to sign out of.
    let token = format!("Bearer {}", deployment.token("reader", &[]));
    assert_eq!(collector.ask("/sign-out", &[("authorization", &token)], Some("")).status, 409);
}
