use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures::Stream;
use tokio_util::sync::ReusableBoxFuture;

use super::hub::{Channel, Gone};
use super::journal::Journal;
use super::moved::Moved;
use super::pages::{Ahead, Pages};
use super::tail::EventBatch;
use crate::error::TaskError;
use crate::model::{Event, Seq, TaskId, TaskStatus};
use crate::rt::time::sleep;
use crate::store::StoreError;

/// The events of a task after a cursor: first what is stored, then what comes.
///
/// # Guarantees
///
/// * Every event after the cursor is yielded exactly once, in the order of `seq`, without gap, however the reading,
///   the writing and the restarts fall together.
/// * An event is yielded only once it is stored: nothing shown is taken back by a crash of the process.
/// * Reading slowly, or not at all, costs the writer nothing. A subscription holds one batch of events, shared with
///   other readers; what it fell behind is read from the store, up to three batches ahead of the reader while history is
///   long and as far as [`Limits::pages_bytes`](crate::Limits::pages_bytes) allows for all readers together.
/// * Dropping it changes nothing for the task.
///
/// The stream ends when the task is settled and everything was yielded; one that [follows](Subscription::following)
/// goes on across runs. An error ends it: [`TaskError::NotFound`] for a task that does not exist or is removed,
/// [`TaskError::CursorAhead`] for a cursor beyond the end, [`TaskError::ShutDown`] when the manager shuts down, or
/// that of the store. Subscribe again from the last `seq` to go on.
#[must_use = "a subscription reads nothing unless it is polled"]
pub struct Subscription {
    state: State,
    /// The read under way, and then the room of the next one. Most that is read is at hand and needs none.
    reading: Option<ReusableBoxFuture<'static, Read>>,
    ready: Option<EventBatch>,
}

/// What a subscription has to tell, for readers that draw the line between replay and live.
#[derive(Debug)]
#[non_exhaustive]
pub enum Chunk {
    /// Replay met live: everything up to `seq` was yielded. Told once.
    CaughtUp {
        /// The newest event.
        seq: Seq,
        /// The state of the task there.
        status: TaskStatus,
    },
    /// The task is settled and everything was yielded. Nothing follows.
    Ended {
        /// The newest event.
        seq: Seq,
        /// How the task ended.
        status: TaskStatus,
    },
    /// The next events.
    Events(EventBatch),
}

enum State {
    Idle(Box<Reader>),
    Reading,
    Done,
}

/// What a read gives back: the reader, and what it found.
struct Read {
    reader: Box<Reader>,
    found: Result<Option<Chunk>, TaskError>,
}

/// The cursor and what it reads from.
struct Reader {
    journal: Journal,
    task: TaskId,
    cursor: Seq,
    follows: bool,
    open: Option<(Arc<Channel>, Moved)>,
    /// The pages behind the cursor, by what they begin after, while a long history is read.
    ahead: Vec<(Seq, Ahead)>,
    caught_up: bool,
    ended: bool,
    /// Where the store itself was last asked whether that is the end.
    checked: Option<Seq>,
}

impl Subscription {
    pub(crate) fn new(journal: Journal, task: TaskId, after: Seq) -> Self {
        let reader = Reader {
            journal,
            task,
            cursor: after,
            follows: false,
            open: None,
            ahead: Vec::new(),
            caught_up: false,
            ended: false,
            checked: None,
        };
        Self { state: State::Idle(Box::new(reader)), reading: None, ready: None }
    }

    /// The same, but it stays when the task settles and goes on with its next run.
    pub fn following(mut self) -> Self {
        if let State::Idle(reader) = &mut self.state {
            reader.follows = true;
        }
        self
    }

    /// The next chunk: whatever is at hand, at least one event. `None` after the end.
    ///
    /// Cancel safe: what was not returned is returned by the next call.
    ///
    /// # Errors
    ///
    /// As the stream's; nothing follows an error.
    pub async fn next_chunk(&mut self) -> Option<Result<Chunk, TaskError>> {
        std::future::poll_fn(|cx| self.poll_chunk(cx)).await
    }

    /// [`Subscription::next_chunk`] for those who poll.
    pub fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Chunk, TaskError>>> {
        if let Some(batch) = self.ready.take()
            && !batch.as_slice().is_empty()
        {
            return Poll::Ready(Some(Ok(Chunk::Events(batch))));
        }
        loop {
            match &mut self.state {
                State::Done => return Poll::Ready(None),
                State::Idle(reader) => {
                    if let Some(batch) = reader.at_hand() {
                        return Poll::Ready(Some(Ok(Chunk::Events(batch))));
                    }
                    let State::Idle(mut reader) = std::mem::replace(&mut self.state, State::Reading) else {
                        continue;
                    };
                    let read = async move {
                        let found = reader.next().await;
                        Read { reader, found }
                    };
                    match &mut self.reading {
                        Some(reading) => reading.set(read),
                        none => *none = Some(ReusableBoxFuture::new(read)),
                    }
                }
                State::Reading => {
                    let Some(reading) = &mut self.reading else { return Poll::Ready(None) };
                    let Read { reader, found } = ready!(reading.poll(cx));
                    self.state = if matches!(found, Ok(Some(_))) { State::Idle(reader) } else { State::Done };
                    return Poll::Ready(found.transpose());
                }
            }
        }
    }
}

