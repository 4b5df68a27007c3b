//! An owner that was paused and wakes up when another has taken its tasks over: it can neither write nor run anything.
//! And those who cancel at once agree with the one who completes.
//!
//! `SEED` repeats one of the random courses; `COURSES` sets how many there are.

mod common;

use std::sync::Arc;
use std::time::Duration;

use common::{check_log, kinds, lifecycle, log_now, stage_with};
use task_core::testing::{Act, FaultStore, Random, Scribe, Stage};
use task_core::{
    Ask, Delivery, Event, Lifecycle, MemoryStore, Message, NewTask, TaskError, TaskId, TaskManager,
    TaskStatus, TaskStore,
};
use tokio::task::yield_now;

/// Two processes on one store: the first is to lose it to the second.
struct Two {
    store: MemoryStore,
    /// How the first reaches the store: its commits can be held, as those of a process that is paused.
    way: FaultStore,
    zombie: TaskManager,
    stage: Stage,
}

impl Two {
    async fn new() -> Self {
        let store = MemoryStore::new();
        let way = FaultStore::new(store.clone());
        let (zombie, stage) = stage_with(way.clone(), |builder| builder).await;
        Self { store, way, zombie, stage }
    }

    /// A task that the first runs, and that has said something.
    async fn running(&mut self) -> (TaskId, Act) {
        let task = self.zombie.create(NewTask::new("puppet", "first")).await.expect("created");
        let act = self.stage.next().await;
        act.cx.next_message().await.expect("stored").expect("the first message");
        act.cx.text("reply", "before").await.expect("accepted");
        act.cx.flush().await.expect("stored");
        (task.id, act)
    }

    /// Gives the store to another process, behind the back of the first: what the end of a lease would do.
    async fn take_over(&self, task: TaskId) -> (TaskManager, Stage) {
        let owner = self.store.load(task).await.expect("exists").owner().expect("it runs");
        self.store.release(owner).await.expect("taken away");
        stage_with(FaultStore::new(self.store.clone()), |builder| builder).await
    }
}

/// That the log has one run of the first and one of the second, and nothing of the zombie in between or later.
async fn assert_fenced(tasks: &TaskManager, task: TaskId) {
    let log = log_now(tasks, task).await;
    let count = |kind: &str| log.iter().filter(|event| event.kind() == kind).count();
    assert_eq!((count("run_started"), count("interrupted")), (2, 1), "{:?}", kinds(&log));
    let of_zombie: Vec<_> = log.iter().filter(|event| event.json().contains("zombie")).collect();
    assert!(of_zombie.is_empty(), "{of_zombie:?}");
    check_log(tasks, task).await;
}

#[tokio::test(start_paused = true)]
async fn a_zombie_that_wakes_in_the_middle_of_a_write_writes_nothing_and_its_run_is_told() {
    let mut two = Two::new().await;
    let (task, act) = two.running().await;
    let told = tokio::spawn(act.cx.cancelled());
    two.way.hold();
    act.cx.text("reply", "zombie").await.expect("accepted, and not yet written");

    let (tasks, mut stage) = two.take_over(task).await;
    assert_eq!(tasks.get(task).await.expect("exists").status, TaskStatus::Interrupted);
    tasks.send(task, "go on").await.expect("accepted");
    let next = stage.next().await;
    assert_eq!(next.cx.run(), 2);

    two.way.go_on();
    assert!(act.cx.flush().await.is_err());
    assert!(act.cx.set_session("zombie").await.is_err());
    assert!(act.cx.next_message().await.is_err(), "the message is for the run of the owner");
    assert!(act.cx.ask(Ask::question("zombie?")).await.is_err());
    tokio::time::timeout(Duration::from_secs(10), told)
        .await
        .expect("whoever waits is told")
        .expect("no panic");
    act.finish(Ok(()));

    assert_eq!(next.cx.next_message().await.expect("stored").expect("waits").text(), "go on");
    next.cx.text("reply", "after").await.expect("accepted");
    next.finish(Ok(()));
    assert_eq!(tasks.wait(task).await.expect("it settles").status, TaskStatus::Completed);
    assert!(two.stage.try_next().is_none(), "the zombie starts nothing");
    assert_fenced(&tasks, task).await;
}

