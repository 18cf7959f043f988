//! The folder that every instance starts from: an invented grid, hosts whose names are markup, people, a token, a bundle.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::Connection;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use wlcg_package_collector::access::deed::By;
use wlcg_package_collector::access::{Role, Scope, Viewer, sign_in, token};
use wlcg_package_collector::config::Config;
use wlcg_package_collector::demo::fleet::{self, Fleet};
use wlcg_package_collector::store::Store;
use wlcg_package_collector::{clock, keys, recipient_bundle};

use crate::instance::{Instance, LEGACY_ANSWER};
use crate::words::Words;

/// What would be markup on a page that lets it through, and an attribute where it lets quotes through.
pub const MARK: &str = "<m4rk\"m4rk=1'&>";

/// A site of the grid.
const SITE: &str = "DEMO-T0-PROD";

/// Where all instances begin.
pub struct Template {
    folder: TempDir,
    config: Config,
    token: String,
}

impl Template {
    /// Makes it, in memory.
    #[must_use]
    pub fn make(runtime: &Runtime) -> Self {
        let folder = folder();
        let (config, token) = runtime.block_on(fill(folder.path()));
        let keys = keys::load(&[], &folder.path().join("keys"), None).expect("keys");
        let open = Config { open: true, ..config.clone() };
        let mut instance = Instance::start(runtime, folder.path(), open, keys);
        for body in reports() {
            let head = "POST /package-report HTTP/1.1\r\nHost: fuzz\r\n";
            let request = format!("{head}Content-Length: {}\r\n\r\n{body}", body.len());
            assert_eq!(instance.send(request.as_bytes())[0].status, 200);
        }
        let database = Connection::open(folder.path().join("collector.sqlite")).expect("a database");
        let waiting = || -> i64 {
            database
                .query_row("SELECT COUNT(*) FROM inbox WHERE state = 'waiting'", [], |row| row.get(0))
                .expect("inbox")
        };
        while waiting() > 0 {
            std::thread::sleep(Duration::from_millis(10));
        }
        drop(database);
        let csrf = proof(&mut instance, OFFICER);
        let letter = format!("csrf={csrf}&subject={{site}}: {{behind}}&text={MARK}{{list}} {{link}}&contacts=");
        let head = format!("POST /campaigns/1/letter HTTP/1.1\r\nHost: fuzz\r\n{OFFICER}{FORM}");
        let request = format!("{head}Content-Length: {}\r\n\r\n{letter}", letter.len());
        assert_eq!(instance.send(request.as_bytes())[0].status, 303);
        instance.end(runtime);
        Template { folder, config, token }
    }

    /// A new instance with a copy of its database, the values of its words, and the folder that it is in.
    #[must_use]
    pub fn instance(&self, runtime: &Runtime) -> (Instance, Words, TempDir) {
        let folder = folder();
        let database = folder.path().join("collector.sqlite");
        std::fs::copy(self.folder.path().join("collector.sqlite"), &database).expect("a copy");
        let [link, other] = runtime.block_on(links(&database));
        let mut instance = Instance::start(runtime, folder.path(), self.config.clone(), Vec::new());
        let form = format!(
            "POST /sign-in HTTP/1.1\r\nHost: fuzz\r\n{FORM}Content-Length: {}\r\n\r\nlink={other}",
            other.len() + 5
        );
        let signed_in = instance.send(form.as_bytes());
        let cookie = signed_in[0].field("set-cookie").and_then(|cookie| cookie.split(['=', ';']).nth(1));
        let session = cookie.expect("a session").to_owned();
        let by_session = format!("Cookie: __Host-wlcg-package-collector={session}\r\n");
        let held = ask(&mut instance, "/api/v1/inbox?state=held&problem=unknown_site", OFFICER);
        let preview = ask(&mut instance, "/campaigns/1/messages", OFFICER);
        let words = vec![
            ("{csrf}", proof(&mut instance, OFFICER)),
            ("{own-csrf}", proof(&mut instance, &by_session)),
            ("{held}", between(&held, "\"report\":\"")),
            ("{preview}", between(&preview, "name=\"digest\" value=\"")),
            ("{session}", session),
            ("{sign-in}", link),
            ("{token}", self.token.clone()),
        ];
        (instance, Words(words), folder)
    }
}

const FORM: &str = "Content-Type: application/x-www-form-urlencoded\r\n";
const OFFICER: &str = "X-Remote-User: officer\r\n";

fn ask(instance: &mut Instance, path: &str, who: &str) -> String {
    let answers = instance.send(format!("GET {path} HTTP/1.1\r\nHost: fuzz\r\n{who}\r\n").as_bytes());
    String::from_utf8_lossy(&answers[0].body).into_owned()
}

