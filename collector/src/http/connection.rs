//! Serves the connections of one socket: each is bounded in how long its requests and its answers may stand still, and in memory.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::serve::Listener;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::sync::watch;
use tokio_io_timeout::TimeoutStream;

use super::peer::Peer;

/// Longest time from the opening of a connection, or from the last answer on it, to the end of the next request's head.
const HEAD_PATIENCE: Duration = Duration::from_secs(30);

/// Longest time in which whoever asked reads nothing of an answer.
const READER_PATIENCE: Duration = Duration::from_secs(60);

/// Most bytes that are read ahead on a connection; the head of a request has to fit.
const READ_AHEAD: usize = 64 * 1024;

/// Serves until `stopped`, then finishes the requests that were begun.
pub(super) async fn serve<L>(mut listener: L, router: Router, mut stopped: watch::Receiver<bool>)
where
    L: Listener,
    Peer: From<L::Addr>,
{
    let mut server = http1::Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(HEAD_PATIENCE).max_buf_size(READ_AHEAD);
    let open = GracefulShutdown::new();
    loop {
        let (stream, address) = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stopped.wait_for(|stopped| *stopped) => break,
        };
        let (peer, router) = (Peer::from(address), TowerToHyperService::new(router.clone()));
        let service = service_fn(move |request: Request<Incoming>| {
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(peer.clone());
            router.call(request)
        });
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(READER_PATIENCE));
        let connection = open.watch(server.serve_connection(TokioIo::new(Box::pin(stream)), service));
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "connection ended");
            }
        });
    }
    drop(listener);
    open.shutdown().await;
}
