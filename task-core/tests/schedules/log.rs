//! What holds for every log, whatever the schedule.

use futures::TryStreamExt;
use task_core::{
    Chunk, Event, Lifecycle, Payload, Seq, Subscription, Task, TaskError, TaskId, TaskManager, TaskStatus,
};

/// The log as it is now, after a look at what holds for every log: numbered from 1 without gap, the snapshot is its
/// fold, each run starts once and ends once, each message is delivered once, refused, or still waits.
pub(crate) async fn checked(tasks: &TaskManager, task: TaskId) -> Vec<Event> {
    let events = tasks.events(task, Seq::ZERO, 1_000).await.expect("the log can be read");
    let seqs: Vec<_> = events.iter().map(|event| event.seq().get()).collect();
    assert_eq!(seqs, (1..=events.len() as u64).collect::<Vec<_>>());
    let snapshot = tasks.get(task).await.expect("the task exists");
    // Between the two reads the task may have gone on.
    if snapshot.seq == events.last().map_or(Seq::ZERO, Event::seq) {
        assert_eq!(Task::fold(&events).expect("the log folds"), snapshot);
        let waiting = count(&events, "message") - settled_messages(&events);
        assert_eq!(waiting, snapshot.queued_messages as usize, "{:?}", kinds(&events));
    }
    let mut running = false;
    for event in &events {
        match event.payload() {
            Payload::Lifecycle(Lifecycle::RunStarted(_)) => {
                assert!(!running, "a run starts after the last has ended: {:?}", kinds(&events));
                running = true;
            }
            Payload::Lifecycle(
                Lifecycle::Completed(_)
                | Lifecycle::Failed(_)
                | Lifecycle::Cancelled(_)
                | Lifecycle::Interrupted(_),
            ) => running = false,
            Payload::Output(_) => assert!(running, "output belongs to a run: {:?}", kinds(&events)),
            _ => {}
        }
    }
    events
}

/// Follows to the end of the task, and says what it saw.
pub(crate) async fn follow(events: Subscription) -> Vec<Event> {
    events.try_collect().await.expect("it can be followed")
}

/// Reads until it has seen this many events, or the end.
pub(crate) async fn read(events: &mut Subscription, wanted: usize) -> Vec<Event> {
    let mut seen = Vec::new();
    while seen.len() < wanted
        && let Some(event) = events.try_next().await.expect("it can be read")
    {
        seen.push(event);
    }
    seen
}

/// Follows until there is an event of that kind.
pub(crate) async fn until(tasks: &TaskManager, task: TaskId, kind: &str) {
    let mut events = tasks.subscribe(task, Seq::ZERO).following();
    while events.try_next().await.expect("it can be followed").is_some_and(|event| event.kind() != kind) {}
}

/// Follows across runs until the task has settled and nothing waits.
pub(crate) async fn settled(tasks: &TaskManager, task: TaskId) -> Task {
    let mut events = tasks.subscribe(task, Seq::ZERO).following();
    loop {
        let snapshot = tasks.get(task).await.expect("the task exists");
        if snapshot.status.is_settled() && snapshot.queued_messages == 0 {
            return snapshot;
        }
        while let Some(chunk) = events.next_chunk().await {
            if let Chunk::Events(_) = chunk.expect("it can be followed") {
                break;
            }
        }
    }
}

pub(crate) fn count(events: &[Event], kind: &str) -> usize {
    events.iter().filter(|event| event.kind() == kind).count()
}

pub(crate) fn kinds(events: &[Event]) -> Vec<&str> {
    events.iter().map(Event::kind).collect()
}

/// The command came too late: the task was in this state already.
pub(crate) fn came_late(error: &TaskError, status: TaskStatus) -> bool {
    matches!(error, TaskError::WrongState(refused) if refused.from == status)
}

fn settled_messages(events: &[Event]) -> usize {
    count(events, "message_delivered") + count(events, "message_refused")
}