/// What a page gives somebody, so that they are known to mean what they send.
fn proof(instance: &mut Instance, who: &str) -> String {
    between(&ask(instance, "/references", who), "name=\"csrf\" value=\"")
}

/// What stands behind this, up to the next quote.
fn between(text: &str, start: &str) -> String {
    let rest = text.split_once(start).unwrap_or_else(|| panic!("no {start} in {text}")).1;
    rest.split('"').next().unwrap_or_default().to_owned()
}

/// A grid, a token and a configuration.
async fn fill(folder: &Path) -> (Config, String) {
    let now = clock::now();
    let grid = Fleet { hosts: 5, folder: Some(folder.to_owned()), database: None, once: true, stale_after_days: 7 };
    fleet::run(&grid, now, &mut std::io::sink()).await.expect("a grid");
    let store = Store::open(&url(&folder.join("collector.sqlite"))).await.expect("a store");
    let officer = Viewer { name: "program".to_owned(), role: Role::Officer, scope: Scope::All };
    let by = By::operator("fuzz", now.as_second());
    let token = token::new(&store, &officer, 365, by).await.expect("a token").reveal().to_owned();
    store.close().await;
    let bundle = folder.join("recipients.p7m");
    let keys = keys::load(&[], &folder.join("keys"), None).expect("keys");
    recipient_bundle::issue(&bundle, &keys, Vec::new(), now).expect("a bundle");
    let file = folder.join("config.toml");
    let text = format!(
        "open = false\nbody_timeout_seconds = 5\nlegacy_plain_text = true\nlegacy_answer = {LEGACY_ANSWER:?}\n\
         max_reports_per_minute_per_address = 100000000\nmax_reports_per_minute_per_site = 100000000\n\
         keep_opened_reports_days = 36500\npublic_url = \"https://desk.example.org\"\nrecipient_bundle_file = {bundle:?}\n\
         [[people]]\nname = \"officer\"\nrole = \"officer\"\n[[people]]\nname = \"reader\"\nrole = \"reader\"\n\
         [[people]]\nname = \"site\"\nrole = \"site\"\nsites = [{SITE:?}]\n[[people]]\ngroup = \"team\"\nrole = \"reader\"\n"
    );
    std::fs::write(&file, text).expect("a file");
    (Config::load(Some(&file)).expect("a configuration"), token)
}

/// Links that sign an officer in.
async fn links(database: &Path) -> [String; 2] {
    let store = Store::open(&url(database)).await.expect("a store");
    let officer = Viewer { name: "guest".to_owned(), role: Role::Officer, scope: Scope::All };
    let mut links = [String::new(), String::new()];
    for link in &mut links {
        let by = By::operator("fuzz", clock::now().as_second());
        let made = sign_in::link(&store, &officer, "https://desk.example.org", 1_000_000, by).await.expect("a link");
        *link = made.split_once("link=").expect("a secret").1.to_owned();
    }
    store.close().await;
    links
}

fn url(database: &Path) -> String {
    format!("sqlite:{}", database.display())
}

/// Hosts that call everything markup: two that are believed, and one of a site that nobody knows.
fn reports() -> impl Iterator<Item = String> {
    let system = "AlmaLinux release 9.4 (Seafoam Ocelot)";
    let hosts = [(MARK, SITE, system), ("=1+m4rk", SITE, MARK), ("lost.example.org", "M4RK-SITE", system)];
    hosts.into_iter().map(|(host, site, system)| {
        format!(
            "#\narch: {MARK}\ncollected: 2026-01-31T04:00:00Z\nhost: {host}\nkernel: {MARK}\npackager: rpm\nsite: {site}\n\
             system: {system}\ntag: {MARK}\nversion: 1\n#\n{MARK}\t{MARK}\tx86_64\nbash\t5.1.8-9.el9\tx86_64\n\
             xrootd-server\t1:5.4.3-1.el9\tx86_64\n#\n"
        )
    })
}

/// A folder in memory that is known by its process; those of processes that are gone are removed.
fn folder() -> TempDir {
    let memory = Path::new("/dev/shm");
    for left in std::fs::read_dir(memory).into_iter().flatten().flatten() {
        let name = left.file_name().to_string_lossy().into_owned();
        let process = name.strip_prefix(PREFIX).and_then(|rest| rest.split('-').next());
        if process.is_some_and(|process| !PathBuf::from("/proc").join(process).exists()) {
            let _ = std::fs::remove_dir_all(left.path());
        }
    }
    let mut name = tempfile::Builder::new();
    let prefix = format!("{PREFIX}{}-", std::process::id());
    name.prefix(&prefix).tempdir_in(memory).expect("a folder in memory")
}

/// libFuzzer ends without the folders' own clearing up.
const PREFIX: &str = "fuzz-collector-";
