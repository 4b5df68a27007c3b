//! Agent tasks on the command line.
//!
//! ```text
//! cargo run --release -p tasks-cli -- run 'make test'
//! ```
//!
//! It stands on the library alone: next to a running server it watches and talks to the tasks on the same SQLite file,
//! alone it runs them itself.
#![forbid(unsafe_code)]

mod agents;
mod answers;
mod args;
mod commands;
mod escape;
mod exit;
mod follow;
mod ids;
mod look;
mod printer;
mod progress;
mod screen;
mod session;
mod signals;
mod time;
mod view;
mod width;

use std::process::ExitCode;

use clap::Parser;

use args::Args;
use exit::{Code, Failure};
use screen::Screen;

fn main() -> ExitCode {
    let Args { general, command } = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => {
            // Nothing can be done when nobody listens.
            let _ = error.print();
            return u8::try_from(error.exit_code()).map_or(ExitCode::FAILURE, ExitCode::from);
        }
    };
    let mut screen = Screen::new(general.color, command.is_json());
    let outcome = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => {
            let outcome = runtime.block_on(commands::run(&general, command, &mut screen));
            // A read of the terminal may be under way, and nobody waits for that.
            runtime.shutdown_background();
            outcome
        }
        Err(error) => Err(Failure::new(Code::Unavailable, format!("cannot start: {error}"))),
    };
    let code = outcome.unwrap_or_else(|failure| {
        if failure.code != Code::BrokenPipe {
            screen.fail(failure.code, &failure.message);
        }
        failure.code
    });
    ExitCode::from(code.number())
}
