//! The collector's only door to HTTP as a client: approved events, signed as Standard Webhooks says
//! (<https://www.standardwebhooks.com>: `webhook-id`, `webhook-timestamp`, `webhook-signature`).

use std::path::PathBuf;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use serde::Deserialize;
use sha2::Sha256;
use ureq::tls::{RootCerts, TlsConfig, TlsProvider};

use super::error::first_line;
use super::{Delivery, SendingError, is_here};
use crate::config::redacted;
use crate::store::Message;

/// What the first line of a secret's file begins with.
const PREFIX: &str = "whsec_";

/// `[webhook]` in the configuration.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebhookConfig {
    /// Where events go.
    pub url: String,
    /// File whose first line is the secret that they are signed with.
    #[serde(default)]
    pub secret_file: Option<PathBuf>,
    /// Longest time that one event may take, in seconds.
    #[serde(default = "half_a_minute")]
    pub timeout_seconds: u64,
}

fn half_a_minute() -> u64 {
    30
}

/// Sends events to one address.
pub struct Webhook {
    client: ureq::Agent,
    url: String,
    secret: Vec<u8>,
    timeout_seconds: u64,
}

impl Webhook {
    /// A webhook as configured; `handed_secret` is a file that the system has handed over.
    ///
    /// # Errors
    /// [`SendingError`] with the key that is wrong.
    pub fn new(config: &WebhookConfig, handed_secret: Option<PathBuf>) -> Result<Self, SendingError> {
        if !is_usable(&config.url) {
            return Err(SendingError::Url(redacted(&config.url)));
        }
        let file = config.secret_file.clone().or(handed_secret).ok_or(SendingError::NoSecret)?;
        let line = first_line("the webhook's secret", &file)?;
        let secret = line.trim().strip_prefix(PREFIX).and_then(|text| STANDARD.decode(text).ok());
        let secret = secret.filter(|secret| (24..=64).contains(&secret.len())).ok_or(SendingError::Secret(file))?;
        let tls = TlsConfig::builder().provider(TlsProvider::NativeTls).root_certs(RootCerts::PlatformVerifier).build();
        let client = ureq::Agent::config_builder()
            .timeout_global(Some(Duration::from_secs(config.timeout_seconds)))
            .http_status_as_error(false)
            // What was approved goes where it was approved to go.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .user_agent(concat!("wlcg-package-collector/", env!("CARGO_PKG_VERSION")))
            .tls_config(tls)
            .build();
        Ok(Webhook { client: client.into(), url: config.url.clone(), secret, timeout_seconds: config.timeout_seconds })
    }

    /// Longest time that one event may take, in seconds.
    #[must_use]
    pub fn timeout_seconds(&self) -> u64 {
        self.timeout_seconds
    }

    /// Sends one event.
    pub async fn send(&self, message: &Message, now: Timestamp) -> Delivery {
        if message.content.recipient != self.url {
            let approved = &message.content.recipient;
            return Delivery::Refused(format!("it was approved for {approved}, which is not the configured webhook"));
        }
        let id = message.content.digest.to_string();
        let second = now.as_second().to_string();
        let signature = signature(&self.secret, &id, &second, &message.content.body);
        let request = self
            .client
            .post(&self.url)
            .header("Content-Type", "application/json")
            .header("webhook-id", id)
            .header("webhook-timestamp", second)
            .header("webhook-signature", signature);
        let body = message.content.body.clone();
        let sent = tokio::task::spawn_blocking(move || request.send(body)).await;
        match sent {
            Ok(Ok(answer)) => judge(answer.status().as_u16()),
            Ok(Err(error)) => Delivery::Later(error.to_string()),
            Err(error) => Delivery::Later(error.to_string()),
        }
    }
}

/// `v1,` and base64 of HMAC-SHA256 over id, time and body, joined by dots.
fn signature(secret: &[u8], id: &str, second: &str, body: &str) -> String {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret) else { return String::new() };
    for part in [id, ".", second, ".", body] {
        mac.update(part.as_bytes());
    }
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

fn judge(status: u16) -> Delivery {
    match status {
        200..=299 => Delivery::Sent,
        408 | 425 | 429 | 500..=599 => Delivery::Later(format!("the webhook answers {status}")),
        _ => Delivery::Refused(format!("the webhook answers {status}")),
    }
}

/// Encrypted, or to this machine; without a name and password, which would stand in previews and logs.
fn is_usable(url: &str) -> bool {
    let Some((scheme, rest)) = url.split_once("://") else { return false };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let plain = !url.contains(|c: char| c.is_whitespace() || c.is_control()) && !authority.contains('@');
    !authority.is_empty() && plain && (scheme == "https" || (scheme == "http" && is_here(authority)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_the_standards_own_example() {
        // From the specification's test vectors.
        let secret = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let signed = signature(&secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", "{\"test\": 2432232314}");
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn answers_are_for_now_or_for_good() {
        assert_eq!(judge(204), Delivery::Sent);
        assert!([429, 500, 503].iter().all(|status| matches!(judge(*status), Delivery::Later(_))));
        assert!([301, 400, 404, 410].iter().all(|status| matches!(judge(*status), Delivery::Refused(_))));
    }

    #[test]
    fn an_address_is_encrypted_or_here() {
        for good in ["https://hooks.example.org/x?y=1", "http://127.0.0.1:8080/x", "http://[::1]/", "http://localhost/"]
        {
            assert!(is_usable(good), "{good}");
        }
        for bad in [
            "http://hooks.example.org/",
            "https://",
            "ftp://127.0.0.1/",
            "https://a:b@c/",
            "https://a b/",
            "hooks",
            "http://localhost@evil/",
        ] {
            let config = WebhookConfig { url: bad.to_owned(), secret_file: None, timeout_seconds: 5 };
            let error = Webhook::new(&config, None).err().unwrap().to_string();
            assert!(error.starts_with("[webhook] url") && !error.contains("a:b@"), "{error}");
        }
    }
}
