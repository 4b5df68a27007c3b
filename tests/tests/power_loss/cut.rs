use std::fmt;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use agent_tasks_tests::check::check;
use agent_tasks_tests::history::{History, Promise, Report};
use agent_tasks_tests::place::{Kind, Level};
use agent_tasks_tests::random::Random;

use crate::disk::{Disk, FileSystem};
use crate::namespace::{Process, place};

/// What is cut off, and what must be there afterwards.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setup {
    pub(crate) kind: Kind,
    pub(crate) level: Level,
    pub(crate) promise: Promise,
}

/// A cut, and what was there after it.
#[derive(Debug)]
pub(crate) struct Cut {
    pub(crate) scenario: String,
    pub(crate) outcome: Report,
}

/// Many cuts.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    pub(crate) cuts: u64,
    /// Cuts after which something was not as promised.
    pub(crate) caught: u64,
    unreadable: u64,
    sum: Report,
}

/// When the power is cut.
#[derive(Clone, Copy, Debug)]
enum Moment {
    /// While nothing goes on after a commit, which came alone after so many: 0 for the very first.
    Commit(u64),
    /// When nothing was written for a while that asks for the disk.
    Deltas,
    /// At any time.
    Load,
    /// While nothing goes on after a removal, which came alone.
    Removal,
}

/// Makes a disk, and cuts the power so many times while a process writes to it.
pub(crate) fn cut(setup: Setup, seed: u64, round: u64, lives: u64) -> Vec<Cut> {
    let mut random = Random::new(seed ^ round.wrapping_mul(0xA076_1D64_78BD_642F));
    // The first rounds have both file systems and all moments; the longer it goes, the more it mixes.
    let system = if round.is_multiple_of(2) { FileSystem::Ext4 } else { FileSystem::Xfs };
    let place = tempfile::tempdir_in(place()).expect("a directory");
    let disk = Disk::make(system, place.path());
    let (mut history, mut cuts) = (History::default(), Vec::new());
    for life in 0..lives {
        let moment = match (round, life) {
            (0, 0) => Moment::Commit(0),
            (0, _) => Moment::Load,
            (1, 0) => Moment::Deltas,
            (1, 1) => Moment::Removal,
            _ => match random.below(8) {
                0 => Moment::Commit(0),
                1 => Moment::Commit(random.below(200)),
                2 => Moment::Removal,
                3 | 4 => Moment::Deltas,
                _ => Moment::Load,
            },
        };
        // The first rounds mix.
        let bytes = if round < 2 { "mix" } else { random.pick(SIZES) };
        let scenario = format!("round {round}, life {life}: {setup} on {system}, {moment:?}, bytes {bytes}");
        // Before it, as what fails in the middle of it has to say where it was.
        println!("{scenario}");
        let journal = place.path().join(format!("journal {life}"));
        let writer = Writing { setup, moment, bytes, journal: &journal };
        let outcome = one(&disk, &writer, &mut random, &mut history);
        let is_kept = outcome.is_kept();
        cuts.push(Cut { scenario, outcome });
        if !is_kept {
            break;
        }
    }
    cuts
}

struct Writing<'a> {
    setup: Setup,
    moment: Moment,
    bytes: &'a str,
    journal: &'a Path,
}

fn one(disk: &Disk, writing: &Writing<'_>, random: &mut Random, history: &mut History) -> Report {
    let Setup { kind, level, promise } = writing.setup;
    let mount = disk.mount();
    let store = mount.path().join("tasks");
    let mut writer = writing.start(&store, random.next());
    let (word, limits): (_, &[u64]) = match writing.moment {
        Moment::Deltas => ("begun", &[1_000, 3_000]),
        Moment::Load => ("begun", &[20, 200, 1_000, 3_000]),
        Moment::Commit(_) | Moment::Removal => ("done", &[0, 0, 5, 100]),
    };
    wait_for(&mut writer, word);
    let limit = random.pick(limits);
    thread::sleep(Duration::from_millis(random.below(limit)));
    stop(&mut writer);
    mount.cut();
    drop(writer);
    mount.unmount();

    let mount = disk.mount();
    history.read(writing.journal).expect("a journal");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let report = runtime.block_on(check(kind, level, &store, history, promise));
    // What hangs must not make this hang, too.
    runtime.shutdown_timeout(Duration::from_secs(1));
    if report.is_kept() {
        mount.unmount();
    }
    report
}

