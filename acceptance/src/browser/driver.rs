//! The driver of the browser: a process of its own, spoken to over WebDriver on a port that it chose itself.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use fantoccini::error::CmdError;
use fantoccini::{Client, ClientBuilder};
use serde_json::{Value, json};

/// How Chromium runs on a machine without screen, sound or accounts. With the pipe it ends whenever the driver does.
const FLAGS: [&str; 16] = [
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
    "--force-color-profile=srgb",
    "--window-size=1280,900",
    "--hide-scrollbars",
];

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
        let connected = runtime.block_on(ClientBuilder::native().capabilities(wanted).connect(&address));
        let client = connected.unwrap_or_else(|error| {
            let log = std::fs::read_to_string(folder.join("log")).unwrap_or_default();
            panic!("Chromium does not start ({INSTALLED_BY}): {error}\nchromedriver says:\n{log}")
        });
        let session = runtime.block_on(client.session_id()).unwrap().unwrap();
        Driver { runtime, client, session: format!("{address}/session/{session}"), folder, keeper }
    }

    /// Waits for an answer of the browser; a refusal ends the test.
    pub(super) fn wait_for<T>(&self, asked: impl Future<Output = Result<T, CmdError>>) -> T {
        self.runtime.block_on(asked).unwrap_or_else(|error| panic!("the browser: {error}"))
    }

    /// A command that WebDriver leaves to each browser.
    pub(super) fn own(&self, path: &str, body: &Value) -> Value {
        let mut answer = ureq::post(format!("{}/{path}", self.session)).send(body.to_string()).unwrap();
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
        let _ = self.runtime.block_on(self.client.clone().close());
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait();
    }
}

/// Starts chromedriver; gives its keeper and its address.
fn start_chromedriver(folder: &Path) -> (Child, String) {
    let script = "\"$@\" & driver=$!; cat > /dev/null; kill -9 $driver; wait $driver 2> /dev/null; \
                  for try in 1 2 3 4; do rm -rf \"$FOLDER\" && break; sleep 0.3; done";
    let mut keeper = Command::new("sh")
        .args(["-c", script, "keeper", "chromedriver", "--port=0"])
        .env("HOME", folder)
        .env("FOLDER", folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(std::fs::File::create(folder.join("log")).unwrap())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(keeper.stdout.take().unwrap()).lines();
    let port = lines.find_map(|line| {
        let line = line.unwrap();
        Some(line.strip_prefix("ChromeDriver was started successfully on port ")?.trim_end_matches('.').to_owned())
    });
    // A pipe that nobody empties would stop the driver.
    std::thread::spawn(move || lines.for_each(drop));
    let log = || std::fs::read_to_string(folder.join("log")).unwrap_or_default();
    let port = port.unwrap_or_else(|| panic!("chromedriver does not start ({INSTALLED_BY}): {}", log()));
    (keeper, format!("http://127.0.0.1:{port}"))
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
