//! A file of agents is read as a whole, or the first thing that is wrong in it is told in one line.
#![cfg(all(unix, feature = "config"))]

use std::path::Path;

use task_runners::agents::{AgentKind, AgentSpec, agents_from_file, agents_from_text};

fn read(text: &str) -> Result<Vec<AgentSpec>, String> {
    agents_from_text(text, Path::new("agents.toml")).map_err(|error| error.to_string())
}

/// What is said about a file that begins with two good agents.
fn wrong(text: &str) -> String {
    let text = format!("[[agent]]\nid = \"a\"\nkind = \"shell\"\n\n{text}");
    read(&text).expect_err(&text)
}

#[test]
fn everything_that_can_be_said_is_understood() {
    let agents = read(
        r#"
        [[agent]]
        id = "sh"
        kind = "shell"
        name = "A shell"
        description = "Runs commands."
        max_running = 2
        program = "/bin/sh"
        work_dir = "work"
        env = ["RUSTUP_HOME"]

        [[agent]]
        id = "qwen"
        kind = "chat"
        base_url = "http://127.0.0.1:11434/v1"
        model = "qwen3:4b"
        key_env = "MODELS_KEY"
        system = """
        Be brief."""
        temperature = 0.25
        max_tokens = 1_000
        retries = 0
        patience_seconds = 60
        parameters = { seed = 7, stop = ["END"], options = { mirostat = 2 }, cache_prompt = true, top_p = 0.5 }

        [[agent]]
        id = "claude.work"
        kind = "claude"
        command = ["/opt/claude", "--max-turns=20"]
        permissions = "allow_edits"
        model = "sonnet"
        work_dir = "work"
        mcp_config = "servers.json"
        retries = 2

        [[agent]]
        id = "open-code"
        kind = "acp"
        command = ["opencode", "acp"]
        model = "anthropic/claude"
        env = ["ANTHROPIC_API_KEY"]
        mode = "build"
        "#,
    );
    let agents = agents.expect("right");
    let ids: Vec<_> = agents.iter().map(|agent| agent.id.as_str()).collect();
    assert_eq!(ids, ["sh", "qwen", "claude.work", "open-code"]);
    let shell = &agents[0];
    assert_eq!((shell.name.as_deref(), shell.max_running), (Some("A shell"), Some(2)));
    let AgentKind::Chat(chat) = &agents[1].kind else { panic!("{:?}", agents[1]) };
    let shown = format!("{chat:?}");
    for part in [
        "port: 11434",
        "\"MODELS_KEY\"",
        "qwen3:4b",
        "Be brief.",
        "Number(0.25)",
        "\"max_tokens\": Number(1000)",
        "retries: 0",
        "patience: 60s",
        "\"stop\": Array [String(\"END\")]",
        "\"mirostat\": Number(2)",
        "\"cache_prompt\": Bool(true)",
    ] {
        assert!(shown.contains(part), "{part} in {shown}");
    }
    let AgentKind::Claude(claude) = &agents[2].kind else { panic!("{:?}", agents[2]) };
    let shown = format!("{claude:?}");
    for part in [
        "program: \"/opt/claude\"",
        "\"--max-turns=20\"",
        "permissions: AllowEdits",
        "model: Some(\"sonnet\")",
        "work_dir: Some(\"work\")",
        "mcp_config: Some(\"servers.json\")",
        "max_retries: 2",
    ] {
        assert!(shown.contains(part), "{part} in {shown}");
    }
    let AgentKind::Acp(acp) = &agents[3].kind else { panic!("{:?}", agents[3]) };
    let shown = format!("{acp:?}");
    for part in [
        "program: \"opencode\"",
        "arguments: [\"acp\"]",
        "model: Some(\"anthropic/claude\")",
        "mode: Some(\"build\")",
        "permissions: Ask",
    ] {
        assert!(shown.contains(part), "{part} in {shown}");
    }
}

#[test]
fn no_agents_are_no_mistake() {
    assert_eq!(read("# later\n").expect("right").len(), 0);
}

