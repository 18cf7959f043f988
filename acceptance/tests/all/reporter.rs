//! The reporter against each answer of a collector, and against its own administrator.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::process::Output;

use wlcg_acceptance::person::{Person, text_of};
use wlcg_acceptance::programs::{Deployment, eventually, program};

/// A server that gives every request the same answer, `HASH` replaced by the hash of the body; gives its address.
pub(crate) fn answering(answer: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let mut connection = connection.unwrap();
            let mut request = Vec::new();
            let mut buffer = [0; 65_536];
            let body = loop {
                let read = connection.read(&mut buffer).unwrap_or(0);
                request.extend_from_slice(&buffer[..read]);
                let Some(end) = request.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
                let head = String::from_utf8_lossy(&request[..end]).to_lowercase();
                let length =
                    head.lines().find_map(|line| line.strip_prefix("content-length: ")?.trim().parse::<usize>().ok());
                if read == 0 || request.len() >= end + 4 + length.unwrap_or(0) {
                    break request[end + 4..].to_vec();
                }
            };
            let answer = answer.replace("HASH", &report::hash::Hash::of(&body).to_string());
            let (head, body) = answer.split_once("\n\n").unwrap_or((&answer, ""));
            let length = body.len();
            let head = head.replace('\n', "\r\n");
            let _ =
                write!(connection, "HTTP/1.1 {head}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}");
        }
    });
    format!("http://{address}")
}

fn one_try(deployment: &Deployment) -> std::path::PathBuf {
    let config = deployment.folder.path().join("one-try.toml");
    std::fs::write(&config, "tries = 1\n").unwrap();
    config
}

pub(crate) fn run(deployment: &Deployment, url: &str, arguments: &[&str]) -> Output {
    deployment.reporter(url).arg("--config").arg(one_try(deployment)).args(arguments).output().unwrap()
}

fn refused(deployment: &Deployment) -> usize {
    std::fs::read_dir(deployment.spool().join("refused")).map_or(0, Iterator::count)
}

#[test]
fn every_answer_has_its_meaning() {
    for (answer, exit, spooled, set_aside) in [
        ("201 Created\n\n{\"report\":\"HASH\",\"status\":\"stored\"}", 0, 0, 0),
        ("200 OK\n\n{\"report\":\"HASH\",\"status\":\"duplicate\"}", 0, 0, 0),
        (
            "201 Created\n\n{\"report\":\"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\",\"status\":\"stored\"}",
            75,
            1,
            0,
        ),
        ("200 OK\ncontent-type: text/html\n\n<html>Please sign in</html>", 75, 1, 0),
        ("400 Bad Request\n\n{\"title\":\"t\",\"status\":400,\"detail\":\"not CMS\"}", 65, 0, 1),
        ("413 Too Large\n\n", 65, 0, 1),
        ("415 Type\n\n", 65, 0, 1),
        ("422 Content\n\n", 65, 0, 1),
        ("301 Moved\nlocation: http://127.0.0.1:1/\n\n", 75, 1, 0),
        ("401 Who\n\n", 75, 1, 0),
        ("403 No\n\n", 75, 1, 0),
        ("404 Where\n\n", 75, 1, 0),
        ("405 How\n\n", 75, 1, 0),
        ("407 Proxy\n\n", 75, 1, 0),
        ("408 Slow\n\n", 75, 1, 0),
        ("429 Many\nretry-after: 3600\n\n", 75, 1, 0),
        ("500 Oops\n\n", 75, 1, 0),
        ("503 Away\n\n", 75, 1, 0),
    ] {
        let deployment = Deployment::new(None);
        let output = run(&deployment, &answering(answer), &[]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(exit), "{answer}: {said}");
        assert_eq!((deployment.spooled().len(), refused(&deployment)), (spooled, set_aside), "{answer}: {said}");
        assert!(said.lines().count() <= 1, "one line: {said}");
    }
}

#[test]
fn what_could_not_be_delivered_is_delivered_later() {
    let deployment = Deployment::new(None);
    let nobody = "http://127.0.0.1:1";
    for _ in 0..3 {
        assert_eq!(run(&deployment, nobody, &[]).status.code(), Some(75));
    }
    assert_eq!(deployment.spooled().len(), 3);
    let status = String::from_utf8(run(&deployment, nobody, &["status"]).stdout).unwrap();
    assert!(
        status.contains("3 reports") && status.contains("none yet") && status.contains("does not answer"),
        "{status}"
    );

    std::fs::write(deployment.spool().join(format!("{}.p7m", "0".repeat(64))), b"damaged").unwrap();
    let collector = deployment.serve(&[]);
    let sent = run(&deployment, &collector.url, &["send"]);
    assert_eq!(sent.status.code(), Some(65), "the damaged one is told: {}", String::from_utf8_lossy(&sent.stderr));
    assert_eq!((deployment.spooled().len(), refused(&deployment)), (0, 1));
    eventually("all are opened", || deployment.inbox("opened") == 3);
    let status: serde_json::Value =
        serde_json::from_slice(&run(&deployment, nobody, &["status", "--json"]).stdout).unwrap();
    assert_eq!(status["spool"]["reports"], 0);
    assert!(status["last_acknowledgement"]["report"].is_string(), "{status}");
    assert_eq!(run(&deployment, &collector.url, &["send"]).status.code(), Some(0));
}

