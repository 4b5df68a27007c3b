//! A process for tests to kill or to cut off: it commits to a store as fast as that goes, for several tasks at once, and
//! keeps a journal elsewhere of what it has issued and what was acknowledged.
//!
//! `writer <kind> <level> <path> <journal> <seed> <bytes of an event, or mix> <last>`. It goes on with what it finds, says
//! `begun` after the first acknowledgement, and ends when it is killed or its input ends. With a number as `last`, the
//! first commit after so many that asks for the disk is the last thing it does; with `removal`, a removal is; it is done
//! alone, so that nothing that comes later can put to the disk what was forgotten, and the writer says `done` when it is
//! acknowledged. With `deltas` it soon writes nothing but text, which does not ask for the disk; with `never` it goes on
//! with everything.

use std::error::Error;
use std::fmt::Write as _;
use std::io::{Read, Write as _};
use std::num::ParseIntError;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use agent_tasks_tests::check::chain;
use agent_tasks_tests::journal::Journal;
use agent_tasks_tests::place::Place;
use agent_tasks_tests::random::Random;
use task_core::testing::Scribe;
use task_core::{Commit, Durability, InstanceId, Json, Output, RawOutput, Task, TaskQuery};
use tokio::sync::RwLock;
use tokio::task::JoinSet;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [kind, level, path, journal, seed, bytes, last] = &arguments[..] else {
        return Err("seven arguments are needed".into());
    };
    std::thread::spawn(|| {
        // Whoever started this process is gone.
        let _ended = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(1);
    });

    let place = Place::open(kind.parse()?, level.parse()?, Path::new(path)).await?;
    let instance = InstanceId::new();
    let mut found = Vec::new();
    if let Place::Store(store) = &place {
        store.claim(instance).await?;
        found = store.list(&TaskQuery::default().with_limit(TASKS / 2)).await?.items;
    }
    let desk = Arc::new(Desk {
        place,
        journal: Journal::create(Path::new(journal))?,
        instance,
        bytes: bytes.parse().ok(),
        room: AtomicU64::new(ROOM),
        last: last.parse()?,
        commits: AtomicU64::default(),
        begun: AtomicBool::default(),
        gate: RwLock::default(),
    });
    let mut random = Random::new(seed.parse()?);
    let mut writers = JoinSet::new();
    for _ in 0..TASKS {
        let writer = Writer { desk: Arc::clone(&desk), random: Random::new(random.next()) };
        writers.spawn(writer.run(found.pop()));
    }
    // They write for ever: the first that ends has failed.
    if let Some(ended) = writers.join_next().await {
        let Err(error) = ended?;
        return Err(chain(&*error).into());
    }
    Ok(())
}

/// What the writers share.
struct Desk {
    place: Place,
    journal: Journal,
    instance: InstanceId,
    /// The size of events, if all have the same.
    bytes: Option<usize>,
    /// How many bytes large events may still take.
    room: AtomicU64,
    last: Last,
    commits: AtomicU64,
    begun: AtomicBool,
    /// Whoever does the last thing takes it for itself, and keeps it.
    gate: RwLock<()>,
}

/// What is the last thing to be done.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Last {
    /// A commit, after so many others.
    Commit(u64),
    /// Text without end, after the first commits.
    Deltas,
    Never,
    Removal,
}

/// Writes to one task after the other.
struct Writer {
    desk: Arc<Desk>,
    random: Random,
}

type Failed = Box<dyn Error + Send + Sync>;

enum Never {}

impl Writer {
    async fn run(mut self, mut found: Option<Task>) -> Result<Never, Failed> {
        loop {
            let mut scribe = match found.take() {
                Some(task) => self.go_on(task).await?,
                None => self.create().await?,
            };
            let mut left = self.random.below(40);
            while left > 0 || self.writes_deltas() {
                let commit = self.output(&mut scribe);
                self.commit(commit).await?;
                left = left.saturating_sub(1);
            }
            if self.random.below(4) == 0 {
                self.remove(&scribe).await?;
            }
        }
    }

    /// Whether nothing but text is to be written by now.
    fn writes_deltas(&self) -> bool {
        self.desk.last == Last::Deltas && self.desk.commits.load(Relaxed) > FIRST
    }

    async fn create(&mut self) -> Result<Scribe, Failed> {
        let mut scribe = Scribe::new("written until it is cut off").with_instance(self.desk.instance);
        let key = scribe.id().to_string();
        let commit = scribe.create(Some(&key));
        self.commit(commit).await?;
        let commit = scribe.start();
        self.commit(commit).await?;
        Ok(scribe)
    }