/// A zombie hears of messages as its successor does, and may be first: it does not know yet that it is none.
#[tokio::test(start_paused = true)]
async fn a_zombie_that_does_not_know_yet_starts_no_run() {
    for by_zombie in [true, false] {
        let mut two = Two::new().await;
        let (task, _act) = two.running().await;
        let (tasks, mut stage) = two.take_over(task).await;
        // To the one who sends it a message is known at once, and to the other a moment later.
        let sender = if by_zombie { &two.zombie } else { &tasks };
        sender.send(task, "go on").await.expect("accepted");
        let next = tokio::time::timeout(Duration::from_secs(60), stage.next()).await;
        let next = next.expect("the owner runs it");
        while next.cx.next_message().await.expect("stored").is_some() {}
        next.finish(Ok(()));
        let settled = tokio::time::timeout(Duration::from_secs(60), tasks.wait(task)).await;
        assert_eq!(settled.expect("it settles").expect("exists").status, TaskStatus::Completed);
        assert!(two.stage.try_next().is_none(), "the zombie starts nothing");
        assert_fenced(&tasks, task).await;
    }
}

/// A zombie wakes at any moment of anything it did, and its successor is at any moment of what it does.
#[tokio::test(start_paused = true)]
async fn no_course_of_events_lets_a_zombie_write() {
    for seed in seeds() {
        let mut random = Random::new(seed);
        let mut two = Two::new().await;
        let (task, act) = two.running().await;
        let act = Arc::new(act);
        two.way.hold();
        let mut zombies = Vec::new();
        for _ in 0..1 + random.below(4) {
            let (act, what) = (Arc::clone(&act), random.below(5));
            zombies.push(tokio::spawn(async move {
                // Whatever becomes of it: it must not be in the log.
                match what {
                    0 => drop(act.cx.text("reply", "zombie").await),
                    1 => drop(act.cx.set_session("zombie").await),
                    2 => drop(act.cx.checkpoint("zombie").await),
                    3 => drop(act.cx.custom("zombie", &1).await),
                    _ => drop(act.cx.ask(Ask::question("zombie?")).await),
                }
            }));
            pause(&mut random).await;
        }
        let (tasks, mut stage) = two.take_over(task).await;
        let wake_at = random.below(4);
        wake(&two, wake_at == 0, &mut random).await;
        tasks.send(task, "go on").await.expect("accepted");
        wake(&two, wake_at == 1, &mut random).await;
        let next = tokio::time::timeout(Duration::from_secs(60), stage.next()).await;
        let next = next.unwrap_or_else(|_| panic!("SEED={seed}: the owner runs it"));
        wake(&two, wake_at == 2, &mut random).await;
        while next.cx.next_message().await.expect("stored").is_some() {}
        next.cx.text("reply", "after").await.expect("accepted");
        pause(&mut random).await;
        next.finish(Ok(()));
        let task_end = tasks.wait(task).await.expect("it settles");
        assert_eq!(task_end.status, TaskStatus::Completed, "SEED={seed}");
        wake(&two, wake_at == 3, &mut random).await;
        for zombie in zombies {
            let ended = tokio::time::timeout(Duration::from_secs(60), zombie).await;
            ended.unwrap_or_else(|_| panic!("SEED={seed}: the zombie waits for ever")).expect("no panic");
        }
        println!("SEED={seed}");
        assert!(two.stage.try_next().is_none(), "SEED={seed}: the zombie starts nothing");
        assert_fenced(&tasks, task).await;
        assert_eq!(tasks.get(task).await.expect("exists").seq, task_end.seq, "SEED={seed}");
    }
}

/// Cancels by the owner and by an observer, the end of the run, and a message, all at once: what they are told is what
/// the log says, for ever.
#[tokio::test(start_paused = true)]
async fn a_cancel_is_true_whoever_asked_and_whatever_the_run_did_meanwhile() {
    let (mut cancelled, mut late) = (0, 0);
    for seed in seeds() {
        let mut random = Random::new(seed);
        let store = MemoryStore::new();
        let (owner_way, observer_way) = (FaultStore::new(store.clone()), FaultStore::new(store.clone()));
        let (owner, mut stage) = stage_with(owner_way.clone(), |builder| builder).await;
        let observer = TaskManager::builder(observer_way.clone()).observe().await.expect("observes");
        let task = owner.create(NewTask::new("puppet", "first")).await.expect("created").id;
        let act = stage.next().await;
        act.cx.next_message().await.expect("stored");

        // Commits wait at the store and are let go in any order.
        let ways = [&owner_way, &observer_way];
        for way in ways {
            if random.below(2) == 0 {
                way.hold();
            }
        }
        let cancel = |tasks: &TaskManager| {
            let tasks = tasks.clone();
            tokio::spawn(async move { tasks.cancel(task).await })
        };
        let mut cancels = Vec::new();
        let mut act = Some(act);
        let mut sent = None;
        let mut acts: Vec<u64> = vec![0, 1, 2, 3];
        while !acts.is_empty() {
            let next = acts.swap_remove(usize::try_from(random.below(acts.len() as u64)).expect("small"));
            match next {
                0 => cancels.push(cancel(&owner)),
                1 => cancels.push(cancel(&observer)),
                2 => act.take().expect("once").finish(Ok(())),
                _ if random.below(3) == 0 => {
                    let (tasks, message) = (observer.clone(), Message::new("more").delivery(Delivery::Queue));
                    sent = Some(tokio::spawn(async move { tasks.send(task, message).await }));
                }
                _ => {}
            }
            pause(&mut random).await;
            ways[usize::try_from(random.below(2)).expect("small")].go_on();
        }
        ways.iter().for_each(|way| way.go_on());

        let mut accepted = false;
        for cancel in cancels {
            match cancel.await.expect("no panic") {
                Ok(task) => accepted |= task.is_stopping() || task.status == TaskStatus::Cancelled,
                Err(TaskError::WrongState(_)) => late += 1,
                Err(error) => panic!("SEED={seed}: {error}"),
            }
        }
        if let Some(sent) = sent {
            sent.await.expect("no panic").expect("accepted");
        }
        // A message may have opened the next run.
        if let Some(next) = stage.try_next() {
            while let Ok(Some(_)) = next.cx.next_message().await {}
            next.finish(Ok(()));
        }
        let settled = settle(&owner, &mut stage, task).await;
        cancelled += u64::from(accepted);
        assert_eq!(observer.get(task).await.expect("exists").status, settled, "SEED={seed}");
        assert_consistent(&log_now(&owner, task).await, accepted, seed);
        check_log(&owner, task).await;
    }
    println!("{cancelled} courses were cancelled; {late} cancels came too late");
    if std::env::var_os("SEED").is_none() {
        assert!(cancelled > 0 && late > 0, "both have to be seen: {cancelled}, {late}");
    }
}

