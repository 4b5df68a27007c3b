//! Many who watch over server-sent events, and see to it that they get every event once, in order, unchanged.

use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::answer::{Result, verify, within};
use crate::numbered::Bodies;
use crate::usage::nanos;

/// Viewers at work. They leave when this is dropped.
#[derive(Debug)]
pub(crate) struct Viewers {
    shared: Arc<Shared>,
    at_work: JoinSet<()>,
}

#[derive(Debug, Default)]
struct Shared {
    /// Frames that all of them have got together.
    frames: AtomicU64,
    connected: AtomicU64,
    awaited: AtomicU64,
    reached: Notify,
    failed: Mutex<Option<String>>,
    first: Mutex<Option<Instant>>,
    /// Nanoseconds from the making of an event to its frame, where that is asked for.
    delays: Option<Mutex<Vec<f64>>>,
}

/// What one viewer expects.
struct Viewer {
    shared: Arc<Shared>,
    bodies: Bodies,
    begin: u64,
    next: u64,
    unread: Vec<u8>,
}

impl Viewers {
    /// Connects one to each of these paths. Each expects numbers from `first` on, without gap.
    pub(crate) async fn connect(
        address: &str,
        paths: impl IntoIterator<Item = String>,
        bodies: &Bodies,
        first: u64,
        timed: bool,
    ) -> Result<Self> {
        let shared = Arc::new(Shared { delays: timed.then(Mutex::default), ..Shared::default() });
        let mut viewers = Self { shared: Arc::clone(&shared), at_work: JoinSet::new() };
        let mut count = 0;
        for path in paths {
            let socket = TcpStream::connect(address).await?;
            let viewer = Viewer {
                shared: Arc::clone(&shared),
                bodies: bodies.clone(),
                begin: first,
                next: first,
                unread: Vec::new(),
            };
            let request =
                format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nAccept: text/event-stream\r\n\r\n");
            let failed = Arc::clone(&shared);
            viewers.at_work.spawn(async move {
                if let Err(error) = viewer.watch(socket, &request).await {
                    failed.fail(error.to_string());
                }
            });
            count += 1;
        }
        viewers.wait(&shared.connected, count, "connecting").await?;
        Ok(viewers)
    }

    /// Waits until all of them together have got so many frames.
    pub(crate) async fn frames(&self, frames: u64) -> Result<()> {
        self.wait(&self.shared.frames, frames, "the frames").await
    }

    /// When the first frame of all was here.
    pub(crate) async fn first(&self) -> Result<Instant> {
        let first = async {
            loop {
                if let Some(first) = *self.shared.first.lock().unwrap_or_else(PoisonError::into_inner) {
                    return Ok(first);
                }
                tokio::time::sleep(Duration::from_micros(200)).await;
            }
        };
        within(PATIENCE, "the first frame", first).await
    }

    /// Nanoseconds that the events since the last call took, sorted.
    pub(crate) fn delays(&self) -> Vec<f64> {
        let Some(delays) = &self.shared.delays else { return Vec::new() };
        let mut delays = std::mem::take(&mut *delays.lock().unwrap_or_else(PoisonError::into_inner));
        delays.sort_unstable_by(f64::total_cmp);
        delays
    }

    async fn wait(&self, what: &AtomicU64, goal: u64, name: &str) -> Result<()> {
        self.shared.awaited.store(goal, SeqCst);
        let reached = async {
            loop {
                // Listening before looking.
                let told = self.shared.reached.notified();
                tokio::pin!(told);
                told.as_mut().enable();
                if let Some(failed) = self.shared.failed.lock().unwrap_or_else(PoisonError::into_inner).take()
                {
                    return Err(failed.into());
                }
                let found = what.load(SeqCst);
                if found >= goal {
                    return verify(found == goal, || format!("{found} of {goal}: some are doubled"));
                }
                told.await;
            }
        };
        let name = format!("{name}: {goal}");
        within(PATIENCE, &name, reached).await
    }
}