#[test]
fn a_collector_that_asks_for_silence_gets_it() {
    let deployment = Deployment::new(None);
    assert_eq!(run(&deployment, &answering("503 Away\nretry-after: 3600\n\n"), &[]).status.code(), Some(75));
    let collector = deployment.serve(&[]);
    let output = run(&deployment, &collector.url, &["send"]);
    assert_eq!(output.status.code(), Some(75));
    assert!(String::from_utf8_lossy(&output.stderr).contains("silence"));
    assert_eq!(deployment.spooled().len(), 1);
}

#[test]
fn the_system_proxy_is_used() {
    let deployment = Deployment::new(None);
    let collector = deployment.serve(&[]);
    let proxy = proxy_to(collector.url.strip_prefix("http://").unwrap().to_owned());
    let reporter = || deployment.reporter("http://collector.invalid");
    let output = reporter().env("http_proxy", proxy).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    eventually("the report is opened", || deployment.inbox("opened") == 1);
}

/// A proxy that tunnels every CONNECT to one address; gives its own.
fn proxy_to(target: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let mut client = client.unwrap();
            let mut head = Vec::new();
            let mut byte = [0];
            while !head.ends_with(b"\r\n\r\n") && client.read(&mut byte).is_ok_and(|read| read == 1) {
                head.push(byte[0]);
            }
            assert!(head.starts_with(b"CONNECT collector.invalid:80 "), "{}", String::from_utf8_lossy(&head));
            client.write_all(b"HTTP/1.1 200 Connected\r\n\r\n").unwrap();
            let mut server = std::net::TcpStream::connect(&target).unwrap();
            let (mut from_client, mut to_server) = (client.try_clone().unwrap(), server.try_clone().unwrap());
            std::thread::spawn(move || std::io::copy(&mut from_client, &mut to_server));
            std::thread::spawn(move || std::io::copy(&mut server, &mut client));
        }
    });
    format!("http://{address}")
}

#[test]
fn a_server_that_nobody_vouches_for_gets_nothing() {
    let deployment = Deployment::new(None);
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let mut server = std::process::Command::new("openssl")
        .args(["s_server", "-quiet", "-www", "-accept", &port, "-key", &deployment.key("officer")])
        .args(["-cert", &deployment.certificate("officer")])
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    eventually("s_server listens", || std::net::TcpStream::connect(format!("127.0.0.1:{port}")).is_ok());
    let output = run(&deployment, &format!("https://localhost:{port}"), &[]);
    let _ = server.kill();
    let _ = server.wait();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(75), "{said}");
    assert!(said.contains("certificate"), "{said}");
    assert_eq!(deployment.spooled().len(), 1);
}

#[test]
fn state_is_kept_where_systemd_says() {
    let deployment = Deployment::new(None);
    let state = deployment.folder.path().join("state");
    std::fs::create_dir(&state).unwrap();
    let output = std::process::Command::new(program("wlcg-package-reporter"))
        .args(["--site", "CERN-PROD", "--url", "http://127.0.0.1:1", "--recipient", &deployment.certificate("officer")])
        .arg("--config")
        .arg(one_try(&deployment))
        .env("STATE_DIRECTORY", &state)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(75));
    let spooled = std::fs::read_dir(state.join("spool")).unwrap().filter(|entry| {
        let name = entry.as_ref().unwrap().file_name();
        name.to_string_lossy().ends_with(".p7m")
    });
    assert_eq!(spooled.count(), 1);
}

#[test]
fn the_list_is_that_of_dpkg_query() {
    let deployment = Deployment::new(None);
    let shown = String::from_utf8(run(&deployment, "http://127.0.0.1:1", &["show"]).stdout).unwrap();
    let format =
        "${db:Status-Want} ${db:Status-Eflag} ${db:Status-Status}\\t${Package}\\t${Version}\\t${Architecture}\\n";
    let output = std::process::Command::new("dpkg-query").args(["-W", "-f", format]).output().unwrap();
    let mut expected: Vec<String> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .filter_map(|line| line.strip_prefix("install ok installed\t"))
        .map(str::to_owned)
        .collect();
    expected.sort();
    let own: Vec<&str> = shown.lines().filter(|line| line.contains('\t') && !line.ends_with("\trpm")).collect();
    assert_eq!(own, expected);
}

