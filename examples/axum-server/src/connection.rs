use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::stall::StallLimit;

/// Serves `app` until `stop`. Then the listener is closed, and the connections end with the answers they are at;
/// the tracker knows when.
pub(crate) async fn accept(listener: TcpListener, app: Router, stop: CancellationToken, open: TaskTracker) {
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let accepted = tokio::select! {
            biased;
            () = stop.cancelled() => break,
            // Those who come too many wait in the queue of the system.
            accepted = async {
                let place = Arc::clone(&places).acquire_owned().await;
                (place, listener.accept().await)
            } => accepted,
        };
        let (place, accepted) = accepted;
        match accepted {
            Ok((stream, _)) => {
                let connection = serve(stream, app.clone(), stop.clone());
                open.spawn(async move {
                    let _place = place;
                    connection.await;
                });
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                // Mostly too many open files: that passes, and not sooner when asked again at once.
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    open.close();
}

async fn serve(stream: TcpStream, app: Router, stop: CancellationToken) {
    // Events are small and late ones are late: nothing is gained by collecting them here.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection without TCP_NODELAY");
    }
    let io = TokioIo::new(StallLimit::new(stream, WRITE_STALL));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_READ)
        .max_buf_size(BUFFER)
        .serve_connection(io, TowerToHyperService::new(app));
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection broke off");
    }
}

const MAX_CONNECTIONS: usize = 256;

/// How long the head of a request may take.
const HEADER_READ: Duration = Duration::from_secs(10);

/// How long a client may take nothing of its answer: a minute, and a quarter more, so that one that comes back after a
/// minute is not cut off at that very moment.
const WRITE_STALL: Duration = Duration::from_secs(75);

/// Bytes a connection may hold in each direction; the head of a request must fit.
const BUFFER: usize = 64 << 10;

const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
