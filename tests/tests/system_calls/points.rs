//! Where a store can fail: each call that it makes, counted once while nothing fails.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::path::Path;

use crate::child::{self, Store};

/// One call that fails in one way.
#[derive(Clone, Debug)]
pub(crate) struct Point {
    pub(crate) call: &'static str,
    pub(crate) error: &'static str,
    /// Which call, counted in each thread for itself: of those that touch files of the store, or of all.
    pub(crate) nth: usize,
    among: Among,
}

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Among {
    /// All calls of a thread.
    All,
    /// The calls of a thread that touch one of the files of a store.
    Files,
}

/// The calls of a process, counted.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    /// The files and directories it touched, from the directory it was given.
    files: BTreeSet<String>,
    /// How many calls of each kind that touch them a thread makes, at most.
    touching: BTreeMap<&'static str, usize>,
    /// Of the calls that touch files of which the names are not the same in every run, which they are among all of their
    /// kind that their thread makes.
    named_anew: BTreeMap<&'static str, BTreeSet<usize>>,
}

impl Calls {
    /// Runs the process in `mode` on a store in `directory`.
    pub(crate) fn count(store: Store, directory: &Path, mode: &str) -> Self {
        let log = directory.join("calls");
        let place = directory.join(PLACE);
        let names: Vec<_> = CALLS.iter().map(|(call, _)| *call).collect();
        let trace = format!("trace={}", names.join(","));
        let strace = ["-y", "-o", &log.to_string_lossy(), "-e", &trace].map(str::to_owned);
        let told = child::run(store, &place.join(NAME), mode, &strace);
        assert_eq!(told.outcome.as_deref(), Some("ok"), "without a fault: {told:?}");
        let text = fs::read_to_string(&log).expect("the calls are written down");
        Self::parse(&text, &place.to_string_lossy())
    }

    fn parse(text: &str, place: &str) -> Self {
        let mut calls = Self::default();
        // By thread and kind: all calls, and those that touch files of the store.
        let mut so_far: BTreeMap<(&str, &str), (usize, usize)> = BTreeMap::new();
        let mut of_first: BTreeMap<&str, usize> = BTreeMap::new();
        let mut first = None;
        for line in text.lines() {
            let Some((thread, call)) = line.split_once(' ') else { continue };
            let call = call.trim_start();
            let Some((call, _)) = CALLS
                .iter()
                .find(|(name, _)| call.strip_prefix(name).is_some_and(|rest| rest.starts_with('(')))
            else {
                continue;
            };
            let (all, touching) = so_far.entry((thread, call)).or_default();
            *all += 1;
            if *first.get_or_insert(thread) == thread {
                of_first.insert(call, *all);
            }
            let paths = paths(line, place);
            if paths.is_empty() {
                continue;
            }
            if paths.iter().any(|path| is_named_anew(path)) {
                calls.named_anew.entry(call).or_default().insert(*all);
                continue;
            }
            *touching += 1;
            let most = calls.touching.entry(call).or_default();
            *most = (*most).max(*touching);
            calls.files.extend(paths);
        }
        // The first thread loads libraries; a number that it reaches would fail those.
        for (call, numbers) in &mut calls.named_anew {
            numbers.retain(|nth| *nth > of_first.get(call).copied().unwrap_or_default());
        }
        for call in ["clone3", "clone"] {
            let most = so_far.iter().filter(|((_, of), _)| *of == call).map(|(_, (all, _))| *all).max();
            calls.named_anew.extend(most.map(|most| (call, (1..=most).collect())));
        }
        calls
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.touching.values().sum::<usize>() + self.named_anew.values().map(BTreeSet::len).sum::<usize>()
    }

    /// Every call with every way to fail.
    pub(crate) fn points(&self) -> Vec<Point> {
        let mut points = Vec::new();
        for (call, errors) in CALLS {
            let touching = self.touching.get(call).copied().unwrap_or_default();
            let named_anew = self.named_anew.get(call).into_iter().flatten();
            let numbers = (1..=touching).map(|nth| (nth, Among::Files));
            for (nth, among) in numbers.chain(named_anew.map(|nth| (*nth, Among::All))) {
                points.extend(errors.iter().map(|error| Point { call, error, nth, among }));
            }
        }
        points
    }

    /// Every call, as the last one of its process.
    pub(crate) fn points_once(&self) -> Vec<Point> {
        let mut points = self.points();
        points.iter_mut().for_each(|point| point.error = KILLED);
        points.dedup_by_key(|point| (point.call, point.nth, point.among));
        points
    }

