//! What stubs of agents do when they are told the same, and what becomes of it whoever drives them. The agent of the
//! managers is `stub`.

use std::time::{Duration, Instant};

use task_core::{
    Delivery, Event, Message, NewTask, NoticeLevel, Output, Payload, Task, TaskId, TaskManager, TaskStatus,
};
use task_runners::process::Ladder;

use crate::support::{
    alive, completed, endings, failure, levels, notices, said, settled, turn_reasons, until,
};

pub(crate) async fn start(tasks: &TaskManager, message: &str) -> TaskId {
    tasks.create(NewTask::new("stub", message)).await.unwrap().id
}

pub(crate) async fn run(tasks: &TaskManager, message: &str) -> (Task, Vec<Event>) {
    let task = start(tasks, message).await;
    settled(tasks, task).await
}

/// The next run of a task, and only what it said.
pub(crate) async fn again(tasks: &TaskManager, task: TaskId, message: &str) -> (Task, Vec<Event>) {
    let before = tasks.get(task).await.unwrap().seq;
    tasks.send(task, message).await.unwrap();
    let (task, events) = settled(tasks, task).await;
    (task, events.into_iter().filter(|event| event.seq() > before).collect())
}

pub(crate) fn says_more(event: &Event) -> bool {
    matches!(event.payload(), Payload::Output(Output::Text(delta)) if delta.text.contains("more"))
}

/// A line that is not as it should be is told in these words, and what follows it is heard.
pub(crate) async fn is_told_and_skipped(tasks: &TaskManager, message: &str, notice: &str) {
    let (task, events) = run(tasks, message).await;
    completed(&task);
    assert_eq!(said(&events), "after it", "{message}");
    let told = notices(&events);
    assert!(told.len() == 1 && told[0].contains(notice), "{message}: {told:?}");
}

pub(crate) async fn dies_in_the_middle(tasks: &TaskManager) {
    for (message, words) in [("cut-line", "exit status: 3"), ("crash", "signal: 6")] {
        let (task, events) = run(tasks, message).await;
        let told = failure(&task);
        assert!(told.contains("in the middle of its work") && told.contains(words), "{told}");
        assert_eq!(message == "cut-line", told.ends_with("lost my footing"), "{told}");
        assert_eq!(turn_reasons(&events), ["failed"]);
        if message == "crash" {
            assert_eq!(endings(&events), [("failed".to_owned(), None)], "the open call");
        }
        let session = task.session_id.expect("it was stored before the end");
        let (task, events) = again(tasks, task.id, "say on").await;
        completed(&task);
        assert_eq!((task.session_id, said(&events).as_str()), (Some(session), "on"));
    }
}

pub(crate) async fn hears_nothing_and_is_cancelled(tasks: &TaskManager) {
    for message in ["deaf", "never", "spawn 64"] {
        let task = start(tasks, message).await;
        until(tasks, task, |event| event.kind() == "text").await;
        let began = Instant::now();
        tasks.cancel(task).await.unwrap();
        let (task, events) = settled(tasks, task).await;
        assert!(began.elapsed() < Duration::from_secs(6), "{message}: {:?}", began.elapsed());
        assert_eq!(task.status, TaskStatus::Cancelled, "{message}");
        assert_eq!(turn_reasons(&events), ["cancelled"], "{message}");
        assert_eq!(alive(task.id, 1), 0, "{message}");
    }
}

/// The agent is given little time: [`IMPATIENT`] to stop its turn, and [`short`] to end.
pub(crate) async fn hears_no_interrupt_and_is_replaced(tasks: &TaskManager) {
    let task = start(tasks, "never").await;
    until(tasks, task, |event| event.kind() == "text").await;
    let before = tasks.get(task).await.unwrap().session_id;
    tasks.send(task, Message::new("say heard").delivery(Delivery::Interrupt)).await.unwrap();
    let (task, events) = settled(tasks, task).await;
    completed(&task);
    assert_eq!(turn_reasons(&events), ["interrupted", "done"]);
    assert_eq!((task.run, task.session_id), (1, before));
    assert!(said(&events).ends_with("heard"));
}

pub(crate) const IMPATIENT: Duration = Duration::from_millis(200);

pub(crate) fn short() -> Ladder {
    Ladder::default().close_stdin(None).terminate(Some(Duration::from_millis(100)))
}

/// The turn ends, and the process of the next one is the same.
pub(crate) async fn is_interrupted(tasks: &TaskManager) {
    let task = start(tasks, "pid").await;
    tasks.send(task, "stream").await.unwrap();
    until(tasks, task, says_more).await;
    let began = Instant::now();
    tasks.send(task, Message::new("pid").delivery(Delivery::Interrupt)).await.unwrap();
    let (_, events) = settled(tasks, task).await;
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
    assert_eq!(turn_reasons(&events), ["done", "interrupted", "done"]);
    let said = said(&events);
    let pids: Vec<_> = said.split_whitespace().filter(|word| *word != "more").collect();
    assert!(pids.len() == 2 && pids[0] == pids[1], "{pids:?}");
}

/// A message that it did not take into its turn has one of its own.
pub(crate) async fn drops_a_message(tasks: &TaskManager) {
    let task = start(tasks, "drop").await;
    until(tasks, task, |event| event.kind() == "text").await;
    tasks.send(task, Message::new("say leftwards").delivery(Delivery::Steer)).await.unwrap();
    let (task, events) = settled(tasks, task).await;
    completed(&task);
    assert_eq!(turn_reasons(&events), ["done", "done"]);
    assert!(said(&events).ends_with("leftwards"), "{}", said(&events));
}

pub(crate) async fn dies_with_a_message(tasks: &TaskManager) {
    let task = start(tasks, "drop-and-crash").await;
    until(tasks, task, |event| event.kind() == "text").await;
    tasks.send(task, Message::new("say leftwards").delivery(Delivery::Steer)).await.unwrap();
    let (task, events) = settled(tasks, task).await;
    assert!(failure(&task).contains("exit status: 4"), "{:?}", task.error);
    assert_eq!(notices(&events), ["A message did not reach the agent: say leftwards"]);
}

pub(crate) async fn floods(tasks: &TaskManager) {
    let (task, events) = run(tasks, "flood 20000").await;
    completed(&task);
    let words: Vec<_> = (0..20_000).map(|number| format!("{number} ")).collect();
    assert!(said(&events) == words.concat(), "something is missing or out of order");
}

pub(crate) async fn chatters(tasks: &TaskManager) {
    let (task, events) = run(tasks, "chatter").await;
    completed(&task);
    let told = notices(&events);
    assert_eq!((told.len(), told[0].as_str()), (21, "complaint 0"));
    assert!(told[20].contains("not shown"), "{told:?}");
    assert!(levels(&events).iter().all(|level| *level == NoticeLevel::Info), "a start is no warning");
}
