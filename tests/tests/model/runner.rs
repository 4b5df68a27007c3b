//! A runner that does what the messages it gets tell it, and writes down what it saw.
//!
//! The text of a message is the label of its step, a bar, and a script, act by act:
//!
//! | act | what it does |
//! |---|---|
//! | `s3` | says three pieces, each with a number of its own |
//! | `f` | waits until what it said is stored |
//! | `w10` | waits 10 ms, or until it should stop |
//! | `d10` | waits 10 ms, whatever is wanted of it |
//! | `a`, `b`, `p` | asks; with a default; for a permission |
//! | `c`, `n`, `u` | keeps a checkpoint; names its session; reports usage |
//! | `t` | takes a message that is to reach it now, without playing it |
//! | `i` | waits 200 ms for a message that interrupts |
//! | `r` | takes back a question that nobody asked |
//! | `l` | leaves something behind that speaks 3 s later |
//! | `m` | stays 2 s for another message |
//! | `e`, `x`, `o`, `h` | fails; panics; ends well at once; hangs and ignores every wish to stop |

use std::collections::BTreeMap;
use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use task_core::{
    AgentRunner, Ask, Capabilities, IncomingMessage, RequestOption, RunContext, RunError, RunResult, TaskId,
    Usage, UsageReport,
};
use tokio::time::{sleep, timeout};

use crate::step::Agent;

/// What the runs of all incarnations saw. Clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Witness(Arc<Mutex<Seen>>);

#[derive(Debug, Default)]
pub(crate) struct Seen {
    live: BTreeMap<TaskId, u32>,
    /// Runs, by task and number: what each said and got.
    pub(crate) runs: BTreeMap<(TaskId, u32), Run>,
    /// What must not be.
    pub(crate) faults: Vec<String>,
}

#[derive(Debug, Default)]
pub(crate) struct Run {
    /// Messages it got, as they were sent.
    pub(crate) got: Vec<String>,
    /// Pieces it said that were accepted.
    pub(crate) said: Vec<String>,
    /// How many of them it was told are stored.
    pub(crate) stored: usize,
    /// Whether it ended well, by itself.
    pub(crate) is_well: bool,
}

impl Witness {
    pub(crate) fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with_run<T>(&self, cx: &RunContext, work: impl FnOnce(&mut Run) -> T) -> T {
        work(self.seen().runs.entry((cx.task().id, cx.run())).or_default())
    }

    fn enter(&self, cx: &RunContext) -> Alive {
        let (task, run) = (cx.task().id, cx.run());
        let mut seen = self.seen();
        if seen.runs.insert((task, run), Run::default()).is_some() {
            seen.faults.push(format!("run {run} of a task was started twice"));
        }
        let live = seen.live.entry(task).or_default();
        *live += 1;
        if *live > 1 {
            seen.faults.push(format!("run {run} of a task was started while another was alive"));
        }
        Alive { witness: self.clone(), task }
    }
}

/// Counts a run for as long as it is there.
struct Alive {
    witness: Witness,
    task: TaskId,
}

impl Drop for Alive {
    fn drop(&mut self) {
        if let Some(live) = self.witness.seen().live.get_mut(&self.task) {
            *live -= 1;
        }
    }
}

/// The runner of one of the agents.
pub(crate) struct Player {
    pub(crate) agent: Agent,
    pub(crate) witness: Witness,
}

#[async_trait]
impl AgentRunner for Player {
    async fn run(&self, cx: RunContext) -> RunResult {
        let _alive = self.witness.enter(&cx);
        if self.agent == Agent::Lazy && cx.run() % 2 == 1 {
            return Ok(());
        }
        while let Some(message) = cx.next_message().await? {
            self.got(&cx, &message);
            if self.play(&cx, &message.text()).await? {
                break;
            }
        }
        self.witness.with_run(&cx, |run| run.is_well = true);
        Ok(())
    }

