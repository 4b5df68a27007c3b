use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::problem::Problem;

/// The streams that are open, and how many may be.
#[derive(Debug)]
pub(crate) struct Streams {
    places: Arc<Semaphore>,
    limit: usize,
    heartbeat: Duration,
}

impl Streams {
    pub(crate) fn new(limit: usize, heartbeat: Duration) -> Self {
        let limit = limit.min(Semaphore::MAX_PERMITS);
        Self { places: Arc::new(Semaphore::new(limit)), limit, heartbeat }
    }

    pub(crate) const fn limit(&self) -> usize {
        self.limit
    }

    pub(crate) const fn heartbeat(&self) -> Duration {
        self.heartbeat
    }

    pub(crate) fn open(&self) -> usize {
        self.limit - self.places.available_permits()
    }

    /// A place for one more stream, free again when it is dropped.
    pub(crate) fn place(&self) -> Result<OwnedSemaphorePermit, Problem> {
        Arc::clone(&self.places).try_acquire_owned().map_err(|_| {
            let detail = format!("{} streams are open, and no more are allowed.", self.limit);
            Problem::new(StatusCode::TOO_MANY_REQUESTS, "too_many_streams", detail).retry_after(STREAM_RETRY)
        })
    }
}

/// Seconds after which a place may be free.
const STREAM_RETRY: u32 = 5;
