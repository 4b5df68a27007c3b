//! Tasks come and go, with processes, messages, cancels, and viewers that leave and come back; after a while nothing is
//! held that was not held before: no memory, no thread, no open file, no process. A leak of each kind, planted, is seen.
//!
//! `SOAK_SECONDS` says how long and `SOAK_TASKS` how many tasks there are at a time; `SEED` repeats what they do.

use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

use agent_tasks_tests::random::{Random, number, seed};
use futures::TryStreamExt;
use task_core::{Message, NewTask, RunContext, RunId, RunResult, Seq, TaskError, TaskId, TaskManager};
use task_runners::ShellRunner;
use task_runners::process::Sweep;
use task_store_sqlite::{SqliteOptions, SqliteStore};
use tokio::time::{sleep, timeout};

/// What commands do: end, talk, stay, ignore signals, leave processes behind, close their ends.
const COMMANDS: [&str; 8] = [
    "echo hello",
    "seq 1 3000",
    "for i in 1 2 3 4 5; do echo $i; sleep 0.02; done",
    "sleep 60",
    "trap '' TERM INT HUP; sleep 60",
    "(setsid sleep 60 &) ; echo left",
    "exec >&- 2>&-; sleep 0.1",
    "exit 3",
];

/// What may be held too long.
#[derive(Clone, Copy, Debug)]
enum Leak {
    File,
    Memory,
    Process,
    Thread,
}

/// What this process holds.
#[derive(Clone, Copy, Debug)]
struct Held {
    bytes: u64,
    files: u64,
    processes: u64,
    threads: u64,
}

/// One test, as others in the same process would hold something, too.
#[test]
fn nothing_grows_and_whatever_leaks_is_seen() {
    let seconds = number("SOAK_SECONDS").unwrap_or(10);
    let tasks = number("SOAK_TASKS").unwrap_or(40);
    let seed = seed("soak");
    let time = Duration::from_secs(seconds);
    soak(seed, tasks, time, None).unwrap_or_else(|what| panic!("SEED={seed}: {what}"));
    for leak in [Leak::File, Leak::Memory, Leak::Process, Leak::Thread] {
        let seen = soak(seed, 4, Duration::ZERO, Some(leak));
        let what = seen.expect_err(&format!("{leak:?} leaks, and nothing is seen"));
        let kind = match leak {
            Leak::File => "files",
            Leak::Memory => "memory",
            Leak::Process => "processes",
            Leak::Thread => "threads",
        };
        assert!(what.starts_with(kind), "{leak:?} leaks, and what is seen is: {what}");
        println!("{leak:?} leaks: {what}");
    }
}

/// Rounds of so many tasks until the time is over, and at least eight. `Err` says what grew.
fn soak(seed: u64, tasks: u64, time: Duration, leak: Option<Leak>) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .max_blocking_threads(8)
        .thread_keep_alive(Duration::from_millis(100))
        .enable_all()
        .build()
        .expect("a runtime");
    let outcome = runtime.block_on(async {
        let dir = tempfile::tempdir().expect("a directory");
        // One: more are opened when they are needed, and that may be late.
        let options = SqliteOptions::default().with_readers(1);
        let store = SqliteStore::open_with(dir.path().join("tasks.db"), options).await.expect("opens");
        let manager = TaskManager::builder(store)
            .runner("shell", ShellRunner::new())
            .runner("talker", talk)
            .max_running(16)
            .cancel_grace(Duration::from_millis(300));
        let manager = manager.start().await.expect("starts");
        let (mut random, start, mut rounds) = (Random::new(seed), Instant::now(), Vec::new());
        let mut leaks = Leaks::default();
        while rounds.len() < 8 || start.elapsed() < time {
            let lives = (0..tasks).map(|_| tokio::spawn(live(manager.clone(), Random::new(random.next()))));
            for life in lives.collect::<Vec<_>>() {
                life.await.map_err(|error| format!("a life ended early: {error}"))??;
            }
            leaks.add(leak);
            let patience = Duration::from_millis(if leak.is_some() { 500 } else { 3_000 });
            let rest = if rounds.len() < WARM_UP { Duration::from_millis(500) } else { patience };
            rounds.push(come_to_rest(rounds.get(WARM_UP), rest).await);
        }
        println!("{} rounds of {tasks} tasks: {:?} to {:?}", rounds.len(), rounds[WARM_UP], rounds.last());
        manager.shutdown(Duration::from_secs(5)).await.expect("ends");
        compare(&rounds)
    });
    drop(runtime);
    outcome
}

