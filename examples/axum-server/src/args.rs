use std::fmt;
use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr;

use clap::builder::BoolishValueParser;
use clap::{Parser, ValueEnum};
use example_agents::Agents;
use task_axum::Token;

use crate::EXIT_USAGE;

/// Agent tasks as a server: page and API on one SQLite file.
#[derive(Parser)]
#[command(name = "axum-server", version)]
struct Args {
    /// Where to listen; port 0 picks a free one
    #[arg(long, env = "TASKS_LISTEN", default_value = "127.0.0.1:3000", value_name = "ADDRESS:PORT")]
    listen: String,
    /// Where tasks are kept: `sqlite:FILE`, `sled:DIR` or `memory:`
    #[arg(long, env = "TASKS_STORE", default_value = "sqlite:tasks.db", value_name = "URL")]
    store: StoreUrl,
    /// The token to ask for; a random one unless given. Whoever lists processes sees it here, so better set
    /// `TASKS_TOKEN`
    #[arg(long, env = "TASKS_TOKEN", hide_env_values = true, conflicts_with = "no_token")]
    token: Option<String>,
    /// Ask for no token; on a loopback address only
    #[arg(long, env = "TASKS_NO_TOKEN", value_parser = BoolishValueParser::new())]
    no_token: bool,
    /// How many tasks run at a time; the rest wait
    #[arg(long, env = "TASKS_MAX_RUNNING", default_value = "16", value_name = "N")]
    max_running: usize,
    /// A directory where tasks may work, may repeat; the current one unless given. `TASKS_ROOT` separates them like
    /// `PATH`
    #[arg(long = "root", value_name = "DIR")]
    roots: Vec<PathBuf>,
    /// A file that describes more agents
    #[arg(long, env = "TASKS_AGENTS", value_name = "FILE.toml")]
    agents: Option<PathBuf>,
    /// Do not look for agents on the `PATH` and on this machine's ports
    #[arg(long, env = "TASKS_NO_DETECT", value_parser = BoolishValueParser::new())]
    no_detect: bool,
    /// Offer the agent `demo`
    #[arg(long, env = "TASKS_DEMO", value_parser = BoolishValueParser::new())]
    demo: bool,
    /// A host to answer for beside the loopback names, may repeat
    #[arg(long = "allow-host", env = "TASKS_ALLOW_HOST", value_name = "HOST[:PORT]", value_delimiter = ',')]
    allow_hosts: Vec<String>,
    /// Serve the page from this directory
    #[arg(long, env = "TASKS_UI_DIR", value_name = "DIR")]
    ui_dir: Option<PathBuf>,
    /// How the log looks
    #[arg(long, env = "TASKS_LOG_FORMAT", default_value = "text", value_name = "FORMAT")]
    log_format: LogFormat,
}

/// What the server was told, checked as far as that is possible before it listens.
pub(crate) struct Settings {
    pub(crate) listen: String,
    pub(crate) store: StoreUrl,
    pub(crate) access: Access,
    pub(crate) max_running: usize,
    pub(crate) roots: Vec<PathBuf>,
    pub(crate) agents: Agents,
    pub(crate) allow_hosts: Vec<String>,
    pub(crate) ui_dir: Option<PathBuf>,
    pub(crate) log_format: LogFormat,
}

/// Who may use the server.
pub(crate) enum Access {
    /// Whoever runs on this machine.
    Anybody,
    /// Whoever has the token.
    Holder(Token),
}

/// Where tasks are kept.
#[derive(Clone, Debug)]
pub(crate) enum StoreUrl {
    Memory,
    Sled(PathBuf),
    Sqlite(PathBuf),
}

/// How the log looks.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum LogFormat {
    Json,
    Text,
}

/// A setting that cannot be.
#[derive(Debug)]
pub(crate) struct WrongSetting(pub(crate) String);

impl Settings {
    /// The settings, or how to exit: after the help that was asked for, or after a line that says what is wrong.
    pub(crate) fn from_command_line() -> Result<Self, ExitCode> {
        let args = Args::try_parse().map_err(|error| {
            if error.use_stderr() {
                let text = error.to_string();
                eprintln!(
                    "{}",
                    text.lines().take_while(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
                );
                return ExitCode::from(EXIT_USAGE);
            }
            // Help and version. Nothing can be done when nobody listens.
            let _ = error.print();
            ExitCode::SUCCESS
        })?;
        Self::new(args).map_err(|wrong| {
            eprintln!("error: {wrong}");
            ExitCode::from(EXIT_USAGE)
        })
    }

    fn new(args: Args) -> Result<Self, WrongSetting> {
        let Args {
            listen,
            store,
            token,
            no_token,
            max_running,
            roots,
            agents,
            no_detect,
            demo,
            allow_hosts,
            ui_dir,
            log_format,
        } = args;
        let offered = Agents::built_in().demo(demo).look(!no_detect);
        let agents = match agents {
            Some(file) => offered.file(&file).map_err(|error| WrongSetting(format!("--agents: {error}")))?,
            None => offered,
        };
        if !listen
            .rsplit_once(':')
            .is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok())
        {
            return Err(WrongSetting(format!("--listen {listen}: this is not ADDRESS:PORT")));
        }
        if let Some(dir) = &ui_dir
            && !dir.is_dir()
        {
            return Err(WrongSetting(format!("--ui-dir {}: this is not a directory", dir.display())));
        }
        if max_running == 0 {
            return Err(WrongSetting("--max-running 0: no task would ever run".to_owned()));
        }
        let access = match token {
            None if no_token => Access::Anybody,
            None => Access::Holder(
                Token::random().map_err(|error| WrongSetting(format!("no random token: {error}")))?,
            ),
            Some(text) => Access::Holder(Token::new(&text).ok_or_else(|| {
                WrongSetting("--token: a token is one or more visible ASCII characters".to_owned())
            })?),
        };
        Ok(Self {
            listen,
            store,
            access,
            max_running,
            roots: roots_or_default(roots)?,
            agents,
            allow_hosts,
            ui_dir,
            log_format,
        })
    }
}

impl FromStr for StoreUrl {
    type Err = WrongSetting;

    fn from_str(url: &str) -> Result<Self, WrongSetting> {
        match url.split_once(':') {
            Some(("memory", "")) => Ok(Self::Memory),
            Some(("sled", dir)) if !dir.is_empty() => Ok(Self::Sled(dir.into())),
            Some(("sqlite", path)) if !path.is_empty() => Ok(Self::Sqlite(path.into())),
            _ => Err(WrongSetting(format!("`{url}` is none of sqlite:FILE, sled:DIR and memory:"))),
        }
    }
}

impl fmt::Display for WrongSetting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for WrongSetting {}

fn roots_or_default(mut roots: Vec<PathBuf>) -> Result<Vec<PathBuf>, WrongSetting> {
    if roots.is_empty()
        && let Some(paths) = std::env::var_os("TASKS_ROOT")
    {
        roots = std::env::split_paths(&paths).filter(|root| !root.as_os_str().is_empty()).collect();
    }
    if roots.is_empty() {
        let here = std::env::current_dir();
        roots.push(here.map_err(|error| WrongSetting(format!("the current directory: {error}")))?);
    }
    match roots.iter().find(|root| !root.is_dir()) {
        Some(root) => Err(WrongSetting(format!("--root {}: this is not a directory", root.display()))),
        None => Ok(roots),
    }
}
