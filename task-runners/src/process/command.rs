use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::Stdio;

use super::environment::Environment;
use super::mark::Mark;
use super::tree::{Pipes, ProcessTree};

/// A program to start, as the root of a process tree of its own.
///
/// Its environment is what [`Environment`] says and the mark, its process group is its own, and no open file of this
/// process gets through.
#[derive(Debug)]
#[must_use = "a command is started with `spawn`"]
pub struct Command {
    program: OsString,
    args: Vec<OsString>,
    environment: Environment,
    work_dir: Option<PathBuf>,
    has_stdin: bool,
    merges_stderr: bool,
}

impl Command {
    /// The program, found on the `PATH` of *this* process unless it is a path; with [`Environment::basic`], in the
    /// directory of this process, with all three pipes.
    pub fn new(program: impl Into<OsString>) -> Self {
        Self {
            program: program.into(),
            args: Vec::new(),
            environment: Environment::basic(),
            work_dir: None,
            has_stdin: true,
            merges_stderr: false,
        }
    }

    /// Adds an argument.
    pub fn arg(mut self, arg: impl Into<OsString>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// Adds arguments.
    pub fn args<S: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.args.extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    /// Sets the whole environment.
    pub fn environment(mut self, environment: Environment) -> Self {
        self.environment = environment;
        self
    }

    /// Sets where it works.
    pub fn work_dir(mut self, dir: impl Into<PathBuf>) -> Self {
        self.work_dir = Some(dir.into());
        self
    }

    /// Gives it nothing to read.
    pub const fn without_stdin(mut self) -> Self {
        self.has_stdin = false;
        self
    }

    /// Lets stderr go where stdout goes, as on a terminal: what it writes to either comes in the order it was written.
    pub const fn merge_stderr(mut self) -> Self {
        self.merges_stderr = true;
        self
    }

    /// Starts it. Needs a Tokio runtime.
    ///
    /// # Errors
    ///
    /// When the program or the directory is not there, may not be used, or the machine cannot take another process.
    pub fn spawn(self, mark: Mark) -> io::Result<ProcessTree> {
        let Self { program, args, environment, work_dir, has_stdin, merges_stderr } = self;
        // The `PATH` of the child decides what it starts, not where itself comes from: an agent that changed its
        // `PATH` must not change which program is started next.
        let mut command = tokio::process::Command::new(locate(program));
        command
            .args(args)
            .env_clear()
            .envs(environment.iter())
            .env(Mark::VARIABLE, mark.to_string())
            .process_group(0);
        if let Some(dir) = work_dir {
            command.current_dir(dir);
        }
        command.stdin(if has_stdin { Stdio::piped() } else { Stdio::null() });

        let mut merged = None;
        if merges_stderr {
            let (reader, writer) = io::pipe()?;
            command.stdout(writer.try_clone()?).stderr(writer);
            merged = Some(reader);
        } else {
            command.stdout(Stdio::piped()).stderr(Stdio::piped());
        }

        let mut child = command.spawn()?;
        let stdout = match merged {
            Some(reader) => from_pipe(reader),
            None => Ok(child.stdout.take()),
        };
        let pipes = Pipes { stdin: child.stdin.take(), stdout: None, stderr: child.stderr.take() };
        // From here on the tree has an owner, whatever fails.
        let mut tree = ProcessTree::new(child, mark, pipes)?;
        tree.set_stdout(stdout?);
        Ok(tree)
    }
}

fn from_pipe(reader: io::PipeReader) -> io::Result<Option<tokio::process::ChildStdout>> {
    let reader = std::process::ChildStdout::from(OwnedFd::from(reader));
    tokio::process::ChildStdout::from_std(reader).map(Some)
}

/// The program as a path, if `PATH` leads to it; as it is otherwise, for the error that names it.
fn locate(program: OsString) -> OsString {
    if program.as_encoded_bytes().contains(&b'/') {
        return program;
    }
    let dirs = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&dirs).map(|dir| dir.join(&program)).find(|path| path.is_file());
    found.map_or(program, PathBuf::into_os_string)
}