impl Shared {
    fn begun(&self) {
        self.first.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(Instant::now);
    }

    fn add(&self, sum: &AtomicU64, more: u64) {
        // Whoever waits is woken once, not with every read.
        let before = sum.fetch_add(more, SeqCst);
        let awaited = self.awaited.load(SeqCst);
        if before < awaited && before + more >= awaited {
            self.reached.notify_one();
        }
    }

    fn fail(&self, why: String) {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(why);
        self.reached.notify_one();
    }
}

impl Viewer {
    async fn watch(mut self, mut socket: TcpStream, request: &str) -> Result<()> {
        socket.set_nodelay(true)?;
        socket.write_all(request.as_bytes()).await?;
        let mut answered = false;
        loop {
            // Room for a whole burst; given back below, so that idle ones hold little.
            self.unread.reserve(32 << 10);
            let read = socket.read_buf(&mut self.unread).await?;
            verify(read > 0, || format!("a stream ended before event {}", self.next))?;
            if !answered {
                let Some(end) = memchr::memmem::find(&self.unread, b"\r\n\r\n") else { continue };
                let accepted = self.unread.starts_with(b"HTTP/1.1 200");
                verify(accepted, || String::from_utf8_lossy(&self.unread).into_owned())?;
                self.unread.drain(..end + 4);
                answered = true;
                self.shared.add(&self.shared.connected, 1);
            }
            let frames = self.take_frames()?;
            if frames > 0 {
                self.shared.add(&self.shared.frames, frames);
            }
        }
    }

    /// The frames that are whole. What lies between them, of chunks, is not looked at.
    fn take_frames(&mut self) -> Result<u64> {
        let (mut frames, mut taken) = (0, 0);
        while let Some(end) = memchr::memmem::find(&self.unread[taken..], b"\n\n") {
            let frame = &self.unread[taken..taken + end];
            taken += end + 2;
            let Some(mark) = self.bodies.find(frame)? else { continue };
            let (found, expected) = (mark.number, self.next);
            verify(found == expected, || format!("event {found} came where {expected} was due"))?;
            if self.next == self.begin {
                self.shared.begun();
            }
            self.next += 1;
            frames += 1;
            if let Some(delays) = &self.shared.delays {
                let delay = nanos().saturating_sub(mark.nanos);
                delays.lock().unwrap_or_else(PoisonError::into_inner).push(delay as f64);
            }
        }
        self.unread.drain(..taken);
        if self.unread.is_empty() {
            self.unread = Vec::new();
        }
        Ok(frames)
    }
}

const PATIENCE: Duration = Duration::from_secs(120);

#[cfg(test)]
mod tests {
    use super::*;

    fn viewer(bodies: &Bodies) -> Viewer {
        Viewer { shared: Arc::default(), bodies: bodies.clone(), begin: 1, next: 1, unread: Vec::new() }
    }

    #[test]
    fn frames_are_found_across_chunks_and_a_gap_or_a_double_is_noticed() {
        let bodies = Bodies::new(1, 100);
        let frame = |number| format!("id: {number}\ndata: {}\n\n", bodies.text(number));
        let (one, two, three) = (frame(1), frame(2), frame(3));
        let mut whole = viewer(&bodies);
        for part in ["event: caught_up\ndata: {}\n\n", &one, "\r\n1f\r\n", &two[..30]] {
            whole.unread.extend_from_slice(part.as_bytes());
        }
        assert_eq!(whole.take_frames().expect("in order"), 1);
        whole.unread.extend_from_slice(&two.as_bytes()[30..]);
        assert_eq!(whole.take_frames().expect("in order"), 1);

        for wrong in [[&one, &three], [&one, &one]] {
            let mut viewer = viewer(&bodies);
            wrong.iter().for_each(|frame| viewer.unread.extend_from_slice(frame.as_bytes()));
            assert!(viewer.take_frames().is_err());
        }
    }
}
