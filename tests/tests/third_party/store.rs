//! A store of somebody else, as they would wrap one that exists.

use async_trait::async_trait;
use futures::stream::BoxStream;
use task_core::{
    Change, Commit, Event, InstanceId, Keyed, MemoryStore, Seq, StatusCounts, StoreError, Task, TaskId, TaskPage,
    TaskQuery, TaskStore,
};

/// `INCLUSIVE` gives the event at the cursor, too, which is wrong.
#[derive(Clone, Default)]
pub struct Wrapped<const INCLUSIVE: bool>(MemoryStore);

#[async_trait]
impl<const INCLUSIVE: bool> TaskStore for Wrapped<INCLUSIVE> {
    async fn commit(&self, commit: Commit) -> Result<(), StoreError> {
        self.0.commit(commit).await
    }

    async fn load(&self, task: TaskId) -> Result<Task, StoreError> {
        self.0.load(task).await
    }

    async fn events(&self, task: TaskId, after: Seq, limit: usize, max_bytes: usize) -> Result<Vec<Event>, StoreError> {
        let after = if INCLUSIVE { after.previous() } else { after };
        self.0.events(task, after, limit, max_bytes).await
    }

    async fn list(&self, query: &TaskQuery) -> Result<TaskPage, StoreError> {
        self.0.list(query).await
    }

    async fn counts(&self) -> Result<StatusCounts, StoreError> {
        self.0.counts().await
    }

    async fn find_key(&self, key: &str) -> Result<Option<Keyed>, StoreError> {
        self.0.find_key(key).await
    }

    async fn remove(&self, task: TaskId, expected: Seq) -> Result<(), StoreError> {
        self.0.remove(task, expected).await
    }

    async fn claim(&self, instance: InstanceId) -> Result<(), StoreError> {
        self.0.claim(instance).await
    }

    async fn keep_alive(&self, instance: InstanceId) -> Result<(), StoreError> {
        self.0.keep_alive(instance).await
    }

    async fn orphans(&self, instance: InstanceId) -> Result<Vec<TaskId>, StoreError> {
        self.0.orphans(instance).await
    }

    async fn release(&self, instance: InstanceId) -> Result<(), StoreError> {
        self.0.release(instance).await
    }

    fn changes(&self, except: InstanceId) -> BoxStream<'static, Change> {
        self.0.changes(except)
    }

    async fn close(&self) -> Result<(), StoreError> {
        self.0.close().await
    }
}
