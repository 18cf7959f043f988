//! Between host and collector: cut off in the middle, slow on purpose, thousands that say nothing, and bodies at the limit.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::process::Command;
use std::time::{Duration, Instant};

use report::hash::Hash;
use report::sealed::{self, ContentEncryption, Recipient};
use wlcg_acceptance::fault_proxy::FaultProxy;
use wlcg_acceptance::ledger::{Ledger, told};
use wlcg_acceptance::programs::{Collector, Deployment, eventually, within};

fn address(collector: &Collector) -> &str {
    collector.url.strip_prefix("http://").unwrap()
}

#[test]
fn connections_that_are_cut_in_the_middle() {
    let deployment = Deployment::new(None);
    let collector = deployment.serve(&[]);
    let proxy = FaultProxy::to_address(address(&collector));
    let ledger = Ledger::new(&deployment);
    ledger.is_at(&format!("http://{}", proxy.address));
    // In the head, at its end, in the body, and at the very last byte.
    let whole = deployment.certificate("officer");
    let whole = wlcg_acceptance::openssl::openssl(
        &["smime", "-encrypt", "-binary", "-aes-256-cbc", "-outform", "DER", &whole],
        b"#\nhost: a\n#\n",
    );
    let mut cuts = 0;
    for bytes in [1, 40, 120, 200, 300, 400, 500, 600, 700, whole.len()] {
        proxy.cut_after(Some(bytes));
        assert!(!ledger.post(ledger.make()), "cut after {bytes} bytes");
        cuts += 1;
    }
    proxy.cut_after(None);
    // The answer is lost, the report is not: it is cut while it comes back.
    proxy.delay(Duration::from_millis(400));
    for _ in 0..5 {
        let hash = ledger.make();
        let acknowledged = std::thread::scope(|scope| {
            let posting = scope.spawn(|| ledger.post(hash));
            std::thread::sleep(Duration::from_millis(200));
            cuts += proxy.cut();
            posting.join().unwrap()
        });
        assert!(!acknowledged);
    }
    proxy.delay(Duration::ZERO);
    ledger.check(&deployment);
    told(&format!("{cuts} connections cut in the middle: {}; none lost, none twice", ledger.figures()));
}

#[test]
fn senders_that_are_slow_on_purpose_are_ended_and_nobody_waits_for_them() {
    let deployment = Deployment::new(None);
    let config = deployment.folder.path().join("config.toml");
    std::fs::write(&config, "body_timeout_seconds = 5\n").unwrap();
    let collector = deployment.serve(&["--config", config.to_str().unwrap()]);
    let ledger = Ledger::new(&deployment);
    ledger.is_at(&collector.url);
    let open = |head: &str| {
        let mut connection = TcpStream::connect(address(&collector)).unwrap();
        connection.write_all(head.as_bytes()).unwrap();
        connection.set_nonblocking(true).unwrap();
        connection
    };
    let begin = Instant::now();
    let heads: Vec<TcpStream> = (0..200).map(|_| open("POST /v1/reports HTTP/1.1\r\nhost: a\r\n")).collect();
    let body = "POST /v1/reports HTTP/1.1\r\nhost: a\r\ncontent-length: 100000\r\n\r\n";
    let bodies: Vec<TcpStream> = (0..200).map(|_| open(body)).collect();
    let mut slowest = Duration::ZERO;
    let mut left = [Some(heads), Some(bodies)];
    let mut ended = [Duration::ZERO; 2];
    while left.iter().any(Option::is_some) {
        assert!(begin.elapsed() < Duration::from_secs(90), "they are still open");
        for (connections, ended) in left.iter_mut().zip(&mut ended) {
            let Some(open) = connections else { continue };
            // A byte now and then: something does come.
            open.iter_mut().for_each(|connection| drop(connection.write(b"x")));
            if open.iter_mut().all(is_ended) {
                *ended = begin.elapsed();
                *connections = None;
            }
        }
        let asked = Instant::now();
        assert_eq!(collector.get("/readyz").0, 200);
        assert!(ledger.post(ledger.make()), "others are heard meanwhile");
        slowest = slowest.max(asked.elapsed());
        std::thread::sleep(Duration::from_millis(500));
    }
    assert!(slowest < Duration::from_secs(5), "{slowest:?}");
    let [heads, bodies] = ended.map(|ended| ended.as_secs_f64());
    told(&format!(
        "slow senders: 200 heads ended after {heads:.0} s, 200 bodies after {bodies:.0} s, others waited {slowest:?} at most"
    ));
    ledger.check(&deployment);
}

