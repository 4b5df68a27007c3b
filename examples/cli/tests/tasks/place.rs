//! A directory with a store in it, and the program run there.

use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// A directory of its own.
pub(crate) struct Place {
    dir: TempDir,
}

/// A running program. Dropping it kills it.
pub(crate) struct Running {
    pub(crate) child: Child,
}

/// What a program said, and how it ended.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self { dir: TempDir::new().expect("a directory") }
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// The program with the agent `demo`, in an environment that says nothing.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tasks"));
        command
            .current_dir(self.path())
            .args(args)
            .env("TASKS_DEMO", "1")
            .env("TASKS_NO_DETECT", "1")
            .stdin(Stdio::null());
        for name in QUIET {
            command.env_remove(name);
        }
        command
    }

    /// Runs it to its end.
    pub(crate) fn tasks(&self, args: &[&str]) -> Said {
        let mut command = self.command(args);
        let running = Running::start(command.stdout(Stdio::piped()).stderr(Stdio::piped()));
        running.finish()
    }

    /// Runs it to its end, which is 0, and gives what it printed.
    pub(crate) fn ok(&self, args: &[&str]) -> String {
        let said = self.tasks(args);
        assert_eq!(said.code, Some(0), "{args:?}: {said:?}");
        said.out
    }

    /// The JSON that it printed.
    pub(crate) fn json(&self, args: &[&str]) -> Value {
        let out = self.ok(args);
        serde_json::from_str(&out).unwrap_or_else(|error| panic!("{args:?}: {error}: {out}"))
    }

    /// The state of a task.
    pub(crate) fn status(&self, id: &str) -> String {
        self.json(&["show", id, "--json"])["status"].as_str().expect("a state").to_owned()
    }

    /// The newest task.
    pub(crate) fn newest(&self) -> String {
        self.ok(&["ls", "-q", "-n", "1"]).trim().to_owned()
    }

    /// An owner that runs whatever comes, for as long as the guard lives: it follows a task of its own that sleeps.
    pub(crate) fn owner(&self) -> Running {
        let mut command = self.command(&["run", "-a", "demo", "/sleep 3600"]);
        let mut owner = Running::start(command.stdout(Stdio::null()).stderr(Stdio::null()));
        eventually("an owner runs its task", || {
            assert_eq!(owner.child.try_wait().expect("a child"), None, "it ended");
            let list = self.tasks(&["ls", "--status", "running", "-q"]);
            (list.code == Some(0) && !list.out.is_empty()).then_some(())
        });
        owner
    }
}

impl Running {
    pub(crate) fn start(command: &mut Command) -> Self {
        Self { child: command.spawn().expect("it starts") }
    }

    /// What it said, once it has ended.
    pub(crate) fn finish(mut self) -> Said {
        // Beside the wait, which has a deadline: whoever fills a pipe waits for its reader.
        let out = self.child.stdout.take().map(|stdout| std::thread::spawn(move || read(stdout)));
        let err = self.child.stderr.take().map(|stderr| std::thread::spawn(move || read(stderr)));
        let code = self.wait().code();
        let text = |reader: Option<JoinHandle<String>>| {
            reader.map(|reader| reader.join().expect("read")).unwrap_or_default()
        };
        Said { code, out: text(out), err: text(err) }
    }

    pub(crate) fn wait(&mut self) -> ExitStatus {
        eventually("it ends", || self.child.try_wait().expect("a child"))
    }

    pub(crate) fn signal(&self, signal: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().expect("kill").success());
    }

    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("alive");
        self.wait();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Asks again and again until there is an answer.
pub(crate) fn eventually<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(begun.elapsed() < PATIENCE, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn read(mut stream: impl Read) -> String {
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("UTF-8");
    text
}

/// What would change how the program speaks, or where it looks.
pub(crate) const QUIET: [&str; 11] = [
    "CLICOLOR",
    "CLICOLOR_FORCE",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "NO_COLOR",
    "RUST_BACKTRACE",
    "TASKS_AGENT",
    "TASKS_STORE",
    "TASKS_TOKEN",
    "TERM",
];

pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