    fn capabilities(&self) -> Capabilities {
        let can = Capabilities::default().with_steer().with_interrupt();
        if self.agent == Agent::Resuming { can.with_resume_after_restart() } else { can }
    }
}

impl Player {
    fn got(&self, cx: &RunContext, message: &IncomingMessage) {
        self.witness.with_run(cx, |run| run.got.push(message.text()));
    }

    /// Plays the script of a message, and tells whether the run is to end.
    async fn play(&self, cx: &RunContext, text: &str) -> Result<bool, RunError> {
        let (label, script) = text.split_once('|').unwrap_or(("?", ""));
        for (at, (act, number)) in acts(script).into_iter().enumerate() {
            let key = format!("{label}-{at}");
            match act {
                's' => self.say(cx, &key, number).await?,
                'f' => {
                    let said = self.witness.with_run(cx, |run| run.said.len());
                    cx.flush().await?;
                    self.witness.with_run(cx, |run| run.stored = said);
                }
                'w' => {
                    // Either way it goes on.
                    drop(timeout(Duration::from_millis(number), cx.cancelled()).await);
                }
                'd' => sleep(Duration::from_millis(number)).await,
                'a' => drop(cx.ask(Ask::question("who?").key(key)).await?),
                'b' => {
                    let ask = Ask::question("when?").key(key);
                    drop(cx.ask(ask.default_after(Duration::from_millis(500), "now")).await?);
                }
                'p' => {
                    let options = ["0", "1"].map(|id| RequestOption::new(id, "do it"));
                    let [yes, no] = options;
                    drop(cx.ask(Ask::permission("may I?").option(yes).option(no).key(key)).await?);
                }
                'c' => {
                    cx.checkpoint(&key).await?;
                    let found: Option<String> = cx.last_checkpoint().await?;
                    if found.as_ref() != Some(&key) {
                        self.witness.seen().faults.push(format!("the checkpoint {key} became {found:?}"));
                    }
                }
                'n' => cx.set_session(key).await?,
                'u' => cx.emit(UsageReport::from(Usage::new(1, 0))).await?,
                't' => {
                    if let Some(message) = cx.next_steering().await? {
                        self.got(cx, &message);
                    }
                }
                'i' => drop(timeout(Duration::from_millis(200), cx.interrupted()).await),
                'r' => cx.withdraw(&key, "never mind").await?,
                'l' => {
                    let (cx, witness) = (cx.clone(), self.witness.clone());
                    tokio::spawn(async move {
                        sleep(Duration::from_secs(3)).await;
                        let piece = format!("{key}.late ");
                        // Only as long as the run lasts.
                        if cx.text("words", piece.clone()).await.is_ok() {
                            witness.with_run(&cx, |run| run.said.push(piece));
                        }
                    });
                }
                'm' => drop(timeout(Duration::from_secs(2), cx.message_waiting()).await),
                'e' => return Err(RunError::new("on purpose")),
                'x' => panic!("on purpose"),
                'o' => return Ok(true),
                'h' => pending().await,
                other => panic!("`{other}` is no act"),
            }
        }
        Ok(cx.is_cancelled())
    }

    async fn say(&self, cx: &RunContext, key: &str, pieces: u64) -> RunResult {
        for number in 0..pieces {
            let piece = format!("{key}.{number} ");
            cx.text("words", piece.clone()).await?;
            self.witness.with_run(cx, |run| run.said.push(piece));
        }
        Ok(())
    }
}

/// The acts of a script: a letter and a number each.
fn acts(script: &str) -> Vec<(char, u64)> {
    let mut acts: Vec<(char, u64)> = Vec::new();
    for c in script.chars() {
        match (c.to_digit(10), acts.last_mut()) {
            (Some(digit), Some((_, number))) => *number = *number * 10 + u64::from(digit),
            _ => acts.push((c, 0)),
        }
    }
    acts
}
