//! `serve`: the roles of one process, from the socket to the last acknowledgement.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use report::sealed::OpeningKey;
use tokio::net::{TcpListener, TcpSocket, UnixListener};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Notify, watch};

use crate::access::csrf::CsrfKey;
use crate::access::log::AuditLog;
use crate::access::people::People;
use crate::access::retention;
use crate::access::secret::NoRandom;
use crate::access::watch as people_watch;
use crate::admission::{self, Admission};
use crate::answers::AnswerError;
use crate::answers::campaign::{self, Reading, Sending};
use crate::answers::judge::Judge;
use crate::config::Config;
use crate::http::{self, Listening, Shared};
use crate::intake::Intake;
use crate::keys::{self, KeyFile, KeysError};
use crate::leap::Leaps;
use crate::metrics::{Certificate, Metrics};
use crate::opener::Opener;
use crate::purge::{Kept, keep_purging};
use crate::refusals::Refusals;
use crate::room::Room;
use crate::sending::{Courier, SendingError};
use crate::store::{Store, StoreError};
use crate::systemd;

/// How often the inbox is looked at for what another process received.
const LOOK: Duration = Duration::from_secs(2);

/// How often it is looked which sites of campaigns are done, in seconds.
const WATCH: i64 = 3_600;

/// How long the database may say nothing to whoever works in the background.
const SILENCE: Duration = Duration::from_secs(600);

/// Longest pause between tries while the database is away.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Longest pause while others open the same inbox: they may be gone then.
const LONGEST_PAUSE_FOR_OTHERS: Duration = Duration::from_secs(8);

/// Where `serve` is to be reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address(pub String);

/// The sockets that systemd hands over, else the address that `listen` names: `ADDR:PORT` or `unix:PATH`.
///
/// # Errors
/// [`ServeError::Bind`].
pub async fn bind(listen: &str) -> Result<(Vec<Listening>, Address), ServeError> {
    let handed = systemd::sockets().map_err(ServeError::Handed)?;
    if handed.is_empty() {
        let (listening, address) = bind_own(listen).await?;
        return Ok((vec![listening], address));
    }
    let mut listening = Vec::new();
    let mut addresses = Vec::new();
    for socket in handed {
        let (socket, address) = take_over(socket).map_err(ServeError::Handed)?;
        listening.push(socket);
        addresses.push(address);
    }
    Ok((listening, Address(addresses.join(" and "))))
}

fn take_over(socket: systemd::Handed) -> std::io::Result<(Listening, String)> {
    match socket {
        systemd::Handed::Tcp(socket) => {
            socket.set_nonblocking(true)?;
            let address = format!("http://{}", socket.local_addr()?);
            Ok((Listening::Tcp(TcpListener::from_std(socket)?), address))
        }
        systemd::Handed::Unix(socket) => {
            socket.set_nonblocking(true)?;
            let path = socket.local_addr()?.as_pathname().map(|path| path.display().to_string()).unwrap_or_default();
            Ok((Listening::Unix(UnixListener::from_std(socket)?), format!("unix:{path}")))
        }
    }
}

async fn bind_own(listen: &str) -> Result<(Listening, Address), ServeError> {
    let bind_error = |source| ServeError::Bind { listen: listen.to_owned(), source };
    if let Some(path) = listen.strip_prefix("unix:") {
        remove_stale_socket(Path::new(path)).map_err(bind_error)?;
        let listener = UnixListener::bind(path).map_err(bind_error)?;
        return Ok((Listening::Unix(listener), Address(listen.to_owned())));
    }
    let listener = listen_on(listen).await.map_err(bind_error)?;
    let address = listener.local_addr().map_err(bind_error)?;
    Ok((Listening::Tcp(listener), Address(format!("http://{address}"))))
}

/// Connections that may wait to be let in, if the system allows as many (`net.core.somaxconn`): hosts come back together.
const BACKLOG: u32 = 4096;

