//! What the library costs, measured against limits and peers in the same run: `cargo run --release -p benches`.

mod answer;
mod args;
mod bench;
mod compare;
mod digits;
mod heap;
mod hot;
mod instructions;
mod limits;
mod machine;
mod numbered;
mod peers;
mod plot;
mod questions;
mod random;
mod report;
mod run;
mod serve;
mod stores;
mod usage;
mod viewers;
mod workload;

use std::process::ExitCode;

use tokio::runtime::Builder;

use crate::answer::Result;
use crate::args::Command;

fn main() -> ExitCode {
    match act() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn act() -> Result<ExitCode> {
    // For counting: threads that meet by chance would be counted along.
    let one_core = || Builder::new_current_thread().enable_all().build();
    match args::parse(std::env::args().skip(1))? {
        Command::Ask(asked) => in_a_task(run::ask_one(asked))?,
        Command::Compare { before, after, runs } => compare::compare(&before, &after, &runs)?,
        Command::Help => print!("{}", args::HELP),
        Command::Hot { path, count, seed } => one_core()?.block_on(hot::take(&path, count, seed))?,
        Command::Instructions { record, seed } => return instructions::instructions(record, seed),
        Command::Probe { place } => in_a_task(questions::probe(place))?,
        Command::Run(runs) => return run::run(&runs),
        Command::Serve { place, seed, bytes } => in_a_task(serve::serve(place, seed, bytes))?,
    }
    Ok(ExitCode::SUCCESS)
}

/// As in an application: on all cores, and what measures is a task, as runners and those who serve are. From the main
/// thread, each of its wake-ups would be one of a thread, which no runner has.
fn in_a_task(work: impl Future<Output = Result<()>> + Send + 'static) -> Result<()> {
    let runtime = Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async { tokio::spawn(work).await? })
}
