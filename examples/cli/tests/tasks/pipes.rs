//! Output that goes elsewhere than to a terminal.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

use crate::place::{Place, Running, eventually};

#[test]
fn nothing_moves_and_nothing_has_a_colour_off_a_terminal() {
    let place = Place::new();
    let said =
        place.tasks(&["run", "-a", "demo", "one\n/sleep 0.5\n/tool build 0.2\n/plan A; B\n/fail boom"]);
    let colours = |text: &str| text.contains(['\u{1b}', '\r', '\u{8}']);
    assert!(!colours(&said.out) && !colours(&said.err), "{said:?}");
    assert!(!said.err.contains("running"), "a spinner leaked: {said:?}");
    let forced = place.command(&["ls"]).env("CLICOLOR_FORCE", "1").output().expect("it ran");
    assert!(!forced.stdout.contains(&b'\r'));
    let always = place.ok(&["show", &place.newest(), "--color", "always"]);
    assert!(always.contains("\u{1b}[31mfailed\u{1b}[0m"), "{always:?}");
}

#[test]
fn what_an_agent_says_is_data_in_a_pipe() {
    let place = Place::new();
    assert_eq!(place.ok(&["run", "-a", "demo", "\u{1b}[31mred\u{1b}[0m"]), "\u{1b}[31mred\u{1b}[0m\n");
}

/// The reader takes a line and goes, as `head -1` does.
#[test]
fn a_pipe_that_is_closed_early_ends_the_program_quietly() {
    let place = Place::new();
    let mut command = place.command(&["run", "-a", "demo", "/count 100000000 2000"]);
    let mut running = Running::start(command.stdout(Stdio::piped()).stderr(Stdio::piped()));
    let mut line = String::new();
    BufReader::new(running.child.stdout.take().expect("piped")).read_line(&mut line).expect("a line");
    assert_eq!(line, "count {\"n\":1}\n");
    let said = running.finish();
    assert_eq!(said.code, Some(141), "{said:?}");
    assert!(said.err.lines().count() == 1 && said.err.ends_with("Ctrl-C cancels it\n"), "{said:?}");
    assert_eq!(place.status(&place.newest()), "interrupted", "it ran in the program that ended");
}

#[test]
fn a_reader_that_goes_is_noticed_when_nothing_happens() {
    let place = Place::new();
    let _owner = place.owner();
    let id = place.newest();
    let mut command = place.command(&["logs", "-f", &id]);
    let mut running = Running::start(command.stdout(Stdio::piped()).stderr(Stdio::piped()));
    let mut line = String::new();
    BufReader::new(running.child.stdout.take().expect("piped")).read_line(&mut line).expect("a line");
    assert_eq!(line, "> /sleep 3600\n");
    let said = running.finish();
    assert_eq!((said.code, &*said.err), (Some(141), ""));
    assert_eq!(place.status(&id), "running", "watching is free of consequence");
}

#[test]
fn a_list_into_a_closed_pipe_is_quiet() {
    let place = Place::new();
    place.ok(&["run", "-a", "demo", "hello"]);
    for args in
        [&["ls"][..], &["ls", "--json"], &["show", "0"], &["logs", "0"], &["man"], &["completions", "zsh"]]
    {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let mut command = place.command(args);
        let said = Running::start(command.stdout(writer).stderr(Stdio::piped())).finish();
        assert_eq!((said.code, &*said.err), (Some(141), ""), "{args:?}");
    }
}

#[test]
fn output_that_cannot_be_written_is_told() {
    let place = Place::new();
    place.ok(&["run", "-a", "demo", "hello"]);
    let Ok(full) = File::options().write(true).open("/dev/full") else {
        println!("not run: this system has no /dev/full");
        return;
    };
    let mut command = place.command(&["ls"]);
    let said = Running::start(command.stdout(full).stderr(Stdio::piped())).finish();
    assert_eq!(said.code, Some(74), "{said:?}");
    assert!(said.err.starts_with("error: cannot write the output: "), "{said:?}");
}

#[test]
fn a_term_signal_is_as_good_as_ctrl_c() {
    let place = Place::new();
    let mut command = place.command(&["run", "-a", "demo", "/sleep 3600"]);
    let running = Running::start(command.stdout(Stdio::piped()).stderr(Stdio::piped()));
    eventually("it runs", || {
        let list = place.tasks(&["ls", "-q", "--status", "running"]);
        (list.code == Some(0) && !list.out.is_empty()).then_some(())
    });
    running.signal("-TERM");
    let said = running.finish();
    assert_eq!(said.code, Some(6), "{said:?}");
    assert!(said.err.contains("cancelling; Ctrl-C again leaves at once"), "{said:?}");
    assert_eq!(place.status(&place.newest()), "cancelled");
}