async fn talk(cx: RunContext) -> RunResult {
    while let Some(message) = cx.next_message().await? {
        for _ in 0..50 {
            cx.text("reply", message.text()).await?;
        }
    }
    Ok(())
}

/// Asks again as long as the store is busy: that is told to whoever asked, and is no leak.
async fn patiently<T, F>(what: &str, ask: impl Fn() -> F) -> Result<T, String>
where
    F: Future<Output = Result<T, TaskError>>,
{
    let give_up = Instant::now() + PATIENCE;
    loop {
        match ask().await {
            Ok(answer) => return Ok(answer),
            Err(TaskError::Store(error)) if error.is_transient() && Instant::now() < give_up => {
                sleep(Duration::from_millis(50)).await;
            }
            Err(error) => return Err(format!("{what}: {error:?}")),
        }
    }
}

/// A task from its creation to its removal, with those who watch it.
async fn live(manager: TaskManager, mut random: Random) -> Result<(), String> {
    let key = TaskId::new().to_string();
    let new = match random.below(4) {
        0 => NewTask::new("talker", "hello"),
        _ => NewTask::new("shell", random.pick(&COMMANDS)),
    };
    let new = new.idempotency_key(&key);
    let task = patiently("create", || manager.create(new.clone())).await?.id;
    let viewers: Vec<_> =
        (0..3).map(|_| tokio::spawn(view(manager.clone(), task, Random::new(random.next())))).collect();
    if random.below(2) == 0 {
        sleep(Duration::from_millis(random.below(50))).await;
        let message = Message::new("echo again").idempotency_key(&key);
        patiently("send", || manager.send(task, message.clone())).await?;
    }
    sleep(Duration::from_millis(random.below(300))).await;
    // What stays for a minute is cancelled; some of the others are, too, in the middle of anything.
    let cancel = || async {
        match manager.cancel(task).await {
            Err(TaskError::WrongState(_)) => manager.get(task).await,
            outcome => outcome,
        }
    };
    patiently("cancel", cancel).await?;
    let settled = timeout(PATIENCE, patiently("wait", || manager.wait(task))).await;
    let end = settled.map_err(|_| "a task does not settle")??;
    for viewer in viewers {
        let seen = timeout(PATIENCE, viewer).await.map_err(|_| "a viewer waits for ever")?;
        let seen = seen.map_err(|error| format!("a viewer: {error}"))??;
        if seen > end.seq.get() {
            return Err(format!("a viewer saw {seen} events of {}", end.seq));
        }
    }
    let runs: Vec<_> = (1..=end.run).map(|run| RunId::new(task, run)).collect();
    let left = Sweep::of_runs(&runs).look();
    if left > 0 {
        return Err(format!("{left} processes outlive their run"));
    }
    let delete = || async {
        match manager.delete(task).await {
            // An earlier call that was told nothing had done it.
            Err(TaskError::NotFound(_)) => Ok(()),
            outcome => outcome,
        }
    };
    patiently("delete", delete).await
}

/// Follows the task to its end, leaving and coming back, and gives the number of the last event.
async fn view(manager: TaskManager, task: TaskId, mut random: Random) -> Result<u64, String> {
    let mut seen = 0;
    loop {
        let mut events = manager.subscribe(task, Seq::new(seen));
        for left in (0..random.below(40)).rev() {
            match events.try_next().await {
                Ok(Some(event)) if event.seq().get() == seen + 1 => seen += 1,
                Ok(Some(event)) => return Err(format!("event {} follows {seen}", event.seq())),
                Ok(None) => return Ok(seen),
                // It was removed after its end.
                Err(TaskError::NotFound(_)) => return Ok(seen),
                Err(TaskError::Store(error)) if error.is_transient() => break,
                Err(error) => return Err(format!("a viewer was told: {error:?}")),
            }
            if left == 0 {
                break;
            }
        }
    }
}