#[test]
fn the_spool_stays_within_its_bounds() {
    let deployment = Deployment::new(None);
    let config = deployment.folder.path().join("small.toml");
    std::fs::write(&config, "tries = 1\nspool_max_reports = 2\n").unwrap();
    for _ in 0..5 {
        let output = deployment.reporter("http://127.0.0.1:1").arg("--config").arg(&config).output().unwrap();
        assert_eq!(output.status.code(), Some(75));
    }
    assert_eq!(deployment.spooled().len(), 2);
    let status = String::from_utf8(run(&deployment, "http://127.0.0.1:1", &["status"]).stdout).unwrap();
    assert!(status.contains("made way when full:   3 identical"), "{status}");
}

#[test]
fn mistakes_are_told_with_what_to_do() {
    let deployment = Deployment::new(None);
    let bare = |arguments: &[&str]| {
        std::process::Command::new(program("wlcg-package-reporter"))
            .args(arguments)
            .env("HOME", deployment.folder.path())
            .env_remove("XDG_CONFIG_HOME")
            .output()
            .unwrap()
    };
    let certificate = deployment.certificate("officer");
    let unknown = deployment.folder.path().join("unknown.toml");
    std::fs::write(&unknown, "siet = \"X\"\n").unwrap();
    let unknown = unknown.to_str().unwrap();
    let half = deployment.folder.path().join("half.txt");
    std::fs::write(&half, "#\nhost: a\npackager: rpm\n#\nbash\t1\tx\n").unwrap();
    let url = ["--url", "http://127.0.0.1:1", "--recipient", &certificate];
    for (arguments, exit, told) in [
        (vec!["show"], 78, "--site NAME"),
        (vec!["--site", "MY-SITE", "--cron"], 78, "placeholder"),
        (vec!["--site", "a b", "show"], 78, "not allowed"),
        (vec!["--site", "CERN-PROD"], 78, "--recipient"),
        (vec!["--site", "CERN-PROD", "--recipient", &certificate], 78, "--url"),
        (vec!["--site", "CERN-PROD", "--recipient", unknown], 78, "no certificate"),
        (vec!["--config", unknown, "show"], 78, "siet"),
        (vec!["--config", "/no/such/file", "show"], 78, "/no/such/file"),
        ([&url[..], &["--input", half.to_str().unwrap()]].concat(), 65, "truncated"),
    ] {
        let output = bare(&arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(exit), "{arguments:?}: {said}");
        assert!(said.contains(told), "{arguments:?}: {said}");
    }
    let cron = bare(&["--site", "CERN-PROD", "--cron"]);
    let cron = String::from_utf8(cron.stdout).unwrap();
    let line = cron.lines().find(|line| line.ends_with(" report")).unwrap();
    let fields: Vec<&str> = line.split_whitespace().collect();
    assert!(
        fields[0].parse::<u8>().unwrap() < 60 && fields[1].parse::<u8>().unwrap() < 24 && fields[5] != "root",
        "{line}"
    );
    assert!(line.contains("--site 'CERN-PROD'"), "{line}");
    let check = bare(&["--site", "CERN-PROD", "--url", "http://127.0.0.1:1", "--recipient", &certificate, "check"]);
    assert_eq!(check.status.code(), Some(75), "only the collector is away: {}", String::from_utf8_lossy(&check.stderr));
}

#[test]
fn a_recipient_certificate_that_ends_soon_is_a_warning_at_the_desk() {
    for (days, complains) in [("10", true), ("3650", false)] {
        let deployment = Deployment::new(None);
        let folder = deployment.keys().display().to_string();
        deployment.ask(&["keys", "new", "next", "--kind", "rsa2048", "--days", days, "--folder", &folder]);
        let collector = deployment.serve(&[]);
        let officer = Person::signed_in(&deployment, &collector, &["--name", "Olga"]);
        let mut reporter = deployment.reporter(&collector.url);
        let sent = reporter.arg("--recipient").arg(deployment.certificate("next")).output().unwrap();
        assert!(sent.status.success(), "{}", String::from_utf8_lossy(&sent.stderr));
        eventually("it is opened", || deployment.inbox("opened") == 1);
        for page in ["/hosts/CERN-PROD/wn1.example.org", "/sites/CERN-PROD"] {
            let page = text_of(&officer.page(page));
            assert_eq!(page.contains("the host says: recipient certificate CN=next expires 20"), complains, "{page}");
        }
    }
}