impl Writing<'_> {
    fn start(&self, store: &Path, seed: u64) -> Process {
        let Setup { kind, level, .. } = self.setup;
        let mut command = Command::new(env!("CARGO_BIN_EXE_writer"));
        command.args([kind.to_string(), level.to_string()]).args([store, self.journal]);
        let last = match self.moment {
            Moment::Commit(after) => after.to_string(),
            Moment::Deltas => "deltas".to_owned(),
            Moment::Load => "never".to_owned(),
            Moment::Removal => "removal".to_owned(),
        };
        command.args([&seed.to_string(), self.bytes, &last]).stdin(Stdio::piped()).stdout(Stdio::piped());
        Process(command.spawn().expect("it starts"))
    }
}

/// Waits until the writer has said this. What it says is read away until its end.
fn wait_for(writer: &mut Process, word: &'static str) {
    let lines = BufReader::new(writer.0.stdout.take().expect("piped")).lines();
    let (said, hear) = mpsc::channel();
    thread::spawn(move || {
        for line in lines.map_while(Result::ok).filter(|line| line == word) {
            // Nobody listens any more after the first.
            said.send(line).ok();
        }
    });
    let heard = hear.recv_timeout(PATIENCE);
    assert!(heard.is_ok(), "the writer has not said `{word}`: {heard:?}, {:?}", writer.0.try_wait());
}

/// Stops all threads of the writer where they are not in the middle of a call to the system: the kernel may still
/// answer such a call as if there had been no cut.
fn stop(writer: &mut Process) {
    let pid = writer.0.id();
    let sent = Command::new("sh").args(["-c", &format!("kill -STOP {pid}")]).status().expect("it starts");
    let ended = writer.0.try_wait().expect("known");
    assert!(sent.success() && ended.is_none(), "the writer has ended by itself: {ended:?}");
    let deadline = Instant::now() + PATIENCE;
    while !is_stopped(pid) {
        assert!(Instant::now() < deadline, "the writer does not stop");
        thread::sleep(Duration::from_millis(1));
    }
}

fn is_stopped(pid: u32) -> bool {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).expect("it is there");
    let paths: Vec<PathBuf> = threads.map(|thread| thread.expect("readable").path()).collect();
    paths.iter().all(|thread| {
        // `1234 (name) T …`; one that has just ended has no file any more.
        let stat = fs::read_to_string(thread.join("stat")).unwrap_or_default();
        stat.rsplit_once(") ").is_none_or(|(_, state)| state.starts_with('T'))
    })
}

impl Figures {
    pub(crate) fn add(&mut self, outcome: Report) {
        self.cuts += 1;
        self.caught += u64::from(!outcome.is_kept());
        self.unreadable += u64::from(outcome.faults.iter().any(|fault| fault.starts_with("it cannot be")));
        self.sum.add(outcome);
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cuts, caught, unreadable, sum } = self;
        let Report { acknowledged, promised, lost, gone, unacknowledged, faults } = sum;
        write!(
            f,
            "{cuts} cuts, {acknowledged} events acknowledged, {promised} of them promised, {lost} of these lost, \
             {gone} others gone, {unacknowledged} there that were not acknowledged; {caught} cuts with something wrong, \
             {unreadable} after which it could not be opened, {} faults",
            faults.len()
        )
    }
}

impl fmt::Display for Setup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.level)
    }
}

const SIZES: &[&str] = &["mix", "mix", "300", "8000", "60000", "140000", "3000000"];

/// Nothing here takes seconds.
const PATIENCE: Duration = Duration::from_secs(30);
