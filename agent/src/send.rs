//! The only door to the network: posts sealed bytes and tells what the answer means for them.

use std::time::Duration;

use jiff::Timestamp;
use report::acknowledgement::{Acknowledgement, MEDIA_TYPE, Problem};
use report::hash::Hash;
use report::sealed::MAX_BUNDLE;
use ureq::http::{Response, StatusCode};
use ureq::tls::{RootCerts, TlsConfig, TlsProvider};
use ureq::{Agent, Body};

use crate::config::{Config, Protocol};
use crate::state::LONGEST_SILENCE;

/// Most of an answer that is read.
const MAX_ANSWER: u64 = 64 * 1024;

/// Longest time that a host with nothing left to deliver waits for a recipient bundle.
const BUNDLE_PATIENCE: Duration = Duration::from_secs(10);

/// Posts to one collector.
pub struct Sender {
    agent: Agent,
    base: String,
    bundle_patience: Duration,
    pakiti: Option<Pakiti>,
}

/// How a Pakiti 3 server is talked to.
struct Pakiti {
    /// The address with the query of its protocol.
    url: String,
    /// What its answer ends with once it has a report.
    expect: String,
}

/// What came back for a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// What it means for the report.
    pub outcome: Outcome,
    /// The time by the clock of whoever answered.
    pub clock: Option<Timestamp>,
}

/// What an answer means for the report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The collector has it: it may be removed here.
    Acknowledged,
    /// Not now: it stays, and a later try may succeed.
    Later {
        /// In one line.
        reason: String,
        /// The collector asked to be left alone until then.
        not_before: Option<Timestamp>,
    },
    /// Not until somebody changes something: it stays.
    Misconfigured {
        /// In one line.
        reason: String,
    },
    /// Never: the same bytes will always be refused.
    Refused {
        /// In one line.
        reason: String,
    },
}

/// What came back for the question whom to seal for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fetched {
    /// The bundle that was told.
    Unchanged,
    /// The collector has none.
    NoBundle,
    /// No answer that means anything; another day perhaps.
    Nothing,
    /// More than a bundle can be.
    TooLarge,
    /// Whatever calls itself one.
    Bundle {
        /// As it came.
        signed: Vec<u8>,
        /// What to ask with the next time.
        etag: Option<String>,
    },
}

impl Sender {
    /// A sender to the collector at `url`: its base address, or the address of `/v1/reports` itself; for a Pakiti 3
    /// server the address that pakiti-client would be given.
    #[must_use]
    pub fn new(url: &str, config: &Config) -> Self {
        let tls = TlsConfig::builder()
            // The system's OpenSSL, with its certificates and its crypto policy.
            .provider(TlsProvider::NativeTls)
            .root_certs(RootCerts::PlatformVerifier)
            .build();
        let client = Agent::config_builder()
            .timeout_global(Some(Duration::from_secs(config.timeout_seconds)))
            .http_status_as_error(false)
            // A report goes where it was told to: a redirect is an answer to show, not a way to follow.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .user_agent(crate::host::REPORTER)
            .tls_config(tls)
            .build();
        let base = url.trim_end_matches('/');
        let base = base.strip_suffix("/v1/reports").unwrap_or(base);
        let pakiti = (config.protocol == Protocol::Pakiti)
            .then(|| Pakiti { url: pakiti_url(url, config.mode.as_deref()), expect: config.expect.clone() });
        let bundle_patience = BUNDLE_PATIENCE.min(Duration::from_secs(config.timeout_seconds));
        Sender { agent: client.into(), base: base.to_owned(), bundle_patience, pakiti }
    }

    /// Posts a sealed report once.
    #[must_use]
    pub fn post(&self, hash: Hash, sealed: &[u8], now: Timestamp) -> Answer {
        let request = match &self.pakiti {
            None => self
                .agent
                .post(format!("{}/v1/reports", self.base))
                .header("Content-Type", MEDIA_TYPE)
                .header("Content-Digest", hash.content_digest()),
            Some(pakiti) => self.agent.post(&pakiti.url).header("Content-Type", "application/octet-stream"),
        };
        match request.send(sealed) {
            Ok(answer) => Answer { clock: date(&answer), outcome: self.judge(answer, hash, now) },
            Err(error) => Answer { outcome: unanswered(&self.base, &error), clock: None },
        }
    }

