//! Our two programs as people run them: built, started, asked and killed.

mod collector;

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

pub use collector::{Answer, Client, Collector, own_address, post};
pub(crate) use collector::{agent, agent_trusting, post_by};

/// Where a collector on the far side of a box listens.
pub const FAR_SIDE: &str = "10.99.0.1:8642";

/// A folder with a key, and the commands of one deployment.
pub struct Deployment {
    /// Keys, spool and database live here.
    pub folder: tempfile::TempDir,
    /// Database URL.
    pub database: String,
    /// Network namespace that the collector lives in, when not this one.
    pub namespace: Option<String>,
    /// A process in whose mount namespace the collector lives, when not this one.
    pub mounts: Option<u32>,
}

impl Deployment {
    /// A deployment with one RSA key named `officer`; without a database URL it has a SQLite file of its own.
    #[must_use]
    pub fn new(database: Option<String>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let database =
            database.unwrap_or_else(|| format!("sqlite:{}", folder.path().join("collector.sqlite").display()));
        let deployment = Deployment { folder, database, namespace: None, mounts: None };
        deployment.new_key("officer", "rsa2048");
        deployment
    }

    /// The same with an invented grid of so many hosts and their past year.
    #[must_use]
    pub fn with_fleet(hosts: u32, database: Option<String>) -> Self {
        let deployment = Deployment::new(database);
        let folder = deployment.folder.path().join("fleet").display().to_string();
        deployment.ask(&["demo", "--fleet", &hosts.to_string(), "--once", "--folder", &folder]);
        deployment
    }

    /// Makes another key.
    pub fn new_key(&self, name: &str, kind: &str) {
        let folder = self.keys().display().to_string();
        self.ask(&["keys", "new", name, "--kind", kind, "--folder", &folder]);
    }

    /// The folder of keys.
    #[must_use]
    pub fn keys(&self) -> PathBuf {
        self.folder.path().join("keys")
    }

    /// The certificate file of a key.
    #[must_use]
    pub fn certificate(&self, name: &str) -> String {
        self.keys().join(format!("{name}.cert.pem")).display().to_string()
    }

    /// The private file of a key.
    #[must_use]
    pub fn key(&self, name: &str) -> String {
        self.keys().join(format!("{name}.key.pem")).display().to_string()
    }

