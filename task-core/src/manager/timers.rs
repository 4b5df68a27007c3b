//! The timers of a run: deadlines of its questions, how long it said nothing, and plain moments.

use std::collections::HashMap;
use std::future::{Pending, pending};
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures::future::{BoxFuture, Either};

use crate::log::{Head, Journal};
use crate::model::{Task, TaskId};
use crate::rt::select;
use crate::rt::sync::watch;
use crate::rt::time::{Instant, sleep_until};

/// When the defaults of open questions are taken.
#[derive(Default)]
pub(super) struct Deadlines(HashMap<String, Instant>);

impl Deadlines {
    /// Wall-clock times become times of the timer once, when a question is first seen.
    pub(super) fn update(&mut self, task: &Task, now: DateTime<Utc>) {
        self.0.retain(|request_id, _| task.request(request_id).is_some());
        for request in &task.requests {
            let (Some(deadline), Some(_)) = (request.deadline, &request.default) else { continue };
            self.0.entry(request.request_id.clone()).or_insert_with(|| {
                Instant::now() + (deadline - now).to_std().unwrap_or(Duration::ZERO).min(FAR)
            });
        }
    }

    pub(super) fn passed(&mut self) -> Limit<'_, String> {
        let next = self.0.iter().min_by_key(|(_, at)| **at).map(|(request_id, at)| (request_id.clone(), *at));
        let Some((request_id, at)) = next else { return Either::Right(pending()) };
        Either::Left(Box::pin(async move {
            sleep_until(at).await;
            self.0.remove(&request_id);
            request_id
        }))
    }
}

/// How long the run said nothing: neither wrote nor waited for an answer.
pub(super) struct Idle {
    limit: Option<Duration>,
    head: Option<watch::Receiver<Head>>,
    since: Instant,
    awaits_input: bool,
}

impl Idle {
    pub(super) fn new(journal: &Journal, task: TaskId, limit: Option<Duration>) -> Self {
        let head = limit.and_then(|_| journal.channel(task).ok()).map(|channel| channel.listen());
        Self { limit, head, since: Instant::now(), awaits_input: false }
    }

    pub(super) fn awaits_input(&mut self, awaits: bool) {
        if self.awaits_input && !awaits {
            self.since = Instant::now();
        }
        self.awaits_input = awaits;
    }

    /// Waits until the limit passed, and gives it.
    pub(super) fn passed(&mut self) -> Limit<'_, Duration> {
        let (Some(limit), Some(head), false) = (self.limit, &mut self.head, self.awaits_input) else {
            return Either::Right(pending());
        };
        let since = &mut self.since;
        Either::Left(Box::pin(async move {
            loop {
                select! {
                    biased;
                    moved = head.changed() => match moved {
                        Ok(()) => *since = Instant::now(),
                        Err(_) => return pending().await,
                    },
                    () = sleep_until(*since + limit) => return limit,
                }
            }
        }))
    }
}

pub(super) fn at(instant: Option<Instant>) -> Limit<'static, ()> {
    match instant {
        Some(instant) => Either::Left(Box::pin(sleep_until(instant))),
        None => Either::Right(pending()),
    }
}

/// A limit of a run that passes at some time, or, as most are not set, never.
pub(super) type Limit<'a, T> = Either<BoxFuture<'a, T>, Pending<T>>;

/// A deadline beyond this is as good as none, and timers cannot hold much more.
const FAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);
