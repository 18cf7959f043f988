//! A collector that runs: posted to, asked, stopped and killed.

use std::process::{Child, Command, ExitStatus};
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use serde_json::Value;

/// A running collector, killed when dropped.
pub struct Collector {
    pub(super) child: Child,
    /// Where it listens.
    pub url: String,
    /// The link that signs an officer in, once; none behind a proxy.
    pub link: Option<String>,
}

impl Collector {
    /// Posts bytes and gives status and body.
    #[must_use]
    pub fn post(&self, path: &str, headers: &[(&str, &str)], body: &[u8]) -> (u16, String) {
        post(&self.url, path, headers, body).expect("the collector answers")
    }

    /// Posts a sealed report as our agent does; gives status and answer.
    #[must_use]
    pub fn report(&self, sealed: &[u8]) -> (u16, Value) {
        let (status, body) = self.post("/v1/reports", &[("content-type", "application/pkcs7-mime")], sealed);
        (status, serde_json::from_str(&body).unwrap_or(Value::String(body)))
    }

    /// Gets a path as nobody in particular.
    #[must_use]
    pub fn get(&self, path: &str) -> (u16, String) {
        self.get_with(path, &[])
    }

    /// Gets a path with an API token.
    #[must_use]
    pub fn get_as(&self, token: &str, path: &str) -> (u16, String) {
        self.get_with(path, &[("authorization", &format!("Bearer {token}"))])
    }

    /// Gets a path with headers.
    #[must_use]
    pub fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> (u16, String) {
        let answer = self.ask(path, headers, None);
        (answer.status, answer.body)
    }

    /// Gets a path with headers: status and bytes.
    #[must_use]
    pub fn bytes(&self, path: &str, headers: &[(&str, &str)]) -> (u16, Vec<u8>) {
        let mut request = agent(10).get(format!("{}{path}", self.url));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut answer = request.call().unwrap();
        (answer.status().as_u16(), answer.body_mut().read_to_vec().unwrap())
    }

    /// Gets a path or posts a form to it, and goes nowhere else.
    #[must_use]
    pub fn ask(&self, path: &str, headers: &[(&str, &str)], form: Option<&str>) -> Answer {
        let form_type = ("content-type", "application/x-www-form-urlencoded");
        match form {
            None => self.request("GET", path, headers, &[]),
            Some(form) => self.request("POST", path, &[&[form_type], headers].concat(), form.as_bytes()),
        }
    }

    /// Posts bytes.
    #[must_use]
    pub fn send(&self, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        self.request("POST", path, headers, body)
    }

    fn request(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let mut request = ureq::http::Request::builder().method(method).uri(format!("{}{path}", self.url));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut answer = agent(0).run(request.body(body.to_vec()).unwrap()).unwrap();
        let header = |(name, value): (&ureq::http::HeaderName, &ureq::http::HeaderValue)| {
            (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        };
        Answer {
            status: answer.status().as_u16(),
            headers: answer.headers().iter().map(header).collect(),
            body: String::from_utf8_lossy(&answer.body_mut().read_to_vec().unwrap()).into_owned(),
        }
    }

    /// Signs in by a link; the cookie as a browser sends it back.
    #[must_use]
    pub fn sign_in(&self, link: &str) -> String {
        let answer = self.ask("/sign-in", &[], link.split_once('?').map(|(_, form)| form));
        let cookie = answer.header("set-cookie").unwrap_or_else(|| panic!("{link}: {answer:?}"));
        cookie.split(';').next().unwrap_or_default().to_owned()
    }

    /// Number of its process.
    #[must_use]
    pub fn process(&self) -> u32 {
        self.child.id()
    }

    /// SIGKILL: no chance to finish anything.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// SIGTERM, and how it ended.
    pub fn terminate(&mut self) -> ExitStatus {
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        self.child.wait().unwrap()
    }
}

/// An answer over HTTP.
#[derive(Debug)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// Its headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: String,
}

impl Answer {
    /// The first value of a header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Somebody who keeps the connection between questions, as a browser does.
#[derive(Debug)]
pub struct Client(ureq::Agent);

impl Default for Client {
    fn default() -> Self {
        Client(agent(10))
    }
}

impl Client {
    /// Gets an address: status and bytes, the last one included.
    #[must_use]
    pub fn get(&self, url: &str, headers: &[(&str, &str)]) -> (u16, Vec<u8>) {
        let mut request = self.0.get(url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut answer = request.call().unwrap();
        (answer.status().as_u16(), answer.body_mut().read_to_vec().unwrap())
    }
}

/// An address of this machine that no other collector of these tests listens on (RFC 1122, section 3.2.1.3 (g)), any port.
#[must_use]
pub fn own_address() -> String {
    static GIVEN: AtomicU8 = AtomicU8::new(1);
    format!("127.77.{}.1:0", GIVEN.fetch_add(1, Ordering::Relaxed))
}

/// Posts bytes; `None` when there is no answer.
#[must_use]
pub fn post(url: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Option<(u16, String)> {
    post_by(&agent(10), url, path, headers, body)
}

pub(crate) fn post_by(
    agent: &ureq::Agent,
    url: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Option<(u16, String)> {
    let mut request = agent.post(format!("{url}{path}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let mut answer = request.send(body).ok()?;
    Some((answer.status().as_u16(), answer.body_mut().read_to_string().ok()?))
}

/// Asks over HTTP, follows so many redirections, takes any status for an answer and no silence of over a minute.
pub(crate) fn agent(redirects: u32) -> ureq::Agent {
    let config = ureq::Agent::config_builder().http_status_as_error(false).max_redirects(redirects);
    config.timeout_global(Some(Duration::from_secs(60))).build().into()
}

/// The same over TLS, to whom an authority vouches for.
pub(crate) fn agent_trusting(authority: &[u8]) -> ureq::Agent {
    let authority = ureq::tls::Certificate::from_pem(authority).unwrap();
    let tls = ureq::tls::TlsConfig::builder()
        .provider(ureq::tls::TlsProvider::NativeTls)
        .root_certs(ureq::tls::RootCerts::new_with_certs(&[authority]))
        .build();
    let config = ureq::Agent::config_builder().http_status_as_error(false).max_redirects(0).tls_config(tls);
    config.timeout_global(Some(Duration::from_secs(60))).build().into()
}
