//! What the library costs, measured against limits and peers in the same run: `cargo run --release -p benches`.

mod answer;
mod args;
mod bench;
mod heap;
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

use crate::answer::Result;
use crate::args::Command;

#[tokio::main]
async fn main() -> ExitCode {
    match act().await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn act() -> Result<ExitCode> {
    match args::parse(std::env::args().skip(1))? {
        Command::Help => print!("{}", args::HELP),
        Command::Ask(asked) => run::ask_one(&asked).await?,
        Command::Run(runs) => return run::run(&runs),
        Command::Probe { place } => questions::probe(&place).await?,
        Command::Serve { place, seed, bytes } => serve::serve(&place, seed, bytes).await?,
    }
    Ok(ExitCode::SUCCESS)
}
