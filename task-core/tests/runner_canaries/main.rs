//! The conformance kit for runners finds what is wrong: every clause is failed by a runner that is broken on purpose,
//! and kept by the same runner when it is not.

mod fault;
mod place;
#[path = "../canaries/quietly.rs"]
mod quietly;
mod runner;

use std::panic::{self, AssertUnwindSafe};
use std::time::Duration;

use fault::Fault;
use futures::FutureExt;
use place::Place;
use quietly::quietly;
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

/// That every clause of a group is failed by the runners that are broken for it.
fn can_fail(group: &str) {
    let clauses = clauses();
    let find = |name: &str| clauses.iter().find(|clause| clause.name() == name);
    let missed = |(fault, name): &&(Fault, &str)| find(name).is_none_or(|clause| keeps(clause, Some(*fault)));
    let faults = Fault::ALL.iter().filter(|(_, name)| name.starts_with(group));
    let missed: Vec<_> = quietly(|| faults.filter(missed).collect());
    assert!(missed.is_empty(), "not caught: {missed:?}");
}

macro_rules! groups {
    ($( $group:ident, )*) => {
        const GROUPS: &[&str] = &[$( concat!(stringify!($group), "::"), )*];

        mod every_clause_can_fail {
            $(
                #[test]
                fn $group() {
                    super::can_fail(concat!(stringify!($group), "::"));
                }
            )*
        }
    };
}

groups! { capabilities, failures, messages, output, processes, questions, restarts, stop, }

#[test]
fn every_clause_has_a_broken_runner() {
    let tried = |clause: &&Clause<Place>| {
        let in_a_group = GROUPS.iter().any(|group| clause.name().starts_with(group));
        in_a_group && Fault::ALL.iter().any(|(_, name)| *name == clause.name())
    };
    let clauses = clauses();
    let idle: Vec<_> = clauses.iter().filter(|clause| !tried(clause)).collect();
    assert!(idle.is_empty(), "no broken runner fails {idle:?}");
    let unknown = |(_, name): &&(Fault, &str)| !clauses.iter().any(|clause| clause.name() == *name);
    assert_eq!(Fault::ALL.iter().find(unknown), None, "a fault of no clause");
}

#[test]
fn a_claim_that_is_not_looked_at_is_found_out() {
    let all = "ask fail hang interrupt panic permit spawn steer stream";
    let all: Vec<_> = all.split(' ').collect();
    check_mount(&Place::new(), &all);
    check_mount(&Place::with(None, true), &[&all[..], &["resume"]].concat());
    let accepts = |mounted: &[&str]| panic::catch_unwind(|| check_mount(&Place::new(), mounted)).is_ok();
    let without = |word: &&&str| {
        let rest: Vec<_> = all.iter().filter(|other| other != word).copied().collect();
        accepts(&rest)
    };
    let accepted: Vec<_> = quietly(|| all.iter().filter(without).collect());
    let too_many = quietly(|| accepts(&[&all[..], &["resume"]].concat()));
    assert!(accepted.is_empty(), "mounted without {accepted:?}");
    assert!(!too_many, "mounted with what the runner does not claim");
}
