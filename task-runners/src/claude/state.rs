use std::collections::{BTreeSet, HashMap};

use task_core::{Output, ToolStatus, Usage};

use super::plan::PlanKeeper;
use super::stream::Stream;
use super::tools::Tools;
use super::usage::Totals;

/// What has to be remembered from line to line.
#[derive(Debug, Default)]
pub(super) struct State {
    /// The message that is being streamed, of the agent and of each of its helpers, by the call that started it.
    pub(super) streams: HashMap<String, Stream>,
    pub(super) tools: Tools,
    pub(super) plan: PlanKeeper,
    pub(super) totals: Totals,
    pub(super) session: Option<String>,
    /// Whether the agent tells what its session does. Old versions do not.
    pub(super) tells_state: bool,
    /// What it does in the background, between turns too.
    pub(super) background: BTreeSet<String>,
    /// Servers and the like that did not start, each told once.
    pub(super) failures: BTreeSet<String>,
}

impl State {
    /// For a task that has cost so much, in a session of that name.
    pub(super) fn new(cost: Option<Usage>, session: Option<&str>) -> Self {
        Self { totals: Totals::new(cost), session: session.map(str::to_owned), ..Self::default() }
    }

    /// Whether something goes on in the background that may start a turn by itself.
    pub(super) fn has_background(&self) -> bool {
        !self.background.is_empty()
    }

    /// The turn is over: calls that seem to go on have ended so.
    pub(super) fn close_calls(&mut self, status: ToolStatus) -> Vec<Output> {
        self.streams.clear();
        self.tools.close(status)
    }

    /// The process is gone, and what it did in the background with it.
    pub(super) fn forget_process(&mut self) {
        self.background.clear();
    }
}
