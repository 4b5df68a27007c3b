//! Where broken runners live.

use std::collections::HashMap;
use std::process::Child;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use task_core::testing::{Cue, RunnerHarness};
use task_core::{AgentRunner, RunId};

use crate::fault::Fault;
use crate::runner::BrokenRunner;

/// A place for broken runners.
pub(crate) struct Place {
    fault: Option<Fault>,
    resumes: bool,
    world: Arc<World>,
}

/// What outlives a process, or is shared by all tasks of one.
#[derive(Default)]
pub(crate) struct World {
    pub(crate) processes: Mutex<HashMap<RunId, Vec<Child>>>,
    pub(crate) words: Mutex<Vec<String>>,
    pub(crate) answer: Mutex<Option<String>>,
    pub(crate) broken: AtomicBool,
    pub(crate) stop: AtomicBool,
    /// How many processes there have been.
    pub(crate) started: AtomicU32,
}

impl World {
    pub(crate) fn kill(&self, wanted: impl Fn(RunId) -> bool) {
        for (_, children) in locked(&self.processes).iter_mut().filter(|(run, _)| wanted(**run)) {
            for mut child in children.drain(..) {
                // It may have ended by itself.
                child.kill().ok();
                child.wait().ok();
            }
        }
    }
}

impl Place {
    pub(crate) fn with(fault: Option<Fault>, resumes: bool) -> Self {
        Self { fault, resumes, world: Arc::default() }
    }
}

impl RunnerHarness for Place {
    fn new() -> Self {
        Self::with(None, false)
    }

    fn runner(&self) -> Arc<dyn AgentRunner> {
        let process = self.world.started.fetch_add(1, Ordering::Relaxed);
        Arc::new(BrokenRunner::new(self.fault, self.resumes, process, Arc::clone(&self.world)))
    }

    fn cue(&self, cue: Cue<'_>) -> Option<String> {
        Some(match cue {
            Cue::Ask(question) => format!("ask {question}"),
            Cue::Fail(why) => format!("fail {why}"),
            Cue::Hang => "hang".to_owned(),
            Cue::Panic => "panic".to_owned(),
            Cue::Permit(what) => format!("permit {what}"),
            Cue::Say(words) => format!("say {words}"),
            Cue::Spawn(number) => format!("spawn {number}"),
            Cue::Stream => "stream".to_owned(),
            Cue::Work if self.resumes => "work".to_owned(),
            _ => return None,
        })
    }
}

/// Locks, also after a panic elsewhere: the clauses panic.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
