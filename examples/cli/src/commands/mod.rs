//! The commands, a file each.

mod about;
mod answer;
mod cancel;
mod list;
mod logs;
mod remove;
mod run;
mod send;
mod show;
mod through;
mod wait;

use std::io::Read;

use task_core::Task;

use crate::args::{Command, General};
use crate::exit::{Code, Failure};
use crate::look::Look;
use crate::screen::Screen;
use crate::session::Session;

/// Does what was asked, and gives the code to end with.
pub(crate) async fn run(general: &General, command: Command, screen: &mut Screen) -> Result<Code, Failure> {
    match command {
        Command::Run(args) => run::run(general, args, screen).await,
        Command::Ls(args) => list::run(general, args, screen).await,
        Command::Show(args) => show::run(general, args, screen).await,
        Command::Logs(args) => logs::run(general, args, screen).await,
        Command::Send(args) => send::run(general, args, screen).await,
        Command::Answer(args) => answer::run(general, args, screen).await,
        Command::Cancel(args) => cancel::run(general, args, screen).await,
        Command::Rm(args) => remove::run(general, args, screen).await,
        Command::Wait(args) => wait::run(general, args, screen).await,
        Command::Agents(args) => about::agents(general, args, screen).await,
        Command::Completions { shell } => about::completions(shell, screen),
        Command::Man { command } => about::man(command.as_deref(), screen),
    }
}

/// The message of the command line, or of stdin.
fn message(argument: String) -> Result<String, Failure> {
    if argument != "-" {
        return Ok(argument);
    }
    let mut text = String::new();
    let read = std::io::stdin().lock().read_to_string(&mut text);
    read.map_err(|error| Failure::usage(format!("the message on stdin: {error}")))?;
    text.truncate(text.trim_end_matches(['\r', '\n']).len());
    Ok(text)
}

/// Says so when nobody runs what was asked for.
async fn tell_if_alone(session: &Session, screen: &mut Screen, way_out: &str) -> Result<(), Failure> {
    if !session.has_owner().await? {
        let words = format!("nobody runs the tasks of {} now; it waits for a server{way_out}", session.url());
        screen.say(Look::Warn, &words);
    }
    Ok(())
}

/// Settles a task that a process which is gone left running. Until then nobody would stop it, and a message or an answer
/// would wait for ever: it starts no run while one seems to be there.
async fn settle_if_left(session: &mut Session, task: &Task) -> Result<(), Failure> {
    if task.status.is_active() && !session.has_owner().await? {
        session.settle().await?;
    }
    Ok(())
}

/// Ends the session, also after a failure.
async fn close<T>(session: Session, outcome: Result<T, Failure>) -> Result<T, Failure> {
    session.close().await;
    outcome
}
