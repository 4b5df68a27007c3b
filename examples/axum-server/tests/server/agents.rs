//! The agents of a server: built in, found, and described in a file.
#![cfg(target_os = "linux")]

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::client::{Server, command};
use crate::fake_model::{FakeModel, answer, models};

/// A server that looks for agents in `dir`, and for Ollama at this address.
fn looking(dir: &Path, ollama: &str, args: &[&str]) -> Command {
    let args = [&["--listen", "127.0.0.1:0"], args].concat();
    let mut command = command(dir, &args);
    command.env("PATH", dir).env("OLLAMA_HOST", ollama);
    command
}

fn program(dir: &Path, name: &str, script: &str) {
    let file = dir.join(name);
    std::fs::write(&file, format!("#!/bin/sh\n{script}\n")).expect("written");
    std::fs::set_permissions(file, PermissionsExt::from_mode(0o755)).expect("allowed");
}

fn agent(server: &Server, id: &str) -> Value {
    let agents = server.get("/agents");
    let found = agents.as_array().expect("agents").iter().find(|agent| agent["id"] == id);
    found.unwrap_or_else(|| panic!("no {id} in {agents}")).clone()
}

fn text(events: &[Value]) -> String {
    events.iter().filter(|event| event["kind"] == "text").filter_map(|event| event["text"].as_str()).collect()
}

#[test]
fn the_list_shows_what_was_found_and_why_the_rest_was_not() {
    let dir = TempDir::new().expect("a directory");
    program(dir.path(), "claude", "echo '2.1.330 (Claude Code)'");
    program(dir.path(), "codex", "echo codex-cli 0.169.0");
    program(dir.path(), "gemini", "echo no node >&2; exit 127");
    let nobody = TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("an address");
    let server = Server::spawn(looking(dir.path(), &nobody.to_string(), &["--store", "memory:"]));

    assert_eq!(agent(&server, "shell")["available"], true);
    let claude = agent(&server, "claude");
    let path = dir.path().join("claude");
    assert_eq!((&claude["name"], &claude["available"]), (&json!("Claude Code"), &json!(true)));
    assert_eq!(claude["description"], format!("Version 2.1.330, at {}", path.display()));
    for (id, reason) in [
        ("codex", "it runs through the agent `codex-acp`"),
        ("gemini", "failed (exit status: 127): no node; install it anew: npm install -g @google/gemini-cli"),
        ("goose", "`goose` is not on the PATH; install it: curl "),
        ("ollama", "install Ollama and start it: curl "),
    ] {
        let agent = agent(&server, id);
        assert_eq!(agent["available"], false, "{agent}");
        assert!(agent["reason"].as_str().is_some_and(|told| told.contains(reason)), "{agent}");
    }
    let body = json!({"agent_id": "goose", "message": "hi"}).to_string();
    let refused = server.ask("POST", "/api/tasks", "Content-Type: application/json\r\n", &body);
    assert_eq!(refused.status, 422, "{}", refused.text());
}

#[test]
fn a_model_server_that_is_found_can_be_talked_to_and_a_restart_does_not_end_the_talk() {
    let dir = TempDir::new().expect("a directory");
    let model = FakeModel::new(|_, asked| match asked.line.as_str() {
        "GET /v1/models" => models(&["small", "large"]),
        _ => answer(if asked.newest() == "hello" { "Hello yourself." } else { "As I said." }),
    });
    let host = model.address().to_string();
    let start = || Server::spawn(looking(dir.path(), &host, &[]));
    let mut server = start();
    let ollama = agent(&server, "ollama");
    assert_eq!((&ollama["available"], &ollama["model"]), (&json!(true), &json!("small")));
    assert_eq!(ollama["description"], format!("Models at {}: small, large", model.url()));
    let path = server.create("ollama", "hello");
    assert_eq!(text(&server.stream(&format!("{path}/stream"), |_| false)), "Hello yourself.");
    server.child.kill().expect("alive");
    server.wait();

    let server = start();
    server.post(&format!("{path}/message"), &json!({"message": "and?"}));
    server.stream(&format!("{path}/stream"), |_| false);
    assert_eq!(server.get(&path)["status"], "completed");
    let asked = model.asked().pop().expect("requests");
    let said: Vec<_> = asked.said().into_iter().map(|(_, text)| text).collect();
    assert_eq!(said, ["hello", "Hello yourself.", "and?"]);
    assert_eq!(asked.body["model"], "small");
}