impl Stream for Subscription {
    type Item = Result<Event, TaskError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if let Some(event) = self.ready.as_mut().and_then(Iterator::next) {
                return Poll::Ready(Some(Ok(event)));
            }
            self.ready = None;
            match ready!(self.poll_chunk(cx)) {
                None => return Poll::Ready(None),
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                Some(Ok(Chunk::Events(batch))) => self.ready = Some(batch),
                Some(Ok(Chunk::CaughtUp { .. } | Chunk::Ended { .. })) => {}
            }
        }
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Subscription");
        if let State::Idle(reader) = &self.state {
            out.field("task", &reader.task).field("cursor", &reader.cursor);
        }
        out.finish_non_exhaustive()
    }
}

impl Reader {
    /// The next events, when they are in memory.
    fn at_hand(&mut self) -> Option<EventBatch> {
        let (channel, moved) = self.open.as_mut().filter(|_| !self.ended)?;
        let head = moved.head();
        if head.gone.is_some() || head.seq <= self.cursor {
            return None;
        }
        let batch = channel.recent(self.cursor)?;
        self.cursor = batch.as_slice().last().map_or(self.cursor, Event::seq);
        // So is all that comes after them.
        self.ahead = Vec::new();
        Some(batch)
    }

    /// The loop that replay and live share: look where the log ends; behind it, read; at it, wait.
    async fn next(&mut self) -> Result<Option<Chunk>, TaskError> {
        if self.ended {
            return Ok(None);
        }
        if self.open.is_none() {
            self.open().await?;
        }
        let mut fruitless = 0_u32;
        loop {
            // Listen first, then read: a commit that comes after this line wakes the wait below.
            let Some((channel, moved)) = &mut self.open else { return Ok(None) };
            let head = moved.head();
            match head.gone {
                Some(Gone::Closed) => return Err(TaskError::ShutDown),
                Some(Gone::Removed) => return Err(TaskError::NotFound(self.task)),
                None => {}
            }

            if head.seq > self.cursor {
                if let Some(batch) = self.at_hand() {
                    return Ok(Some(Chunk::Events(batch)));
                }
                // Held until the page is here, which comes of it.
                let ahead = self.take_ahead();
                let page = self.journal.page(self.task, self.cursor).await?;
                drop(ahead);
                if let Some(batch) = EventBatch::after(page, self.cursor) {
                    self.cursor = batch.as_slice().last().map_or(self.cursor, Event::seq);
                    self.read_ahead(head.seq);
                    return Ok(Some(Chunk::Events(batch)));
                }
                // A read that was under way before the commit may come back empty once. After that the hint was
                // ahead of the store, and only the store knows.
                fruitless += 1;
                if fruitless > 1 {
                    let end = self.journal.load(self.task).await?.seq;
                    if fruitless > DOUBTS && end > self.cursor {
                        return Err(self.lost(end));
                    }
                    sleep(DOUBT).await;
                }
                continue;
            }

            self.ahead = Vec::new();
            // Behind the head of which the state is known, when a page was read before its commit was shown here.
            let Some(status) = head.status.filter(|_| head.seq == self.cursor) else {
                // Somebody else wrote, and the state there is not known: the log is the truth.
                let task = self.journal.load(self.task).await?;
                if task.seq >= head.seq {
                    channel.learn(task.seq, task.status);
                } else {
                    sleep(DOUBT).await;
                }
                continue;
            };
            if status.is_settled() && self.checked != Some(self.cursor) {
                // Another process may have woken the task, and the hint may not be here yet.
                let task = self.journal.load(self.task).await?;
                channel.learn(task.seq, task.status);
                self.checked = Some(task.seq);
                if task.seq < self.cursor {
                    // The store is behind what it gave before.
                    sleep(DOUBT).await;
                }
                continue;
            }
            if !self.caught_up {
                self.caught_up = true;
                return Ok(Some(Chunk::CaughtUp { seq: self.cursor, status }));
            }
            if status.is_settled() && !self.follows {
                self.ended = true;
                return Ok(Some(Chunk::Ended { seq: self.cursor, status }));
            }
            if !moved.changed().await {
                return Err(TaskError::ShutDown);
            }
        }
    }

