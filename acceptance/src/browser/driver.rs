//! The driver of the browser: a process of its own, spoken to over WebDriver on a port that was free.

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use fantoccini::error::CmdError;
use fantoccini::{Client, ClientBuilder};
use serde_json::{Value, json};

/// How Chromium runs on a machine without screen, sound or accounts. With the pipe it ends whenever the driver does.
const FLAGS: [&str; 17] = [
    "--headless=new",
    "--remote-debugging-pipe",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-proxy-server",
    // Whatever a page asks of another machine is an error on its console.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
    "--lang=en-US",
    // Fields for dates in the language of the page: without Debian's chromium-l10n there is no other one of the browser's own.
    "--enable-blink-features=LangAttributeAwareFormControlUI",
    "--force-color-profile=srgb",
    "--window-size=1280,900",
    "--hide-scrollbars",
];

/// Longest time that the browser may take for anything; Chromium gives up a page after five minutes by itself.
const PATIENCE: Duration = Duration::from_secs(330);

const INSTALLED_BY: &str = "`make deps` installs Debian's chromium and chromium-driver";

pub(super) struct Driver {
    runtime: tokio::runtime::Runtime,
    pub(super) client: Client,
    /// Address of the session at the driver.
    session: String,
    folder: PathBuf,
    /// Ends the driver and removes the folder when its standard input closes, which it does however this process ends.
    keeper: Child,
}

impl Driver {
    pub(super) fn start(scripts: bool) -> Self {
        let folder = tempfile::Builder::new().prefix("chromium-").tempdir().unwrap().keep();
        std::fs::create_dir(folder.join("downloads")).unwrap();
        let (keeper, address) = start_chromedriver(&folder);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let Value::Object(wanted) = capabilities(&folder, scripts) else { unreachable!("an object") };
        let mut builder = ClientBuilder::native();
        let connecting = builder.capabilities(wanted).connect(&address);
        let connected = runtime.block_on(async { tokio::time::timeout(PATIENCE, connecting).await });
        let failed = |error: &dyn std::fmt::Display| -> ! {
            panic!("Chromium does not start ({INSTALLED_BY}): {error}\nchromedriver says:\n{}", log(&folder))
        };
        let client = match connected {
            Ok(Ok(client)) => client,
            Ok(Err(error)) => failed(&error),
            Err(late) => failed(&late),
        };
        let session = runtime.block_on(client.session_id()).unwrap().unwrap();
        Driver { runtime, client, session: format!("{address}/session/{session}"), folder, keeper }
    }

    /// Waits for an answer of the browser; a refusal ends the test, and so does silence.
    pub(super) fn wait_for<T>(&self, asked: impl Future<Output = Result<T, CmdError>>) -> T {
        let answered = self.runtime.block_on(async { tokio::time::timeout(PATIENCE, asked).await });
        let answered = answered.unwrap_or_else(|_| panic!("the browser says nothing\n{}", log(&self.folder)));
        answered.unwrap_or_else(|error| panic!("the browser: {error}"))
    }

    /// A command that WebDriver leaves to each browser.
    pub(super) fn own(&self, path: &str, body: &Value) -> Value {
        let request = ureq::post(format!("{}/{path}", self.session)).config().timeout_global(Some(PATIENCE)).build();
        let mut answer = request.send(body.to_string()).unwrap();
        let mut answer: Value = serde_json::from_str(&answer.body_mut().read_to_string().unwrap()).unwrap();
        answer["value"].take()
    }

    /// A command of its developer tools.
    pub(super) fn devtools(&self, name: &str, parameters: &Value) -> Value {
        self.own("goog/cdp/execute", &json!({"cmd": name, "params": parameters}))
    }

    pub(super) fn downloads(&self) -> PathBuf {
        self.folder.join("downloads")
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // The profile is written to until Chromium has ended.
        let closing = self.client.clone().close();
        let _ = self.runtime.block_on(async { tokio::time::timeout(PATIENCE, closing).await });
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
    }
}

/// Starts chromedriver; gives its keeper and its address.
fn start_chromedriver(folder: &Path) -> (Child, String) {
    // Another test may take the port before the driver does, or has it on the other kind of loopback address.
    let started = (0..20).find_map(|_| {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        Some((start_on(folder, port)?, format!("http://127.0.0.1:{port}")))
    });
    started.unwrap_or_else(|| panic!("chromedriver does not start ({INSTALLED_BY}): {}", log(folder)))
}

/// Starts chromedriver on a port; nothing when it ends instead of listening.
fn start_on(folder: &Path, port: u16) -> Option<Child> {
    // Without a standard output of the keeper's own, the pipe ends with the driver.
    let script = "\"$@\" & driver=$!; exec > /dev/null; cat; kill -9 $driver; wait $driver 2> /dev/null; \
                  for try in 1 2 3 4; do rm -rf \"$FOLDER\" && break; sleep 0.3; done";
    let mut keeper = Command::new("sh")
        .args(["-c", script, "keeper", "chromedriver", &format!("--port={port}")])
        .env("HOME", folder)
        .env("FOLDER", folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(std::fs::File::options().create(true).append(true).open(folder.join("log")).unwrap())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(keeper.stdout.take().unwrap()).lines();
    if lines.any(|line| line.unwrap().starts_with("ChromeDriver was started successfully")) {
        // A pipe that nobody empties would stop the driver.
        std::thread::spawn(move || lines.for_each(drop));
        return Some(keeper);
    }
    // What the keeper removes at its end is still needed.
    let _ = keeper.kill();
    let _ = keeper.wait();
    None
}

fn log(folder: &Path) -> String {
    std::fs::read_to_string(folder.join("log")).unwrap_or_default()
}

fn capabilities(folder: &Path, scripts: bool) -> Value {
    let mut flags: Vec<String> = FLAGS.map(str::to_owned).to_vec();
    flags.push(format!("--user-data-dir={}", folder.join("profile").display()));
    json!({
        "browserName": "chrome",
        "goog:loggingPrefs": {"browser": "ALL"},
        "goog:chromeOptions": {
            "binary": "/usr/bin/chromium",
            "args": flags,
            "prefs": {
                "download.default_directory": folder.join("downloads"),
                "download.prompt_for_download": false,
                "profile.managed_default_content_settings.javascript": if scripts { 1 } else { 2 },
            },
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_that_is_taken_is_noticed_and_another_one_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        assert!(start_on(folder.path(), taken.local_addr().unwrap().port()).is_none());
        assert!(log(folder.path()).contains("Address already in use"), "{}", log(folder.path()));
        let (mut keeper, address) = start_chromedriver(folder.path());
        assert_eq!(crate::programs::agent(0).get(format!("{address}/status")).call().unwrap().status(), 200);
        drop(keeper.stdin.take());
        assert!(keeper.wait().unwrap().code().is_some());
    }
}
