//! Requests with anything changed in them: each is answered, none breaks out of its page, and only what is acknowledged is kept.

use std::collections::BTreeSet;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use report::hash::Hash;
use serde_json::Value;
use wlcg_acceptance::programs::{Collector, Deployment};

use super::{BASELINE, seal, text};

on_both_databases!(any_request_is_answered_and_changes_nothing_but_by_an_acknowledgement);

/// What would be markup in a page, and the same as an address may hold it.
const MARKS: [&str; 2] = ["<m4rk\"'&>", "%3Cm4rk%22%27%26%3E"];

const PIECES: [&str; 25] = [
    "\0",
    "\r\n",
    "\r\n\r\n",
    "\u{202e}",
    "%00",
    "%ff",
    "%",
    "&",
    "=",
    "?",
    "/",
    "..",
    ";",
    ",",
    "*",
    "-1",
    "0",
    "null",
    "18446744073709551616",
    "2026-02-30",
    "+002026-01-31",
    "X-Remote-User: officer\r\n",
    "X-Forwarded-For: ::1\r\n",
    "Cookie: session=x; session=y\r\n",
    "Transfer-Encoding: chunked\r\n",
];

const ASKED: [&str; 24] = [
    "/",
    "/find?package=bash",
    "/products",
    "/products/xrootd-server",
    "/products/xrootd-server?at=2026-01-31",
    "/sites",
    "/sites/CERN-PROD",
    "/hosts/CERN-PROD/a",
    "/references",
    "/references/baseline",
    "/campaigns",
    "/inbox",
    "/audit",
    "/sign-in?code=x",
    "/v1/recipients",
    "/readyz",
    "/api/v1/overview?at=2026-01-31&lists=now",
    "/api/v1/sites?limit=1",
    "/api/v1/hosts?limit=2&cursor=6162",
    "/api/v1/find?package=bash%20%3C%205",
    "/api/v1/changes?since=2026-01-31",
    "/api/v1/references/baseline/difference?from=1&to=2",
    "/api/v1/products/xrootd-server/versions",
    "/api/v1/inbox?state=held",
];

const FORMS: [&str; 6] = ["/sign-in", "/sign-out", "/references/baseline", "/campaigns", "/inbox/decide", "/feeder/"];

/// Numbers that are the same in every run (splitmix64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        usize::try_from((mixed >> 33) % most.max(1) as u64).unwrap()
    }

    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len())]
    }

    fn change(&mut self, bytes: &mut Vec<u8>) {
        let (at, other) = (self.below(bytes.len() + 1), self.below(bytes.len() + 1));
        let range = at.min(other)..at.max(other).min(at.min(other) + 20);
        match self.below(6) {
            0 if at < bytes.len() => bytes[at] ^= 1 << self.below(8),
            1 => drop(bytes.drain(range)),
            2 => drop(bytes.splice(at..at, bytes[range].to_vec())),
            3 => drop(bytes.splice(at..at, vec![b'A'; self.below(70_000)])),
            4 => drop(bytes.splice(at..at, self.one(&MARKS).bytes())),
            _ => drop(bytes.splice(at..at, self.one(&PIECES).bytes())),
        }
    }
}

/// What came back: status, head in lower case, and the body as long as the head says it is.
struct Answered {
    status: u16,
    head: String,
    body: Vec<u8>,
}

/// Ends the head of what was begun, is a request of its own otherwise, and lets the collector close the connection.
const LAST: &[u8] = b"\r\n\r\nGET /healthz HTTP/1.1\r\nHost: desk\r\nConnection: close\r\n\r\n";

/// How long nothing may come before the collector is taken to wait for more of a body. It takes whoever ends what they send for
/// gone, and whatever it was asked for is given up.
const QUIET: Duration = Duration::from_millis(500);

/// Sends bytes as they are and reads every answer, of which there are several where the bytes are several requests; whether the
/// collector waited for more.
fn send(collector: &Collector, request: &[u8]) -> (Vec<Answered>, bool) {
    let mut connection = TcpStream::connect(collector.url.strip_prefix("http://").unwrap()).unwrap();
    connection.set_read_timeout(Some(QUIET)).unwrap();
    // A request that is refused early is not read to its end: the answer is what counts.
    let _ = connection.write_all(&[request, LAST].concat());
    let (mut bytes, mut part, mut cut) = (Vec::new(), [0; 65_536], false);
    loop {
        match connection.read(&mut part) {
            Ok(0) => break,
            Ok(length) => bytes.extend_from_slice(&part[..length]),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => break,
            Err(error) => {
                assert!(!cut && error.kind() == ErrorKind::WouldBlock, "no end of the answer: {error}");
                cut = true;
                connection.shutdown(Shutdown::Write).unwrap();
                connection.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
            }
        }
    }
    let mut answers = Vec::new();
    let mut rest = bytes.as_slice();
    while let Some(end) = rest.windows(4).position(|window| window == b"\r\n\r\n") {
        let head = String::from_utf8_lossy(&rest[..end]).to_lowercase();
        let status = head.strip_prefix("http/1.").and_then(|rest| rest.get(2..5)).map(|status| status.parse().unwrap());
        let length =
            head.lines().find_map(|line| line.strip_prefix("content-length: ")).map(|n| n.parse::<usize>().unwrap());
        let body = rest[end + 4..].iter().copied().take(length.unwrap_or_default()).collect::<Vec<u8>>();
        rest = &rest[end + 4 + body.len()..];
        // A stream in chunks has no length: its rows have tests of their own.
        if length.is_none() && head.contains("transfer-encoding") {
            rest = &[];
        }
        answers.push(Answered { status: status.expect("HTTP"), head, body });
    }
    (answers, cut)
}