async fn listen_on(listen: &str) -> std::io::Result<TcpListener> {
    let mut failed = std::io::Error::from(std::io::ErrorKind::AddrNotAvailable);
    for address in tokio::net::lookup_host(listen).await? {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        socket.set_reuseaddr(true)?;
        match socket.bind(address).and_then(|()| socket.listen(BACKLOG)) {
            Ok(listener) => return Ok(listener),
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

/// Runs the roles that `config` asks for until `stop`, then finishes what was begun.
///
/// # Errors
/// [`ServeError`].
pub async fn serve(
    store: Store,
    config: &Config,
    keys: Vec<KeyFile>,
    listening: Vec<Listening>,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<(), ServeError> {
    let leaps = Leaps::since(store.newest_time().await?.unwrap_or_else(|| crate::clock::now().as_second()));
    let arrived = Arc::new(Notify::new());
    let (stopping, stopped) = watch::channel(false);
    let metrics = Metrics::default();
    let recipients = match keys::recipients(&config.recipients)? {
        named if named.is_empty() => {
            keys.iter().filter(|file| !file.retired).map(|file| file.key.recipient().clone()).collect()
        }
        named => named.into(),
    };
    let keys: Vec<OpeningKey> = keys.into_iter().map(|file| file.key).collect();
    let certificates = keys.iter().filter_map(|key| Certificate::of(key.recipient())).collect();
    let (intake, committing) = config.receive.then(|| Intake::start(store.clone(), Arc::clone(&arrived))).unzip();
    let (refusals, counting) = config.receive.then(|| Refusals::start(store.clone())).unzip();
    let admission = Admission::new(config.bounds());
    let admitting = config
        .receive
        .then(|| tokio::spawn(admission::keep_refreshing(admission.clone(), store.clone(), stopping.subscribe())));
    let opening = if config.open && !keys.is_empty() {
        let opener = Opener::new(store.clone(), keys).counting_in(metrics.clone()).with_policy(config.policy());
        Some(tokio::spawn(keep_opening(opener, Arc::clone(&arrived), stopped)))
    } else {
        if config.open {
            tracing::warn!("no key configured: reports are received and wait; make one with `keys new`");
        }
        None
    };
    let sending = config.sending();
    let judge = Arc::<Judge>::default();
    let courier = Courier::configured(store.clone(), config)?;
    let delivering = (config.desk && courier.has_a_way()).then(|| {
        let watch = Watch { sending: sending.clone(), judge: Arc::clone(&judge), days: config.stale_after_days };
        tokio::spawn(keep_sending(courier, watch, stopping.subscribe()))
    });
    let purging =
        tokio::spawn(keep_purging(store.clone(), Kept::configured(config), leaps.clone(), stopping.subscribe()));
    let (log, logging) = AuditLog::start(store.clone());
    let contacts = config.contacts();
    people_watch::refresh(&contacts, &log).await;
    let refreshing = tokio::spawn(people_watch::keep_refreshing(contacts.clone(), log.clone(), stopping.subscribe()));
    let pruning =
        tokio::spawn(retention::keep_pruning(store.clone(), config.audit_keep_days, leaps, stopping.subscribe()));
    let router = http::router(Shared {
        store: store.clone(),
        judge,
        sending,
        intake,
        admission,
        refusals,
        desk: config.desk,
        room: Room::for_bodies_of(config.max_report_bytes),
        max_report_bytes: config.max_report_bytes,
        body_timeout_seconds: config.body_timeout_seconds,
        legacy_plain_text: config.legacy_plain_text,
        legacy_answer: config.legacy_answer.clone(),
        stale_after_days: config.stale_after_days,
        trusted_proxies: config.trusted_proxies.clone(),
        metrics,
        figures: Arc::default(),
        recipients,
        recipient_bundle: config.recipient_bundle_file.clone(),
        certificates,
        people: People::new(&config.people, contacts.clone()),
        csrf: csrf_key(&store).await?,
        log,
        session_hours: config.session_hours,
    });
    let stop = async move {
        stop.await;
        systemd::stopping();
    };
    let served = http::serve(listening, router, stop).await;
    stopping.send_replace(true);
    let tasks = [
        committing,
        counting,
        admitting,
        opening,
        delivering,
        Some(refreshing),
        Some(pruning),
        Some(purging),
        Some(logging),
    ];
    for task in tasks.into_iter().flatten() {
        let _ = task.await;
    }
    store.close().await;
    served.map_err(ServeError::Serve)
}

/// The key that all processes of this collector share.
async fn csrf_key(store: &Store) -> Result<CsrfKey, ServeError> {
    let shared = store.shared_secret("csrf", &CsrfKey::new()?.to_hex()).await?;
    CsrfKey::from_hex(&shared).ok_or_else(|| StoreError::Inconsistent("the secret csrf".to_owned()).into())
}

/// Where people reach the desk without a proxy, on this machine alone: the place for a sign-in link.
#[must_use]
pub fn embedded(listening: &[Listening], config: &Config) -> Option<String> {
    if !config.desk || !config.trusted_proxies.is_empty() {
        return None;
    }
    listening.iter().find_map(|socket| match socket {
        Listening::Tcp(socket) => {
            let address = socket.local_addr().ok().filter(|address| address.ip().to_canonical().is_loopback())?;
            Some(format!("http://{address}"))
        }
        Listening::Unix(_) => None,
    })
}

/// Resolves when the process is asked to end.
///
/// # Errors
/// [`ServeError::Signal`] when the signals cannot be listened to.
pub fn asked_to_end() -> Result<impl Future<Output = ()> + Send + 'static, ServeError> {
    let mut terminate = signal(SignalKind::terminate()).map_err(ServeError::Signal)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(ServeError::Signal)?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// Opens what arrives in the database from elsewhere, until `stop`.
pub async fn open_until(opener: Opener, stop: impl Future<Output = ()>) {
    let (stopping, stopped) = watch::channel(false);
    let opening = keep_opening(opener, Arc::default(), stopped);
    tokio::join!(opening, async {
        stop.await;
        stopping.send_replace(true);
    });
}

/// Opens whatever arrives; while the database is away it waits longer and longer. What waits for a key's token costs little: the
/// token itself is looked for less and less often.
async fn keep_opening(opener: Opener, arrived: Arc<Notify>, mut stopped: watch::Receiver<bool>) {
    let mut pause = LOOK;
    let mut is_key_away = false;
    let trying = opener.clone();
    // Beside the first round: a token may take its time, and other keys need not wait for it.
    tokio::spawn(async move { trying.try_keys().await });
    loop {
        match opener.open_waiting().await {
            Ok(done) => {
                is_key_away = done.waiting > 0;
                if done.opened + done.set_aside > 0 {
                    tracing::info!(opened = done.opened, set_aside = done.set_aside, "inbox opened");
                }
                pause = LOOK;
            }
            Err(error) => {
                // Where others open the same inbox, whoever lost often enough leaves it to them for a moment.
                let longest = if error.is_conflict() { LONGEST_PAUSE_FOR_OTHERS } else { LONGEST_PAUSE };
                pause = (pause * 2).min(longest);
                tracing::error!(%error, seconds = pause.as_secs(), "opening stopped, will go on");
            }
        }
        tokio::select! {
            () = arrived.notified(), if pause == LOOK && !is_key_away => {}
            () = tokio::time::sleep(pause) => {}
            _ = stopped.wait_for(|stopped| *stopped) => return,
        }
    }
}

/// Sends what is approved in the database from anywhere, until `stop`.
pub async fn send_until(courier: Courier, watch: Watch, stop: impl Future<Output = ()>) {
    let (stopping, stopped) = watch::channel(false);
    let sending = keep_sending(courier, watch, stopped);
    tokio::join!(sending, async {
        stop.await;
        stopping.send_replace(true);
    });
}

/// What sites are watched with, so that the webhook can be told when they are done.
pub struct Watch {
    /// Where messages go.
    pub sending: Sending,
    /// What was judged before.
    pub judge: Arc<Judge>,
    /// A host without news for so many days is unknown.
    pub days: u32,
}

/// Sends whatever is approved, and keeps for approval what the webhook could be told; while the database is away it waits
/// longer and longer.
async fn keep_sending(courier: Courier, watch: Watch, mut stopped: watch::Receiver<bool>) {
    let mut pause = LOOK;
    let mut watched = 0;
    loop {
        let now = crate::clock::now();
        let done = async {
            if now.as_second() - watched >= WATCH {
                let reading = Reading { now, stale_after_days: watch.days };
                let telling = campaign::announce_done(courier.store(), &watch.judge, &watch.sending, reading);
                let silence = || StoreError::Silent { seconds: SILENCE.as_secs() };
                tokio::time::timeout(SILENCE, telling).await.map_err(|_| silence())??;
                watched = now.as_second();
            }
            Ok::<_, AnswerError>(courier.send_waiting().await?)
        };
        // A message that is on its way is waited for: otherwise it would be sent again after its lease.
        match done.await {
            Ok(round) => {
                if round != Default::default() {
                    tracing::info!(sent = round.sent, later = round.later, failed = round.failed, "messages");
                }
                pause = LOOK;
            }
            Err(error) => {
                pause = (pause * 2).min(LONGEST_PAUSE);
                tracing::error!(%error, seconds = pause.as_secs(), "sending stopped, will go on");
            }
        }
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            _ = stopped.wait_for(|stopped| *stopped) => return,
        }
    }
}

/// A socket that nobody answers on is left from a killed process.
fn remove_stale_socket(path: &Path) -> std::io::Result<()> {
    match std::os::unix::net::UnixStream::connect(path) {
        Err(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => std::fs::remove_file(path),
        _ => Ok(()),
    }
}

/// Why serving ended or did not begin.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// A certificate to seal for.
    #[error(transparent)]
    Recipients(#[from] KeysError),
    /// The address cannot be had.
    #[error("listening on {listen}: {source}")]
    Bind {
        /// As configured.
        listen: String,
        /// The system's reason.
        source: std::io::Error,
    },
    /// systemd's sockets cannot be used.
    #[error("taking over the sockets of wlcg-package-collector.socket: {0}")]
    Handed(#[source] std::io::Error),
    /// The socket failed.
    #[error("serving: {0}")]
    Serve(#[source] std::io::Error),
    /// The database, before serving began.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No random bytes.
    #[error(transparent)]
    Random(#[from] NoRandom),
    /// Nothing can be sent as configured.
    #[error(transparent)]
    Sending(#[from] SendingError),
    /// Signals cannot be listened to.
    #[error("listening to signals: {0}")]
    Signal(#[source] std::io::Error),
}
