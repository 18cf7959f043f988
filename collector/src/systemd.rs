//! What systemd hands over (sockets, credentials) and what it is told (sd_notify(3), systemd.exec(5) "CREDENTIALS").

use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::time::Duration;

use listenfd::ListenFd;
use sd_notify::NotifyState;

/// The units' `LoadCredential=credentials:FOLDER`: each file of the folder arrives with this before its name.
const FROM_FOLDER: &str = "credentials_";

/// Where that folder is, for root, who asks beside the running service.
const FOLDER: &str = "/etc/wlcg-package-collector/credentials";

/// Name of the file that holds the database's password.
pub const DATABASE_PASSWORD: &str = "database-password";

/// Name of the file that holds the passphrase of the private keys.
pub const KEY_PASSPHRASE: &str = "key-passphrase";

/// Name of the file that holds the PIN of a token with private keys.
pub const TOKEN_PIN: &str = "token-pin";

/// Name of the file that holds the mail server's password.
pub const MAIL_PASSWORD: &str = "mail-password";

/// Name of the file that holds the webhook's secret.
pub const WEBHOOK_SECRET: &str = "webhook-secret";

/// A socket that systemd has bound for us.
#[derive(Debug)]
pub enum Handed {
    /// `ListenStream=ADDR:PORT`
    Tcp(TcpListener),
    /// `ListenStream=/PATH`
    Unix(UnixListener),
}

/// The sockets of the `.socket` unit; none when the program was started otherwise.
///
/// # Errors
/// The system's own; a socket of another kind among them.
pub fn sockets() -> std::io::Result<Vec<Handed>> {
    let mut handed = ListenFd::from_env();
    let mut sockets = Vec::new();
    for at in 0..handed.len() {
        // A descriptor of the other kind is refused and stays where it is.
        let socket = match handed.take_tcp_listener(at) {
            Ok(listener) => listener.map(Handed::Tcp),
            Err(_) => handed.take_unix_listener(at)?.map(Handed::Unix),
        };
        sockets.extend(socket);
    }
    Ok(sockets)
}

/// The key files among the credentials.
#[must_use]
pub fn keys() -> Vec<PathBuf> {
    let files = folder().and_then(|folder| std::fs::read_dir(folder).ok());
    let mut keys: Vec<PathBuf> = files
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|file| file.file_name().is_some_and(|name| name.to_string_lossy().ends_with(crate::keys::SECRET)))
        .collect();
    keys.sort();
    keys
}

/// The file of this name among the credentials.
#[must_use]
pub fn secret(name: &str) -> Option<PathBuf> {
    let handed = folder().map(|folder| folder.join(format!("{FROM_FOLDER}{name}")));
    handed.or_else(|| Some(source()?.join(name))).filter(|file| file.is_file())
}

/// The folder that the credentials come from, when we may read it and are not the service itself.
#[must_use]
pub fn source() -> Option<PathBuf> {
    let readable = folder().is_none() && std::fs::read_dir(FOLDER).is_ok();
    readable.then(|| PathBuf::from(FOLDER))
}

fn folder() -> Option<PathBuf> {
    std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from)
}

/// Tells that requests are answered from now on, and goes on telling that the program is alive.
pub fn ready(status: &str) {
    tell(&[NotifyState::Ready, NotifyState::Status(status)]);
    if let Some(patience) = sd_notify::watchdog_enabled() {
        tokio::spawn(keep_alive(patience / 3));
    }
}

/// Tells that the program finishes what it has begun.
pub fn stopping() {
    tell(&[NotifyState::Stopping, NotifyState::Status("finishing what was begun")]);
}

async fn keep_alive(pause: Duration) {
    loop {
        tell(&[NotifyState::Watchdog]);
        tokio::time::sleep(pause).await;
    }
}

fn tell(states: &[NotifyState<'_>]) {
    // Without systemd nobody listens, and one that does not hear decides for itself.
    let _ = sd_notify::notify(states);
}
