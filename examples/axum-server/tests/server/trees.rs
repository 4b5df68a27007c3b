//! The processes of agents: none is left, however the task or the server ends.
#![cfg(target_os = "linux")]

use tempfile::TempDir;

use crate::client::{Server, eventually};

/// The processes whose environment names the task.
fn processes(path: &str) -> Vec<u32> {
    let id = path.rsplit('/').next().expect("an id");
    let of_task = |pid: &u32| {
        let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        let status = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        environment.windows(id.len()).any(|window| window == id.as_bytes()) && !status.contains(") Z ")
    };
    let entries = std::fs::read_dir("/proc").expect("Linux");
    let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    pids.filter(of_task).collect()
}

fn start_tree(server: &Server) -> String {
    let path = server.create("demo", "/spawn 1000");
    // The shell, the one in its own session, and the three that sleep.
    eventually("the tree is there", || (processes(&path).len() >= 5).then_some(()));
    path
}

#[test]
fn cancelling_kills_the_whole_tree() {
    let dir = TempDir::new().expect("a directory");
    let server = Server::start(dir.path(), &["--store", "memory:"]);
    let path = start_tree(&server);
    let cancelled = server.ask("POST", &format!("/api{path}/cancel"), "", "");
    assert_eq!(cancelled.status, 202);
    eventually("it is cancelled", || (server.get(&path)["status"] == "cancelled").then_some(()));
    eventually("nothing is left", || processes(&path).is_empty().then_some(()));
}

#[test]
fn the_next_server_kills_what_a_killed_one_left() {
    let dir = TempDir::new().expect("a directory");
    let mut server = Server::start(dir.path(), &[]);
    let path = start_tree(&server);
    server.child.kill().expect("alive");
    server.wait();
    assert!(!processes(&path).is_empty(), "nobody was there to kill them");
    let server = Server::start(dir.path(), &[]);
    eventually("nothing is left", || processes(&path).is_empty().then_some(()));
    assert_eq!(server.get(&path)["status"], "interrupted");
}