    /// Runs the collector and gives what it says; it must succeed.
    #[must_use]
    pub fn ask_text(&self, arguments: &[&str]) -> String {
        let output = self.collector().args(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs the collector; it must succeed.
    pub fn ask(&self, arguments: &[&str]) {
        let _ = self.ask_text(arguments);
    }

    /// Runs the collector and reads its JSON answer.
    #[must_use]
    pub fn rows(&self, arguments: &[&str]) -> Vec<Value> {
        let text = self.ask_text(&[arguments, &["--format", "json"]].concat());
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{arguments:?}: {error}: {text}"))
    }

    /// A new API token of a role, for these sites if the role is `site`.
    #[must_use]
    pub fn token(&self, role: &str, sites: &[&str]) -> String {
        let mut arguments = vec!["token", "new", "--name", "test", "--role", role, "--days", "1"];
        sites.iter().for_each(|site| arguments.extend(["--site", site]));
        self.ask_text(&arguments).trim().to_owned()
    }

    /// A new link that signs somebody in at a collector, once; the arguments are those of `sign-in`.
    #[must_use]
    pub fn link(&self, collector: &Collector, arguments: &[&str]) -> String {
        let printed = self.ask_text(&[&["sign-in"][..], arguments].concat());
        let (_, secret) = printed.trim().split_once('?').unwrap();
        format!("{}/sign-in?{secret}", collector.url)
    }

    /// How many reports are in a state.
    #[must_use]
    pub fn inbox(&self, state: &str) -> usize {
        self.rows(&["inbox", "list", "--state", state]).len()
    }

    /// Changes the database behind the programs' back.
    pub fn sql(&self, statement: &str) {
        match self.database.strip_prefix("sqlite:") {
            Some(file) => {
                rusqlite::Connection::open(file).unwrap().execute_batch(statement).unwrap();
            }
            None => crate::mariadb::run(&self.database, statement),
        }
    }

    /// A number from the database, read behind the programs' back.
    #[must_use]
    pub fn number(&self, question: &str) -> i64 {
        match self.database.strip_prefix("sqlite:") {
            Some(file) => rusqlite::Connection::open(file).unwrap().query_row(question, [], |row| row.get(0)).unwrap(),
            None => crate::mariadb::ask(&self.database, question).trim().parse().unwrap(),
        }
    }

    /// A command line of the collector.
    #[must_use]
    pub fn collector(&self) -> Command {
        let program = program("wlcg-package-collector");
        let mut command = match (&self.namespace, self.mounts) {
            (None, None) => Command::new(program),
            (None, Some(holder)) => {
                let mut command = Command::new("nsenter");
                command.args(["--target", &holder.to_string(), "--mount"]).arg(program);
                command
            }
            (Some(namespace), _) => {
                let mut command = Command::new("ip");
                command.args(["netns", "exec", namespace]).arg(program);
                command
            }
        };
        command.arg("--database").arg(&self.database).env("WLCG_PACKAGE_COLLECTOR_KEY", self.key("officer"));
        command
    }

    /// Starts `serve`.
    #[must_use]
    pub fn serve(&self, arguments: &[&str]) -> Collector {
        self.serve_on(if self.namespace.is_some() { FAR_SIDE } else { "127.0.0.1:0" }, arguments)
    }

    /// Starts `serve` on an address.
    #[must_use]
    pub fn serve_on(&self, listen: &str, arguments: &[&str]) -> Collector {
        self.start(self.collector(), listen, arguments)
    }

    /// Starts `serve` with every statement to the database in its log, one line each that has `sqlx::query`.
    #[must_use]
    pub fn serve_telling_statements(&self, arguments: &[&str]) -> Collector {
        let mut command = self.collector();
        command.env("WLCG_PACKAGE_COLLECTOR_LOG", "sqlx::query=debug,wlcg_package_collector=info");
        self.start(command, "127.0.0.1:0", arguments)
    }

    /// What `serve` has logged so far.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// Starts `serve` by a command line of [`Deployment::collector`].
    #[must_use]
    pub fn start(&self, mut command: Command, listen: &str, arguments: &[&str]) -> Collector {
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.folder.path().join("log")).unwrap();
        let mut child = command
            .args(["serve", "--listen", listen])
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut said = BufReader::new(child.stdout.take().unwrap());
        said.read_line(&mut line).unwrap();
        // What it says at its start comes in one piece.
        let rest = String::from_utf8_lossy(said.buffer()).into_owned();
        let link = rest.split_whitespace().find(|word| word.contains("/sign-in?link=")).map(str::to_owned);
        let url = line.trim().strip_prefix("listening on ");
        let url = url.unwrap_or_else(|| panic!("{line:?} {}", self.log())).to_owned();
        Collector { child, url, link }
    }

    /// A command line of the reporter with this deployment's recipient and a spool of its own.
    #[must_use]
    pub fn reporter(&self, url: &str) -> Command {
        let mut command = Command::new(program("wlcg-package-reporter"));
        command.args(["--site", "CERN-PROD", "--host", "wn1.example.org", "--url", url, "--recipient"]);
        command.arg(self.certificate("officer")).arg("--spool").arg(self.spool());
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).stdin(Stdio::null());
        command
    }

    /// The reporter's spool.
    #[must_use]
    pub fn spool(&self) -> PathBuf {
        self.folder.path().join("spool")
    }

    /// Reports in the spool, by file name.
    #[must_use]
    pub fn spooled(&self) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(self.spool()) else { return Vec::new() };
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| Path::new(name).extension().is_some_and(|extension| extension == "p7m")).collect()
    }
}

/// Waits until something holds, at most a minute.
pub fn eventually(what: &str, holds: impl FnMut() -> bool) {
    within(60, what, holds);
}

/// Waits until something holds, at most so many seconds.
pub fn within(seconds: u64, what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(seconds);
    while !holds() {
        assert!(Instant::now() < deadline, "{what}: not within {seconds} seconds");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The package of a program that `make packages` has made beside the tests; `kind` is `.deb` or `.rpm`.
#[must_use]
pub fn package(name: &str, kind: &str) -> PathBuf {
    let folder = std::env::current_exe().unwrap().ancestors().nth(3).unwrap().join("packages");
    let files = std::fs::read_dir(&folder).into_iter().flatten().map(|entry| entry.unwrap().path());
    let wanted = |file: &PathBuf| {
        let file = file.file_name().unwrap().to_string_lossy();
        file.starts_with(name) && file.ends_with(kind)
    };
    let found = files.into_iter().find(wanted);
    found.unwrap_or_else(|| panic!("no {name}*{kind} in {}: `make packages` makes it", folder.display()))
}

/// A program of ours, built beside the tests.
#[must_use]
pub fn program(name: &str) -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    let built = tests.ancestors().nth(2).unwrap().join(name);
    assert!(built.is_file(), "{} is not built: `make test` builds it first", built.display());
    built
}
