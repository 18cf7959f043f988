//! `demo`: the main job on loopback with SQLite: this machine reports, the collector opens and compares.

pub mod fleet;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use jiff::Timestamp;
use report::sealed::KeyKind;

use crate::access::deed::By;
use crate::access::sign_in::{self, SecretError};
use crate::access::{Role, Scope, Viewer};
use crate::answers::judge::Judge;
use crate::answers::{self, AnswerError};
use crate::config::Config;
use crate::keys::{self, KeysError};
use crate::reference::{ReferenceError, ReferenceList};
use crate::serve::{self, ServeError};
use crate::store::{NewVersion, Store, StoreError};
use crate::table::Format;

/// The example that is shipped with the program.
const EXAMPLE: &str = include_str!("../../../config/reference-example.toml");

/// The site that this machine reports for in the demo.
const SITE: &str = "DEMO-SITE";

/// How long the link to the desk works.
const LINK_MINUTES: u32 = 60;

/// Where the demo lives and how it ends.
#[derive(Debug)]
pub struct Demo {
    /// Keeps key, database and spool.
    pub folder: PathBuf,
    /// The reporter program; without one it is looked for beside this program.
    pub reporter: Option<PathBuf>,
    /// Whether to end when everything was shown.
    pub once: bool,
    /// A host without news for so many days is unknown.
    pub stale_after_days: u32,
}

/// Shows the main job; `out` gets what people read.
///
/// # Errors
/// [`DemoError`] names the step that did not happen.
pub async fn run(demo: &Demo, now: Timestamp, out: &mut (dyn std::io::Write + Send)) -> Result<(), DemoError> {
    let reporter = find_reporter(demo.reporter.as_deref())?;
    let key_folder = demo.folder.join("keys");
    let name = format!("demo-{}", now.as_second());
    let (_, certificate) = keys::new(&key_folder, &name, KeyKind::Rsa(2048), now, 30, None)?;
    let keys = keys::load(&[], &key_folder, None)?;
    let database = format!("sqlite:{}", demo.folder.join("collector.sqlite").display());
    let store = Store::open(&database).await?;
    let (listening, serve::Address(url)) = serve::bind("127.0.0.1:0").await?;
    writeln!(out, "1. A collector listens on {url}, with a key of its own and {database}.")?;

    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let config = Config::default();
    let serving = tokio::spawn({
        let store = store.clone();
        async move {
            serve::serve(store, &config, keys, listening, async move {
                let _ = stopped.await;
            })
            .await
        }
    });

    let spool = demo.folder.join("spool");
    let reported = report_this_machine(&reporter, &url, &certificate, &spool).await?;
    writeln!(out, "2. This machine's packages were read, sealed and posted:\n{reported}")?;
    let acknowledged = wait_until_opened(&store).await?;
    writeln!(out, "3. The report {acknowledged} was acknowledged, opened and stored.")?;

    let list = ReferenceList::from_toml(EXAMPLE)?;
    let version = NewVersion {
        name: &list.name,
        by: By::operator("demo", now.as_second()),
        note: "the example of config/reference-example.toml",
        content: &list.to_toml()?,
        size: i64::try_from(list.references.len()).unwrap_or(i64::MAX),
    };
    store.import_reference_list(&version).await?;
    let after = now.max(crate::clock::now());
    let comparison =
        answers::compare::at(&store, &Judge::default(), &Scope::All, after, None, demo.stale_after_days).await?;
    let table = comparison.table(None, None);
    writeln!(out, "4. Compared with \"{}\" ({} references):\n", list.name, list.references.len())?;
    out.write_all(table.render(Format::Table).as_bytes())?;

    let viewer = Viewer { name: "demo".to_owned(), role: Role::Officer, scope: Scope::All };
    let by = By::operator("demo", after.as_second());
    let page = fetch_page(&url, &sign_in::link(&store, &viewer, &url, 1, by).await?).await?;
    if !page.contains(SITE) {
        return Err(DemoError::Page);
    }
    let link = sign_in::link(&store, &viewer, &url, LINK_MINUTES, by).await?;
    writeln!(out, "\n5. The desk, signed in once and within {LINK_MINUTES} minutes: {link}")?;
    writeln!(out, "\nTry next, in another terminal:")?;
    for example in ["hosts", "who 'bash >= 5'", "compare --format csv", "inbox"] {
        writeln!(out, "   wlcg-package-collector --database {database} {example}")?;
    }
    writeln!(out, "   wlcg-package-reporter --site {SITE} show | less      (what a host sends, before it is sealed)")?;
    writeln!(out, "   wlcg-package-collector demo --fleet 2000      (an invented grid, with a year of reports)")?;
    out.flush()?;
    if !demo.once {
        writeln!(out, "\nThe collector goes on until Ctrl-C.")?;
        out.flush()?;
        serve::asked_to_end()?.await;
    }
    let _ = stop.send(());
    serving.await.map_err(|error| DemoError::Stopped(error.to_string()))??;
    Ok(())
}