/// The least that is held once what ends has ended, which takes a moment: of each by itself, as some thread comes and goes
/// all the time.
async fn come_to_rest(before: Option<&Held>, patience: Duration) -> Held {
    let deadline = Instant::now() + patience;
    let mut least = Held::now();
    loop {
        let at_rest = |before: &Held| {
            least.files <= before.files
                && least.threads <= before.threads
                && least.processes <= before.processes
        };
        if before.is_some_and(at_rest) || Instant::now() > deadline {
            return least;
        }
        sleep(Duration::from_millis(20)).await;
        let now = Held::now();
        least = Held {
            bytes: least.bytes.min(now.bytes),
            files: least.files.min(now.files),
            processes: least.processes.min(now.processes),
            threads: least.threads.min(now.threads),
        };
    }
}

/// The last rounds against the first after the warm-up: the least of those against the most of these, as a thread or a
/// page of memory may be given back a little later.
fn compare(rounds: &[Held]) -> Result<(), String> {
    let rounds = &rounds[WARM_UP..];
    let third = rounds.len().div_ceil(3);
    let (first, last) = (&rounds[..third], &rounds[rounds.len() - third..]);
    let grew = |count: fn(&Held) -> u64, by: u64| {
        let before = first.iter().map(count).max().unwrap_or_default();
        last.iter().map(count).min().unwrap_or_default() > before + by
    };
    let facts = [
        ("files", grew(|held| held.files, 0)),
        ("processes", grew(|held| held.processes, 0)),
        ("threads", grew(|held| held.threads, 0)),
        ("memory", grew(|held| held.bytes, GROWTH)),
    ];
    match facts.iter().find(|(_, grew)| *grew) {
        Some((what, _)) => Err(format!("{what} grew: {first:?} became {last:?}")),
        None => Ok(()),
    }
}

impl Held {
    fn now() -> Self {
        let status = fs::read_to_string("/proc/self/status").expect("a status");
        let line = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
        let number =
            |name: &str| line(name).trim().trim_end_matches(" kB").parse::<u64>().unwrap_or_default();
        Self {
            bytes: number("RssAnon:") * 1024,
            files: fs::read_dir("/proc/self/fd").expect("listed").count() as u64,
            processes: children(),
            threads: number("Threads:"),
        }
    }
}

/// Processes, and what is left of them, whose parent this process is.
fn children() -> u64 {
    let own = std::process::id().to_string();
    let stats = fs::read_dir("/proc").expect("listed").flatten();
    let stats = stats.filter_map(|entry| fs::read_to_string(entry.path().join("stat")).ok());
    let is_ours = |stat: &String| {
        stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.split(' ').nth(1) == Some(own.as_str()))
    };
    stats.filter(is_ours).count() as u64
}

/// What is held on purpose, and let go at the end.
#[derive(Default)]
struct Leaks {
    files: Vec<fs::File>,
    memory: Vec<Vec<u8>>,
    processes: Vec<std::process::Child>,
    threads: Option<Arc<std::sync::Barrier>>,
}

impl Leaks {
    fn add(&mut self, leak: Option<Leak>) {
        match leak {
            None => {}
            Some(Leak::File) => self.files.push(fs::File::open("/dev/null").expect("opens")),
            Some(Leak::Memory) => self.memory.push(vec![1; 24 << 20]),
            Some(Leak::Process) => {
                let child = std::process::Command::new("sleep").arg("60").spawn();
                self.processes.push(child.expect("a process"));
            }
            Some(Leak::Thread) => {
                let barrier =
                    Arc::clone(self.threads.get_or_insert_with(|| Arc::new(std::sync::Barrier::new(1_000))));
                // Nobody comes to the barrier: it ends with the test.
                std::thread::spawn(move || barrier.wait());
            }
        }
    }
}

impl Drop for Leaks {
    fn drop(&mut self) {
        for child in &mut self.processes {
            // It may have ended by itself.
            drop(child.kill());
            drop(child.wait());
        }
    }
}

/// Rounds until everything that is made once is made.
const WARM_UP: usize = 3;

/// What the allocator may keep.
const GROWTH: u64 = 16 << 20;

/// No task takes longer to end, on any machine.
const PATIENCE: Duration = Duration::from_secs(60);
