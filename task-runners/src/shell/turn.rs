use std::process::ExitStatus;
use std::time::Duration;

use task_core::{RunContext, RunError, ToolStatus};
use tokio::time::timeout;

use super::output::Output;
use crate::process::{Ladder, ProcessTree};

/// A command that runs, and those who may stop it.
pub(super) struct Turn<'a> {
    pub(super) cx: &'a RunContext,
    pub(super) ladder: Ladder,
    pub(super) interrupt_wait: Duration,
}

/// Why a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    Cancelled,
    /// By itself, with an exit code other than 0 or by a signal.
    Failed,
    Interrupted,
    Succeeded,
}

impl Turn<'_> {
    /// Waits until the command ended or was stopped; what it prints is forwarded all the while.
    pub(super) async fn wait(
        &self,
        tree: &mut ProcessTree,
        output: &mut Output,
    ) -> Result<(Ended, ExitStatus), RunError> {
        let running = tokio::select! {
            biased;
            () = self.cx.cancelled() => Err(Ended::Cancelled),
            () = self.cx.interrupted() => Err(Ended::Interrupted),
            status = output.forward_during(self.cx, tree.wait()) => Ok(status??),
        };
        let ended = match running {
            Ok(status) if status.success() => return Ok((Ended::Succeeded, status)),
            Ok(status) => return Ok((Ended::Failed, status)),
            Err(ended) => ended,
        };
        let stopping = async {
            if ended == Ended::Interrupted {
                // As Ctrl-C does: the command ends, what it put in the background goes on. And as with Ctrl-C one may
                // not be enough: a shell takes it as meant for the program that was just about to end.
                for _ in 0..INTERRUPTS {
                    tree.interrupt()?;
                    tokio::select! {
                        biased;
                        () = self.cx.cancelled() => break,
                        status = timeout(self.interrupt_wait / INTERRUPTS, tree.wait()) => {
                            if let Ok(status) = status {
                                return status;
                            }
                        }
                    }
                }
            }
            tree.stop(&self.ladder).await
        };
        let status = output.forward_during(self.cx, stopping).await??;
        Ok((ended, status))
    }
}

impl Ended {
    /// How the tool call ended.
    pub(super) const fn tool_status(self) -> ToolStatus {
        match self {
            Self::Cancelled | Self::Interrupted => ToolStatus::Cancelled,
            Self::Failed => ToolStatus::Failed,
            Self::Succeeded => ToolStatus::Completed,
        }
    }

    /// How the turn ended.
    pub(super) const fn reason(self) -> &'static str {
        match self {
            Self::Cancelled => "cancelled",
            Self::Failed => "failed",
            Self::Interrupted => "interrupted",
            Self::Succeeded => "done",
        }
    }
}

/// How often a command is interrupted before it is stopped like a cancelled one.
const INTERRUPTS: u32 = 2;
