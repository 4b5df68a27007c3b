//! Beside the example server, on its file.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::place::{Place, Running, eventually};

/// The server as it was built beside this program, started in the place; `None` where it was not built.
fn start(place: &Place) -> Option<Running> {
    let program = PathBuf::from(env!("CARGO_BIN_EXE_tasks")).with_file_name("axum-server");
    if !program.is_file() {
        let required = std::env::var_os("REQUIRE_RIGS").is_some_and(|require| require != "0");
        assert!(!required, "{} is not there: cargo build -p axum-server", program.display());
        println!("not run: {} is not there", program.display());
        return None;
    }
    let mut command = Command::new(program);
    command.current_dir(place.path()).args(["--listen", "127.0.0.1:0", "--demo", "--no-token"]);
    let mut server = Running::start(command.stdout(Stdio::piped()).stderr(Stdio::null()));
    let mut line = String::new();
    BufReader::new(server.child.stdout.take().expect("piped")).read_line(&mut line).expect("a line");
    assert!(line.starts_with("listening on "), "{line}");
    Some(server)
}

#[test]
fn the_server_runs_what_the_command_line_starts() {
    let place = Place::new();
    let Some(server) = start(&place) else { return };
    let said = place.tasks(&["run", "-a", "demo", "hello"]);
    assert_eq!((said.code, &*said.out), (Some(0), "hello\n"), "{said:?}");
    assert!(said.err.contains("runs in another process"), "{said:?}");
    let here = place.tasks(&["run", "pwd"]);
    let dir = place.path().canonicalize().expect("there");
    assert_eq!(here.out, format!("* pwd\n  {}\n", dir.display()));
    let unknown = place.tasks(&["run", "-a", "nobody", "hello"]);
    assert_eq!((unknown.code, &*unknown.out), (Some(1), "failed: there is no agent `nobody` here\n"));
    drop(server);
}

/// The server is killed and started again: its successor settles the task, or the follower that notices first does.
#[test]
fn a_follower_outlives_the_server() {
    let place = Place::new();
    let Some(mut server) = start(&place) else { return };
    let id = place.ok(&["run", "-a", "demo", "-d", "/count 1000000 200"]);
    let id = id.trim();
    let mut command = place.command(&["logs", "-f", "--json", id]);
    let mut follower = Running::start(command.stdout(Stdio::piped()).stderr(Stdio::piped()));
    let mut out = BufReader::new(follower.child.stdout.take().expect("piped"));
    let mut seen = String::new();
    while !seen.contains(r#""n":50}"#) {
        assert_ne!(out.read_line(&mut seen).expect("read"), 0, "{seen}");
    }
    server.kill();
    // A server that starts now may be refused for the moment in which the follower settles the task.
    let _next = eventually("the server is back", || {
        let next = std::panic::catch_unwind(|| start(&place));
        next.ok().flatten()
    });
    std::io::Read::read_to_string(&mut out, &mut seen).expect("read");
    let said = follower.finish();
    assert_eq!(said.code, Some(0), "{said:?}");
    assert_eq!(seen, place.ok(&["logs", "--json", id]), "nothing is lost, nothing comes twice");
    assert_eq!(place.status(id), "interrupted");
}
