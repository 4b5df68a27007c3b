use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use task_core::{Agent, AgentRunner};
use toml::de::DeTable;

use super::file_error::AgentFileError;
use super::section::{Section, Source};
use crate::chat::{ChatRunner, Endpoint, Key};
use crate::process::Environment;
use crate::{AcpRunner, ClaudeRunner, Permissions, ShellRunner};

/// An agent as a file describes it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct AgentSpec {
    /// What tasks name.
    pub id: String,
    /// What people read.
    pub name: Option<String>,
    /// What it does.
    pub description: Option<String>,
    /// The model it uses unless asked otherwise.
    pub model: Option<String>,
    /// How many of its tasks run at a time, at most.
    pub max_running: Option<usize>,
    /// What runs it.
    pub kind: AgentKind,
}

/// What runs an agent.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum AgentKind {
    /// A program that speaks the Agent Client Protocol.
    Acp(AcpRunner),
    /// A model behind an endpoint.
    Chat(ChatRunner),
    /// Claude Code, or a program that speaks as it does.
    Claude(ClaudeRunner),
    /// A shell.
    Shell(ShellRunner),
}

impl AgentSpec {
    /// The agent, run by `runner`: name, description, model and limit are those of the file.
    pub fn agent(&self, runner: impl AgentRunner) -> Agent {
        let Self { id, name, description, model, max_running, kind: _ } = self;
        let mut agent = Agent::new(id, runner);
        if let Some(name) = name {
            agent = agent.name(name);
        }
        if let Some(description) = description {
            agent = agent.description(description);
        }
        if let Some(model) = model {
            agent = agent.model(model);
        }
        match max_running {
            Some(tasks) => agent.max_running(*tasks),
            None => agent,
        }
    }
}

/// Reads the agents of a file: all of them, or none. Paths in it are relative to its directory.
///
/// # Errors
///
/// [`AgentFileError`] when it cannot be read, is no TOML, or anything in it is not as [`agents_from_text`] says.
pub fn agents_from_file(file: &Path) -> Result<Vec<AgentSpec>, AgentFileError> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| AgentFileError::new(file, None, format!("cannot be read: {error}")))?;
    agents_from_text(&text, file)
}

/// Reads the agents of a text; `file` is what errors name.
///
/// ```
/// use std::path::Path;
/// use task_runners::agents::agents_from_text;
///
/// let text = r#"
///     [[agent]]
///     id = "qwen"
///     kind = "chat"
///     base_url = "http://127.0.0.1:11434/v1"
///     modle = "qwen3:4b"
/// "#;
/// let error = agents_from_text(text, Path::new("agents.toml")).unwrap_err();
/// assert!(error.to_string().starts_with("agents.toml:6: in agent `qwen`: unknown key `modle`; known are: id, kind, "));
/// ```
///
/// # Errors
///
/// [`AgentFileError`], for the first thing that is wrong: a key that is missing, unknown or of another type, a value
/// that is not allowed, an id that is there twice.
pub fn agents_from_text(text: &str, file: &Path) -> Result<Vec<AgentSpec>, AgentFileError> {
    let source = Source { file, text };
    let document = DeTable::parse(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        source.error(at, error.message().replace('\n', " "))
    })?;
    let top = Section::new(source, document.get_ref(), document.span());
    let sections = top.sections("agent")?;
    top.close()?;
    let dir = file.parent().unwrap_or(Path::new(""));
    let (mut agents, mut seen) = (Vec::new(), HashMap::new());
    for (position, mut section) in sections.into_iter().enumerate() {
        section.context = format!("in agent {}: ", position + 1);
        let id = section.required_text("id")?;
        section.context = format!("in agent `{id}`: ");
        if !id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.')) {
            return Err(section.error("id", "`id` has to be letters, digits, `-`, `_` and `.`"));
        }
        if let Some(first) = seen.insert(id.clone(), position + 1) {
            return Err(section.error("id", format!("agent {first} has the same id")));
        }
        agents.push(agent(&section, id, dir)?);
        section.close()?;
    }
    Ok(agents)
}

fn agent(section: &Section<'_>, id: String, dir: &Path) -> Result<AgentSpec, AgentFileError> {
    let kind = section.word("kind", &["acp", "chat", "claude", "shell"])?;
    let kind = kind.ok_or_else(|| section.missing("kind"))?;
    let name = section.text("name")?;
    let description = section.text("description")?;
    let max_running = section.count("max_running", 1..1_001)?.map(|tasks| tasks as usize);
    let model = if kind == "shell" { None } else { section.text("model")? };
    let kind = match kind {
        "acp" => AgentKind::Acp(acp(section, model.as_deref(), dir)?),
        "chat" => AgentKind::Chat(chat(section, model.as_deref(), dir)?),
        "claude" => AgentKind::Claude(claude(section, model.as_deref(), dir)?),
        _ => AgentKind::Shell(shell(section, dir)?),
    };
    Ok(AgentSpec { id, name, description, model, max_running, kind })
}

