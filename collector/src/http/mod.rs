//! The only door to HTTP: every route on one screen.

mod api;
mod change;
mod connection;
mod desk;
mod error;
mod guard;
mod health;
mod legacy;
mod metrics;
mod patience;
mod peer;
mod question;
mod receive;
mod recipients;
mod request_span;
mod visitor;

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn;
use axum::routing::{get, post};
use jiff::Timestamp;
use report::sealed::Recipient;
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::watch;
use tokio::task::JoinSet;

pub(crate) use self::error::HttpError;
use crate::access::csrf::CsrfKey;
use crate::access::log::AuditLog;
use crate::access::people::People;
use crate::admission::Admission;
use crate::answers::campaign::{Reading, Sending};
use crate::answers::judge::Judge;
use crate::intake::Intake;
use crate::metrics::{Certificate, LastFigures, Metrics};
use crate::refusals::Refusals;
use crate::room::Room;
use crate::store::Store;

/// What the endpoints share.
#[derive(Clone)]
pub struct Shared {
    /// The database.
    pub store: Store,
    /// What was judged before.
    pub judge: Arc<Judge>,
    /// The way into the inbox; `None` when this process does not receive.
    pub intake: Option<Intake>,
    /// Who may hand in reports now.
    pub admission: Admission,
    /// Where refused reports are counted; `None` when this process does not receive.
    pub refusals: Option<Refusals>,
    /// Where messages of campaigns go.
    pub sending: Sending,
    /// Whether this process shows pages.
    pub desk: bool,
    /// Memory for bodies of reports.
    pub room: Room,
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
    /// Addresses of proxies whose word about their clients is believed.
    pub trusted_proxies: Vec<IpAddr>,
    /// What this process counts.
    pub metrics: Metrics,
    /// What a scrape asked the database for.
    pub figures: Arc<LastFigures>,
    /// Whom readable reports are sealed for on arrival; nobody: they are kept readable.
    pub recipients: Arc<[Recipient]>,
    /// The file that tells hosts whom to seal for.
    pub recipient_bundle: Option<PathBuf>,
    /// The keys that this process opens with.
    pub certificates: Arc<[Certificate]>,
    /// Whom those proxies may name.
    pub people: People,
    /// Proves that people mean what they change.
    pub csrf: CsrfKey,
    /// Where reads and refusals are noted.
    pub log: AuditLog,
    /// How long a session lasts, in hours.
    pub session_hours: u32,
}

impl Shared {
    /// How campaigns and sites are looked at now.
    fn reading(&self, now: Timestamp) -> Reading {
        Reading { now, stale_after_days: self.stale_after_days }
    }
}

/// Every route of this process.
pub fn router(shared: Shared) -> Router {
    let mut router = Router::new()
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .route("/metrics", get(metrics::show).layer(from_fn(patience::bounded)));
    if shared.intake.is_some() {
        router = router
            .route("/v1/reports", post(receive::receive))
            .route("/v1/recipients", get(recipients::show).layer(from_fn(patience::bounded)))
            .route("/feeder", post(legacy::receive))
            .route("/feeder/", post(legacy::receive))
            .route("/package-report", post(legacy::receive));
    }
    if shared.desk {
        router = router.merge(desk::router(&shared)).merge(api::router(&shared));
    }
    // Last: what is added later would not know of it.
    router
        .fallback(error::not_found)
        .method_not_allowed_fallback(error::method_not_allowed)
        .layer(from_fn(request_span::span))
        .with_state(shared)
}

/// Serves on every socket until `stop`, then finishes the requests it has.
///
/// # Errors
/// The first socket's own that fails; the others are stopped then.
pub async fn serve(
    listening: Vec<Listening>,
    router: Router,
    stop: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let (stopping, stopped) = watch::channel(false);
    let mut sockets = JoinSet::new();
    for socket in listening {
        let (router, stopped) = (router.clone(), stopped.clone());
        match socket {
            Listening::Tcp(socket) => sockets.spawn(connection::serve(socket, router, stopped)),
            Listening::Unix(socket) => sockets.spawn(connection::serve(socket, router, stopped)),
        };
    }
    tokio::spawn(async move {
        stop.await;
        stopping.send_replace(true);
    });
    while let Some(ended) = sockets.join_next().await {
        ended.map_err(std::io::Error::other)?;
    }
    Ok(())
}

/// A socket that waits for connections.
#[derive(Debug)]
pub enum Listening {
    /// For hosts, or for a proxy on this machine.
    Tcp(TcpListener),
    /// For a proxy on this machine.
    Unix(UnixListener),
}
