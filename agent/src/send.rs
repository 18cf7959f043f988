//! The only door to the network: posts sealed bytes and tells what the answer means for them.

use std::time::Duration;

use jiff::Timestamp;
use report::acknowledgement::{Acknowledgement, MEDIA_TYPE, Problem};
use report::hash::Hash;
use ureq::http::{Response, StatusCode};
use ureq::tls::{RootCerts, TlsConfig, TlsProvider};
use ureq::{Agent, Body};

/// Most of an answer that is read.
const MAX_ANSWER: u64 = 64 * 1024;

/// The longest that a collector may ask for silence.
const LONGEST_SILENCE: i64 = 86_400;

/// Posts to one collector.
pub struct Sender {
    agent: Agent,
    base: String,
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

impl Sender {
    /// A sender to the collector at `url`: its base address, or the address of `/v1/reports` itself.
    #[must_use]
    pub fn new(url: &str, timeout: Duration) -> Self {
        let tls = TlsConfig::builder()
            // The system's OpenSSL, with its certificates and its crypto policy.
            .provider(TlsProvider::NativeTls)
            .root_certs(RootCerts::PlatformVerifier)
            .build();
        let config = Agent::config_builder()
            .timeout_global(Some(timeout))
            .http_status_as_error(false)
            // A report goes where it was told to: a redirect is an answer to show, not a way to follow.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .user_agent(crate::host::REPORTER)
            .tls_config(tls)
            .build();
        let base = url.trim_end_matches('/');
        let base = base.strip_suffix("/v1/reports").unwrap_or(base);
        Sender { agent: config.into(), base: base.to_owned() }
    }

    /// Posts a sealed report once.
    #[must_use]
    pub fn post(&self, hash: Hash, sealed: &[u8], now: Timestamp) -> Outcome {
        let answer = self
            .agent
            .post(format!("{}/v1/reports", self.base))
            .header("Content-Type", MEDIA_TYPE)
            .header("Content-Digest", hash.content_digest())
            .send(sealed);
        match answer {
            Ok(answer) => judge(answer, hash, now),
            Err(ureq::Error::BadUri(reason)) => {
                Outcome::Misconfigured { reason: format!("url {}: {reason}", self.base) }
            }
            Err(error) => {
                Outcome::Later { reason: format!("{} does not answer: {error}", self.base), not_before: None }
            }
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

/// What each status means (the collector's documentation, "Answers").
fn judge(mut answer: Response<Body>, hash: Hash, now: Timestamp) -> Outcome {
    let status = answer.status();
    let not_before = retry_after(&answer, now);
    let body = answer.body_mut().with_config().limit(MAX_ANSWER).read_to_vec().unwrap_or_default();
    let said = || match serde_json::from_slice::<Problem>(&body) {
        Ok(problem) => format!("{status}: {}", one_line(&problem.detail)),
        Err(_) => format!("{status}"),
    };
    match status.as_u16() {
        200..=299 => match serde_json::from_slice::<Acknowledgement>(&body) {
            Ok(acknowledgement) if acknowledgement.report == hash => Outcome::Acknowledged,
            Ok(_) => Outcome::Later { reason: format!("{status} for another report"), not_before },
            Err(_) => Outcome::Later {
                reason: format!("{status} without an acknowledgement: something else than the collector answers"),
                not_before,
            },
        },
        400 | 413 | 415 | 422 => Outcome::Refused { reason: said() },
        408 | 429 | 500..=599 => Outcome::Later { reason: said(), not_before },
        _ => Outcome::Misconfigured { reason: format!("{}: check `url` and the proxy", said()) },
    }
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
