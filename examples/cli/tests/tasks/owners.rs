//! Several programs on one store: who runs the tasks, and what becomes of them when that one goes.

use std::process::Stdio;

use task_core::TaskStore;
use task_core::testing::Scribe;
use task_store_sqlite::SqliteStore;

use crate::place::{Place, Running, eventually};

fn piped(place: &Place, args: &[&str]) -> Running {
    Running::start(place.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()))
}

#[test]
fn beside_an_owner_the_program_watches_and_talks() {
    let place = Place::new();
    let _owner = place.owner();
    let said = place.tasks(&["run", "-a", "demo", "hello"]);
    assert_eq!((said.code, &*said.out), (Some(0), "hello\n"));
    assert!(said.err.contains("runs in another process: Ctrl-C detaches, and it goes on"), "{said:?}");
    let id = place.ok(&["run", "-a", "demo", "-d", "/sleep 3600"]);
    let id = id.trim();
    eventually("it runs", || (place.status(id) == "running").then_some(()));
    place.ok(&["send", "--delivery", "interrupt", id, "rather this"]);
    assert_eq!(place.tasks(&["wait", id]).code, Some(0));
    assert_eq!(place.ok(&["logs", id]), "> /sleep 3600\n> rather this\nrather this\n");
}

#[test]
fn a_follower_that_leaves_leaves_the_task_alone() {
    let place = Place::new();
    let _owner = place.owner();
    let id = place.ok(&["run", "-a", "demo", "-d", "/sleep 3600"]);
    let id = id.trim();
    for args in [&["logs", "-f", id][..], &["wait", id], &["run", "-a", "demo", "/sleep 3600"]] {
        eventually("it runs", || (place.status(id) == "running").then_some(()));
        let count = || place.json(&["ls", "--json"])["counts"]["running"].as_u64().expect("a number");
        let before = count();
        let follower = piped(&place, args);
        if args[0] == "run" {
            eventually("it runs, too", || (count() > before).then_some(()));
        }
        // Whether it listens already or not: it has to leave, and by a signal or by the code.
        eventually("it listens for signals", || catches_interrupts(follower.child.id()).then_some(()));
        follower.signal("-INT");
        let said = follower.finish();
        assert_eq!(said.code, Some(130), "{args:?}: {said:?}");
        assert!(
            said.err.contains("detached; the task goes on. Come back: tasks logs -f "),
            "{args:?}: {said:?}"
        );
        assert_eq!(place.status(&place.newest()), "running", "{args:?}");
    }
}

/// The owner is killed. Whoever follows sees the end of the task, and a message starts its next run.
#[test]
fn a_task_whose_owner_was_killed_is_interrupted_and_goes_on_with_a_message() {
    let place = Place::new();
    let mut owner = place.owner();
    let id = place.newest();
    let (logs, wait) = (piped(&place, &["logs", "-f", &id]), piped(&place, &["wait", &id]));
    let run = piped(&place, &["run", "-a", "demo", "/sleep 3600"]);
    eventually("all are there", || {
        (place.json(&["ls", "--json"])["counts"]["running"] == 2
            && [&logs, &wait].iter().all(|follower| catches_interrupts(follower.child.id())))
        .then_some(())
    });
    owner.kill();
    let (logs, wait, run) = (logs.finish(), wait.finish(), run.finish());
    assert_eq!((logs.code, &*logs.out), (Some(0), "> /sleep 3600\ninterrupted: restart\n"), "{logs:?}");
    assert_eq!(wait.code, Some(7), "{wait:?}");
    assert_eq!((run.code, &*run.out), (Some(7), "interrupted: restart\n"), "{run:?}");
    let told =
        [&logs, &wait, &run].iter().any(|said| said.err.contains("the process that ran the task is gone"));
    assert!(told, "one of them settled it: {logs:?} {wait:?} {run:?}");

    let sent = place.tasks(&["send", &id, "hello again"]);
    assert_eq!(sent.code, Some(0));
    assert!(sent.err.contains("nobody runs the tasks of sqlite:tasks.db now"), "{sent:?}");
    let said = place.tasks(&["send", "-f", &id, "and again"]);
    assert_eq!((said.code, &*said.out), (Some(0), "run 2 (message)\nhello again\nand again\n"), "{said:?}");
}

/// Nobody has noticed yet that the owner is gone when the message comes.
#[test]
fn a_message_to_a_task_that_nobody_runs_any_more_starts_its_next_run() {
    let place = Place::new();
    let mut owner = place.owner();
    let id = place.newest();
    owner.kill();
    let said = place.tasks(&["send", "-f", &id, "hello again"]);
    assert_eq!((said.code, &*said.out), (Some(0), "run 2 (message)\nhello again\n"), "{said:?}");
}

/// The processes of a task outlive an owner that was killed. Whoever stops the task ends them.
#[test]
fn what_a_killed_owner_left_is_stopped_by_a_cancel() {
    let place = Place::new();
    let mut owner = place.owner();
    let id = place.ok(&["run", "-a", "demo", "-d", "/spawn 3600"]);
    let id = id.trim();
    eventually("the tree is there", || (processes(id).len() >= 5).then_some(()));
    owner.kill();
    assert!(!processes(id).is_empty(), "nobody was there to kill them");
    // By a program, too, that does not have the agent.
    let cancel = place.command(&["cancel", id]).env_remove("TASKS_DEMO").output().expect("it ran");
    assert_eq!(String::from_utf8(cancel.stdout).expect("UTF-8"), format!("{id}\n"));
    assert_eq!(place.status(id), "cancelled");
    eventually("nothing is left", || processes(id).is_empty().then_some(()));
}

