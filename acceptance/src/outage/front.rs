//! What stands before the collector: nobody, a proxy that answers 503, or one that passes on and says for whom; it remembers the answers.

use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{self as client, SendRequest};
use hyper::server::conn::http1 as server;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::task::AbortHandle;

/// A port of this machine with a proxy that comes and goes.
pub(super) struct Front {
    port: u16,
    runtime: Runtime,
    listening: Mutex<Option<AbortHandle>>,
    passed: Passed,
}

/// What passed while it was there.
type Passed = Arc<Mutex<Vec<Post>>>;

/// A report that came, and the answer to it.
#[derive(Debug, Clone)]
pub struct Post {
    /// From its last byte to its answer.
    pub took: Duration,
    /// The answer's status.
    pub status: u16,
}

/// Where a request goes.
#[derive(Clone)]
enum Far {
    /// Nowhere: it is answered 503, as a proxy does whose collector is away.
    Nowhere,
    /// To a collector.
    Collector(SocketAddr),
}

/// One connection to the collector, made when it is needed.
type Open = Arc<tokio::sync::Mutex<Option<SendRequest<Full<Bytes>>>>>;

impl Front {
    /// A port at which nobody listens yet.
    #[must_use]
    pub(super) fn new() -> Self {
        // Below those that the kernel gives away: nobody else listens there while we do not.
        let is_free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
        let port = (0..1_000).map(|_| fastrand::u16(20_000..30_000)).find(is_free).expect("a port is free");
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        Front { port, runtime, listening: Mutex::default(), passed: Arc::default() }
    }

    /// The collector's address as the host at that address of the outside world has it.
    #[must_use]
    pub(super) fn url(&self, address: &str) -> String {
        format!("http://127.0.0.1:{}/{address}", self.port)
    }

    /// Nobody listens from now on.
    pub(super) fn is_nobody(&self) {
        if let Some(earlier) = locked(&self.listening).take() {
            earlier.abort();
        }
    }

    /// Answers 503 from now on.
    pub(super) fn is_alone(&self) {
        self.listen(Far::Nowhere);
    }

    /// Passes on to a collector from now on.
    pub(super) fn leads_to(&self, collector: &str) {
        self.listen(Far::Collector(collector.strip_prefix("http://").unwrap().parse().unwrap()));
    }

    /// The reports that came so far, with their answers.
    #[must_use]
    pub(super) fn posts(&self) -> Vec<Post> {
        locked(&self.passed).clone()
    }

    fn listen(&self, far: Far) {
        let mut listening = locked(&self.listening);
        if let Some(earlier) = listening.take() {
            earlier.abort();
        }
        let passed = Arc::clone(&self.passed);
        let listener = self.runtime.block_on(bound(self.port));
        let task = self.runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (far, passed, open) = (far.clone(), Arc::clone(&passed), Open::default());
                let answer = service_fn(move |request| answer(far.clone(), Arc::clone(&passed), open.clone(), request));
                tokio::spawn(server::Builder::new().serve_connection(TokioIo::new(stream), answer));
            }
        });
        *listening = Some(task.abort_handle());
    }
}

impl Default for Front {
    fn default() -> Self {
        Front::new()
    }
}

/// Waits until whoever listened before has gone; a whole grid may wait to be let in.
async fn bound(port: u16) -> tokio::net::TcpListener {
    loop {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.set_reuseaddr(true).unwrap();
        if socket.bind(([127, 0, 0, 1], port).into()).is_ok()
            && let Ok(listener) = socket.listen(4_096)
        {
            return listener;
        }
        tokio::task::yield_now().await;
    }
}

async fn answer(
    far: Far,
    passed: Passed,
    open: Open,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    let came = Instant::now();
    let (address, path) = parts.uri.path().trim_start_matches('/').split_once('/').unwrap_or_default();
    let mut onward = Request::builder().method(&parts.method).uri(format!("/{path}"));
    *onward.headers_mut().unwrap() = parts.headers;
    let onward = onward.header("x-forwarded-for", address).body(Full::new(body)).unwrap();
    let answer = match far {
        Far::Nowhere => away(),
        Far::Collector(collector) => pass(collector, &open, onward).await.unwrap_or_else(away),
    };
    if parts.method == Method::POST {
        locked(&passed).push(Post { took: came.elapsed(), status: answer.status().as_u16() });
    }
    Ok(answer)
}

/// The collector's answer; none when the connection breaks.
async fn pass(collector: SocketAddr, open: &Open, onward: Request<Full<Bytes>>) -> Option<Response<Full<Bytes>>> {
    let mut open = open.lock().await;
    let mut connection = match open.take() {
        Some(connection) => connection,
        None => connect(collector).await?,
    };
    connection.ready().await.ok()?;
    let (parts, body) = connection.send_request(onward).await.ok()?.into_parts();
    let body = body.collect().await.ok()?.to_bytes();
    *open = Some(connection);
    Some(Response::from_parts(parts, Full::new(body)))
}

async fn connect(collector: SocketAddr) -> Option<SendRequest<Full<Bytes>>> {
    let stream = TcpStream::connect(collector).await.ok()?;
    let (sender, connection) = client::handshake(TokioIo::new(stream)).await.ok()?;
    tokio::spawn(connection);
    Some(sender)
}

/// As Apache says it: a page, and no time to come back.
fn away() -> Response<Full<Bytes>> {
    let mut page = Response::new(Full::from("<h1>Service Unavailable</h1>\n"));
    *page.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    page
}

fn locked<T>(what: &Mutex<T>) -> MutexGuard<'_, T> {
    what.lock().unwrap()
}