fn find_reporter(named: Option<&Path>) -> Result<PathBuf, DemoError> {
    if let Some(named) = named {
        return Ok(named.to_owned());
    }
    let beside = std::env::current_exe().ok().and_then(|program| Some(program.parent()?.join("wlcg-package-reporter")));
    let on_path = std::env::var_os("PATH").into_iter().flat_map(|path| {
        std::env::split_paths(&path).map(|folder| folder.join("wlcg-package-reporter")).collect::<Vec<_>>()
    });
    beside.into_iter().chain(on_path).find(|program| program.is_file()).ok_or(DemoError::NoReporter)
}

async fn report_this_machine(program: &Path, url: &str, certificate: &Path, spool: &Path) -> Result<String, DemoError> {
    let mut reporter = command(program);
    reporter.args(["--site", SITE, "--url", url, "--recipient"]).arg(certificate).arg("--spool").arg(spool);
    // The demo posts to this machine: a proxy for the outside has no part in it.
    reporter.env("NO_PROXY", "127.0.0.1").env("no_proxy", "127.0.0.1").stdin(Stdio::null());
    let output = tokio::task::spawn_blocking(move || reporter.output())
        .await
        .map_err(|error| DemoError::Stopped(error.to_string()))?
        .map_err(|source| DemoError::Start { program: program.to_owned(), source })?;
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let said: String = said.lines().map(|line| format!("   {}\n", crate::table::visible(line))).collect();
    if output.status.success() { Ok(said) } else { Err(DemoError::Reporter { status: output.status, said }) }
}

#[expect(clippy::disallowed_methods, reason = "the collector's only door to processes: the demo starts the reporter")]
fn command(program: &Path) -> Command {
    Command::new(program)
}

/// Waits until the newest report is opened or set aside.
async fn wait_until_opened(store: &Store) -> Result<String, DemoError> {
    for _ in 0..300 {
        if let Some(entry) = store.inbox(&Scope::All, None, 1).await?.into_iter().next() {
            match entry.state.as_str() {
                "opened" => return Ok(entry.hash),
                "waiting" => {}
                _ => return Err(DemoError::SetAside(entry.reason)),
            }
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    Err(DemoError::NotOpened)
}

/// Signs in by a link and asks for the page as a browser would, over the socket.
async fn fetch_page(url: &str, link: &str) -> Result<String, DemoError> {
    let address = url.strip_prefix("http://").unwrap_or(url);
    let form = link.split_once('?').map_or("", |(_, query)| query);
    let kind = "Content-Type: application/x-www-form-urlencoded";
    let request = format!("POST /sign-in HTTP/1.1\r\n{kind}\r\nContent-Length: {}", form.len());
    let answer = ask(address, &request, form).await?;
    let cookie = answer.lines().find_map(|line| line.strip_prefix("set-cookie: ")?.split(';').next());
    let request = format!("GET / HTTP/1.1\r\nCookie: {}", cookie.ok_or(DemoError::Page)?);
    ask(address, &request, "").await
}

async fn ask(address: &str, request: &str, body: &str) -> Result<String, DemoError> {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let mut connection = tokio::net::TcpStream::connect(address).await?;
    let request = format!("{request}\r\nHost: {address}\r\nConnection: close\r\n\r\n{body}");
    connection.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    connection.read_to_end(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// Which step of the demo did not happen.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// The other program is not there.
    #[error(
        "wlcg-package-reporter is neither beside this program nor on PATH: build it with `cargo build`, or name it with --reporter"
    )]
    NoReporter,
    /// It does not start.
    #[error("starting {program}: {source}")]
    Start {
        /// The program.
        program: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// It did not deliver.
    #[error("wlcg-package-reporter ended with {status}:\n{said}")]
    Reporter {
        /// How it ended.
        status: std::process::ExitStatus,
        /// What it said.
        said: String,
    },
    /// The report did not become history.
    #[error("the report was set aside: {0}")]
    SetAside(String),
    /// Nothing happened to the report.
    #[error("no report was opened within 30 seconds")]
    NotOpened,
    /// The page lacks the host.
    #[error("the page does not show the host that reported")]
    Page,
    /// A task ended early.
    #[error("stopped: {0}")]
    Stopped(String),
    /// Keys.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// Database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Serving.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// Signing in.
    #[error(transparent)]
    SignIn(#[from] SecretError),
    /// Answers.
    #[error(transparent)]
    Answer(#[from] AnswerError),
    /// The example list.
    #[error(transparent)]
    Reference(#[from] ReferenceError),
    /// Writing to the terminal or reading the page.
    #[error("{0}")]
    Io(#[from] std::io::Error),
}