#[test]
fn readers_that_do_not_read_are_ended_and_nobody_waits_for_them() {
    let deployment = Deployment::new(None);
    let collector = deployment.serve(&[]);
    let requests = "GET /desk.css HTTP/1.1\r\nhost: a\r\n\r\n".repeat(1_000);
    let open = || {
        let connection = TcpStream::connect(address(&collector)).unwrap();
        connection.set_write_timeout(Some(Duration::from_secs(2))).unwrap();
        // Answers fill what the kernel holds of them, and then the collector takes no more requests.
        while (&connection).write_all(requests.as_bytes()).is_ok() {}
        connection.set_nonblocking(true).unwrap();
        connection
    };
    let mut readers: Vec<TcpStream> = std::thread::scope(|scope| {
        let opening: Vec<_> = (0..10).map(|_| scope.spawn(open)).collect();
        opening.into_iter().map(|opening| opening.join().unwrap()).collect()
    });
    let (count, begin, mut slowest) = (readers.len(), Instant::now(), Duration::ZERO);
    while !readers.is_empty() {
        assert!(begin.elapsed() < Duration::from_secs(90), "{} are still open", readers.len());
        readers.retain_mut(|connection| {
            let written = connection.write(b"x");
            written.is_ok() || written.is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
        });
        let asked = Instant::now();
        assert_eq!(collector.get("/readyz").0, 200);
        slowest = slowest.max(asked.elapsed());
        std::thread::sleep(Duration::from_millis(500));
    }
    assert!(slowest < Duration::from_secs(5), "{slowest:?}");
    let seconds = begin.elapsed().as_secs_f64();
    told(&format!("{count} readers that do not read: ended after {seconds:.0} s, others waited {slowest:?} at most"));
}

/// Whether the other side has closed it.
fn is_ended(connection: &mut TcpStream) -> bool {
    let mut buffer = [0; 4096];
    loop {
        match connection.read(&mut buffer) {
            Ok(0) => return true,
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => return false,
            Err(_) => return true,
        }
    }
}

/// Connections that say nothing.
const IDLE: usize = 10_000;

#[test]
fn ten_thousand_connections_that_say_nothing() {
    let deployment = Deployment::new(None);
    let collector = deployment.serve(&[]);
    let ledger = Ledger::new(&deployment);
    ledger.is_at(&collector.url);
    for process in [std::process::id(), collector.process()] {
        if files_at_most(process) >= 2 * IDLE {
            continue;
        }
        let raised = Command::new("prlimit")
            .args(["--pid", &process.to_string(), &format!("--nofile={0}:{0}", 2 * IDLE)])
            .output()
            .unwrap();
        if !raised.status.success() {
            let reason = String::from_utf8_lossy(&raised.stderr).into_owned();
            told(&format!("skipped {} idle connections: {}", IDLE, reason.trim()));
            return;
        }
    }
    assert!(ledger.post(ledger.make()));
    let before = resident(&collector);
    let begin = Instant::now();
    let mut connections = Vec::with_capacity(IDLE);
    while connections.len() < IDLE {
        connections.extend((0..1_000).map(|_| TcpStream::connect(address(&collector)).unwrap()));
        // Whoever knocks while too many wait at the door is heard a second later.
        eventually("they are let in", || files(&collector) >= connections.len());
    }
    connections.iter().for_each(|connection| connection.set_nonblocking(true).unwrap());
    let opened = begin.elapsed();
    for _ in 0..20 {
        assert!(ledger.post(ledger.make()), "others are heard meanwhile");
    }
    assert_eq!(collector.get("/readyz").0, 200);
    assert!(files(&collector) >= IDLE, "all are open at once");
    let each = resident(&collector).saturating_sub(before) / IDLE;
    assert!(each < 32 * 1024, "{each} bytes for each");
    // They are ended, and give their memory to the next ones.
    within(90, "they are ended", || connections.iter_mut().all(is_ended));
    told(&format!(
        "{IDLE} idle connections: {each} bytes of memory each (collector {} kB before), opened in {opened:?}, ended after {:.0} s",
        before / 1024,
        begin.elapsed().as_secs_f64()
    ));
    ledger.check(&deployment);
}

