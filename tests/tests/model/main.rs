//! Random histories of everything that people, runners, clocks and disks do, held against a plain model: whatever
//! happens in whatever order, everybody was told what the log says, the log follows the rules, and once the faults are
//! over everything comes to an end.
//!
//! `SEED` begins elsewhere and `MODEL_CASES` says how many histories there are; `MODEL_CASES=1 SEED=…` repeats the one
//! that a failure names: the same steps at the same times. What the runtime takes first of several things that are ready
//! is its choice, so that a few of a hundred histories may have to be repeated more than once to fail again. `planted.sh` proves that faults of the engine are found.

mod calls;
mod judge;
mod plain;
mod runner;
mod shrink;
mod step;
mod weather;
mod world;

use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;
use std::time::Instant;

use agent_tasks_tests::place::Kind;
use agent_tasks_tests::random::{number, seed};
use judge::Judge;
use step::{Pause, Step, What, history};
use task_core::MemoryStore;
use weather::Wrong;
use world::{Place, World};

/// Where a history happens.
#[derive(Clone, Copy, Debug)]
pub(crate) enum On {
    Disk(Kind),
    Memory,
}

/// Lets a history happen from the beginning, and gives its trace. `Err` says what was wrong.
pub(crate) fn play(history: &[Step], on: On, wrong: Option<Wrong>) -> Result<Vec<String>, String> {
    let place = match on {
        On::Disk(kind) => Place::disk(kind),
        On::Memory => Place::Memory(MemoryStore::new()),
    };
    let played = panic::catch_unwind(AssertUnwindSafe(|| {
        let (mut world, mut judge) = (World::new(place, wrong), Judge::default());
        for step in history {
            world.take(step);
            let is_list = matches!(step.what, What::List { .. });
            if is_list || step.then == Pause::Calm {
                world.between(|world| {
                    judge.look(world, false)?;
                    judge.list(world, step)
                })?;
            }
        }
        judge.finish(&mut world)?;
        Ok(judge.trace)
    }));
    played.unwrap_or_else(|panic| {
        let words = panic.downcast_ref::<String>().cloned();
        Err(words.or_else(|| panic.downcast_ref::<&str>().map(|&words| words.into())).unwrap_or_default())
    })
}

/// That many histories, the first of this seed; the first that fails is printed as short as it can be made.
fn search(name: &str, on: On, cases: u64) {
    be_quiet();
    let (seed, start) = (seed(name), Instant::now());
    let cases = number("MODEL_CASES").unwrap_or(cases);
    for case in 0..cases {
        let seed = seed.wrapping_add(case);
        let history = history(seed, STEPS);
        if let Err(what) = play(&history, on, None) {
            let (short, what) = shrink::shrink(history, on, None, what);
            let steps: Vec<_> = short.iter().map(|step| format!("{step:?}")).collect();
            panic!("MODEL_CASES=1 SEED={seed} ({name}): {what}\n{}", steps.join("\n"));
        }
    }
    println!("{name}: {cases} histories of {STEPS} steps in {:?}", start.elapsed());
}

#[test]
fn in_memory_everything_is_as_the_model_says() {
    search("memory", On::Memory, 300);
}

#[test]
fn on_sqlite_everything_is_as_the_model_says() {
    search("sqlite", On::Disk(Kind::Sqlite), 15);
}

#[test]
fn on_sled_everything_is_as_the_model_says() {
    search("sled", On::Disk(Kind::Sled), 15);
}

/// What a seed finds it finds again. What the runtime takes first of several things that are ready it chooses at random,
/// and cannot be told to choose again: here each step comes to its end before the next, and in the few histories in which
/// it makes a difference all the same, the trace comes again soon.
#[test]
fn the_same_seed_gives_the_same_trace() {
    be_quiet();
    let (first, mut again) = (seed("trace"), 0);
    for seed in first..first + 30 {
        let mut history = history(seed, STEPS);
        history.iter_mut().for_each(|step| step.then = Pause::Calm);
        let play = || play(&history, On::Memory, None).unwrap_or_else(|what| vec![what]);
        let one = play();
        assert!(one.len() > 20, "SEED={seed}: hardly anything happened: {one:?}");
        let tries = (0..20).take_while(|_| play() != one).count();
        assert!(tries < 20, "SEED={seed}: {one:?} does not come again");
        again += usize::from(tries > 0);
    }
    assert!(again <= 3, "SEED={first}: {again} of 30 histories are not the same each time");
}

/// A search that finds nothing proves nothing until it has found something.
#[test]
fn every_store_that_is_wrong_is_found_out_and_the_history_made_short() {
    be_quiet();
    let first = seed("wrong");
    for wrong in Wrong::ALL {
        let mut tried = 0;
        let found = (first..first + 300).find_map(|seed| {
            tried += 1;
            let history = history(seed, STEPS);
            play(&history, On::Memory, Some(wrong)).err().map(|what| (history, what))
        });
        let Some((history, what)) = found else { panic!("SEED={first}: {wrong:?} is not found out") };
        let (short, what) = shrink::shrink(history, On::Memory, Some(wrong), what);
        println!("{wrong:?}: found in history {tried}, in {} steps: {what}", short.len());
        assert!(short.len() <= 15, "{} steps are not short: {short:?}", short.len());
    }
}

/// Panics on purpose, and those that are caught here, are not printed.
fn be_quiet() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let loud = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            let of_test =
                info.payload().downcast_ref::<String>().is_some_and(|words| words.contains("SEED="));
            if of_test {
                loud(info);
            }
        }));
    });
}

const STEPS: usize = 50;
