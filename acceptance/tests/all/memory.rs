//! The collector's memory stays within its bounds, whatever comes: a crowd of large bodies, and large texts in small ones.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use report::compression;
use report::sealed::{self, ContentEncryption, Recipient};
use wlcg_acceptance::ledger::{Ledger, told};
use wlcg_acceptance::programs::{Collector, Deployment, eventually};

/// As large as a body may be.
const LARGEST: usize = 4 * 1024 * 1024;

#[test]
fn a_crowd_of_large_bodies_takes_no_more_than_there_is_for_them() {
    let deployment = Deployment::new(None);
    let config = deployment.folder.path().join("config.toml");
    std::fs::write(&config, "body_timeout_seconds = 600\n").unwrap();
    let collector = deployment.serve(&["--config", config.to_str().unwrap()]);
    let ledger = Ledger::new(&deployment);
    ledger.is_at(&collector.url);
    for _ in 0..6 {
        assert!(ledger.post(ledger.make()));
    }
    let before = memory(&collector, "VmRSS:");
    let address = collector.url.strip_prefix("http://").unwrap();
    // All but the last byte of one.
    let almost_all = vec![0x30; LARGEST - 1];
    let open = || {
        let mut connection = TcpStream::connect(address).unwrap();
        let head = "POST /v1/reports HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length:";
        write!(connection, "{head} {LARGEST}\r\n\r\n").unwrap();
        connection.write_all(&almost_all).unwrap();
        connection
    };
    // There is room for 64 of them.
    let crowd: Vec<TcpStream> = (0..80).map(|_| open()).collect();
    let (_, port) = address.rsplit_once(':').unwrap();
    eventually("all of them have come", || nothing_is_under_way(port.parse().unwrap()));
    assert_eq!(collector.get("/readyz").0, 200, "people do not wait");
    let answer = |mut connection: TcpStream| {
        connection.write_all(b"\x30").unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).unwrap();
        answer
    };
    let (put_off, refused): (Vec<String>, Vec<String>) =
        crowd.into_iter().map(answer).partition(|answer| answer.starts_with("HTTP/1.1 503"));
    assert!(put_off.len() >= 16, "{put_off:?}");
    assert!(put_off.iter().all(|answer| answer.contains("retry-after: ") && answer.contains("too many at once")));
    assert!(refused.len() >= 40 && refused.iter().all(|answer| answer.starts_with("HTTP/1.1 400")), "{refused:?}");
    let metrics = collector.get("/metrics").1;
    assert!(metrics.contains(&format!("reason=\"crowded\"}} {}", put_off.len())), "{metrics}");
    let most = memory(&collector, "VmHWM:") - before;
    assert!(most < 330, "{most} MiB");
    assert!(ledger.post(ledger.make()), "there is room again");
    ledger.check(&deployment);
    told(&format!("80 bodies of 4 MiB at once: {most} MiB of memory, {} of them put off", put_off.len()));
}

/// Whether every byte that was sent to or from a port of this machine has been read.
fn nothing_is_under_way(port: u16) -> bool {
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let of_port = format!(":{port:04X}");
    let is_of_port = |line: &&str| line.split_whitespace().skip(1).take(2).any(|end| end.ends_with(&of_port));
    let is_established = |line: &&str| line.split_whitespace().nth(3) == Some("01");
    let mut lines = table.lines().filter(is_of_port).filter(is_established);
    lines.all(|line| line.split_whitespace().nth(4) == Some("00000000:00000000"))
}

#[test]
fn large_texts_in_small_bodies_are_not_read_all_at_once() {
    let deployment = Deployment::new(None);
    let recipient = Recipient::from_pem(&std::fs::read(deployment.certificate("officer")).unwrap()).unwrap();
    // As large as a text may be, and no report.
    let text = format!("#\nhost: wn1.example.org\n{}", "a".repeat(15 * 1024 * 1024));
    let frame = compression::compress(text.as_bytes()).unwrap();
    {
        let collector = deployment.serve(&["--no-open"]);
        for _ in 0..64 {
            let sealed = sealed::seal(&frame, &recipient, ContentEncryption::Aes256Gcm).unwrap();
            assert!(sealed.len() < 50_000 && collector.report(&sealed).0 == 201);
        }
    }
    let collector = deployment.serve(&[]);
    eventually("all are looked at", || deployment.inbox("waiting") == 0);
    assert_eq!(deployment.inbox("unreadable"), 64);
    let most = memory(&collector, "VmHWM:");
    assert!(most < 300, "{most} MiB");
    told(&format!("64 texts of 15 MiB in bodies of {} bytes: {most} MiB of memory", frame.len()));
}

/// What a process has of memory, by the name of the line in its status, in MiB.
fn memory(collector: &Collector, line: &str) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{}/status", collector.process())).unwrap();
    let line = status.lines().find_map(|known| known.strip_prefix(line)).unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse::<usize>().unwrap() / 1024
}
