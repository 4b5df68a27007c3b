//! Runs a scenario under many schedules.

use std::future::Future;
use std::time::Duration;

use shuttle::scheduler::{PctScheduler, RandomScheduler, Scheduler};
use shuttle::{Config, FailurePersistence, MaxSteps, Runner};
use task_core::testing::pass_time;

/// Runs the scenario under schedules chosen at random, then under schedules with few switches at the places that
/// matter ([PCT]), each `SCHEDULES` times.
///
/// Time passes in a scenario, but less than it takes until the engine looks again on its own: a wake-up that is lost
/// is a deadlock, and found.
///
/// [PCT]: https://doi.org/10.1145/1736020.1736040
pub(crate) fn explore<F>(scenario: fn() -> F)
where
    F: Future<Output = ()> + 'static,
{
    if let Ok(schedule) = std::env::var("REPLAY") {
        return shuttle::replay(move || run(scenario), &schedule);
    }
    let schedules = number("SCHEDULES").map_or(SCHEDULES, |schedules| schedules as usize);
    let seed = number("SEED").unwrap_or(SEED);
    println!("SEED={seed} SCHEDULES={schedules}");
    search(RandomScheduler::new_from_seed(seed, schedules), scenario);
    search(PctScheduler::new_from_seed(seed, PCT_DEPTH, schedules), scenario);
}

fn search<F>(scheduler: impl Scheduler + 'static, scenario: fn() -> F)
where
    F: Future<Output = ()> + 'static,
{
    let mut config = Config::new();
    config.stack_size = STACK_BYTES;
    config.max_steps = MaxSteps::FailAfter(MAX_STEPS);
    config.failure_persistence = FailurePersistence::Print;
    Runner::new(scheduler, config).run(move || run(scenario));
}

fn run<F>(scenario: fn() -> F)
where
    F: Future<Output = ()> + 'static,
{
    let clock = shuttle::future::spawn(pass_time(TIME));
    shuttle::future::block_on(scenario());
    clock.abort();
}

fn number(variable: &str) -> Option<u64> {
    let value = std::env::var(variable).ok()?;
    Some(value.parse().unwrap_or_else(|_| panic!("{variable}={value} is not a number")))
}

/// Schedules of each kind, unless told otherwise.
const SCHEDULES: usize = 5_000;
const SEED: u64 = 1;
/// Races of the engine need two or three steps of different tasks in an unlucky order.
const PCT_DEPTH: usize = 3;
/// How much time passes in a schedule: enough for a retry and for a doubt to be cleared, less than the three seconds
/// after which a command gives up, and than what it takes until the engine looks at the store without any hint.
const TIME: Duration = Duration::from_millis(2_500);
const STACK_BYTES: usize = 1 << 19;
/// A schedule of a few thousand steps is usual. One that goes on and on gets nowhere.
const MAX_STEPS: usize = 50_000;