#[test]
fn a_task_that_a_killed_owner_left_running_can_be_removed() {
    let place = Place::new();
    let mut owner = place.owner();
    let id = place.newest();
    owner.kill();
    assert_eq!(place.ok(&["rm", &id]), format!("{id}\n"));
    assert_eq!(place.ok(&["ls", "-q"]), "");
}

/// An owner whose places are all taken, and a task that waits for one.
fn crowded(place: &Place) -> Running {
    let owner = place.owner();
    // Sixteen run at a time; one of them is the owner's own.
    for _ in 0..15 {
        place.ok(&["run", "-a", "demo", "-d", "/sleep 3600"]);
    }
    eventually("all places are taken", || {
        (place.json(&["ls", "--json"])["counts"]["running"] == 16).then_some(())
    });
    owner
}

/// A pending task of a follower whose owner goes does not wait for ever.
#[test]
fn a_follower_takes_over_what_was_not_begun() {
    let place = Place::new();
    let mut owner = crowded(&place);
    let run = piped(&place, &["run", "-a", "demo", "hello"]);
    eventually("it waits", || (place.json(&["ls", "--json"])["counts"]["pending"] == 1).then_some(()));
    owner.kill();
    let said = run.finish();
    assert_eq!((said.code, &*said.out), (Some(0), "hello\n"), "{said:?}");
    assert!(said.err.contains("nobody runs the task, so it runs here: Ctrl-C cancels it"), "{said:?}");
    assert_eq!(place.json(&["ls", "--json"])["counts"]["interrupted"], 16);
}

/// Whoever only watches begins nothing: it would take it along when it leaves.
#[test]
fn a_watcher_settles_what_was_begun_and_begins_nothing() {
    let place = Place::new();
    let mut owner = crowded(&place);
    let waiting = place.ok(&["run", "-a", "demo", "-d", "hello"]);
    let begun = place.ok(&["ls", "-q", "--status", "running"]);
    owner.kill();
    assert_eq!(place.tasks(&["wait", begun.lines().next().expect("a task")]).code, Some(7));
    assert_eq!(place.json(&["ls", "--json"])["counts"]["interrupted"], 16);
    assert_eq!(place.status(waiting.trim()), "pending");
}

/// Two terminals: what the second started runs in the first, and outlives the first's own task.
#[test]
fn an_owner_stays_for_the_tasks_of_others() {
    let place = Place::new();
    let first = piped(&place, &["run", "-a", "demo", "/ask may I end?"]);
    let request = eventually("it asks", || {
        let list = place.tasks(&["ls", "--json"]);
        let list: serde_json::Value = serde_json::from_str(&list.out).ok()?;
        Some(list["items"][0]["requests"][0]["request_id"].as_str()?.to_owned())
    });
    let id = place.newest();
    let second = piped(&place, &["run", "-a", "demo", "/ask and I?"]);
    let other = eventually("it asks, too", || {
        let newest = place.newest();
        let task = place.json(&["show", &newest, "--json"]);
        (newest != id && task["status"] == "awaiting_input").then_some(task)
    });
    // It works from here on, and does not only wait.
    let (other_id, other_request) =
        (other["id"].as_str().expect("an id"), &other["requests"][0]["request_id"]);
    place.ok(&["send", other_id, "/sleep 2"]);
    place.ok(&["answer", other_id, other_request.as_str().expect("an id"), "yes"]);
    eventually("it works", || (place.status(other_id) == "running").then_some(()));
    place.ok(&["answer", &id, &request, "yes"]);
    let (first, second) = (first.finish(), second.finish());
    assert_eq!((first.code, second.code), (Some(0), Some(0)), "{first:?} {second:?}");
    assert!(first.err.contains("another task runs here; staying until it has ended"), "{first:?}");
    assert_eq!(second.out, "? and I?\n> /sleep 2\n= yes\nyes\n");
}

/// A server with other agents may be next: what waits for them is not failed by whoever owns the store in between.
#[tokio::test]
async fn a_task_of_an_agent_that_is_not_here_stays_where_it_is() {
    let place = Place::new();
    let store = SqliteStore::open(place.path().join("tasks.db")).await.expect("a store");
    let mut scribe = Scribe::new("for another server").with_agent("elsewhere");
    store.commit(scribe.create(None)).await.expect("stored");
    store.close().await.expect("closed");
    let id = scribe.id().to_string();
    let said = place.tasks(&["run", "-a", "demo", "hello"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert_eq!(place.status(&id), "pending");
    let refused = place.tasks(&["run", "-a", "elsewhere", "x"]);
    assert_eq!(refused.code, Some(2), "{refused:?}");
}

/// Whether the process has a handler for `SIGINT`: before that it would be ended by one.
fn catches_interrupts(id: u32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).expect("Linux");
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).expect("a mask");
    u64::from_str_radix(caught.trim(), 16).expect("hexadecimal") & 0b10 != 0
}

/// The processes whose environment names the task.
fn processes(id: &str) -> Vec<u32> {
    let of_task = |pid: &u32| {
        let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        let status = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        environment.windows(id.len()).any(|window| window == id.as_bytes()) && !status.contains(") Z ")
    };
    let entries = std::fs::read_dir("/proc").expect("Linux");
    entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).filter(of_task).collect()
}
