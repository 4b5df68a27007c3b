//! The process that suffers, and what it said.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// A store to test, as the process knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Store {
    Sled,
    Sqlite,
}

impl Store {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Sled => "sled",
            Self::Sqlite => "sqlite",
        }
    }
}

/// What a process said before it ended.
#[derive(Clone, Debug, Default)]
pub(crate) struct Told {
    /// Where the log of each task ends, at least.
    pub(crate) acknowledged: BTreeMap<String, u64>,
    /// What was given to the store, by task and number.
    pub(crate) tried: BTreeMap<(String, u64), String>,
    /// What was read from it.
    pub(crate) read: BTreeMap<(String, u64), String>,
    /// Tasks that were to be removed.
    pub(crate) removing: BTreeSet<String>,
    /// Tasks that the store said were removed.
    pub(crate) removed: BTreeSet<String>,
    /// Logs that could not be read, and why.
    pub(crate) unreadable: Vec<String>,
    /// How it went on after a failure, if it tried.
    pub(crate) again: Option<String>,
    /// `ok`, or how it failed.
    pub(crate) outcome: Option<String>,
    /// Whether it was still there when its time was over.
    pub(crate) hung: bool,
    /// How long it took.
    pub(crate) took: Duration,
    /// How it ended, if not well.
    pub(crate) death: Option<String>,
    /// The other lines.
    pub(crate) said: Vec<String>,
    /// What it wrote elsewhere.
    pub(crate) stderr: String,
}

/// Runs the process: `mode` as `steps` says, under strace with these arguments, if there are any.
pub(crate) fn run(store: Store, path: &Path, mode: &str, strace: &[String]) -> Told {
    let mut told = Told::default();
    told.go_on(store, path, &[mode], strace);
    told
}

impl Told {
    /// Runs the next process on the same store; what it says comes on top.
    pub(crate) fn go_on(&mut self, store: Store, path: &Path, mode: &[&str], strace: &[String]) {
        let program = if MANAGED.contains(&mode[0]) { MANAGE } else { STEPS };
        let mut command = match strace {
            [] => Command::new(program),
            strace => {
                let mut command = Command::new("strace");
                command.args(["-f", "-qq"]).args(strace).arg("--").arg(program);
                command
            }
        };
        command.arg(store.name()).arg(path).args(mode);
        self.hear(command);
    }

    /// Lets a process fill a disk of a few MiB, with a file beside the store that it can take away.
    pub(crate) fn fill_disk(&mut self, store: Store, mount: &Path) {
        let mut command = Command::new("unshare");
        command.args(["--mount", "--propagation", "private", "sh", "-c", SMALL_DISK, "sh"]);
        self.hear({
            command.arg(mount).arg(MANAGE).arg(store.name());
            command
        });
    }

    /// Waits for a process and takes in what it says.
    fn hear(&mut self, mut command: Command) {
        command.stdin(Stdio::null());
        // A group of its own, so that the tracer and what it traces can be ended together.
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0).spawn();
        let mut group = Group(child.expect("it starts"));
        let out = group.0.stdout.take().expect("piped");
        let err = group.0.stderr.take().expect("piped");
        let (start, (send, ended)) = (Instant::now(), mpsc::channel());
        let reading = std::thread::spawn(move || {
            let text = read_all(out);
            // Nobody waits any more when it took too long.
            let _late = send.send(());
            text
        });
        let erring = std::thread::spawn(move || read_all(err));
        self.hung = ended.recv_timeout(LIMIT).is_err();
        self.took = start.elapsed();
        if self.hung {
            group.kill();
        }
        let status = group.0.wait().expect("it was started here");
        self.death = (!status.success()).then(|| status.to_string());
        self.outcome = None;
        self.read.clear();
        self.said.clear();
        self.parse(&reading.join().expect("it only reads"));
        self.stderr = erring.join().expect("it only reads");
    }

    /// A line that is not whole was not told.
    fn parse(&mut self, text: &str) {
        for line in text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n')) {
            let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
            match word {
                "ack" => {
                    let (task, seq) = numbered(rest);
                    self.acknowledged.insert(task, seq);
                }
                "again" => self.again = Some(rest.to_owned()),
                "try" | "event" => {
                    let (place, event) = rest.split_at(rest.find('{').expect("an event is an object"));
                    let events = if word == "try" { &mut self.tried } else { &mut self.read };
                    events.insert(numbered(place.trim_end()), event.to_owned());
                }
                "removing" => drop(self.removing.insert(rest.to_owned())),
                "removed" => drop(self.removed.insert(rest.to_owned())),
                "unreadable" => self.unreadable.push(rest.to_owned()),
                _ => {
                    self.said.push(line.to_owned());
                    self.outcome = Some(line.to_owned());
                }
            }
        }
    }
}

/// Everything that was started, ended with the test.
struct Group(Child);

impl Group {
    fn kill(&self) {
        let group = format!("-{}", self.0.id());
        Command::new("kill").args(["-KILL", "--", &group]).stderr(Stdio::null()).status().ok();
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if matches!(self.0.try_wait(), Ok(None)) {
            self.kill();
            self.0.wait().ok();
        }
    }
}

fn read_all(mut from: impl Read) -> String {
    let mut bytes = Vec::new();
    from.read_to_end(&mut bytes).ok();
    String::from_utf8_lossy(&bytes).into_owned()
}

fn numbered(text: &str) -> (String, u64) {
    let (task, seq) = text.split_once(' ').expect("two words");
    (task.to_owned(), seq.parse().expect("a number"))
}

const STEPS: &str = env!("CARGO_BIN_EXE_steps");
const MANAGE: &str = env!("CARGO_BIN_EXE_manage");

/// The disk goes with the process. How full it is at first is left to chance, so that the last write is cut anywhere.
const SMALL_DISK: &str = r#"mount -t tmpfs -o size=6m none "$1" &&
    head -c "$((2000000 + $$ % 50000))" /dev/zero >"$1/ballast" && exec "$2" "$3" "$1/tasks" fill"#;

/// The modes of the second of them.
const MANAGED: [&str; 3] = ["again", "commands", "fill"];

/// How long a process may take. The stores are told to wait three seconds for a disk at most, but SQLite waits ten for a
/// lock that it could not give back, and when a connection is set up twice.
const LIMIT: Duration = Duration::from_secs(25);

/// What a process takes that waits for nothing.
pub(crate) const SOON: Duration = Duration::from_secs(9);
