//! Agent tasks as a server: page and API on one SQLite file.
//!
//! ```text
//! cargo run --release -p axum-server -- --demo
//! ```
//!
//! It prints one line when it is ready: where it listens, with the token behind the `#`, where no log sees it.
#![forbid(unsafe_code)]

mod args;
mod connection;
mod logging;
mod page;
mod serve;
mod signals;
mod stall;
mod store;

use std::process::ExitCode;

use args::Settings;
use task_core::with_causes;

fn main() -> ExitCode {
    let settings = match Settings::from_command_line() {
        Ok(settings) => settings,
        Err(exit) => return exit,
    };
    logging::start(settings.log_format);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    match runtime.map_err(Into::into).and_then(|runtime| runtime.block_on(serve::run(settings))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // One line, whatever a cause has to say.
            eprintln!("error: {}", with_causes(&*error).replace(['\n', '\r'], " "));
            ExitCode::from(if error.is::<args::WrongSetting>() { EXIT_USAGE } else { EXIT_FAILURE })
        }
    }
}

/// Something in the settings is wrong.
const EXIT_USAGE: u8 = 2;

/// Something else is wrong.
const EXIT_FAILURE: u8 = 1;
