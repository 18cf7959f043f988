//! The only door to SMTP: one approved message as one mail.

use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use lettre::message::{Mailbox, SinglePart};
use lettre::transport::smtp;
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor};
use serde::Deserialize;

use super::error::first_line;
use super::{Delivery, SendingError, is_here};
use crate::config::redacted;
use crate::store::Message;

/// `[mail]` in the configuration.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MailConfig {
    /// `smtp://HOST` or `smtps://HOST`.
    pub server: String,
    /// Whom mails come from.
    pub from: String,
    /// Whom answers go to.
    #[serde(default)]
    pub reply_to: Option<String>,
    /// File whose first line is the password of the user in `server`.
    #[serde(default)]
    pub password_file: Option<PathBuf>,
    /// Longest time that the sending of one mail may take, in seconds.
    #[serde(default = "a_minute")]
    pub timeout_seconds: u64,
}

fn a_minute() -> u64 {
    60
}

/// Hands mails in to one server.
pub struct Mailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    reply_to: Option<Mailbox>,
    server: String,
    timeout_seconds: u64,
}

impl Mailer {
    /// A mailer as configured; `handed_password` is a file that the system has handed over.
    ///
    /// # Errors
    /// [`SendingError`] with the key that is wrong.
    pub fn new(config: &MailConfig, handed_password: Option<PathBuf>) -> Result<Self, SendingError> {
        let address = |key, value: &str| {
            value.parse::<Mailbox>().map_err(|_| SendingError::Address { key, value: value.to_owned() })
        };
        let wrong = |what: &str| SendingError::Server { server: redacted(&config.server), what: what.to_owned() };
        let Server { scheme, user, host } = Server::read(&config.server).map_err(wrong)?;
        // A password is never readable on the way, not even on this machine.
        let open = scheme == "smtp" && is_here(host) && user.is_none();
        let user = match user {
            None => String::new(),
            Some(user) => {
                let file = config.password_file.clone().or(handed_password).ok_or(SendingError::NoPassword)?;
                format!("{user}:{}@", escaped(&first_line("the mail server's password", &file)?))
            }
        };
        let encrypted = if scheme == "smtp" && !open { "?tls=required" } else { "" };
        let url = format!("{scheme}://{user}{host}{encrypted}");
        let builder =
            AsyncSmtpTransport::<Tokio1Executor>::from_url(&url).map_err(|error| wrong(&error.to_string()))?;
        Ok(Mailer {
            transport: builder.timeout(Some(Duration::from_secs(config.timeout_seconds))).build(),
            from: address("from", &config.from)?,
            reply_to: config.reply_to.as_deref().map(|reply_to| address("reply_to", reply_to)).transpose()?,
            server: format!("{scheme}://{host}"),
            timeout_seconds: config.timeout_seconds,
        })
    }

    /// Longest time that the sending of one mail may take, in seconds.
    #[must_use]
    pub fn timeout_seconds(&self) -> u64 {
        self.timeout_seconds
    }

    /// Whether the server answers and lets us in; nothing is sent.
    ///
    /// # Errors
    /// [`SendingError::MailServer`].
    pub async fn check(&self) -> Result<String, SendingError> {
        let failed = |reason: String| SendingError::MailServer { server: self.server.clone(), reason };
        match self.transport.test_connection().await {
            Ok(true) => Ok(self.server.clone()),
            Ok(false) => Err(failed("does not answer".to_owned())),
            Err(error) => Err(failed(told(&error))),
        }
    }

    /// Hands in one message, all its addresses at once.
    pub async fn send(&self, message: &Message, now: Timestamp) -> Delivery {
        let mail = match self.compose(message, now) {
            Ok(mail) => mail,
            Err(reason) => return Delivery::Refused(reason),
        };
        match self.transport.send(mail).await {
            Ok(_) => Delivery::Sent,
            Err(error) => judge(&error),
        }
    }

    /// Every header goes through a type that writes nothing but itself.
    fn compose(&self, message: &Message, now: Timestamp) -> Result<lettre::Message, String> {
        let content = &message.content;
        let id = format!("<{}@{}>", content.digest, self.from.email.domain());
        let mut mail = lettre::Message::builder()
            .from(self.from.clone())
            .subject(content.subject.as_str())
            .message_id(Some(id))
            .date(super::system_time(now));
        if let Some(reply_to) = &self.reply_to {
            mail = mail.reply_to(reply_to.clone());
        }
        for address in content.recipient.split(',').map(str::trim) {
            let email = address.parse().map_err(|error| format!("address {address:?}: {error}"))?;
            mail = mail.to(Mailbox::new(None, email));
        }
        mail.singlepart(SinglePart::plain(content.body.clone())).map_err(|error| error.to_string())
    }
}

