use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;

use tempfile::TempDir;

use crate::client::{Server, command, unchunk};

/// Streams end first; then the task gets its grace period, and does not use it.
#[test]
fn a_server_that_is_asked_to_stop_ends_its_streams_and_exits_well() {
    let dir = TempDir::new().expect("a directory");
    let mut server = Server::start(dir.path(), &[]);
    let path = server.create("demo", "hello\n/ask Colour?");
    server.stream(&format!("{path}/stream"), |event| event["kind"] == "input_requested");
    let mut log = server.open("GET", &format!("/api{path}/stream?follow=true"), "", "");
    let mut list = server.open("GET", "/api/tasks/stream", "", "");
    let mut line = String::new();
    while !line.starts_with("event: caught_up") {
        line.clear();
        log.read_line(&mut line).expect("the stream goes on");
    }

    server.signal("-TERM");
    let mut rest = Vec::new();
    log.read_to_end(&mut rest).expect("a clean end");
    assert!(rest.ends_with(b"\r\n0\r\n\r\n"), "the stream is whole");
    let mut all = Vec::new();
    list.read_to_end(&mut all).expect("a clean end");
    let body = all.windows(4).position(|four| four == b"\r\n\r\n").expect("a head") + 4;
    assert!(unchunk(&all[body..]).is_some(), "the stream is whole");
    assert_eq!(server.wait().code(), Some(0));

    let server = Server::start(dir.path(), &[]);
    assert_eq!(server.get(&path)["status"], "interrupted");
}

#[test]
fn ctrl_c_stops_an_idle_server_at_once() {
    let dir = TempDir::new().expect("a directory");
    let mut server = Server::start(dir.path(), &[]);
    // A connection that says nothing is no reason to stay.
    let _silent = std::net::TcpStream::connect(&server.host).expect("it listens");
    let begun = std::time::Instant::now();
    server.signal("-INT");
    assert_eq!(server.wait().code(), Some(0));
    assert!(begun.elapsed() < std::time::Duration::from_secs(9), "nothing was running");
}

#[test]
fn the_second_ctrl_c_leaves_at_once() {
    let dir = TempDir::new().expect("a directory");
    let mut server = Server::start(dir.path(), &["--store", "memory:"]);
    let path = server.create("demo", "well\n/hang");
    server.stream(&format!("{path}/stream"), |event| event["kind"] == "text");
    server.signal("-INT");
    // It has taken notice once it accepts nobody any more; the task that hangs keeps it.
    crate::client::eventually("it stops listening", || std::net::TcpStream::connect(&server.host).err());
    server.signal("-INT");
    assert_eq!(server.wait().code(), Some(130));
}

#[test]
fn stdout_has_one_line_and_the_log_goes_to_stderr() {
    let dir = TempDir::new().expect("a directory");
    let args = [
        "--listen",
        "127.0.0.1:0",
        "--store",
        "memory:",
        "--log-format",
        "json",
        "--token",
        "a-token-to-look-for",
    ];
    let mut child = command(dir.path(), &args).stdin(Stdio::null()).spawn().expect("it starts");
    let mut stdout = BufReader::new(child.stdout.take().expect("piped"));
    let mut line = String::new();
    stdout.read_line(&mut line).expect("a line");
    assert!(line.ends_with("/#token=a-token-to-look-for\n"), "{line}");
    let kill = std::process::Command::new("kill").args(["-TERM", &child.id().to_string()]).status();
    assert!(kill.expect("kill").success());
    let mut more = String::new();
    stdout.read_to_string(&mut more).expect("text");
    assert_eq!(more, "");
    let mut log = String::new();
    child.stderr.take().expect("piped").read_to_string(&mut log).expect("text");
    assert!(child.wait().expect("a child").success());
    assert!(!log.contains("a-token-to-look-for"), "{log}");
    for line in log.lines() {
        assert!(serde_json::from_str::<serde_json::Value>(line).is_ok(), "{line}");
    }
}
