use std::collections::VecDeque;

use super::block::TranscriptMessage;
use super::fold::Transcript;
use crate::error::TaskError;
use crate::log::Journal;
use crate::model::{Event, Seq, Task, TaskId};

/// Which messages of a transcript to read. The newest, unless told otherwise.
///
/// A page reads a bounded part of the log, however long that is. So much is sure of a page, and of what it leaves to
/// whoever needs more, and follows the events:
///
/// * What came of a message within 8,192 events behind the page is in it: the answer to a question, the end of a tool.
/// * A turn of more than 8,192 events is told from where reading began, as if it began there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TranscriptQuery {
    /// Messages that begin before this event, exclusive: the page before one that began there. One that goes on from
    /// there is told up to there.
    pub before: Option<Seq>,
    /// Messages that changed after this event, exclusive: what is new since then, and what began before and grew, was
    /// answered, was delivered or ended. Such a message comes whole, and takes the place of the one with its
    /// [`id`](TranscriptMessage::id). One that began more than 8,192 events before this one does not come.
    pub after: Option<Seq>,
    /// At most so many messages, 1 or more. With `after` some more when one event changed several at once.
    pub limit: usize,
}

impl Default for TranscriptQuery {
    fn default() -> Self {
        Self { before: None, after: None, limit: 50 }
    }
}

impl TranscriptQuery {
    /// The same for messages that begin before `seq`.
    #[must_use]
    pub const fn with_before(mut self, seq: Seq) -> Self {
        self.before = Some(seq);
        self
    }

    /// The same for messages that end after `seq`.
    #[must_use]
    pub const fn with_after(mut self, seq: Seq) -> Self {
        self.after = Some(seq);
        self
    }

    /// The same with another page size.
    #[must_use]
    pub const fn with_limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }
}

/// A page of a transcript, in the order of the conversation.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
#[non_exhaustive]
pub struct TranscriptPage {
    /// The messages.
    pub messages: Vec<TranscriptMessage>,
    /// Where the log ended, or with `after` how far the page tells: the next page, or a subscription, after it
    /// continues exactly.
    pub seq: Seq,
    /// Whether there are more in the direction of the query: older ones, or newer ones with `after`.
    pub has_more: bool,
}

/// Reads a page: only as much of the log as it takes, from the end backwards.
pub(crate) async fn page(
    journal: &Journal,
    task: TaskId,
    query: TranscriptQuery,
) -> Result<TranscriptPage, TaskError> {
    let Task { seq: end, run, .. } = journal.load(task).await?;
    let log = Log { journal, task, newest_run: run };
    match (query.before, query.after) {
        (Some(_), Some(_)) => {
            Err(TaskError::invalid("before", "a page is before or after an event, not both"))
        }
        (None, Some(after)) => log.newer(after, end, query.limit).await,
        (before, None) => log.older(before, end, query.limit).await,
    }
}

/// The log of one task, in pages.
struct Log<'a> {
    journal: &'a Journal,
    task: TaskId,
    newest_run: u32,
}

