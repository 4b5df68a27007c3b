use std::process::Stdio;

use tempfile::TempDir;

use crate::client::{Server, command};

#[track_caller]
fn refuses(args: &[&str], words: &str) {
    let dir = TempDir::new().expect("a directory");
    let output = command(dir.path(), args).stdin(Stdio::null()).output().expect("it starts");
    let stderr = String::from_utf8(output.stderr).expect("text");
    assert_eq!(output.status.code(), Some(2), "{args:?}: {stderr}");
    assert_eq!(stderr.lines().count(), 1, "{args:?}: {stderr}");
    assert!(stderr.starts_with("error: ") && stderr.contains(words), "{args:?}: {stderr}");
    assert!(output.stdout.is_empty());
}

#[test]
fn settings_that_cannot_be_are_refused_in_one_line() {
    refuses(&["--nonsense"], "--nonsense");
    refuses(&["--listen", "nonsense"], "--listen nonsense");
    refuses(&["--store", "redis://here"], "redis://here");
    refuses(&["--store", "sled:"], "sled:");
    refuses(&["--agents", "agents.toml"], "agents.toml");
    refuses(&["--root", "/nowhere/at/all"], "/nowhere/at/all");
    refuses(&["--ui-dir", "/nowhere/at/all"], "/nowhere/at/all");
    refuses(&["--max-running", "0"], "--max-running");
    refuses(&["--token", "x", "--no-token"], "--no-token");
    refuses(&["--token", "two words"], "--token");
    refuses(&["--log-format", "xml"], "xml");
}

#[test]
fn others_are_let_in_with_a_strong_token_only() {
    let open = ["--listen", "0.0.0.0:0", "--store", "memory:"];
    refuses(&[&open[..], &["--no-token"]].concat(), "--no-token");
    refuses(&[&open[..], &["--token", "hunter2"]].concat(), "128 bits");
}

#[test]
fn every_flag_has_a_twin_in_the_environment() {
    let dir = TempDir::new().expect("a directory");
    let output = command(dir.path(), &[]).env("TASKS_LISTEN", "twin").output().expect("it starts");
    assert!(String::from_utf8_lossy(&output.stderr).contains("--listen twin"));
    for (name, value) in [
        ("TASKS_STORE", "twin"),
        ("TASKS_TOKEN", "t w"),
        ("TASKS_MAX_RUNNING", "twin"),
        ("TASKS_ROOT", "/twin"),
        ("TASKS_AGENTS", "twin"),
        ("TASKS_UI_DIR", "/twin"),
        ("TASKS_LOG_FORMAT", "twin"),
        ("TASKS_NO_DETECT", "twin"),
        ("TASKS_NO_TOKEN", "twin"),
        ("TASKS_DEMO", "twin"),
    ] {
        let output =
            command(dir.path(), &["--listen", "256.0.0.1:0"]).env(name, value).output().expect("it starts");
        assert_eq!(output.status.code(), Some(2), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn a_switch_is_on_for_every_word_that_means_so() {
    for (word, agents) in [("1", 2), ("yes", 2), ("true", 2), ("0", 1), ("false", 1)] {
        let dir = TempDir::new().expect("a directory");
        let mut command =
            command(dir.path(), &["--listen", "127.0.0.1:0", "--store", "memory:", "--no-detect"]);
        command.env("TASKS_DEMO", word);
        let server = Server::spawn(command);
        assert_eq!(server.get("/agents").as_array().map(Vec::len), Some(agents), "{word}");
    }
}

#[test]
fn the_help_goes_to_stdout() {
    let dir = TempDir::new().expect("a directory");
    let output = command(dir.path(), &["--help"]).env("TASKS_TOKEN", "secret").output().expect("it starts");
    let help = String::from_utf8(output.stdout).expect("text");
    assert!(output.status.success());
    for flag in [
        "--listen",
        "--store",
        "--token",
        "--no-token",
        "--max-running",
        "--root",
        "--agents",
        "--no-detect",
        "--demo",
        "--allow-host",
        "--ui-dir",
        "--log-format",
    ] {
        assert!(help.contains(flag), "{flag}");
    }
    assert!(!help.contains("secret"));
}

#[test]
fn a_port_that_is_taken_is_an_error_and_no_crash() {
    let dir = TempDir::new().expect("a directory");
    let server = Server::start(dir.path(), &["--store", "memory:"]);
    let output =
        command(dir.path(), &["--listen", &server.host, "--store", "memory:"]).output().expect("it starts");
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains(&server.host));
}