fn any_request_is_answered_and_changes_nothing_but_by_an_acknowledgement(deployment: &Deployment) {
    let file = |name: &str, text: &str| {
        let file = deployment.folder.path().join(name);
        std::fs::write(&file, text).unwrap();
        file.to_str().unwrap().to_owned()
    };
    deployment.ask(&[
        "demo",
        "--fleet",
        "5",
        "--once",
        "--folder",
        deployment.folder.path().join("fleet").to_str().unwrap(),
    ]);
    deployment.ask(&["reference", "import", &file("baseline.toml", BASELINE)]);
    let config = "open = false\nbody_timeout_seconds = 5\nmax_reports_per_minute_per_address = 1000000\n";
    let collector = deployment.serve(&["--config", &file("config.toml", config)]);
    let (reader, officer) = (deployment.token("reader", &[]), deployment.token("officer", &[]));
    let kept = || {
        ["host", "host_state", "reference_list", "campaign", "sender", "registry_site", "token", "session"]
            .map(|table| deployment.number(&format!("SELECT COUNT(*) FROM {table}")))
    };
    let received = || deployment.number("SELECT COUNT(*) FROM inbox");
    let (before, received_before) = (kept(), received());
    let sealed =
        seal(&deployment.certificate("officer"), &text("a.example.org", "2026-01-01T04:00:00Z", &[("bash", "5")]));

    let mut dice = Dice(1);
    let mut acknowledged = BTreeSet::new();
    let (mut told, mut given_up) = (BTreeSet::new(), 0);
    for number in 0..requests() {
        let (kind, mut body) = match dice.below(4) {
            0 => ("POST /v1/reports HTTP/1.1\r\nContent-Type: application/pkcs7-mime\r\n".to_owned(), sealed.clone()),
            1 => {
                let form = format!("csrf=x&name=baseline&site=CERN-PROD&note={}&code=x", dice.one(&MARKS));
                let form_type = "Content-Type: application/x-www-form-urlencoded";
                (format!("POST {} HTTP/1.1\r\n{form_type}\r\n", dice.one(&FORMS)), form.into_bytes())
            }
            _ => (format!("GET {} HTTP/1.1\r\n", dice.one(&ASKED)), Vec::new()),
        };
        if !body.is_empty() && dice.below(2) == 0 {
            dice.change(&mut body);
        }
        let authorization = format!("Host: desk\r\nAuthorization: Bearer {reader}\r\nConnection: close\r\n");
        let mut request = format!("{kind}{authorization}Content-Length: {}\r\n\r\n", body.len()).into_bytes();
        let whole = dice.below(3) == 0;
        for _ in 0..if whole { 0 } else { 1 + dice.below(3) } {
            dice.change(&mut request);
        }
        request.extend(&body);
        let shown = || String::from_utf8_lossy(&request).chars().take(400).collect::<String>();
        let (answers, cut) = send(&collector, &request);
        given_up += i64::from(cut);
        told.extend(answers.first().map(|answer| answer.status));
        for answer in answers {
            assert!(answer.status < 500, "request {number}, {:?}: {}", shown(), answer.head);
            let text = String::from_utf8_lossy(&answer.body);
            if answer.head.contains("content-type: text/html") {
                assert!(
                    !text.contains("<m4rk") && !text.contains("m4rk\"") && !text.contains("m4rk&#34;'"),
                    "{:?}",
                    shown()
                );
            }
            if answer.head.contains("content-type: application/json") || answer.head.contains("problem+json") {
                let json: Value =
                    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{:?}: {error}: {text}", shown()));
                if let (200 | 201, Some(hash)) = (answer.status, json["report"].as_str()) {
                    assert!(!whole || hash == Hash::of(&body).to_string(), "{:?} is acknowledged as {hash}", shown());
                    acknowledged.insert(hash.to_owned());
                }
            }
        }
    }
    // What was tried went all the ways that there are.
    assert!([200, 201, 400, 401, 404].iter().all(|status| told.contains(status)), "{told:?}");
    assert_eq!(kept(), before);
    // What was given up may have come in all the same.
    let (came, told) = (received() - received_before, i64::try_from(acknowledged.len()).unwrap());
    assert!((told..=told + given_up).contains(&came), "{told} acknowledged, {given_up} given up, {came} came");
    for hash in &acknowledged {
        let authorization = ("authorization", &*format!("Bearer {officer}"));
        let (status, bytes) = collector.bytes(&format!("/inbox/{hash}/sealed"), &[authorization]);
        assert_eq!((status, Hash::of(&bytes).to_string()), (200, hash.clone()));
    }
    assert_eq!(collector.get("/healthz").0, 200);
}

/// How many requests are tried: `WLCG_REQUESTS`, else 1,500.
fn requests() -> usize {
    std::env::var("WLCG_REQUESTS").map_or(1_500, |number| number.parse().expect("WLCG_REQUESTS is a number"))
}
