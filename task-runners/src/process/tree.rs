use std::io;
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, test_kill_process_group};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout};

use super::ladder::Ladder;
use super::mark::Mark;
use super::signal;
use super::sweep::Sweep;

/// A program that was started, and everything it started.
///
/// The tree is owned: dropping it kills all of it, at once. [`ProcessTree::stop`] does it with manners;
/// [`ProcessTree::leave`] leaves what the program left behind to somebody else.
///
/// ```
/// # use task_core::{RunId, TaskId};
/// use task_runners::process::{Command, Ladder, Mark};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// # let run = RunId::new(TaskId::new(), 1);
/// let mut tree = Command::new("/bin/sh").args(["-c", "sleep 60 & wait"]).spawn(Mark::new(run))?;
/// let stopped = tree.stop(&Ladder::default()).await?;
/// assert!(!stopped.success());
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "dropping the tree kills it"]
pub struct ProcessTree {
    child: Child,
    group: Pid,
    mark: Mark,
    pipes: Pipes,
    sweep: Sweep,
    /// Nothing is left of it, or what is left is no longer its business.
    is_over: bool,
}

/// Our ends of the pipes to the program.
#[derive(Debug)]
pub(super) struct Pipes {
    pub(super) stdin: Option<ChildStdin>,
    pub(super) stdout: Option<ChildStdout>,
    pub(super) stderr: Option<ChildStderr>,
}

impl ProcessTree {
    pub(super) fn new(child: Child, mark: Mark, pipes: Pipes) -> io::Result<Self> {
        // A child that was just started and not waited for has a number.
        let group = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        let group =
            group.ok_or_else(|| io::Error::other("the process was gone before it could be watched"))?;
        let mut sweep = Sweep::of_tree(mark.clone());
        sweep.set_group(Some(group.as_raw_nonzero().get()));
        Ok(Self { child, group, mark, pipes, sweep, is_over: false })
    }

    pub(super) fn set_stdout(&mut self, stdout: Option<ChildStdout>) {
        self.pipes.stdout = stdout;
    }

    /// The number of the program's process, which is that of the process group too.
    #[must_use]
    pub fn id(&self) -> i32 {
        self.group.as_raw_nonzero().get()
    }

    /// The mark that everything in the tree carries.
    #[must_use]
    pub const fn mark(&self) -> &Mark {
        &self.mark
    }

    /// The pipe to the program. Whoever takes it closes it.
    #[must_use]
    pub fn take_stdin(&mut self) -> Option<ChildStdin> {
        self.pipes.stdin.take()
    }

    /// What the program writes to stdout, and to stderr where the two were merged.
    #[must_use]
    pub fn take_stdout(&mut self) -> Option<ChildStdout> {
        self.pipes.stdout.take()
    }

    /// What the program writes to stderr.
    #[must_use]
    pub fn take_stderr(&mut self) -> Option<ChildStderr> {
        self.pipes.stderr.take()
    }

    /// Waits until the program itself has ended, however much it left running.
    ///
    /// Cancel safe.
    ///
    /// # Errors
    ///
    /// When the system cannot tell.
    pub async fn wait(&mut self) -> io::Result<ExitStatus> {
        let status = self.child.wait().await?;
        if self.sweep.has_group() {
            // The number of a group stays taken while it has members; once it is empty it names nobody. So those that
            // are left are noted now, one by one, and the group is not looked at again.
            if test_kill_process_group(self.group).is_ok() {
                self.look().await;
            }
            self.sweep.set_group(None);
        }
        Ok(status)
    }

    /// Asks the program and its group to stop what they do: `SIGINT`.
    ///
    /// # Errors
    ///
    /// When the system refuses.
    pub fn interrupt(&self) -> io::Result<()> {
        self.signal_group(Signal::INT)
    }