    /// What each status means (the collector's documentation, "Answers").
    fn judge(&self, mut answer: Response<Body>, hash: Hash, now: Timestamp) -> Outcome {
        let status = answer.status();
        let not_before = retry_after(&answer, now);
        let body = answer.body_mut().with_config().limit(MAX_ANSWER).read_to_vec().unwrap_or_default();
        let said = || match serde_json::from_slice::<Problem>(&body) {
            Ok(problem) => format!("{status}: {}", one_line(&problem.detail)),
            Err(_) => format!("{status}"),
        };
        let acknowledged = || match &self.pakiti {
            None => acknowledged(&body, hash),
            Some(pakiti) if body.trim_ascii_end().ends_with(pakiti.expect.as_bytes()) => Ok(()),
            Some(pakiti) => Err(format!("and its answer does not end with \"{}\"", pakiti.expect)),
        };
        match status.as_u16() {
            200..=299 => match acknowledged() {
                Ok(()) => Outcome::Acknowledged,
                Err(what) => Outcome::Later { reason: format!("{} answers {status} {what}", self.base), not_before },
            },
            400 | 413 | 415 | 422 => Outcome::Refused { reason: said() },
            408 | 429 | 500..=599 => Outcome::Later { reason: said(), not_before },
            _ => Outcome::Misconfigured { reason: format!("{}: check `url` and the proxy", said()) },
        }
    }

    /// Asks the collector for its recipient bundle, unless it is still the one that had this entity tag.
    #[must_use]
    pub fn recipient_bundle(&self, etag: Option<&str>) -> Fetched {
        let mut request = self.agent.get(format!("{}/v1/recipients", self.base));
        if let Some(etag) = etag {
            request = request.header("If-None-Match", etag);
        }
        let request = request.config().timeout_global(Some(self.bundle_patience)).build();
        let Ok(mut answer) = request.call() else { return Fetched::Nothing };
        match answer.status() {
            StatusCode::OK => {}
            StatusCode::NOT_MODIFIED => return Fetched::Unchanged,
            StatusCode::NOT_FOUND => return Fetched::NoBundle,
            _ => return Fetched::Nothing,
        }
        let etag = answer.headers().get("etag").and_then(|value| value.to_str().ok()).map(str::to_owned);
        match answer.body_mut().with_config().limit(MAX_BUNDLE as u64).read_to_vec() {
            Ok(signed) => Fetched::Bundle { signed, etag },
            Err(ureq::Error::BodyExceedsLimit(_)) => Fetched::TooLarge,
            Err(_) => Fetched::Nothing,
        }
    }

    /// Asks the collector whether it can take reports.
    ///
    /// # Errors
    /// Why not, in one line.
    pub fn ready(&self) -> Result<(), String> {
        let url = format!("{}/readyz", self.base);
        let answer = self.agent.get(&url).call().map_err(|error| format!("{url} does not answer: {error}"))?;
        match answer.status() {
            StatusCode::OK => Ok(()),
            status => Err(format!("{url} answers {status}")),
        }
    }
}

fn acknowledged(body: &[u8], hash: Hash) -> Result<(), String> {
    match serde_json::from_slice::<Acknowledgement>(body) {
        Ok(acknowledgement) if acknowledgement.report == hash => Ok(()),
        Ok(_) => Err("for another report".to_owned()),
        Err(_) => Err("without an acknowledgement: something else than the collector, such as a login page".to_owned()),
    }
}

/// A failure that no answer came with, in words that tell where to look.
fn unanswered(base: &str, error: &ureq::Error) -> Outcome {
    match error {
        ureq::Error::BadUri(reason) => Outcome::Misconfigured { reason: format!("url {base}: {reason}") },
        error => {
            let reason = format!("{base} does not answer: {}", one_line(&told(error)));
            Outcome::Later { reason, not_before: None }
        }
    }
}

