//! The agent `demo`: scripted, deterministic, and in need of nothing. Each line of a message is a step.
//!
//! ```
//! use task_core::{MemoryStore, NewTask, TaskManager, TaskStatus};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let tasks = TaskManager::builder(MemoryStore::new()).runner("demo", demo_agent::Demo).start().await?;
//! let task = tasks.create(NewTask::new("demo", "/count 3\nThat was it.")).await?;
//! assert_eq!(tasks.wait(task.id).await?.status, TaskStatus::Completed);
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]

#[cfg(all(test, target_os = "linux"))]
mod conformance;
mod play;
mod process;
mod step;
#[cfg(test)]
mod tests;

use async_trait::async_trait;
use futures::FutureExt;
use serde::{Deserialize, Serialize};
use task_core::{
    AgentRunner, Capabilities, Output, RunContext, RunError, RunId, RunResult, Usage, UsageReport,
};

use self::play::Player;
use self::step::{Step, steps};

/// The agent. It can resume, steer and interrupt; a message that steers is acknowledged between two steps.
#[derive(Clone, Copy, Debug)]
pub struct Demo;

#[async_trait]
impl AgentRunner for Demo {
    async fn run(&self, cx: RunContext) -> RunResult {
        if cx.task().session_id.is_none() {
            cx.set_session(format!("demo-{}", cx.task().id)).await?;
        }
        let mut player = Player::new(cx.clone());
        // A run that was cancelled is over; one that was interrupted goes on.
        let saved = cx.last_checkpoint::<Option<Turn>>().await?.flatten();
        let mut resumed = saved.filter(|_| cx.is_resumed());
        loop {
            let begun = match resumed.take() {
                Some(begun) => begun,
                None => match cx.next_message().await? {
                    Some(message) => Turn { name: message.id.to_string(), script: message.text(), step: 0 },
                    None => return Ok(()),
                },
            };
            let text = begun.script.clone();
            let end = turn(&cx, &mut player, begun).await?;
            if end == End::Stopped {
                return Ok(());
            }
            let words = u64::try_from(text.split_whitespace().count()).unwrap_or(u64::MAX);
            cx.emit(UsageReport::from(Usage::new(words, player.take_words()))).await?;
            cx.emit(Output::turn_ended(if end == End::Done { "done" } else { "interrupted" })).await?;
        }
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::default().with_steer().with_interrupt()
    }

    async fn clean_up(&self, runs: &[RunId]) {
        process::clean_up(runs).await;
    }
}

/// A turn that has begun: what is saved before each question, so that the answer finds its way after a restart.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Turn {
    /// What its questions are named after.
    name: String,
    script: String,
    /// The step to play next.
    step: usize,
}

/// How a turn ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Done,
    /// For a message that wants to be first.
    Interrupted,
    /// With the run.
    Stopped,
}

async fn turn(cx: &RunContext, player: &mut Player, mut turn: Turn) -> Result<End, RunError> {
    for (at, step) in steps(&turn.script).into_iter().enumerate().skip(turn.step) {
        let asks = matches!(step, Step::Ask(_) | Step::Permit(_));
        if asks {
            turn.step = at;
            cx.checkpoint(&Some(&turn)).await?;
            player.name_question(format!("{}.{at}", turn.name));
        }
        if step == Step::Hang {
            // Deaf to everything: only being dropped ends it.
            std::future::pending::<()>().await;
        }
        let end = tokio::select! {
            biased;
            () = cx.cancelled() => Some(End::Stopped),
            () = cx.interrupted() => Some(End::Interrupted),
            played = player.play(step) => {
                played?;
                None
            }
        };
        if asks && end != Some(End::Stopped) {
            cx.checkpoint(&None::<Turn>).await?;
        }
        if let Some(end) = end {
            player.break_off().await?;
            return Ok(end);
        }
        acknowledge(cx, player).await?;
    }
    Ok(End::Done)
}

/// Says that what was sent into the running turn has arrived.
async fn acknowledge(cx: &RunContext, player: &mut Player) -> RunResult {
    while cx.interrupted().now_or_never().is_none() && cx.steered().now_or_never().is_some() {
        let Some(message) = cx.next_steering().await? else { return Ok(()) };
        player.say(&format!("Noted: {}", message.text())).await?;
    }
    Ok(())
}