    /// The same for that call and every later one of its kind.
    pub(crate) fn strace_from(&self, point: &Point, directory: &Path) -> Vec<String> {
        let mut words = self.strace(point, directory);
        if let Some(last) = words.last_mut() {
            last.push('+');
        }
        words
    }

    /// What strace has to be told to let the call of `point` fail, or be the last one, in a process that uses a store in
    /// `directory`.
    pub(crate) fn strace(&self, point: &Point, directory: &Path) -> Vec<String> {
        let Point { call, error, nth, among } = point;
        let mut words = Vec::new();
        if *among == Among::Files {
            let place = directory.join(PLACE);
            let files = self.files.iter().map(|file| format!("{}{file}", place.to_string_lossy()));
            words.extend(files.flat_map(|file| ["-P".to_owned(), file]));
        }
        let how = if *error == KILLED {
            format!("signal={error}")
        } else {
            // Stops at no other calls, which is faster. With signals it does not do what it should.
            words.push("--seccomp-bpf".to_owned());
            format!("error={error}")
        };
        let log = directory.join(LOG).to_string_lossy().into_owned();
        words.extend(["-y", "-o", &log, "-e", &format!("trace={call}")].map(str::to_owned));
        words.extend(["-e".to_owned(), format!("inject={call}:{how}:when={nth}")]);
        words
    }
}

impl Point {
    /// Whether the process ends with it.
    pub(crate) fn is_last(&self) -> bool {
        self.error == KILLED
    }

    /// Whether it was met in that directory. With names that are not the same in every run the numbers are not, either.
    pub(crate) fn was_met(&self, directory: &Path) -> bool {
        let log = fs::read(directory.join(LOG)).unwrap_or_default();
        let (log, place) = (String::from_utf8_lossy(&log), directory.join(PLACE));
        let of_store =
            |line: &str| self.call.starts_with("clone") || line.contains(&*place.to_string_lossy());
        log.lines().any(|line| line.contains("(INJECTED)") && of_store(line))
    }
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let among = if self.among == Among::All { " of all" } else { "" };
        write!(f, "{} {}{among} {}", self.call, self.nth, self.error)
    }
}

/// The paths in a line that are in the place or the place itself, from there on.
fn paths(line: &str, place: &str) -> BTreeSet<String> {
    let mut paths = BTreeSet::new();
    for (start, _) in line.match_indices(place) {
        let rest = &line[start + place.len()..];
        let end = rest.find(['"', '>', ' ']).unwrap_or(rest.len());
        paths.insert(rest[..end].to_owned());
    }
    paths
}

/// The engine names its snapshots after a position, which depends on how things fell together.
fn is_named_anew(path: &str) -> bool {
    path.contains("/snap.")
}

/// The directory in that of a test which only has the store.
pub(crate) const PLACE: &str = "place";

/// The store in it.
pub(crate) const NAME: &str = "tasks";

/// What strace has seen of a process that suffered.
const LOG: &str = "log";

const KILLED: &str = "KILL";

/// What the stores call, and how each can fail. `close` is not among them: it never leaves a file open.
const CALLS: &[(&str, &[&str])] = &[
    ("clone", &["EAGAIN"]),
    ("clone3", &["EAGAIN"]),
    ("fchmod", &["EIO"]),
    ("fchown", &["EIO"]),
    ("fcntl", &["EAGAIN", "EIO", "ENOLCK"]),
    ("fdatasync", &["EIO", "ENOSPC"]),
    ("flock", &["EAGAIN", "ENOLCK"]),
    ("fstat", &["EIO"]),
    ("fsync", &["EIO", "ENOSPC"]),
    ("ftruncate", &["EIO", "ENOSPC"]),
    ("getdents64", &["EIO"]),
    ("lseek", &["EIO"]),
    ("mkdir", &["EIO", "ENOSPC"]),
    ("mmap", &["ENOMEM"]),
    ("mremap", &["ENOMEM"]),
    ("newfstatat", &["EIO", "ENOMEM"]),
    ("openat", &["EIO", "EMFILE", "ENOSPC"]),
    ("pread64", &["EIO"]),
    ("pwrite64", &["EIO", "ENOSPC"]),
    ("read", &["EIO"]),
    ("readlink", &["EIO"]),
    ("rename", &["EIO", "ENOSPC"]),
    ("statx", &["EIO"]),
    ("sync_file_range", &["EIO", "ENOSPC"]),
    ("unlink", &["EIO"]),
    ("write", &["EIO", "ENOSPC"]),
];
