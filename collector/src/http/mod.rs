//! The only door to HTTP: every route on one screen.

mod desk;
mod error;
mod health;
mod legacy;
mod receive;

use std::net::SocketAddr;

use axum::Router;
use axum::extract::connect_info::{ConnectInfo, Connected};
use axum::routing::{get, post};
use axum::serve::IncomingStream;
use tokio::net::{TcpListener, UnixListener};

use crate::intake::Intake;
use crate::store::Store;

/// What the endpoints share.
#[derive(Clone)]
pub struct Shared {
    /// The database.
    pub store: Store,
    /// The way into the inbox; `None` when this process does not receive.
    pub intake: Option<Intake>,
    /// Whether this process shows pages.
    pub desk: bool,
    /// Largest body of a report, in bytes.
    pub max_report_bytes: usize,
    /// Longest time that a body may take, in seconds.
    pub body_timeout_seconds: u64,
    /// Whether legacy hosts may send readable text.
    pub legacy_plain_text: bool,
    /// What legacy hosts are answered.
    pub legacy_answer: String,
    /// A host without news for so many days is unknown.
    pub stale_after_days: u32,
}

/// Every route of this process.
pub fn router(shared: Shared) -> Router {
    let mut router = Router::new()
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .fallback(error::not_found)
        .method_not_allowed_fallback(error::method_not_allowed);
    if shared.intake.is_some() {
        router = router
            .route("/v1/reports", post(receive::receive))
            .route("/feeder", post(legacy::receive))
            .route("/feeder/", post(legacy::receive))
            .route("/package-report", post(legacy::receive));
    }
    if shared.desk {
        router = router.route("/", get(desk::overview)).route("/desk.css", get(desk::style));
    }
    router.with_state(shared)
}

/// Serves on a TCP or Unix socket until `stop`, then finishes the requests it has.
///
/// # Errors
/// The socket's own.
pub async fn serve(
    listening: Listening,
    router: Router,
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let service = router.into_make_service_with_connect_info::<Peer>();
    match listening {
        Listening::Tcp(listener) => axum::serve(listener, service).with_graceful_shutdown(stop).await,
        Listening::Unix(listener) => axum::serve(listener, service).with_graceful_shutdown(stop).await,
    }
}

/// A socket that waits for connections.
#[derive(Debug)]
pub enum Listening {
    /// For hosts, or for a proxy on this machine.
    Tcp(TcpListener),
    /// For a proxy on this machine.
    Unix(UnixListener),
}

/// Who is at the other end of the connection.
#[derive(Debug, Clone)]
enum Peer {
    Address(SocketAddr),
    LocalSocket,
}

impl Peer {
    /// Whether the connection comes from this machine: a person at it, or a proxy that has checked who asks.
    fn is_local(&self) -> bool {
        match self {
            Peer::Address(address) => address.ip().to_canonical().is_loopback(),
            Peer::LocalSocket => true,
        }
    }
}

impl std::fmt::Display for Peer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Peer::Address(address) => write!(f, "{}", address.ip().to_canonical()),
            Peer::LocalSocket => f.write_str("local socket"),
        }
    }
}

impl Connected<IncomingStream<'_, TcpListener>> for Peer {
    fn connect_info(stream: IncomingStream<'_, TcpListener>) -> Self {
        Peer::Address(*stream.remote_addr())
    }
}

impl Connected<IncomingStream<'_, UnixListener>> for Peer {
    fn connect_info(_: IncomingStream<'_, UnixListener>) -> Self {
        Peer::LocalSocket
    }
}

type SentBy = ConnectInfo<Peer>;
