//! What there is to know without a store: the agents, and the program itself.

use clap::CommandFactory;
use clap_complete::Shell;
use task_core::{MemoryStore, TaskManager, TaskManagerBuilder};

use crate::agents::similar;
use crate::args::{self, Agents, Args, General};
use crate::escape;
use crate::exit::{Code, Failure};
use crate::look::Look;
use crate::screen::{Piece, Screen};
use crate::width::columns;

/// Lists the agents that run tasks here.
pub(super) async fn agents(general: &General, args: Agents, screen: &mut Screen) -> Result<Code, Failure> {
    let offered = general.agents()?.all().await.into_values();
    // Only a manager tells what an agent is like.
    let builder = offered.fold(TaskManager::builder(MemoryStore::new()), TaskManagerBuilder::agent);
    let tasks = builder.observe().await?;
    let infos = tasks.agents();
    if args.json {
        screen.json(&serde_json::json!(infos).to_string())?;
        return Ok(Code::Ok);
    }
    let is_terminal = screen.out_is_terminal();
    let width = infos.iter().map(|info| columns(&info.id)).max().unwrap_or(0);
    let mut pieces = Vec::new();
    for info in &infos {
        let (id, about) =
            (escape::line(&info.id, is_terminal), info.description.as_deref().unwrap_or(&info.name));
        let gap = if is_terminal { " ".repeat(width - columns(&info.id) + 2) } else { "\t".to_owned() };
        let about = match &info.reason {
            Some(reason) => format!("not available: {reason}"),
            None => about.to_owned(),
        };
        pieces.push(Piece::new(Look::Strong, id));
        pieces.push(Piece::plain(format!("{gap}{}\n", escape::line(&about, is_terminal))));
    }
    screen.write(&pieces)?;
    Ok(Code::Ok)
}

/// Prints a completion script.
pub(super) fn completions(shell: Shell, screen: &mut Screen) -> Result<Code, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), "tasks", &mut script);
    screen.write(&[Piece::plain(String::from_utf8_lossy(&script))])?;
    Ok(Code::Ok)
}

/// Prints a man page: of the program, or of one of its commands.
pub(super) fn man(command: Option<&str>, screen: &mut Screen) -> Result<Code, Failure> {
    let mut program = Args::command();
    // Commands get the options that hold for all.
    program.build();
    let page = match command {
        None => program.after_long_help(args::MORE),
        Some(name) => {
            let names: Vec<_> =
                program.get_subcommands().map(|command| command.get_name().to_owned()).collect();
            let Some(command) = program.find_subcommand(name) else {
                let meant =
                    similar(name, &names).map_or(String::new(), |name| format!(" Did you mean `{name}`?"));
                let words = format!("there is no command `{name}`; there are: {}.{meant}", names.join(", "));
                return Err(Failure::usage(words));
            };
            command.clone()
        }
    };
    let mut roff = Vec::new();
    clap_mangen::Man::new(page).render(&mut roff)?;
    screen.write(&[Piece::plain(String::from_utf8_lossy(&roff))])?;
    Ok(Code::Ok)
}