/// How many files and connections a process may have open.
fn files_at_most(process: u32) -> usize {
    let limits = std::fs::read_to_string(format!("/proc/{process}/limits")).unwrap();
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files")).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap_or(usize::MAX)
}

/// How many files and connections a process has open.
fn files(collector: &Collector) -> usize {
    std::fs::read_dir(format!("/proc/{}/fd", collector.process())).unwrap().count()
}

/// Bytes of memory that a process has.
fn resident(collector: &Collector) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{}/status", collector.process())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse::<usize>().unwrap() * 1024
}

#[test]
fn a_body_at_the_limit_is_taken_and_one_byte_more_is_not() {
    const LIMIT: usize = 50_000;
    let deployment = Deployment::new(None);
    let config = deployment.folder.path().join("config.toml");
    std::fs::write(&config, format!("max_report_bytes = {LIMIT}\n")).unwrap();
    let collector = deployment.serve(&["--config", config.to_str().unwrap()]);
    let recipient = Recipient::from_pem(&std::fs::read(deployment.certificate("officer")).unwrap()).unwrap();
    // AES-GCM adds nothing to the length of a text: any size can be had.
    let sealed = |bytes: usize| {
        let text = |fill: usize| {
            let text = crate::text("wn1.example.org", "2026-01-01T04:00:00Z", &[("bash", &"9".repeat(fill))]);
            sealed::seal(text.as_bytes(), &recipient, ContentEncryption::Aes256Gcm).unwrap()
        };
        let fill = bytes - text(40_000).len() + 40_000;
        let sealed = text(fill);
        assert_eq!(sealed.len(), bytes);
        sealed
    };
    let (fits, over) = (sealed(LIMIT), sealed(LIMIT + 1));
    for path in ["/v1/reports", "/feeder/?protocol=5"] {
        assert!([200, 201].contains(&collector.post(path, &[], &fits).0), "{path}");
        let (status, body) = collector.post(path, &[], &over);
        assert!(status == 413 && body.contains(&LIMIT.to_string()), "{path}: {status} {body}");
    }
    // The same without a length that is told beforehand.
    let chunked = |body: &[u8]| {
        let mut connection = TcpStream::connect(address(&collector)).unwrap();
        let head = "POST /v1/reports HTTP/1.1\r\nhost: a\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n";
        connection.write_all(head.as_bytes()).unwrap();
        for chunk in body.chunks(7_000) {
            write!(connection, "{:x}\r\n", chunk.len()).unwrap();
            connection.write_all(chunk).unwrap();
            connection.write_all(b"\r\n").unwrap();
        }
        connection.write_all(b"0\r\n\r\n").unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).unwrap();
        answer.split(' ').nth(1).unwrap().to_owned()
    };
    assert_eq!((chunked(&fits).as_str(), chunked(&over).as_str()), ("200", "413"));
    eventually("it is opened", || deployment.inbox("opened") == 1);
    assert_eq!(deployment.rows(&["inbox"]).len(), 1, "what was over the limit is nowhere");
    let shown = deployment.collector().args(["inbox", "show", &Hash::of(&fits).to_string()]).output().unwrap();
    assert_eq!(shown.stdout, fits);
}
