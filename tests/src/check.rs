//! What a store holds after it was torn away, and whether it is whole.

use std::error::Error;
use std::path::Path;
use std::time::Duration;

use task_core::{
    Event, InstanceId, Keyed, Seq, StatusCounts, StoreError, Task, TaskId, TaskQuery, TaskStatus, TaskStore,
};

use crate::careless::Careless;
use crate::history::{Found, History, Promise, Report, digest};
use crate::place::{Kind, Level, open_store};

/// Opens what was torn away, compares it with what was written, closes it, and looks whether it is the same when it is
/// opened once more. Afterwards the history begins with what was found.
///
/// Each task must have been created under its own id as idempotency key.
pub async fn check(kind: Kind, level: Level, path: &Path, history: &mut History, promise: Promise) -> Report {
    let mut report = match within(look(kind, level, path, history)).await {
        Ok((found, faults)) => {
            let mut report = history.compare(&found, promise);
            report.faults.extend(faults);
            history.settle(&found);
            report
        }
        Err(error) => {
            let mut report = history.compare(&Found::new(), promise);
            report.faults = vec![format!("it cannot be read: {error}")];
            return report;
        }
    };
    match within(look(kind, level, path, history)).await {
        Ok((found, faults)) => {
            let again = history.compare(&found, Promise::All);
            report
                .faults
                .extend(faults.into_iter().chain(again.faults).map(|fault| format!("later, {fault}")));
            if again.lost > 0 {
                report.faults.push(format!("{} events were gone when it was opened again", again.lost));
            }
        }
        Err(error) => report.faults.push(format!("it cannot be opened again: {error}")),
    }
    report
}

/// The whole log of a task.
///
/// # Errors
///
/// As the store.
pub async fn log(store: &dyn TaskStore, task: TaskId) -> Result<Vec<Event>, StoreError> {
    let mut log: Vec<Event> = Vec::new();
    loop {
        let after = log.last().map_or(Seq::ZERO, Event::seq);
        let page = store.events(task, after, 1_000, 8_000_000).await?;
        if page.is_empty() {
            return Ok(log);
        }
        log.extend(page);
    }
}

/// An error with all its causes.
#[must_use]
pub fn chain(error: &dyn Error) -> String {
    let cause = error.source().map(|cause| format!(": {}", chain(cause)));
    format!("{error}{}", cause.unwrap_or_default())
}

async fn within<T>(look: impl Future<Output = Result<T, StoreError>>) -> Result<T, String> {
    match tokio::time::timeout(PATIENCE, look).await {
        Ok(done) => done.map_err(|error| chain(&error)),
        Err(_) => Err(format!("nothing within {PATIENCE:?}")),
    }
}

async fn look(
    kind: Kind,
    level: Level,
    path: &Path,
    history: &History,
) -> Result<(Found, Vec<String>), StoreError> {
    if kind == Kind::Careless {
        return Ok((Careless::open(path)?.read().await?, Vec::new()));
    }
    let store = open_store(kind, level, path).await?;
    let looked = look_into(&*store, history).await;
    store.close().await?;
    looked
}

/// What a store holds, and where it contradicts itself.
async fn look_into(store: &dyn TaskStore, history: &History) -> Result<(Found, Vec<String>), StoreError> {
    let (mut found, mut faults, mut counts) = (Found::new(), Vec::new(), StatusCounts::default());
    let instance = InstanceId::new();
    // Whoever owned it is dead.
    store.claim(instance).await?;
    let mut orphans = store.orphans(instance).await?;
    for task in all(store).await? {
        let log = log(store, task.id).await?;
        if Task::fold(&log).as_ref() != Some(&task) {
            faults.push(format!("the snapshot of task {} is not the fold of its log", task.id));
        }
        if store.load(task.id).await? != task {
            faults.push(format!("task {} is loaded and listed differently", task.id));
        }
        if store.find_key(&task.id.to_string()).await? != Some(Keyed::new(task.id, Seq::new(2))) {
            faults.push(format!("the key of task {} is not found", task.id));
        }
        let runs = matches!(task.status, TaskStatus::Running | TaskStatus::AwaitingInput);
        let known = orphans.iter().position(|orphan| *orphan == task.id).map(|at| orphans.swap_remove(at));
        if runs != known.is_some() {
            faults.push(format!("task {} runs: {runs}; is an orphan: {}", task.id, known.is_some()));
        }
        *count(&mut counts, task.status) += 1;
        found.insert(task.id, log.iter().map(|event| digest(event.json())).collect());
    }
    for orphan in orphans {
        faults.push(format!("task {orphan} is an orphan that is not listed"));
    }
    let counted = store.counts().await?;
    if counted != counts {
        faults.push(format!("{counts:?} are listed, {counted:?} counted"));
    }
    for task in history.tasks().filter(|task| !found.contains_key(task)) {
        if store.find_key(&task.to_string()).await?.is_some() {
            faults.push(format!("task {task} is gone, and its key is not"));
        }
        if !matches!(store.events(task, Seq::ZERO, 1, 1).await, Err(StoreError::NotFound(_))) {
            faults.push(format!("task {task} is gone, and its events are not"));
        }
    }
    store.release(instance).await?;
    Ok((found, faults))
}

async fn all(store: &dyn TaskStore) -> Result<Vec<Task>, StoreError> {
    let (mut tasks, mut query) = (Vec::new(), TaskQuery::default());
    loop {
        let page = store.list(&query).await?;
        tasks.extend(page.items);
        let Some(next) = page.next else { return Ok(tasks) };
        query = query.with_cursor(next);
    }
}

fn count(counts: &mut StatusCounts, status: TaskStatus) -> &mut u64 {
    match status {
        TaskStatus::Pending => &mut counts.pending,
        TaskStatus::Running => &mut counts.running,
        TaskStatus::AwaitingInput => &mut counts.awaiting_input,
        TaskStatus::Completed => &mut counts.completed,
        TaskStatus::Failed => &mut counts.failed,
        TaskStatus::Cancelled => &mut counts.cancelled,
        TaskStatus::Interrupted => &mut counts.interrupted,
    }
}

/// A store that has not been read by then hangs.
const PATIENCE: Duration = Duration::from_secs(60);
