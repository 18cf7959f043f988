//! The front door, from the first byte of a report to its acknowledgement, beside a bare loop that inserts the same bytes.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use report::hash::Hash;
use sqlx::{Connection as _, MySqlConnection};
use wlcg_acceptance::load::{self, Outcome, Plan};
use wlcg_acceptance::mariadb;
use wlcg_acceptance::programs::Deployment;

use crate::cost;
use crate::section::{Row, Section, Target, rounded};
use crate::spread::Spread;

/// Rounds of the bare loop and of ours, in turn.
const ROUNDS: usize = 3;

/// Reports in a round.
const REPORTS: usize = 12_000;

/// Connections that post without a pause: those of a commit and those of the next.
const CONNECTIONS: usize = 128;

/// Packages that make a body of 30 kB.
const PACKAGES: usize = 720;

/// Rows in a commit of the bare loop.
const PER_COMMIT: usize = 50;

/// Connections whose sender has stopped half-way.
const SLOW: usize = 500;

const INSERT: &str = "INSERT INTO inbox (hash, received, source, size, body, state, reason, handed_in) \
                      VALUES (?, ?, '127.0.0.1', ?, ?, 'waiting', '', '')";

pub(crate) fn measure() -> Section {
    let bodies = load::prepare(REPORTS, PACKAGES, "LOAD-TEST", None);
    let mut rows = Vec::new();
    for kind in ["SQLite", "MariaDB"] {
        let mut runs = Vec::new();
        for _ in 0..ROUNDS {
            let bare = bare_loop(kind, &bodies);
            let ours = flood(kind, &bodies, None);
            assert_eq!(ours.answers.get("201"), Some(&REPORTS), "{ours}");
            runs.push((ours.rate(), bare));
        }
        let bare = Spread::of(runs.iter().map(|run| run.1));
        rows.push(Row::ratio(
            &format!("{kind}: 30 kB reports over {CONNECTIONS} connections"),
            Spread::of(runs.iter().map(|run| run.0)).shown(" /s"),
            format!("bare loop {}", bare.shown(" /s")),
            Spread::of_ratios(&runs),
            Target::AtLeast(0.7),
        ));
        let rate = bare.median / 2.0;
        let calm = flood(kind, &bodies, Some(rate));
        rows.push(Row::figure(
            &format!("{kind}: p99 at half the bare loop's rate"),
            calm.quantile(0.99),
            " ms",
            format!(
                "{} /s; p50 {} ms, max {} ms",
                rounded(rate),
                rounded(calm.quantile(0.5)),
                rounded(calm.quantile(1.0))
            ),
            Target::AtMost(100.0),
        ));
    }
    rows.push(slow_connections(&bodies[0]));
    Section {
        title: "Front door: receive, hash, store durably, acknowledge",
        method: format!(
            "The release build's `serve --no-open --no-desk` with full durability (SQLite `synchronous=FULL`, MariaDB \
             `innodb_flush_log_at_trx_commit=1`), a new database for each run, the load generator (one thread of hyper's client) on the same cores, the C library as the unit sets it. The bare \
             loop inserts the same {REPORTS} bodies of {} bytes into the same table, {PER_COMMIT} to a commit, one at a time by a \
             prepared statement, with no HTTP and no hash; {ROUNDS} rounds in turn.",
            bodies[0].len()
        ),
        rows,
        remarks: REMARKS.to_owned(),
        ..Section::default()
    }
}

const REMARKS: &str = "\
The limit is the database's own writing: the bytes twice, to its log and to its table, and a sync for each commit. Reports that come \
while a commit is on its way share the next one and its one INSERT, up to 64 of them; so the front door stays near the bare loop, \
although the load generator, HTTP and SHA-256 take their part of the same cores. SQLite's thread computes or waits for a sync all the \
time, and three quarters of what it computes are the kernel's writing of pages. Its log is written back into the tables when it has 16 \
MiB, after eight such commits instead of SQLite's two: that raised the ratio from 0.674, 0.694 and 0.710 to 0.712, 0.740 and 0.783 (three \
runs of this benchmark each), and p99 at half the rate from 10 to 25 ms. A body is read into one buffer of the announced length, at most \
`max_report_bytes`; a slow sender costs what it has sent, and the buffers of its connection.";

fn deployment(kind: &str) -> Deployment {
    Deployment::new((kind == "MariaDB").then(mariadb::new_database))
}