    /// Begins to read the pages behind the cursor that are written and not in memory.
    fn read_ahead(&mut self, head: Seq) {
        let Some((channel, _)) = &self.open else { return };
        let mut next = Some(self.cursor);
        for _ in 0..PAGES_AHEAD {
            let Some(after) = next.filter(|after| *after < head && !channel.has(after.next())) else {
                return;
            };
            if self.ahead.iter().all(|(begins, _)| *begins != after) {
                self.ahead.extend(self.journal.page_ahead(self.task, after).map(|ahead| (after, ahead)));
            }
            next = Pages::behind(after);
        }
    }

    /// The reads that the page behind the cursor may come of.
    fn take_ahead(&mut self) -> Vec<Ahead> {
        let at_cursor = self.ahead.extract_if(.., |(begins, _)| *begins <= self.cursor);
        at_cursor.map(|(_, ahead)| ahead).filter(|ahead| !ahead.has_failed()).collect()
    }

    /// The store says that there is more, and does not give it.
    fn lost(&self, end: Seq) -> TaskError {
        let what =
            format!("the log of task {} ends at event {end}, and has none after {}", self.task, self.cursor);
        TaskError::Store(Arc::new(StoreError::Corrupt { what, source: None }))
    }

    async fn open(&mut self) -> Result<(), TaskError> {
        let channel = self.journal.channel(self.task)?;
        let mut moved = Moved::new(channel.listen());
        let known = moved.head();
        let end = if known.status.is_some() {
            known.seq
        } else {
            let task = self.journal.load(self.task).await?;
            channel.learn(task.seq, task.status);
            self.checked = Some(task.seq);
            task.seq
        };
        if self.cursor > end {
            // What is known here may be old: another process may have written since.
            let task = self.journal.load(self.task).await?;
            channel.learn(task.seq, task.status);
            if self.cursor > task.seq {
                return Err(TaskError::CursorAhead { cursor: self.cursor, end: task.seq });
            }
        }
        self.open = Some((channel, moved));
        Ok(())
    }
}

/// One that is given next, and two that are read meanwhile: reading takes longer than what most readers do with it, and
/// two that are read at once are done at the same moment. Without a third nothing is read until one of them was given.
const PAGES_AHEAD: usize = 3;

/// How long a hint may be ahead of what the store gives before it is looked at again.
const DOUBT: std::time::Duration = std::time::Duration::from_millis(20);

/// How often the store may say that there is more and not give it: five seconds, more than any store lags behind.
const DOUBTS: u32 = 250;

#[cfg(all(test, feature = "testing"))]
mod tests {
    use super::*;
    use crate::clock::SystemClock;
    use crate::limits::Limits;
    use crate::memory::MemoryStore;
    use crate::model::Output;
    use crate::store::TaskStore;
    use crate::testing::Scribe;

    /// How many reads a subscription that got all events has, and had at most. After a page of 512 small events there are
    /// that many large ones, and then so many that are in memory, too.
    async fn reads_held(large: usize, in_memory: usize) -> (usize, usize) {
        let (store, mut scribe) = (MemoryStore::new(), Scribe::new("a title"));
        let journal = Journal::new(Arc::new(store.clone()), Arc::new(SystemClock), Limits::default());
        store.commit(scribe.create(None)).await.expect("stored");
        let texts = |count, bytes| std::iter::repeat_n(Output::text("b", "x".repeat(bytes)), count);
        store.commit(scribe.record(texts(510, 1).chain(texts(large, 2600)))).await.expect("stored");
        if in_memory > 0 {
            let commit = scribe.record(texts(in_memory, 2600));
            store.commit(commit.clone()).await.expect("stored");
            journal.hub().publish(&commit);
        }
        let end = Seq::new((512 + large + in_memory) as u64);

        let (mut subscription, mut most) = (Subscription::new(journal, scribe.id(), Seq::ZERO), 0);
        loop {
            let chunk = subscription.next_chunk().await.expect("goes on").expect("readable");
            let State::Idle(reader) = &subscription.state else { panic!("it goes on") };
            most = most.max(reader.ahead.len());
            let Chunk::Events(batch) = chunk else { return (reader.ahead.len(), most) };
            let last = batch.as_slice().last().map(Event::seq);
            if in_memory > 0 && last == Some(end) {
                return (reader.ahead.len(), most);
            }
        }
    }

    /// Large events do not fill a page, so what begins at 1024 is inside of another.
    #[tokio::test]
    async fn what_was_read_ahead_and_is_not_needed_is_not_held_on_to() {
        assert_eq!(reads_held(1100, 60).await, (0, PAGES_AHEAD), "the rest is in memory");
        assert_eq!(reads_held(1120, 0).await, (0, PAGES_AHEAD), "there is no rest");
    }
}