/// What an answer means for the message (RFC 5321, section 4.2.1): 4yz is for now, 5yz for good, unless it is about us.
fn judge(error: &smtp::Error) -> Delivery {
    let about_us = error.status().is_some_and(|code| ["530", "534", "535", "538"].contains(&code.to_string().as_str()));
    if error.is_permanent() && !about_us { Delivery::Refused(told(error)) } else { Delivery::Later(told(error)) }
}

fn told(error: &smtp::Error) -> String {
    let mut told = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(source) = cause {
        if !told.contains(&source.to_string()) {
            told = format!("{told}: {source}");
        }
        cause = source.source();
    }
    told
}

/// The parts of `server`.
struct Server<'a> {
    scheme: &'a str,
    user: Option<&'a str>,
    /// With the port, where one is given.
    host: &'a str,
}

impl<'a> Server<'a> {
    fn read(server: &'a str) -> Result<Self, &'static str> {
        let (scheme, rest) = server.split_once("://").ok_or("no scheme")?;
        if !["smtp", "smtps"].contains(&scheme) {
            return Err("neither smtp nor smtps");
        }
        let (user, host) = match rest.rsplit_once('@') {
            Some((user, _)) if user.contains(':') => return Err("a password belongs into password_file"),
            Some((user, host)) => (Some(user), host),
            None => (None, rest),
        };
        if host.is_empty() || host.contains(['/', '?', '#', ' ']) || user.is_some_and(str::is_empty) {
            return Err("more or less than a host");
        }
        Ok(Server { scheme, user, host })
    }
}

/// A password as a part of a URL (RFC 3986, 2.1).
fn escaped(password: &str) -> String {
    password.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::message;
    use super::*;
    use crate::store::MessageKind;

    fn config(server: &str) -> MailConfig {
        MailConfig {
            server: server.to_owned(),
            from: "MW Officer <officer@example.org>".to_owned(),
            reply_to: None,
            password_file: None,
            timeout_seconds: 5,
        }
    }

    #[tokio::test]
    async fn nothing_in_a_message_becomes_a_header() {
        let mailer = Mailer::new(&config("smtp://127.0.0.1:1"), None).unwrap();
        let evil = "x\r\nBcc: evil@example.org\r\n\r\nbody";
        let mail = mailer.compose(&message(MessageKind::Mail, "a@b.org, c@d.org", evil, evil), Timestamp::UNIX_EPOCH);
        let text = String::from_utf8(mail.unwrap().formatted()).unwrap();
        let (headers, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(!headers.lines().any(|line| line.to_lowercase().starts_with("bcc")), "{headers}");
        assert!(headers.contains("To: a@b.org, c@d.org") && headers.contains("@example.org>"), "{headers}");
        assert!(headers.contains("Date: Thu, 01 Jan 1970 00:00:00"), "{headers}");
        assert!(body.contains("Bcc: evil@example.org"), "{body}");
        for evil in ["a@b.org\r\nBcc: c@d.org", "a@b.org\n", "", "a@b.org,,c@d.org", "\"x\r\n\"@b.org"] {
            let evil = mailer.compose(&message(MessageKind::Mail, evil, "x", "y"), Timestamp::UNIX_EPOCH);
            let text = evil.map(|mail| String::from_utf8(mail.formatted()).unwrap());
            assert!(text.as_ref().is_err() || !text.as_ref().unwrap().contains("Bcc"), "{text:?}");
        }
    }

    #[test]
    fn a_wrong_server_is_told() {
        for (server, expected) in [
            ("mail.example.org", "no scheme"),
            ("http://mail.example.org", "neither smtp"),
            ("smtp://user:word@mail.example.org", "password_file"),
            ("smtp://mail.example.org?tls=none", "more or less"),
            ("smtp://", "more or less"),
            ("smtps://user@mail.example.org", "password_file"),
        ] {
            let error = Mailer::new(&config(server), None).err().unwrap().to_string();
            assert!(error.contains(expected) && !error.contains("word@"), "{error}");
        }
        assert!(Mailer::new(&MailConfig { from: "nobody".to_owned(), ..config("smtp://localhost") }, None).is_err());
    }

    #[test]
    fn only_this_machine_is_spoken_to_in_the_open() {
        for (host, here) in [
            ("localhost:25", true),
            ("127.0.0.1", true),
            ("[::1]:25", true),
            ("mail.example.org:25", false),
            ("localhost.example.org", false),
            ("192.0.2.1", false),
            ("[2001:db8::1]", false),
        ] {
            assert_eq!(is_here(host), here, "{host}");
        }
    }
}
