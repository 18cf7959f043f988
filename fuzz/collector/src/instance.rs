//! One collector: the real `serve` on a Unix socket with a database of its own, and what it has acknowledged.

use std::collections::BTreeSet;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use report::hash::Hash;
use rusqlite::{Connection, OptionalExtension as _};
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use wlcg_package_collector::config::Config;
use wlcg_package_collector::keys::KeyFile;
use wlcg_package_collector::serve;
use wlcg_package_collector::store::Store;

use crate::answer::{self, Answer};

/// What pakiti-client 3 is answered here, which nothing else is.
pub const LEGACY_ANSWER: &str = "TAKEN OK";

/// Ends the head of what was begun, is a request of its own otherwise, and lets the collector close the connection.
const LAST: &[u8] = b"\r\n\r\nGET /healthz HTTP/1.1\r\nHost: fuzz\r\nConnection: close\r\n\r\n";

/// How long nothing may come before the collector is taken to wait for more of a body, and the connection is cut.
const QUIET: Duration = Duration::from_millis(300);

/// How long the end of an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running collector.
pub struct Instance {
    database: PathBuf,
    socket: PathBuf,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<()>,
    /// Rows of the inbox before anything was sent.
    before: i64,
    acknowledged: BTreeSet<String>,
    /// Reports that were taken without their hash being told, and connections that were cut: either may have left one row.
    untold: i64,
}

impl Instance {
    /// Serves the database of this folder.
    #[must_use]
    pub fn start(runtime: &Runtime, folder: &Path, config: Config, keys: Vec<KeyFile>) -> Self {
        let (database, socket) = (folder.join("collector.sqlite"), folder.join("socket"));
        let before = rows(&Connection::open(&database).expect("a database"));
        let (stop, stopped) = oneshot::channel::<()>();
        let url = format!("sqlite:{}", database.display());
        let listen = format!("unix:{}", socket.display());
        let serving = runtime.block_on(async {
            let store = Store::open(&url).await.expect("a store");
            let (listening, _) = serve::bind(&listen).await.expect("a socket");
            tokio::spawn(async move {
                let stopped = async move {
                    let _ = stopped.await;
                };
                serve::serve(store, &config, keys, listening, stopped).await.expect("serving");
            })
        });
        Instance { database, socket, stop, serving, before, acknowledged: BTreeSet::new(), untold: 0 }
    }

    /// Sends bytes on a connection of their own; every answer was checked.
    pub fn send(&mut self, request: &[u8]) -> Vec<Answer> {
        let mut connection = UnixStream::connect(&self.socket).expect("a connection");
        let sent = [request, LAST].concat();
        // What is refused early is not read to its end: the answer is what counts.
        let _ = connection.write_all(&sent);
        let (mut bytes, mut cut) = (Vec::new(), false);
        connection.set_read_timeout(Some(QUIET)).expect("a timeout");
        let mut part = [0; 65_536];
        loop {
            match connection.read(&mut part) {
                Ok(0) => break,
                Ok(length) => bytes.extend_from_slice(&part[..length]),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::ConnectionReset => break,
                Err(error) => {
                    assert!(!cut && error.kind() == ErrorKind::WouldBlock, "no end of the answer: {error}");
                    cut = true;
                    let _ = connection.shutdown(Shutdown::Write);
                    connection.set_read_timeout(Some(PATIENCE)).expect("a timeout");
                }
            }
        }
        let answers = answer::read(&bytes, &sent, cut);
        self.untold += i64::from(cut);
        for answer in &answers {
            answer.check();
            self.acknowledged.extend(answer.acknowledged());
            self.untold += i64::from(answer.status == 200 && answer.body == LEGACY_ANSWER.as_bytes());
        }
        answers
    }

    /// Ends it. Every report that it acknowledged is in the database bit for bit, and nothing else came in.
    pub fn end(mut self, runtime: &Runtime) {
        let alive = self.send(b"GET /readyz HTTP/1.1\r\nHost: fuzz\r\n");
        assert!(alive.iter().all(|answer| answer.status == 200) && alive.len() == 2, "not ready any more");
        let _ = self.stop.send(());
        runtime.block_on(self.serving).expect("a collector that ends by itself");
        let database = Connection::open(&self.database).expect("a database");
        for hash in &self.acknowledged {
            let body =
                database.query_row("SELECT body FROM inbox WHERE hash = ?1", [hash], |row| row.get::<_, Vec<u8>>(0));
            let body =
                body.optional().expect("the inbox").unwrap_or_else(|| panic!("{hash} was acknowledged, and is gone"));
            assert_eq!(Hash::of(&body).to_string(), *hash, "acknowledged, and kept otherwise");
        }
        let (told, came) = (i64::try_from(self.acknowledged.len()).expect("few"), rows(&database) - self.before);
        assert!(
            (told..=told + self.untold).contains(&came),
            "{told} acknowledged, {} untold, {came} rows",
            self.untold
        );
        let whole: String = database.query_row("PRAGMA quick_check", [], |row| row.get(0)).expect("a check");
        assert_eq!(whole, "ok");
    }
}

fn rows(database: &Connection) -> i64 {
    database.query_row("SELECT COUNT(*) FROM inbox", [], |row| row.get(0)).expect("an inbox")
}