/// Each error as people see it.
#[test]
fn what_is_wrong_is_told_with_its_line_its_key_and_what_would_be_right() {
    for (text, expected) in [
        ("[[agent]]\nkind = \"shell\"", "agents.toml:5: in agent 2: `id` is missing"),
        ("[[agent]]\nid = \"b\"", "agents.toml:5: in agent `b`: `kind` is missing"),
        (
            "[[agent]]\nid = \"b\"\nkind = \"chatt\"",
            r#"agents.toml:7: in agent `b`: `kind` is "chatt"; allowed are: "acp", "chat", "claude", "shell""#,
        ),
        ("[[agent]]\nid = \"a\"\nkind = \"shell\"", "agents.toml:6: in agent `a`: agent 1 has the same id"),
        (
            "[[agent]]\nid = \"a b\"\nkind = \"shell\"",
            "agents.toml:6: in agent `a b`: `id` has to be letters, digits, `-`, `_` and `.`",
        ),
        (
            "[[agent]]\nid = \"b\"\nkind = \"shell\"\nmodel = \"m\"\nfoo = 1",
            "agents.toml:8: in agent `b`: unknown key `model`; known are: id, kind, name, description, max_running, \
             env, program, work_dir",
        ),
        (
            "[[agent]]\nid = \"b\"\nkind = \"claude\"\nbase_url = \"http://h\"",
            "agents.toml:8: in agent `b`: unknown key `base_url`; known are: id, kind, name, description, \
             max_running, model, permissions, command, env, work_dir, mcp_config, retries",
        ),
        (
            "[[agent]]\nid = 7",
            "agents.toml:6: in agent 2: `id`: it is of type integer, and has to be text in quotes",
        ),
        ("[[agent]]\nid = \"  \"", "agents.toml:6: in agent 2: `id`: it is empty"),
        (
            "[[agent]]\nid = \"b\"\nkind = \"shell\"\nmax_running = 0",
            "agents.toml:8: in agent `b`: `max_running` is 0; allowed are 1 to 1000",
        ),
        (
            "[[agent]]\nid = \"b\"\nkind = \"shell\"\nmax_running = \"2\"",
            "agents.toml:8: in agent `b`: `max_running`: it is of type string, and has to be a whole number",
        ),
        ("[[agent]]\nid = \"b\"\nkind = \"acp\"", "agents.toml:5: in agent `b`: `command` is missing"),
        (
            "[[agent]]\nid = \"b\"\nkind = \"acp\"\ncommand = []",
            "agents.toml:8: in agent `b`: `command` is empty; it needs a program",
        ),
        (
            "[[agent]]\nid = \"b\"\nkind = \"acp\"\ncommand = \"opencode acp\"",
            "agents.toml:8: in agent `b`: `command`: it is of type string, and has to be a list of texts in quotes",
        ),
        (
            "[[agent]]\nid = \"b\"\nkind = \"acp\"\ncommand = [\n\"a\",\n2\n]",
            "agents.toml:10: in agent `b`: `command`: it is of type integer, and has to be a list of texts in quotes",
        ),
        (
            "[[agent]]\nid = \"b\"\nkind = \"claude\"\ncommand = [\"claude\", \"--resume\"]",
            "agents.toml:8: in agent `b`: `command`: `--resume` cannot be passed on: the runner sets it itself",
        ),
        (
            "[[agent]]\nid = \"b\"\nkind = \"claude\"\npermissions = \"yolo\"",
            "agents.toml:8: in agent `b`: `permissions` is \"yolo\"; allowed are: \"allow_all\", \"allow_edits\", \
             \"ask\", \"deny\"",
        ),
        ("[[agent]]\nid = \"b\"\nkind = \"chat\"", "agents.toml:5: in agent `b`: `base_url` is missing"),
        (
            "[[agent]]\nid = \"b\"\nkind = \"chat\"\nbase_url = \"localhost:1\"",
            "agents.toml:8: in agent `b`: `base_url`: `localhost:1`: this does not begin with http://",
        ),
        (
            "[[agent]]\nid = \"b\"\nkind = \"chat\"\nbase_url = \"http://h\"\nkey_env = \"TASKS_TOKEN\"",
            "agents.toml:9: in agent `b`: `key_env`: `TASKS_TOKEN` is a setting of the server itself and is never sent",
        ),
        (
            "[[agent]]\nid = \"b\"\nkind = \"chat\"\nbase_url = \"http://h\"\nkey_env = \"A\"\nkey_file = \"a\"",
            "agents.toml:10: in agent `b`: there is `key_env`, too; only one of them can be",
        ),
        (
            "[[agent]]\nid = \"b\"\nkind = \"chat\"\nbase_url = \"http://h\"\nparameters = { at = 2026-01-01 }",
            "agents.toml:9: in agent `b`: `parameters`: dates and numbers without end cannot be sent",
        ),
        (
            "[[agent]]\nid = \"b\"\nkind = \"chat\"\nbase_url = \"http://h\"\ntemperature = \"hot\"",
            "agents.toml:9: in agent `b`: `temperature`: it is of type string, and has to be a number",
        ),
        (
            "[[agent]]\nid = \"b\"\nkind = \"shell\"\nenv = [\"TASKS_TOKEN\"]",
            "agents.toml:8: in agent `b`: `env`: `TASKS_TOKEN` is never passed on; allowed are names that do not begin \
             with TASKS_",
        ),
        ("[[agents]]\nid = \"b\"", "agents.toml:5: unknown key `agents`; known are: agent"),
    ] {
        assert_eq!(wrong(text), expected, "{text}");
    }
}

#[test]
fn what_is_no_toml_is_told_with_its_line() {
    for (text, line) in [
        ("[[agent]]\nid = \n", 2),
        ("[[agent]\n", 1),
        ("a = 1\na = 2\n", 2),
        ("[[agent]]\nid = \"b", 2),
        ("\u{0}", 1),
    ] {
        let error = read(text).expect_err(text);
        assert!(error.starts_with(&format!("agents.toml:{line}: ")) && !error.contains('\n'), "{error}");
    }
    for text in ["agent = 1", "agent = [1]", "[agent]\nid = \"a\""] {
        let error = read(text).expect_err(text);
        assert!(error.ends_with("and has to be tables that begin with [[agent]]"), "{error}");
    }
}

#[test]
fn a_file_that_cannot_be_read_is_told() {
    let error = agents_from_file(Path::new("/nonexistent/agents.toml")).expect_err("it is not there");
    assert!(
        error.to_string().starts_with("/nonexistent/agents.toml: cannot be read: No such file"),
        "{error}"
    );
    assert_eq!(error.line(), None);
}
