//! Tasks, as far as core uses them, on what `shuttle` has.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures::StreamExt;
use futures::stream::FuturesUnordered;
pub(crate) use shuttle_tokio::task::JoinError;
use shuttle_tokio::task::JoinHandle;

/// Aborts the task when it is dropped.
#[derive(Debug)]
pub(crate) struct AbortOnDropHandle<T>(JoinHandle<T>);

/// Which task of a [`JoinSet`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Id(u64);

/// Tasks that are aborted together with it.
#[derive(Debug)]
pub(crate) struct JoinSet<T> {
    tasks: FuturesUnordered<Member<T>>,
    spawned: u64,
}

#[derive(Debug)]
struct Member<T> {
    id: Id,
    task: AbortOnDropHandle<T>,
}

/// Tokio's tracker, which spawns on the explored runtime.
#[derive(Clone, Debug)]
pub(crate) struct TaskTracker(tokio_util::task::TaskTracker);

impl<T> AbortOnDropHandle<T> {
    pub(crate) fn new(task: JoinHandle<T>) -> Self {
        Self(task)
    }

    pub(crate) fn abort(&self) {
        self.0.abort();
    }
}

impl<T> Drop for AbortOnDropHandle<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl<T> Future for AbortOnDropHandle<T> {
    type Output = Result<T, JoinError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx)
    }
}

impl Id {
    pub(crate) const fn id(self) -> Self {
        self
    }
}

impl<T: Send + 'static> JoinSet<T> {
    pub(crate) fn new() -> Self {
        Self { tasks: FuturesUnordered::new(), spawned: 0 }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }

    /// Gives what tells the task's id: tokio gives a handle that can abort it, too.
    pub(crate) fn spawn(&mut self, work: impl Future<Output = T> + Send + 'static) -> Id {
        self.spawned += 1;
        let id = Id(self.spawned);
        self.tasks.push(Member { id, task: AbortOnDropHandle::new(super::spawn(work)) });
        id
    }

    pub(crate) async fn join_next_with_id(&mut self) -> Option<Result<(Id, T), Lost>> {
        self.tasks.next().await
    }

    pub(crate) async fn join_next(&mut self) -> Option<Result<(Id, T), Lost>> {
        self.tasks.next().await
    }

    pub(crate) fn abort_all(&self) {
        self.tasks.iter().for_each(|member| member.task.abort());
    }
}

impl<T> Future for Member<T> {
    type Output = Result<(Id, T), Lost>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let id = self.id;
        Pin::new(&mut self.task).poll(cx).map(|done| done.map(|value| (id, value)).map_err(|_| Lost(id)))
    }
}

/// A task that was aborted.
#[derive(Debug)]
pub(crate) struct Lost(Id);

impl Lost {
    pub(crate) const fn id(&self) -> Id {
        self.0
    }
}

impl TaskTracker {
    pub(crate) fn new() -> Self {
        Self(tokio_util::task::TaskTracker::new())
    }

    pub(crate) fn spawn<F>(&self, work: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        super::spawn(self.0.track_future(work))
    }

    pub(crate) fn close(&self) {
        self.0.close();
    }

    pub(crate) async fn wait(&self) {
        self.0.wait().await;
    }
}
