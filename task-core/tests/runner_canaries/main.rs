//! The conformance kit for runners finds what is wrong: every clause is failed by a runner that is broken on purpose,
//! and kept by the same runner when it is not.

mod fault;
mod place;
mod runner;

use std::panic::{self, AssertUnwindSafe};
use std::time::Duration;

use fault::Fault;
use futures::FutureExt;
use place::Place;
use task_core::testing::RunnerHarness;
use task_core::testing::runner_conformance::{Clause, check_mount, clauses};

/// Whether a runner keeps a clause. The clock is paused: what waits for ever is found out at once.
fn keeps(clause: &Clause<Place>, fault: Option<Fault>) -> bool {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let runtime = runtime.expect("a runtime can be built");
    // The one clause that looks at what only some runners do.
    let resumes = clause.name() == "restarts::it_goes_on_by_itself_after_a_crash";
    let place = Place::with(fault, resumes);
    let check = AssertUnwindSafe(clause.check(&place)).catch_unwind();
    let checked = runtime.block_on(async { tokio::time::timeout(Duration::from_secs(8), check).await });
    matches!(checked, Ok(Ok(())))
}

#[test]
fn a_runner_without_a_fault_keeps_every_clause() {
    for clause in clauses() {
        assert!(keeps(&clause, None), "{}", clause.name());
    }
}

#[test]
fn every_clause_is_failed_by_a_broken_runner() {
    panic::set_hook(Box::new(|_| {}));
    let clauses = clauses();
    let find = |name: &str| clauses.iter().find(|clause| clause.name() == name);
    let missed = |(fault, name): &&(Fault, &str)| find(name).is_none_or(|clause| keeps(clause, Some(*fault)));
    let missed: Vec<_> = Fault::ALL.iter().filter(missed).collect();
    let tried = |clause: &&Clause<Place>| Fault::ALL.iter().any(|(_, name)| *name == clause.name());
    let idle: Vec<_> = clauses.iter().filter(|clause| !tried(clause)).collect();
    drop(panic::take_hook());
    assert!(missed.is_empty(), "not caught: {missed:?}");
    assert!(idle.is_empty(), "no broken runner fails {idle:?}");
}

#[test]
fn a_claim_that_is_not_looked_at_is_found_out() {
    let all = "ask fail hang interrupt panic permit spawn steer stream";
    let all: Vec<_> = all.split(' ').collect();
    check_mount(&Place::new(), &all);
    check_mount(&Place::with(None, true), &[&all[..], &["resume"]].concat());
    panic::set_hook(Box::new(|_| {}));
    let accepted: Vec<_> = all
        .iter()
        .filter(|left_out| {
            let some: Vec<_> = all.iter().filter(|word| word != left_out).copied().collect();
            panic::catch_unwind(|| check_mount(&Place::new(), &some)).is_ok()
        })
        .collect();
    let too_many = panic::catch_unwind(|| check_mount(&Place::new(), &[&all[..], &["resume"]].concat()));
    drop(panic::take_hook());
    assert!(accepted.is_empty(), "mounted without {accepted:?}");
    assert!(too_many.is_err(), "mounted with what the runner does not claim");
}
