//! What can be asked on the command line. Completions and man pages are made of this, too.

use std::fmt;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::builder::{FalseyValueParser, PossibleValuesParser, TypedValueParser};
use clap::{Args as ClapArgs, ColorChoice, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use task_core::{Delivery, Seq, TaskStatus};

use crate::exit::Failure;

/// Agent tasks on the command line: start, watch, talk to, stop
#[derive(Parser)]
#[command(name = "tasks", version, help_template = HELP, after_long_help = MORE, max_term_width = 100)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) general: General,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What holds for every command.
#[derive(ClapArgs)]
pub(crate) struct General {
    /// Where tasks are kept: `sqlite:FILE`, `sled:DIR` or `memory:`
    #[arg(long, env = "TASKS_STORE", default_value = "sqlite:tasks.db", value_name = "URL", global = true)]
    pub(crate) store: StoreUrl,
    /// A file that describes more agents
    #[arg(long = "agents", env = "TASKS_AGENTS", global = true, value_name = "FILE.toml")]
    pub(crate) file: Option<PathBuf>,
    /// Do not look for agents on the `PATH` and on this machine's ports
    #[arg(long, env = "TASKS_NO_DETECT", global = true, value_parser = FalseyValueParser::new())]
    pub(crate) no_detect: bool,
    /// Offer the agent `demo`
    #[arg(long, env = "TASKS_DEMO", global = true, value_parser = FalseyValueParser::new())]
    pub(crate) demo: bool,
    /// When to use colours
    #[arg(long, default_value = "auto", value_name = "WHEN", global = true)]
    pub(crate) color: ColorChoice,
}

impl General {
    /// The agents that may run tasks here.
    pub(crate) fn agents(&self) -> Result<example_agents::Agents, Failure> {
        let agents = example_agents::Agents::built_in().demo(self.demo).look(!self.no_detect);
        match &self.file {
            Some(file) => agents.file(file).map_err(|error| Failure::usage(format!("--agents: {error}"))),
            None => Ok(agents),
        }
    }
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Start a task and follow it to its end
    Run(Run),
    /// List tasks, the newest first
    #[command(visible_alias = "list")]
    Ls(List),
    /// Show a task and what it waits for
    Show(Show),
    /// Print what happened in a task
    Logs(Logs),
    /// Send a message to a task; one that has ended goes on with it
    Send(Send),
    /// Answer a question of a task
    Answer(Answer),
    /// Stop tasks
    Cancel(Several),
    /// Forget tasks and their logs; those that run are stopped first
    Rm(Several),
    /// Wait until a task has ended
    Wait(Wait),
    /// List the agents that run tasks here
    Agents(Agents),
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Print a man page, for `man -l -`
    Man {
        /// The command it is about; the program unless given
        command: Option<String>,
    },
}

#[derive(ClapArgs)]
pub(crate) struct Run {
    /// The agent that does it
    #[arg(short, long, env = "TASKS_AGENT", default_value = "shell")]
    pub(crate) agent: String,
    /// The model, where the agent has a choice
    #[arg(short, long)]
    pub(crate) model: Option<String>,
    /// Where the agent works; the current directory unless given
    #[arg(short = 'C', long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
    /// Print the id of the task and leave
    #[arg(short, long)]
    pub(crate) detach: bool,
    /// Print events as JSON, one a line; with `--detach` the task
    #[arg(long)]
    pub(crate) json: bool,
    /// What to do; `-` reads it from stdin
    #[arg(value_name = "MESSAGE|-", allow_hyphen_values = true)]
    pub(crate) message: String,
}

#[derive(ClapArgs)]
pub(crate) struct List {
    /// Tasks in this state; may repeat
    #[arg(short, long = "status", value_delimiter = ',', value_parser = status_parser())]
    pub(crate) statuses: Vec<TaskStatus>,
    /// Tasks of this agent
    #[arg(short, long)]
    pub(crate) agent: Option<String>,
    /// Tasks whose title contains this
    #[arg(long, value_name = "TEXT")]
    pub(crate) search: Option<String>,
    /// At most so many; 50 unless given
    #[arg(short = 'n', long, value_name = "N")]
    pub(crate) limit: Option<NonZeroUsize>,
    /// Print ids alone
    #[arg(short, long, conflicts_with = "json")]
    pub(crate) quiet: bool,
    /// Print one JSON document
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(ClapArgs)]
pub(crate) struct Show {
    /// The task: its id, or a beginning of it that no other has
    pub(crate) id: String,
    /// Print one JSON document
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(ClapArgs)]
pub(crate) struct Logs {
    /// The task: its id, or a beginning of it that no other has
    pub(crate) id: String,
    /// Stay until the task has ended
    #[arg(short, long)]
    pub(crate) follow: bool,
    /// What came after this event
    #[arg(long, value_name = "SEQ", default_value = "0")]
    pub(crate) after: Seq,
    /// Print events as JSON, one a line
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(ClapArgs)]
pub(crate) struct Send {
    /// The task: its id, or a beginning of it that no other has
    pub(crate) id: String,
    /// When the agent gets it
    #[arg(long, default_value = "queue")]
    pub(crate) delivery: When,
    /// Follow the task to its end, and run it here if nobody else does
    #[arg(short, long)]
    pub(crate) follow: bool,
    /// Print one JSON document; with `--follow` events, one a line
    #[arg(long)]
    pub(crate) json: bool,
    /// What to say; `-` reads it from stdin
    #[arg(value_name = "MESSAGE|-", allow_hyphen_values = true)]
    pub(crate) message: String,
}

#[derive(ClapArgs)]
pub(crate) struct Answer {
    /// The task: its id, or a beginning of it that no other has
    pub(crate) id: String,
    /// The question: its id, or a beginning of it that no other has
    pub(crate) request: String,
    /// The answer; for a permission the id of an option
    #[arg(allow_hyphen_values = true)]
    pub(crate) answer: String,
    /// Follow the task to its end, and run it here if nobody else does
    #[arg(short, long)]
    pub(crate) follow: bool,
    /// Print the task as one JSON document; with `--follow` events, one a line
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(ClapArgs)]
pub(crate) struct Several {
    /// The tasks: their ids, or beginnings of them that no others have
    #[arg(required = true, value_name = "ID")]
    pub(crate) ids: Vec<String>,
}

#[derive(ClapArgs)]
pub(crate) struct Wait {
    /// The task: its id, or a beginning of it that no other has
    pub(crate) id: String,
    /// Seconds after which to give up
    #[arg(long, value_name = "S", value_parser = seconds)]
    pub(crate) timeout: Option<Duration>,
    /// Print the task as one JSON document
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(ClapArgs)]
pub(crate) struct Agents {
    /// Print one JSON document
    #[arg(long)]
    pub(crate) json: bool,
}

/// When a message should reach the agent.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum When {
    /// After the current turn
    Queue,
    /// Now, into the running turn
    Steer,
    /// Now: the turn is stopped
    Interrupt,
}

