//! The conformance kit finds what is wrong: every store that is broken on purpose is caught, and every clause is one
//! that some store fails.

mod disk;
mod fault;
mod page;
mod place;
mod quietly;
mod read;
mod store;

use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

use fault::Fault;
use futures::FutureExt;
use place::Place;
use quietly::quietly;
use task_core::testing::conformance::{Clause, clauses};

/// Whether a store keeps a clause. The clock is paused: what waits for ever is found out at once.
fn keeps(clause: &Clause<Place>, fault: Option<Fault>) -> bool {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let runtime = runtime.expect("a runtime can be built");
    let place = Place::with(fault);
    let check = AssertUnwindSafe(clause.check(&place)).catch_unwind();
    // Less than the time after which core looks again without any hint.
    let checked = runtime.block_on(async { tokio::time::timeout(Duration::from_secs(8), check).await });
    matches!(checked, Ok(Ok(())))
}

#[test]
fn a_store_without_a_fault_keeps_every_clause() {
    for clause in clauses() {
        assert!(keeps(&clause, None), "{}", clause.name());
    }
}

#[test]
fn every_broken_store_is_caught() {
    // The quick ones first: nearly every fault meets one of them.
    let mut clauses = clauses();
    clauses.sort_by_cached_key(|clause| {
        let start = Instant::now();
        keeps(clause, None);
        start.elapsed()
    });
    let caught = |fault: &&Fault| clauses.iter().any(|clause| !keeps(clause, Some(**fault)));
    let missed: Vec<_> = quietly(|| Fault::ALL.iter().filter(|fault| !caught(fault)).collect());
    assert!(missed.is_empty(), "no clause is failed by {missed:?}");
}

#[test]
fn every_clause_is_failed_by_a_broken_store() {
    let can_fail = |clause: &Clause<Place>| Fault::ALL.iter().any(|fault| !keeps(clause, Some(*fault)));
    let clauses: Vec<_> = clauses();
    let idle: Vec<_> = quietly(|| clauses.iter().filter(|clause| !can_fail(clause)).collect());
    assert!(idle.is_empty(), "no broken store fails {idle:?}");
}