fn acp(section: &Section<'_>, model: Option<&str>, dir: &Path) -> Result<AcpRunner, AgentFileError> {
    let command = section.texts("command")?.ok_or_else(|| section.missing("command"))?;
    let [program, arguments @ ..] = &command[..] else {
        return Err(section.error("command", "`command` is empty; it needs a program"));
    };
    let names = environment(section, AcpRunner::default_environment(program))?;
    let runner = AcpRunner::new(program).arguments(arguments).environment(names);
    let mut runner = runner.permissions(permissions(section)?);
    if let Some(model) = model {
        runner = runner.model(model);
    }
    if let Some(mode) = section.text("mode")? {
        runner = runner.mode(mode);
    }
    if let Some(work_dir) = section.text("work_dir")? {
        runner = runner.work_dir(absolute(dir, work_dir));
    }
    Ok(runner)
}

fn claude(section: &Section<'_>, model: Option<&str>, dir: &Path) -> Result<ClaudeRunner, AgentFileError> {
    let runner = ClaudeRunner::new().permissions(permissions(section)?);
    let mut runner = match section.texts("command")?.as_deref() {
        None => runner,
        Some([]) => return Err(section.error("command", "`command` is empty; it needs a program")),
        Some([program, arguments @ ..]) => runner
            .program(program)
            .extra_args(arguments)
            .map_err(|refused| section.error("command", format!("`command`: {refused}")))?,
    };
    runner = runner.environment(environment(section, ClaudeRunner::default_environment())?);
    if let Some(model) = model {
        runner = runner.model(model);
    }
    if let Some(work_dir) = section.text("work_dir")? {
        runner = runner.work_dir(absolute(dir, work_dir));
    }
    if let Some(file) = section.text("mcp_config")? {
        runner = runner.mcp_config(absolute(dir, file));
    }
    if let Some(retries) = section.count("retries", 0..101)? {
        runner = runner.max_retries(retries);
    }
    Ok(runner)
}

fn permissions(section: &Section<'_>) -> Result<Permissions, AgentFileError> {
    Ok(match section.word("permissions", &["allow_all", "allow_edits", "ask", "deny"])? {
        Some("allow_all") => Permissions::AllowAll,
        Some("allow_edits") => Permissions::AllowEdits,
        Some("deny") => Permissions::Deny,
        _ => Permissions::Ask,
    })
}

fn shell(section: &Section<'_>, dir: &Path) -> Result<ShellRunner, AgentFileError> {
    let mut runner = ShellRunner::new().environment(environment(section, Environment::basic())?);
    if let Some(program) = section.text("program")? {
        runner = runner.program(program);
    }
    if let Some(work_dir) = section.text("work_dir")? {
        runner = runner.work_dir(absolute(dir, work_dir));
    }
    Ok(runner)
}

fn chat(section: &Section<'_>, model: Option<&str>, dir: &Path) -> Result<ChatRunner, AgentFileError> {
    let base_url = section.required_text("base_url")?;
    let endpoint = Endpoint::new(&base_url);
    let mut endpoint = endpoint.map_err(|error| section.error("base_url", format!("`base_url`: {error}")))?;
    let key = section.text("key_env")?.map(|name| ("key_env", Key::from_env(name)));
    let file = section.text("key_file")?.map(|path| ("key_file", Key::from_file(absolute(dir, path))));
    if key.is_some() && file.is_some() {
        return Err(section.error("key_file", "there is `key_env`, too; only one of them can be"));
    }
    if let Some((name, key)) = key.or(file) {
        if let Some(refusal) = key.refusal() {
            return Err(section.error(name, format!("`{name}`: {refusal}")));
        }
        endpoint = endpoint.key(key);
    }
    let mut runner = ChatRunner::new(endpoint);
    if let Some(model) = model {
        runner = runner.model(model);
    }
    if let Some(prompt) = section.text("system")? {
        runner = runner.system(prompt);
    }
    for (name, value) in section.json("parameters")? {
        runner = runner.parameter(name, value);
    }
    if let Some(temperature) = section.number("temperature")? {
        runner = runner.parameter("temperature", temperature);
    }
    if let Some(tokens) = section.count("max_tokens", 1..u32::MAX)? {
        runner = runner.parameter("max_tokens", tokens);
    }
    if let Some(retries) = section.count("retries", 0..101)? {
        runner = runner.retries(retries);
    }
    if let Some(seconds) = section.count("patience_seconds", 1..86_401)? {
        runner = runner.patience(Duration::from_secs(seconds.into()));
    }
    Ok(runner)
}

/// An environment, and the variables of the server that are named.
fn environment(section: &Section<'_>, mut environment: Environment) -> Result<Environment, AgentFileError> {
    for name in section.texts("env")?.unwrap_or_default() {
        if name.starts_with("TASKS_") || name.contains(['=', '\0']) {
            let words = format!(
                "`env`: `{name}` is never passed on; allowed are names that do not begin with TASKS_"
            );
            return Err(section.error("env", words));
        }
        environment = environment.inherit(name);
    }
    Ok(environment)
}

fn absolute(dir: &Path, path: String) -> PathBuf {
    // Joining an absolute path replaces.
    dir.join(path)
}
