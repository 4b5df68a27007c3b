//! Where tasks can be kept.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use crate::place::{Place, Running};

#[test]
fn a_task_in_memory_runs_and_is_gone() {
    let place = Place::new();
    let said = place.tasks(&["--store", "memory:", "run", "-a", "demo", "hello"]);
    assert_eq!((said.code, &*said.out), (Some(0), "hello\n"), "{said:?}");
    assert_eq!(place.ok(&["--store", "memory:", "ls"]), "");
    assert_eq!(std::fs::read_dir(place.path()).expect("there").count(), 0, "nothing was written");
}

#[test]
fn sled_keeps_tasks_for_one_program_after_the_other() {
    let place = Place::new();
    let tasks = |args: &[&str]| place.tasks(&[&["--store", "sled:tasks"], args].concat());
    assert_eq!(tasks(&["ls"]).code, Some(5), "there is no store");
    assert_eq!(tasks(&["run", "-a", "demo", "hello"]).code, Some(0));
    let id = tasks(&["ls", "-q"]).out;
    let id = id.trim();
    assert_eq!(tasks(&["logs", id]).out, "> hello\nhello\n");
    assert_eq!(tasks(&["send", id, "more"]).code, Some(0));
    let said = tasks(&["send", "-f", id, "and more"]);
    assert_eq!((said.code, &*said.out), (Some(0), "run 2 (message)\nmore\nand more\n"), "{said:?}");
    assert_eq!(tasks(&["rm", id]).code, Some(0));
}

#[test]
fn sled_lets_no_second_program_in_and_says_who_has_it() {
    let place = Place::new();
    let mut command = place.command(&["--store", "sled:tasks", "run", "-a", "demo", "/sleep 3600"]);
    let mut first = Running::start(command.stdout(Stdio::null()).stderr(Stdio::piped()));
    let mut line = String::new();
    BufReader::new(first.child.stderr.take().expect("piped")).read_line(&mut line).expect("a line");
    assert!(line.contains("runs here"), "{line}");
    let said = place.tasks(&["--store", "sled:tasks", "ls"]);
    assert_eq!(said.code, Some(5));
    assert!(said.err.contains(&format!("process {}", first.child.id())), "{said:?}");
}

#[test]
fn the_store_is_named_by_the_environment_unless_by_an_option() {
    let place = Place::new();
    let run = place.command(&["run", "-a", "demo", "hello"]).env("TASKS_STORE", "sqlite:other.db").output();
    assert_eq!(run.expect("it ran").status.code(), Some(0));
    assert!(place.path().join("other.db").exists() && !place.path().join("tasks.db").exists());
    assert_eq!(place.ok(&["--store", "sqlite:other.db", "ls", "-q"]).lines().count(), 1);
}

/// Waiting costs nothing that anybody sees: a wait for a place that never comes is told once.
#[test]
fn nobody_to_run_a_task_is_told_once() {
    let place = Place::new();
    let id = place.ok(&["run", "-d", "echo later"]);
    let said = place.tasks(&["wait", "--timeout", "5", id.trim()]);
    assert_eq!(said.err.matches("nobody runs the tasks of sqlite:tasks.db now").count(), 1, "{said:?}");
}