#[test]
fn nothing_is_looked_for_when_that_is_not_wanted() {
    let dir = TempDir::new().expect("a directory");
    program(dir.path(), "claude", "echo > started");
    let server = Server::spawn(looking(dir.path(), "", &["--store", "memory:", "--no-detect"]));
    let agents = server.get("/agents");
    assert_eq!(agents.as_array().map(Vec::len), Some(1), "{agents}");
    assert_eq!(agents[0]["id"], "shell");
}

#[test]
fn agents_of_a_file_are_offered_and_have_the_last_word() {
    let dir = TempDir::new().expect("a directory");
    let model = FakeModel::saying("from the file");
    let file = format!(
        r#"
        [[agent]]
        id = "shell"
        kind = "shell"
        name = "My shell"
        max_running = 1

        [[agent]]
        id = "local"
        kind = "chat"
        base_url = "{}"
        model = "m"
        system = "Be brief."

        [[agent]]
        id = "work"
        kind = "claude"

        [[agent]]
        id = "open"
        kind = "acp"
        command = ["opencode", "acp"]
        "#,
        model.url()
    );
    std::fs::write(dir.path().join("agents.toml"), file).expect("written");
    let server = Server::start(dir.path(), &["--store", "memory:", "--agents", "agents.toml"]);
    assert_eq!(agent(&server, "shell")["name"], "My shell");
    assert_eq!(agent(&server, "local")["model"], "m");
    assert_eq!(agent(&server, "work")["available"], true);
    assert_eq!(agent(&server, "open")["available"], true);
    let path = server.create("local", "hello");
    assert_eq!(text(&server.stream(&format!("{path}/stream"), |_| false)), "from the file");
    assert_eq!(model.asked()[0].said()[0], ("system".to_owned(), "Be brief.".to_owned()));
    let path = server.create("shell", "echo from a shell");
    let events = server.stream(&format!("{path}/stream"), |_| false);
    assert!(events.iter().any(|event| event["output"] == "from a shell\n"), "{events:?}");
}

#[test]
fn a_file_with_a_mistake_is_refused_in_one_line_and_nothing_starts() {
    let dir = TempDir::new().expect("a directory");
    let text =
        "[[agent]]\nid = \"a\"\nkind = \"shell\"\n\n[[agent]]\nid = \"b\"\nkind = \"chat\"\nmodle = \"m\"\n";
    std::fs::write(dir.path().join("agents.toml"), text.replace("kind = \"chat\"", "kind = \"shell\""))
        .expect("written");
    let output = command(dir.path(), &["--agents", "agents.toml"]).output().expect("it starts");
    let stderr = String::from_utf8(output.stderr).expect("text");
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(
        stderr.starts_with("error: --agents: agents.toml:8: in agent `b`: unknown key `modle`; known are: "),
        "{stderr}"
    );
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    assert!(!dir.path().join("tasks.db").exists(), "nothing was opened");
}

/// Every TOML block of the read-me is a file that a server takes.
#[test]
fn the_files_in_the_read_me_are_right() {
    let read_me =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../README.md")).expect("a file");
    let blocks: Vec<_> =
        read_me.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(!blocks.is_empty());
    for block in blocks {
        let dir = TempDir::new().expect("a directory");
        std::fs::write(dir.path().join("agents.toml"), block).expect("written");
        let server = Server::start(dir.path(), &["--store", "memory:", "--agents", "agents.toml"]);
        let agents = server.get("/agents").as_array().map(Vec::len).unwrap_or_default();
        assert_eq!(agents, 2 + block.matches("[[agent]]").count(), "{block}");
    }
}
