//! Whether a store kept its word.

use std::collections::BTreeMap;
use std::path::Path;

use crate::child::{self, Store, Told};

/// What is wrong with a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Wrong {
    /// The process did not end in time.
    Hung,
    /// Something acknowledged is not there, or not as it was.
    Lost,
    /// The process ended otherwise than by saying how it went.
    Panicked,
    /// The process could not go on after a failure.
    Stuck,
    /// The process was given something that was not written.
    Untrue,
    /// It does not open, or cannot be read or written, although nothing fails any more.
    Unopenable,
}

/// Looks at a store that `told` has used, in a fresh process where nothing fails, and gives what is in it.
pub(crate) fn judge(
    store: Store,
    path: &Path,
    told: &Told,
) -> Result<BTreeMap<(String, u64), String>, (Wrong, String)> {
    if told.hung {
        return Err((Wrong::Hung, format!("after {:?}", told.acknowledged)));
    }
    let Some(outcome) = told.outcome.as_deref().filter(|_| told.death.is_none()) else {
        return Err((Wrong::Panicked, format!("{:?} {}", told.death, told.stderr)));
    };
    if outcome.starts_with("error compare") {
        return Err((Wrong::Untrue, outcome.to_owned()));
    }
    if let Some(again) = told.again.as_deref().filter(|again| *again != "ok") {
        return Err((Wrong::Stuck, format!("{outcome}, and then {again}")));
    }
    found(store, path, told)
}

/// The second half of [`judge`], for a process that was ended from outside.
pub(crate) fn found(
    store: Store,
    path: &Path,
    told: &Told,
) -> Result<BTreeMap<(String, u64), String>, (Wrong, String)> {
    let now = child::run(store, path, "read", &[]);
    if now.outcome.as_deref() != Some("ok") || now.death.is_some() {
        let how = format!("{:?} {:?}, after {:?}\n{}", now.outcome, now.death, told.outcome, now.stderr);
        return Err((Wrong::Unopenable, how));
    }
    for (task, end) in &told.acknowledged {
        // Once it is to be removed it may be gone, but not in part.
        let is_there = now.read.contains_key(&(task.clone(), 1));
        if told.removing.contains(task) && !is_there {
            continue;
        }
        for seq in 1..=*end {
            let key = (task.clone(), seq);
            if now.read.get(&key) != told.tried.get(&key) {
                let how = format!("event {seq} of {end} of {task} is {:?}", now.read.get(&key));
                return Err((Wrong::Lost, how));
            }
        }
    }
    for ((task, seq), event) in &now.read {
        if told.removed.contains(task) {
            return Err((Wrong::Lost, format!("the removal of {task}")));
        }
        // What failed may be there; then it is what was tried, where it was tried.
        if told.tried.get(&(task.clone(), *seq)) != Some(event) {
            return Err((Wrong::Untrue, format!("event {seq} of {task} is {event}")));
        }
    }
    Ok(now.read)
}