impl Log<'_> {
    /// The newest messages that begin before `before`.
    async fn older(&self, before: Option<Seq>, end: Seq, limit: usize) -> Result<TranscriptPage, TaskError> {
        let last = before.map_or(end, |before| before.previous().min(end));
        let mut events = VecDeque::new();
        let mut window = WINDOW;
        // Backwards, in growing steps, until there are messages enough.
        let (transcript, from_start) = loop {
            let first = events.front().map_or(last, |event: &Event| event.seq().previous());
            self.prepend(&mut events, first, window).await?;
            let at_start = events.front().is_none_or(|event| event.seq() <= Seq::new(1));
            let run = if at_start { 0 } else { self.run_at(&events, end).await? };
            let transcript = fold(&events, at_start || events.len() >= MAX_WINDOW, run);
            let enough = transcript.messages().len() > limit || events.len() >= MAX_WINDOW;
            if at_start || enough {
                break (transcript, at_start);
            }
            window *= 2;
        };

        let transcript = self.complete(transcript, last, end).await?;
        let mut messages = transcript.into_messages();
        let surplus = messages.len().saturating_sub(limit);
        messages.drain(..surplus);
        Ok(TranscriptPage { messages: messages.into(), seq: end, has_more: surplus > 0 || !from_start })
    }

    /// The messages that changed first after `after`.
    async fn newer(&self, after: Seq, end: Seq, limit: usize) -> Result<TranscriptPage, TaskError> {
        if after > end {
            return Err(TaskError::CursorAhead { cursor: after, end });
        }
        let changed = |message: &&TranscriptMessage| message.last_seq > after;
        let mut events = VecDeque::new();
        let mut window = WINDOW;
        // From further and further back, until everything that changed begins there: what changed is told whole.
        let (transcript, mut seq) = loop {
            let first = events.front().map_or(after, |event: &Event| event.seq().previous());
            self.prepend(&mut events, first, window).await?;
            let at_start = events.front().is_none_or(|event| event.seq() <= Seq::new(1));
            let is_last = at_start || events.len() >= MAX_WINDOW;
            let has_boundary = events.iter().any(Transcript::is_boundary);
            if is_last || has_boundary {
                let run = if at_start { 0 } else { self.run_at(&events, end).await? };
                let mut transcript = fold(&events, at_start || !has_boundary, run);
                // What changed before `after` was told before.
                let (mut seq, mut missed) = (after, false);
                transcript.take_missed();
                while seq < end && !missed && transcript.messages().filter(changed).count() <= limit {
                    for event in self.read(seq, end).await? {
                        transcript.push(&event);
                        seq = event.seq();
                    }
                    missed = !is_last && transcript.take_missed();
                }
                if !missed {
                    break (transcript, seq);
                }
            }
            window *= 2;
        };
        let mut messages: Vec<_> = transcript.into_messages().into_iter().filter(|m| changed(&m)).collect();
        // The next page goes on behind the last change that this one tells: what changed first is told first, or a message
        // that began later and changed earlier would be on no page.
        messages.sort_by_key(|message| message.last_seq);
        let last = messages.get(limit - 1).map_or(seq, |message| message.last_seq);
        let told = messages.partition_point(|message| message.last_seq <= last);
        if told < messages.len() {
            messages.truncate(told);
            seq = last;
        }
        messages.sort_by_key(|message| message.seq);
        Ok(TranscriptPage { messages, seq, has_more: seq < end })
    }

    /// Later events may still change what an older page shows: a tool that ended, a message that was delivered.
    async fn complete(
        &self,
        mut transcript: Transcript,
        last: Seq,
        end: Seq,
    ) -> Result<Transcript, TaskError> {
        let mut seq = last;
        while seq < end && seq.get() < last.get() + MAX_WINDOW as u64 && transcript.may_change() {
            for event in self.read(seq, end).await? {
                transcript.push_update(&event);
                seq = event.seq();
            }
        }
        Ok(transcript)
    }

    /// The run that the first of the events belongs to: the next event that names a run tells.
    async fn run_at(&self, events: &VecDeque<Event>, end: Seq) -> Result<u32, TaskError> {
        if let Some(run) = events.iter().find_map(Transcript::run_before) {
            return Ok(run);
        }
        let last = events.back().map_or(end, Event::seq);
        let mut seq = last;
        while seq < end && seq.get() < last.get() + MAX_WINDOW as u64 {
            for event in self.read(seq, end).await? {
                if let Some(run) = Transcript::run_before(&event) {
                    return Ok(run);
                }
                seq = event.seq();
            }
        }
        Ok(self.newest_run)
    }

    /// Puts up to `count` events that end at `last` in front, and no more than there may be.
    async fn prepend(&self, events: &mut VecDeque<Event>, last: Seq, count: usize) -> Result<(), TaskError> {
        let count = count.min(MAX_WINDOW - events.len());
        let mut after = Seq::new(last.get().saturating_sub(count as u64));
        let mut read = Vec::new();
        while after < last {
            read.extend(self.read(after, last).await?);
            after = read.last().map_or(last, Event::seq);
        }
        for event in read.into_iter().rev() {
            events.push_front(event);
        }
        Ok(())
    }

    /// Events after `after`, up to `last`: at least one.
    async fn read(&self, after: Seq, last: Seq) -> Result<Vec<Event>, TaskError> {
        let page = self.journal.page(self.task, after).await?;
        let events: Vec<_> =
            page.iter().filter(|event| event.seq() > after && event.seq() <= last).cloned().collect();
        // The log reached `last` when this began, so it can only be gone.
        if events.is_empty() { Err(TaskError::NotFound(self.task)) } else { Ok(events) }
    }
}

/// Folds from where a message begins for sure, so that a page never begins in the middle of one; from the first
/// event when that is the first of the log, or when there is no such place.
fn fold(events: &VecDeque<Event>, from_first: bool, run: u32) -> Transcript {
    let start =
        if from_first { 0 } else { events.iter().position(Transcript::is_boundary).unwrap_or(events.len()) };
    let mut transcript = Transcript::in_run(run);
    events.range(start..).for_each(|event| transcript.push(event));
    transcript
}

/// Events read in the first step.
const WINDOW: usize = 512;

/// Events after which a page begins in the middle of a message rather than read on.
const MAX_WINDOW: usize = 8_192;

#[cfg(all(test, feature = "testing"))]
mod tests;
