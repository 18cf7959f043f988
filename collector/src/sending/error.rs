//! Why nothing can be sent as configured.

use std::path::PathBuf;

/// What is wrong with `[mail]` or `[webhook]`.
#[derive(Debug, thiserror::Error)]
pub enum SendingError {
    /// Not a mail server.
    #[error(
        "[mail] server {server:?}: {what}; write smtp://HOST[:PORT], smtps://HOST[:PORT] or the same with USER@ before HOST"
    )]
    Server {
        /// As configured, without a password.
        server: String,
        /// What is wrong.
        what: String,
    },
    /// Not an address.
    #[error("[mail] {key} {value:?} is no address: write name@example.org or \"Name <name@example.org>\"")]
    Address {
        /// Which key.
        key: &'static str,
        /// As configured.
        value: String,
    },
    /// Not the address of a webhook.
    #[error(
        "[webhook] url {0:?}: write https://HOST/PATH without a user name; http:// only for a host on this machine"
    )]
    Url(String),
    /// A secret that cannot be read.
    #[error("reading {what} {file}: {source}")]
    Read {
        /// Which one.
        what: &'static str,
        /// The file.
        file: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A secret that is none.
    #[error(
        "the webhook's secret in {0}: expected \"whsec_\" and base64 of 24 to 64 bytes in the first line, as `echo whsec_$(openssl rand -base64 32)` makes it"
    )]
    Secret(PathBuf),
    /// A user and no password.
    #[error("[mail] server names a user: name the file with the password in password_file")]
    NoPassword,
    /// No secret at all.
    #[error("[webhook] has no secret: name the file that holds it in secret_file")]
    NoSecret,
    /// The mail server does not answer as it should.
    #[error("the mail server {server}: {reason}")]
    MailServer {
        /// As configured.
        server: String,
        /// The library's words.
        reason: String,
    },
}

/// The first line of a file.
pub(super) fn first_line(what: &'static str, file: &std::path::Path) -> Result<String, SendingError> {
    let text =
        std::fs::read_to_string(file).map_err(|source| SendingError::Read { what, file: file.to_owned(), source })?;
    Ok(text.lines().next().unwrap_or_default().to_owned())
}