    /// Stops the whole tree, as gently as the ladder says, and kills what is left. Gives how the program ended.
    ///
    /// Not cancel safe: a call that was dropped leaves the tree half stopped. Dropping the tree then kills the rest.
    ///
    /// # Errors
    ///
    /// When the program could not be killed: it runs as another user, or hangs in the kernel.
    pub async fn stop(&mut self, ladder: &Ladder) -> io::Result<ExitStatus> {
        let Ladder { interrupt, close_stdin, terminate, kill } = *ladder;
        // Before anybody ends: a child whose parents are gone can no longer be recognized by them.
        self.look().await;
        let mut is_gone = false;
        if let Some(wait) = interrupt {
            self.signal_group(Signal::INT)?;
            is_gone = self.is_gone_within(wait).await;
        }
        if let Some(wait) = close_stdin
            && !is_gone
            && self.pipes.stdin.take().is_some()
        {
            is_gone = self.is_gone_within(wait).await;
        }
        if let Some(wait) = terminate
            && !is_gone
        {
            self.signal_group(Signal::TERM)?;
            is_gone = self.is_gone_within(wait).await;
        }
        if !is_gone {
            self.kill(kill).await?;
        }
        let status = tokio::time::timeout(kill, self.child.wait()).await;
        self.is_over = true;
        status
            .map_err(|_| io::Error::other(format!("process {} did not end when it was killed", self.group)))?
    }

    /// Gives up what is left of the tree, alive, to whoever gets the answer: the [`Sweep`] finds it.
    ///
    /// For a program that has ended; one that has not goes on without anybody who waits for it.
    #[must_use]
    pub fn leave(mut self) -> Sweep {
        self.is_over = true;
        self.sweep.clone()
    }

    /// Whether the program, and then what it left behind, ends within `wait`.
    async fn is_gone_within(&mut self, wait: Duration) -> bool {
        let gone = async {
            self.wait().await?;
            let mut pause = FIRST_PAUSE;
            while self.look().await > 0 || self.has_unseen_members() {
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LAST_PAUSE);
            }
            io::Result::Ok(())
        };
        matches!(tokio::time::timeout(wait, gone).await, Ok(Ok(())))
    }

    async fn kill(&mut self, patience: Duration) -> io::Result<()> {
        self.signal_group(Signal::KILL)?;
        let left = self.sweeping(move |sweep| sweep.kill(patience)).await;
        if left > 0 {
            tracing::warn!(mark = %self.mark, left, "processes of a task survived being killed");
        }
        Ok(())
    }

    async fn look(&mut self) -> usize {
        self.sweeping(Sweep::look).await
    }

    /// Lets the sweep work where blocking is fine. It works on a copy, so that dropping this loses nothing.
    async fn sweeping(&mut self, work: impl FnOnce(&mut Sweep) -> usize + Send + 'static) -> usize {
        let mut sweep = self.sweep.clone();
        let worked = tokio::task::spawn_blocking(move || {
            let found = work(&mut sweep);
            (sweep, found)
        });
        match worked.await {
            Ok((sweep, found)) => {
                self.sweep = sweep;
                found
            }
            // The runtime shuts down: what is left is killed on drop.
            Err(_) => 1,
        }
    }

    fn signal_group(&self, signal: Signal) -> io::Result<()> {
        // Once the program was waited for, its number may be given to another, unless others of the group hold it.
        if self.child.id().is_some() || self.has_unseen_members() {
            signal::send_to_group(self.group, signal)?;
        }
        Ok(())
    }

    /// Whether the group has members where the sweep cannot see them. They hold its number.
    fn has_unseen_members(&self) -> bool {
        !cfg!(target_os = "linux") && test_kill_process_group(self.group).is_ok()
    }
}

impl Drop for ProcessTree {
    fn drop(&mut self) {
        if self.is_over {
            return;
        }
        self.sweep.look();
        if let Err(error) = self.signal_group(Signal::KILL) {
            tracing::warn!(mark = %self.mark, %error, "cannot kill the processes of a task");
        }
        if self.sweep.kill(DROP_PATIENCE) > 0 {
            tracing::warn!(mark = %self.mark, "processes of a task survived being killed");
        }
        // No zombie stays: it is dead by now, and its parent is this process. Were it not, the runtime goes on waiting.
        let deadline = Instant::now() + REAP_PATIENCE;
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LAST_PAUSE: Duration = Duration::from_millis(50);

// A drop blocks its thread. These are limits, not what it takes, which is a few milliseconds.
const DROP_PATIENCE: Duration = Duration::from_millis(150);
const REAP_PATIENCE: Duration = Duration::from_millis(50);
