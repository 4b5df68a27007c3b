//! A file to which a group of waiting appenders is written at once: no tasks, no order among writers, no readers, no
//! index. The fastest that an acknowledged append can be here.

use std::fs::File;
use std::io::Write;
use std::mem;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use crate::answer::{Result, verify};
use crate::workload::{Appender, Payload, Payloads, Round};

/// The log: frames of length, checksum, appender and payload.
#[derive(Debug)]
pub(crate) struct RawLog {
    path: PathBuf,
    shared: Arc<Shared>,
    writer: Option<JoinHandle<std::io::Result<()>>>,
}

/// One who appends to it.
#[derive(Debug)]
pub(crate) struct RawAppender {
    who: u32,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    queue: Mutex<Queue>,
    arrived: Condvar,
}

#[derive(Debug, Default)]
struct Queue {
    frames: Vec<u8>,
    waiting: Vec<oneshot::Sender<()>>,
    closed: bool,
    /// How many the writer waits for.
    awaited: usize,
}

impl RawLog {
    /// A new file in `place`.
    pub(crate) fn create(place: &Path) -> Result<Self> {
        let path = place.join("raw.log");
        let file = File::create_new(&path)?;
        let shared = Arc::<Shared>::default();
        let queue = Arc::clone(&shared);
        let writer = std::thread::spawn(move || queue.write(file));
        Ok(Self { path, shared, writer: Some(writer) })
    }

    pub(crate) fn appenders(&self, count: u32) -> Vec<RawAppender> {
        (0..count).map(|who| RawAppender { who, shared: Arc::clone(&self.shared) }).collect()
    }

    /// Reads the file back: everything that was acknowledged is there, in order, byte for byte.
    pub(crate) fn check(mut self, round: &Round<RawAppender>, payloads: &Payloads) -> Result<()> {
        self.shared.close();
        if let Some(writer) = self.writer.take() {
            writer.join().map_err(|_| "the writer panicked")??;
        }
        let file = std::fs::read(&self.path)?;
        let mut found = vec![0_u64; round.appenders.len()];
        let mut rest = &file[..];
        while let Some((head, behind)) = rest.split_at_checked(HEAD) {
            let number = |from: usize| u32::from_le_bytes([0, 1, 2, 3].map(|byte| head[from + byte]));
            let (payload, behind) = behind.split_at(number(0) as usize);
            let who = number(8) as usize;
            let expected = payloads.of(who, found[who]).text.as_bytes();
            let same = number(4) == crc32fast::hash(payload) && payload == expected;
            verify(same, || format!("a frame of appender {who} has another content"))?;
            found[who] += 1;
            rest = behind;
        }
        let appended = round.appenders.iter().map(|(_, n)| *n);
        verify(found.iter().copied().eq(appended), || "frames are missing".to_owned())
    }
}

impl Drop for RawLog {
    fn drop(&mut self) {
        self.shared.close();
    }
}

impl Appender for RawAppender {
    async fn append(&mut self, payload: &Payload) -> Result<()> {
        let payload = payload.text.as_bytes();
        let mut head = [0; HEAD];
        head[..4].copy_from_slice(&u32::try_from(payload.len())?.to_le_bytes());
        head[4..8].copy_from_slice(&crc32fast::hash(payload).to_le_bytes());
        head[8..].copy_from_slice(&self.who.to_le_bytes());
        let (written, answer) = oneshot::channel();
        self.shared.push(&head, payload, written);
        Ok(answer.await?)
    }
}

impl Shared {
    fn push(&self, head: &[u8], payload: &[u8], written: oneshot::Sender<()>) {
        let mut queue = self.lock();
        queue.frames.extend_from_slice(head);
        queue.frames.extend_from_slice(payload);
        queue.waiting.push(written);
        let enough = queue.waiting.len() >= queue.awaited.max(1);
        drop(queue);
        if enough {
            self.arrived.notify_one();
        }
    }

    /// One write and one sync for all who wait. Those who were answered are about to come back: it waits a moment for
    /// half of them, as the stores do, which makes it faster.
    fn write(&self, mut file: File) -> std::io::Result<()> {
        let (mut frames, mut waiting) = (Vec::new(), Vec::<oneshot::Sender<()>>::new());
        let mut patience = Duration::ZERO;
        let mut answered = 0;
        loop {
            let awaited = answered / 2;
            frames.clear();
            let mut queue = self.lock();
            if awaited > 0 {
                queue.awaited = awaited;
                let few = |queue: &mut Queue| queue.waiting.len() < awaited && !queue.closed;
                let waited = self.arrived.wait_timeout_while(queue, patience, few);
                queue = waited.unwrap_or_else(PoisonError::into_inner).0;
                queue.awaited = 0;
            }
            let none = |queue: &mut Queue| queue.waiting.is_empty() && !queue.closed;
            queue = self.arrived.wait_while(queue, none).unwrap_or_else(PoisonError::into_inner);
            if queue.waiting.is_empty() {
                return Ok(());
            }
            mem::swap(&mut frames, &mut queue.frames);
            mem::swap(&mut waiting, &mut queue.waiting);
            drop(queue);
            let start = Instant::now();
            file.write_all(&frames)?;
            file.sync_data()?;
            patience = (start.elapsed() / 4).min(Duration::from_micros(200));
            answered = waiting.len();
            for answer in waiting.drain(..) {
                // Whoever went away does not want to know.
                answer.send(()).ok();
            }
        }
    }

    fn close(&self) {
        self.lock().closed = true;
        self.arrived.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const HEAD: usize = 12;