    /// As the next owner does.
    async fn go_on(&mut self, task: Task) -> Result<Scribe, Failed> {
        let runs = task.owner().is_some();
        let mut scribe = Scribe::continuing(task).with_instance(self.desk.instance);
        if runs {
            let commit = scribe.interrupt();
            self.commit(commit).await?;
        }
        let commit = scribe.message("go on");
        self.commit(commit).await?;
        let commit = scribe.start();
        self.commit(commit).await?;
        Ok(scribe)
    }

    /// One to four events; half of the commits ask for the disk.
    fn output(&mut self, scribe: &mut Scribe) -> Commit {
        let events = 1 + self.random.below(4);
        let durable = self.random.below(2) == 0 && !self.writes_deltas();
        let mut outputs = Vec::new();
        for _ in 0..events {
            let body = self.body();
            let small = body.len() < 10_000;
            outputs.push(if durable {
                Output::Raw(RawOutput::new("writer", Json::new(&body).expect("text has a JSON form")))
            } else {
                Output::text("block", body)
            });
            if !small {
                break;
            }
        }
        scribe.record(outputs)
    }

    fn body(&mut self) -> String {
        let bytes = self.desk.bytes.unwrap_or_else(|| self.random.pick(MIX));
        let take = |room: u64| room.checked_sub(bytes as u64);
        let fits = self.desk.room.fetch_update(Relaxed, Relaxed, take).is_ok();
        let bytes = if fits { bytes } else { 300 };
        // Large ones repeat a piece of their own, each time with its place before it.
        let piece: String =
            (0..(bytes / 16).clamp(1, 250)).map(|_| format!("{:016x}", self.random.next())).collect();
        let mut body = String::with_capacity(bytes + piece.len() + 8);
        while body.len() < bytes {
            let at = body.len();
            write!(body, "{at:08x}").expect("a string takes everything");
            body.push_str(&piece);
        }
        body
    }

    async fn commit(&self, commit: Commit) -> Result<(), Failed> {
        let desk = &*self.desk;
        let number = desk.commits.fetch_add(1, Relaxed);
        let durable = commit.durability() >= Durability::Durable;
        if durable && matches!(desk.last, Last::Commit(after) if number >= after) {
            let _alone = desk.gate.write().await;
            desk.commit(commit).await?;
            match done().await? {}
        }
        let _with_others = desk.gate.read().await;
        desk.commit(commit).await
    }

    async fn remove(&self, scribe: &Scribe) -> Result<(), Failed> {
        let desk = &*self.desk;
        if desk.last == Last::Removal {
            let _alone = desk.gate.write().await;
            desk.remove(scribe).await?;
            match done().await? {}
        }
        let _with_others = desk.gate.read().await;
        desk.remove(scribe).await
    }
}

impl Desk {
    async fn commit(&self, commit: Commit) -> Result<(), Failed> {
        let (task, end, durability) = (commit.task(), commit.end().get(), commit.durability());
        self.journal.issue(&commit)?;
        self.place.commit(commit).await?;
        self.journal.ack(task, end, durability)?;
        if !self.begun.swap(true, Relaxed) {
            writeln!(std::io::stdout(), "begun")?;
        }
        Ok(())
    }

    async fn remove(&self, scribe: &Scribe) -> Result<(), Failed> {
        self.journal.remove(scribe.id())?;
        self.place.remove(scribe.id(), scribe.task().seq).await?;
        Ok(self.journal.removed(scribe.id())?)
    }
}

impl FromStr for Last {
    type Err = ParseIntError;

    fn from_str(last: &str) -> Result<Self, ParseIntError> {
        match last {
            "deltas" => Ok(Self::Deltas),
            "never" => Ok(Self::Never),
            "removal" => Ok(Self::Removal),
            number => number.parse().map(Self::Commit),
        }
    }
}

async fn done() -> Result<Never, Failed> {
    writeln!(std::io::stdout(), "done")?;
    std::future::pending().await
}

const TASKS: usize = 8;

/// Commits of every kind before there is nothing but text.
const FIRST: u64 = 50;

/// Bytes of the bodies of a mix.
const MIX: &[usize] = &[
    300, 300, 300, 300, 300, 300, 300, 300, 300, 300, 300, 300, 300, 300, 300, 300, 300, 300, 300, 300, 300,
    300, 300, 300, 8_000, 8_000, 8_000, 8_000, 8_000, 8_000, 8_000, 60_000, 60_000, 60_000, 60_000, 140_000,
    140_000, 3_000_000,
];

/// Large events until then, small ones afterwards: what is cut off has to be read again, and to fit on the disk.
const ROOM: u64 = 96_000_000;