/// The library's words, and before them what they mean to whoever reads `status`.
fn told(error: &ureq::Error) -> String {
    let meaning = match error {
        ureq::Error::HostNotFound => "DNS does not know the name",
        ureq::Error::Io(source) if source.to_string().contains("lookup") => "DNS does not answer for the name",
        ureq::Error::NativeTls(source) if source.to_string().contains("certificate") => {
            "TLS: nobody vouches for the certificate shown; a portal in between, a clock that is wrong, or no ca-certificates"
        }
        ureq::Error::NativeTls(_) | ureq::Error::Tls(_) => "TLS: what answers speaks something else, such as a portal",
        ureq::Error::Timeout(_) => "nothing came back in time",
        _ => return error.to_string(),
    };
    format!("{meaning} ({error})")
}

/// pakiti-client's own query behind the address (its manual, PROTOCOL).
fn pakiti_url(url: &str, mode: Option<&str>) -> String {
    let separator = if url.contains('?') { '&' } else { '?' };
    let mode = mode.map(|mode| format!("mode={mode}&")).unwrap_or_default();
    format!("{url}{separator}{mode}protocol=5")
}

/// The Date header (RFC 9110, section 6.6.1).
fn date(answer: &Response<Body>) -> Option<Timestamp> {
    let value = answer.headers().get("date")?.to_str().ok()?;
    Some(jiff::fmt::rfc2822::parse(value).ok()?.timestamp())
}

/// Seconds or a date (RFC 9110, section 10.2.3), within bounds.
fn retry_after(answer: &Response<Body>, now: Timestamp) -> Option<Timestamp> {
    let value = answer.headers().get("retry-after")?.to_str().ok()?.trim();
    let seconds = match value.parse::<u32>() {
        Ok(seconds) => i64::from(seconds),
        Err(_) => jiff::fmt::rfc2822::parse(value).ok()?.timestamp().as_second() - now.as_second(),
    };
    Timestamp::from_second(now.as_second() + seconds.clamp(0, LONGEST_SILENCE)).ok()
}

fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(300).collect()
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;

    use super::*;

    /// What a sender makes of this answer to its question for a bundle.
    fn fetched(answer: Vec<u8>, silence: Duration) -> Fetched {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let answering = std::thread::spawn(move || {
            let (mut connection, _) = listener.accept().unwrap();
            let _ = connection.read(&mut [0; 4096]);
            std::thread::sleep(silence);
            let _ = connection.write_all(&answer);
        });
        let config = Config { timeout_seconds: 1, ..Config::default() };
        let fetched = Sender::new(&url, &config).recipient_bundle(None);
        answering.join().unwrap();
        fetched
    }

    fn with_length(length: usize, body: &[u8]) -> Vec<u8> {
        [format!("HTTP/1.1 200 OK\r\nETag: \"a\"\r\nContent-Length: {length}\r\n\r\n").as_bytes(), body].concat()
    }

    #[test]
    fn a_bundle_is_bounded_in_bytes_and_time() {
        let now = Duration::ZERO;
        let etag = Some("\"a\"".to_owned());
        let whole = vec![b'x'; MAX_BUNDLE];
        assert_eq!(fetched(with_length(MAX_BUNDLE, &whole), now), Fetched::Bundle { signed: whole.clone(), etag });
        assert_eq!(fetched(with_length(MAX_BUNDLE + 1, &[&whole[..], b"x"].concat()), now), Fetched::TooLarge);
        assert_eq!(fetched(with_length(MAX_BUNDLE, &whole[1..]), now), Fetched::Nothing, "cut on its way");
        assert_eq!(fetched(with_length(1, b"x"), Duration::from_millis(1_500)), Fetched::Nothing, "too late");
        assert_eq!(fetched(b"HTTP/1.1 304 Not Modified\r\n\r\n".to_vec(), now), Fetched::Unchanged);
        assert_eq!(fetched(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_vec(), now), Fetched::NoBundle);
        assert_eq!(
            fetched(b"HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n".to_vec(), now),
            Fetched::Nothing
        );
        assert_eq!(fetched(b"SSH-2.0-x\r\n".to_vec(), now), Fetched::Nothing);
    }
}