/// Plays whatever is still to be played.
async fn settle(tasks: &TaskManager, stage: &mut Stage, task: TaskId) -> TaskStatus {
    loop {
        tokio::select! {
            settled = tasks.wait(task) => {
                let settled = settled.expect("it settles");
                if settled.queued_messages == 0 {
                    return settled.status;
                }
            }
            next = stage.next() => {
                while let Ok(Some(_)) = next.cx.next_message().await {}
                next.finish(Ok(()));
            }
        }
    }
}

/// A run in whose time a stop was asked for ends cancelled, and nothing ends twice.
fn assert_consistent(log: &[Event], accepted: bool, seed: u64) {
    let (mut running, mut stopping, mut cancelled) = (false, false, false);
    for event in log {
        if !event.kind().starts_with(|c: char| c.is_ascii_lowercase()) || event.kind() == "text" {
            continue;
        }
        match lifecycle(event) {
            Lifecycle::RunStarted(_) => (running, stopping) = (true, false),
            Lifecycle::CancelRequested(_) => stopping = true,
            Lifecycle::Completed(_) => {
                assert!(running && !stopping, "SEED={seed}: completed after a cancel: {:?}", kinds(log));
                running = false;
            }
            Lifecycle::Cancelled(_) => {
                assert!(stopping, "SEED={seed}: cancelled without being asked: {:?}", kinds(log));
                (running, cancelled) = (false, true);
            }
            _ => {}
        }
    }
    assert_eq!(accepted, cancelled, "SEED={seed}: what was told, and what is: {:?}", kinds(log));
}

async fn wake(two: &Two, now: bool, random: &mut Random) {
    if now {
        two.way.go_on();
    }
    pause(random).await;
}

/// Lets the others go on for a while.
async fn pause(random: &mut Random) {
    for _ in 0..random.below(12) {
        yield_now().await;
    }
}

fn seeds() -> Box<dyn Iterator<Item = u64>> {
    let number = |name: &str| std::env::var(name).ok().and_then(|value| value.parse().ok());
    match number("SEED") {
        Some(seed) => Box::new(std::iter::once(seed)),
        None => Box::new(0..number("COURSES").unwrap_or(100)),
    }
}

#[tokio::test(start_paused = true)]
async fn a_start_that_another_process_was_faster_with_is_run_there_and_not_here() {
    let memory = MemoryStore::new();
    let store = FaultStore::new(memory.clone());
    let (tasks, mut stage) = stage_with(store.clone(), |builder| builder).await;
    store.hold();
    let others = TaskManager::builder(memory.clone()).observe().await.expect("observes");
    let task = others.create(NewTask::new("puppet", "go")).await.expect("created");
    store.commit_held().await;
    memory.commit(Scribe::continuing(task.clone()).start()).await.expect("stored");
    store.go_on();
    let gone = tokio::time::timeout(Duration::from_secs(60), stage.cleaned_up()).await;
    assert!(
        gone.is_err() && stage.try_next().is_none(),
        "it runs elsewhere, and is not cleaned up here: {gone:?}"
    );
    assert_eq!(tasks.get(task.id).await.expect("exists").run, 1);
}
