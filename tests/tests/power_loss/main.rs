//! The power is cut while a process writes: what was acknowledged is there afterwards, as far as it was promised.
//!
//! A file system in a file is shut down so that everything is lost that was not given to the disk by then, and mounted
//! again. What the disk was given, it keeps: a disk that loses what is in its cache is not simulated. The writer is
//! stopped first, between two calls to the system, so that it can acknowledge nothing that it does after the cut.
//!
//! `POWER_CUTS` sets how many cuts there are over all tests; 16 unless set. `SEED` repeats a run, with the same number
//! of cuts. It takes root, loop devices and some programs; without them it says what is missing and passes, unless
//! `REQUIRE_RIGS` is 1.
#![cfg(target_os = "linux")]

mod cut;
mod disk;
mod namespace;

use agent_tasks_tests::history::{Promise, Report};
use agent_tasks_tests::place::{Kind, Level};
use agent_tasks_tests::random;
use task_core::TaskStore;
use task_store_sled::SledStore;

use crate::cut::{Figures, Setup, cut};
use crate::disk::{Disk, FileSystem};

#[test]
fn sqlite_has_what_it_acknowledged_as_durable() {
    let setup = Setup { kind: Kind::Sqlite, level: Level::Durable, promise: Promise::Asked };
    namespace::inside("sqlite_has_what_it_acknowledged_as_durable", || holds(setup, cuts(40, 4)));
}

/// It syncs everything: what was not asked for could take the rest along.
#[test]
fn sled_has_what_it_acknowledged() {
    let setup = Setup { kind: Kind::Sled, level: Level::Durable, promise: Promise::All };
    namespace::inside("sled_has_what_it_acknowledged", || holds(setup, cuts(40, 4)));
}

/// What it counts on, and what one cut of hundreds shows when it is missing.
#[test]
fn sled_has_the_file_system_sync_each_write() {
    namespace::inside("sled_has_the_file_system_sync_each_write", || {
        for system in [FileSystem::Ext4, FileSystem::Xfs] {
            let place = tempfile::tempdir_in(namespace::place()).expect("a directory");
            let disk = Disk::make(system, place.path());
            let mount = disk.mount();
            let store = mount.path().join("tasks");
            let runtime = tokio::runtime::Runtime::new().expect("a runtime");
            runtime.block_on(async {
                SledStore::open(&store).await.expect("it opens").close().await.expect("it closes");
            });
            assert!(disk::is_synced_by_each_write(&store.join("data/db")), "on {system}");
            mount.unmount();
        }
    });
}

/// At the lesser level a cut takes the end, and nothing from the middle.
#[test]
fn sqlite_without_syncs_loses_nothing_but_the_end() {
    let setup = Setup { kind: Kind::Sqlite, level: Level::Process, promise: Promise::Order };
    namespace::inside("sqlite_without_syncs_loses_nothing_but_the_end", || holds(setup, cuts(10, 4)));
}

/// The rig has to be able to see a loss.
#[test]
fn the_rig_sees_what_sqlite_loses_when_it_never_syncs() {
    let setup = Setup { kind: Kind::Careless, level: Level::Process, promise: Promise::Asked };
    namespace::inside("the_rig_sees_what_sqlite_loses_when_it_never_syncs", || is_caught(setup, cuts(5, 2)));
}

/// And to see what the engine's own flush loses, which syncs nothing.
#[test]
fn the_rig_sees_what_sled_loses_when_it_only_flushes() {
    let setup = Setup { kind: Kind::Sled, level: Level::Process, promise: Promise::Asked };
    namespace::inside("the_rig_sees_what_sled_loses_when_it_only_flushes", || is_caught(setup, cuts(5, 2)));
}

fn holds(setup: Setup, cuts: u64) {
    let seed = random::seed(&format!("{setup}, {cuts} cuts"));
    let mut figures = Figures::default();
    for round in 0..cuts.div_ceil(LIVES) {
        for report in cut(setup, seed, round, LIVES) {
            assert!(
                report.outcome.is_kept(),
                "SEED={seed}, {}: {} acknowledged events lost, {:#?}",
                report.scenario,
                report.outcome.lost,
                report.outcome.faults
            );
            figures.add(report.outcome);
        }
    }
    println!("{setup}: {figures}");
}

fn is_caught(setup: Setup, cuts: u64) {
    let seed = random::seed(&format!("{setup}, {cuts} cuts"));
    let mut figures = Figures::default();
    for round in 0..cuts {
        for report in cut(setup, seed, round, 1) {
            let Report { lost, faults, .. } = &report.outcome;
            println!("{}: {lost} lost, {faults:?}", report.scenario);
            figures.add(report.outcome);
        }
    }
    println!("{setup}: {figures}");
    assert!(figures.caught > 0, "SEED={seed}: the rig has seen nothing wrong in {cuts} cuts");
}

/// A share of the cuts there are to be.
fn cuts(percent: u64, unless_set: u64) -> u64 {
    random::number("POWER_CUTS").map_or(unless_set, |cuts| (cuts * percent).div_ceil(100).max(1))
}

/// How often the power is cut before a disk is made anew: the second time, a store goes on that has been cut off before.
const LIVES: u64 = 2;