/// Where tasks are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum StoreUrl {
    Memory,
    Sled(PathBuf),
    Sqlite(PathBuf),
}

/// A text that names no place for tasks.
#[derive(Debug)]
pub(crate) struct WrongUrl(String);

impl Command {
    /// Whether its output is JSON, and so what it tells on stderr.
    pub(crate) const fn is_json(&self) -> bool {
        match self {
            Self::Run(run) => run.json,
            Self::Ls(list) => list.json,
            Self::Show(show) => show.json,
            Self::Logs(logs) => logs.json,
            Self::Send(send) => send.json,
            Self::Answer(answer) => answer.json,
            Self::Wait(wait) => wait.json,
            Self::Agents(agents) => agents.json,
            Self::Cancel(_) | Self::Rm(_) | Self::Completions { .. } | Self::Man { .. } => false,
        }
    }
}

impl From<When> for Delivery {
    fn from(when: When) -> Self {
        match when {
            When::Queue => Self::Queue,
            When::Steer => Self::Steer,
            When::Interrupt => Self::Interrupt,
        }
    }
}

impl FromStr for StoreUrl {
    type Err = WrongUrl;

    fn from_str(url: &str) -> Result<Self, WrongUrl> {
        match url.split_once(':') {
            Some(("memory", "")) => Ok(Self::Memory),
            Some(("sled", dir)) if !dir.is_empty() => Ok(Self::Sled(dir.into())),
            Some(("sqlite", path)) if !path.is_empty() => Ok(Self::Sqlite(path.into())),
            _ => Err(WrongUrl(url.to_owned())),
        }
    }
}