fn flood(kind: &str, bodies: &[Vec<u8>], rate: Option<f64>) -> Outcome {
    let deployment = deployment(kind);
    let collector = deployment.serve(&["--no-open", "--no-desk"]);
    let longest = Duration::from_secs(60);
    let plan = Plan { url: collector.url.clone(), connections: CONNECTIONS, rate, longest };
    load::post(&plan, bodies)
}

/// Rows a second.
fn bare_loop(kind: &str, bodies: &[Vec<u8>]) -> f64 {
    let deployment = deployment(kind);
    deployment.ask(&["migrate"]);
    let hashes: Vec<String> = bodies.iter().map(|body| Hash::of(body).to_string()).collect();
    let rows: Vec<(&String, &Vec<u8>)> = hashes.iter().zip(bodies).collect();
    let seconds = match deployment.database.strip_prefix("sqlite:") {
        Some(file) => bare_sqlite(file, &rows),
        None => {
            let durable = mariadb::ask(&deployment.database, "SELECT @@innodb_flush_log_at_trx_commit");
            assert_eq!(durable.trim(), "1", "MariaDB syncs every commit");
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(bare_mariadb(&deployment.database, &rows))
        }
    };
    bodies.len() as f64 / seconds
}

fn bare_sqlite(file: &str, rows: &[(&String, &Vec<u8>)]) -> f64 {
    let mut database = rusqlite::Connection::open(file).unwrap();
    database.pragma_update(None, "synchronous", "FULL").unwrap();
    let mode: String = database.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0)).unwrap();
    assert_eq!(mode, "wal");
    let begun = Instant::now();
    for commit in rows.chunks(PER_COMMIT) {
        let transaction = database.transaction().unwrap();
        let mut insert = transaction.prepare(INSERT).unwrap();
        for (hash, body) in commit {
            insert.execute(rusqlite::params![hash, 1_700_000_000, body.len() as i64, body]).unwrap();
        }
        drop(insert);
        transaction.commit().unwrap();
    }
    begun.elapsed().as_secs_f64()
}

async fn bare_mariadb(url: &str, rows: &[(&String, &Vec<u8>)]) -> f64 {
    let mut database = MySqlConnection::connect(url).await.unwrap();
    let begun = Instant::now();
    for commit in rows.chunks(PER_COMMIT) {
        let mut transaction = database.begin().await.unwrap();
        for (hash, body) in commit {
            let size = i64::try_from(body.len()).unwrap();
            let insert =
                sqlx::query(INSERT).bind(hash.as_str()).bind(1_700_000_000_i64).bind(size).bind(body.as_slice());
            insert.execute(&mut *transaction).await.unwrap();
        }
        transaction.commit().await.unwrap();
    }
    begun.elapsed().as_secs_f64()
}

/// What each of many senders costs that have sent all but the last byte and say nothing more.
fn slow_connections(body: &[u8]) -> Row {
    let deployment = deployment("SQLite");
    let collector = deployment.serve(&["--no-open", "--no-desk"]);
    let host = collector.url.strip_prefix("http://").unwrap();
    let head = format!(
        "POST /v1/reports HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/pkcs7-mime\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let before = cost::resident_kib(collector.process());
    let mut senders: Vec<TcpStream> = (0..SLOW)
        .map(|_| {
            let mut sender = TcpStream::connect(host).unwrap();
            sender.write_all(head.as_bytes()).unwrap();
            sender.write_all(&body[..body.len() - 1]).unwrap();
            sender
        })
        .collect();
    std::thread::sleep(Duration::from_secs(1));
    let each = (cost::resident_kib(collector.process()) - before) / SLOW as f64;
    // The same bytes from all: one is stored, the others are duplicates, and each is answered.
    for sender in &mut senders {
        sender.write_all(&body[body.len() - 1..]).unwrap();
        let mut answer = [0; 12];
        sender.read_exact(&mut answer).unwrap();
        assert!(answer.starts_with(b"HTTP/1.1 20"), "{answer:?}");
    }
    let limit = format!("body {} kB", body.len() / 1_000);
    // The body, the HTTP library's buffer of at most the same size, and the connection itself.
    let most = 2.0 * body.len() as f64 / 1_024.0 + 32.0;
    Row::figure(&format!("memory of each of {SLOW} slow connections"), each, " KiB", limit, Target::AtMost(most))
}