impl fmt::Display for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory => f.write_str("memory:"),
            Self::Sled(dir) => write!(f, "sled:{}", dir.display()),
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
        }
    }
}

impl fmt::Display for WrongUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is none of sqlite:FILE, sled:DIR and memory:", self.0)
    }
}

impl std::error::Error for WrongUrl {}

fn status_parser() -> impl TypedValueParser<Value = TaskStatus> {
    let names = TaskStatus::ALL.map(TaskStatus::as_str);
    PossibleValuesParser::new(names).try_map(|name| name.parse::<TaskStatus>())
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse::<f64>().ok().filter(|seconds| (0.0..=MAX_SECONDS).contains(seconds));
    let wrong = || format!("`{text}` is no number of seconds from 0 to {MAX_SECONDS}");
    seconds.map(Duration::from_secs_f64).ok_or_else(wrong)
}

/// Ten years, nearly: what comes out of a mistake in units is more.
const MAX_SECONDS: f64 = 300_000_000.0;

const HELP: &str = "\
{about}

  tasks run 'make test'           start a task and follow it
  tasks ls                        what is there
  tasks logs -f 0198c0de          watch one again; Ctrl-C leaves it alone

{usage-heading} {usage}

{all-args}{after-help}";

/// The sections a man page has beyond the options.
pub(crate) const MORE: &str = "\
Who runs a task: one process at a time is the owner of a store and runs its tasks. When a server is, this program
watches: Ctrl-C detaches, and the task goes on. When nobody is, `tasks run` becomes the owner for as long as it
follows: Ctrl-C cancels the task. It says at the beginning which of the two it is.

Output: stdout is data, stderr the rest. Off a terminal there is no colour and nothing that moves, `ls` is
separated by tabs, and text stays as the agent wrote it; on a terminal control characters are shown, not obeyed.

Exit codes: 0 completed, 1 failed, 2 usage, 3 not found, 4 wrong state, 5 store or server unavailable, 6 cancelled,
7 interrupted, 74 output cannot be written, 124 timeout, 130 detached by Ctrl-C, 141 nobody reads the output.

Environment: TASKS_STORE, TASKS_AGENT, TASKS_DEMO; NO_COLOR, CLICOLOR, CLICOLOR_FORCE, TERM.";

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_declarations_hold_together() {
        Args::command().debug_assert();
    }

    #[test]
    fn a_store_has_one_of_three_addresses() {
        for url in ["memory:", "sled:dir", "sqlite:/a/b:c.db"] {
            assert_eq!(url.parse::<StoreUrl>().expect(url).to_string(), url);
        }
        for url in ["", "memory:x", "sled:", "sqlite:", "postgres:x", "tasks.db"] {
            assert!(url.parse::<StoreUrl>().is_err(), "{url}");
        }
    }

    #[test]
    fn seconds_are_numbers_that_make_sense() {
        assert_eq!(seconds("1.5"), Ok(Duration::from_millis(1500)));
        for text in ["", "x", "-1", "nan", "inf", "1e300"] {
            assert!(seconds(text).is_err(), "{text}");
        }
    }
}
