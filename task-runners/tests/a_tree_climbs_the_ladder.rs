//! A process tree is stopped as gently as it lets itself be stopped.

mod support;

use std::os::unix::process::ExitStatusExt;
use std::time::{Duration, Instant};

use support::{TempDir, eventually, is_alive, within};
use task_core::{RunId, TaskId};
use task_runners::process::{Command, Ladder, Mark, ProcessTree, Sweep};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

fn mark() -> Mark {
    Mark::new(RunId::new(TaskId::new(), 1))
}

/// A shell that says when it is ready.
async fn ready(script: &str) -> ProcessTree {
    let script = format!("{script}\necho ready\nwhile :; do sleep 0.05; done");
    let mut tree = Command::new("sh").args(["-c", &script]).spawn(mark()).unwrap();
    let mut line = [0; 6];
    let mut stdout = tree.take_stdout().unwrap();
    stdout.read_exact(&mut line).await.unwrap();
    tree
}

#[tokio::test]
async fn each_step_is_taken_only_if_the_one_before_did_not_help() {
    within(async {
        for (script, code, signal) in [
            ("trap 'exit 2' INT; trap 'exit 15' TERM", Some(2), None),
            ("trap '' INT; trap 'exit 15' TERM", Some(15), None),
            ("trap '' INT TERM", None, Some(9)),
        ] {
            let mut tree = ready(script).await;
            let quick = Duration::from_millis(300);
            let ladder =
                Ladder::default().interrupt(Some(quick)).close_stdin(Some(quick)).terminate(Some(quick));
            let status = tree.stop(&ladder).await.unwrap();
            assert_eq!((status.code(), status.signal()), (code, signal), "{script}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_program_that_reads_leaves_when_its_input_ends() {
    within(async {
        let mut tree = Command::new("sh").args(["-c", "trap '' INT; cat; exit 4"]).spawn(mark()).unwrap();
        let ladder = Ladder::default().interrupt(None);
        assert_eq!(tree.stop(&ladder).await.unwrap().code(), Some(4));

        let mut tree = Command::new("cat").spawn(mark()).unwrap();
        let (mut stdin, mut stdout) = (tree.take_stdin().unwrap(), tree.take_stdout().unwrap());
        stdin.write_all(b"through").await.unwrap();
        drop(stdin);
        let mut text = String::new();
        stdout.read_to_string(&mut text).await.unwrap();
        assert_eq!(text, "through");
        assert!(tree.wait().await.unwrap().success());
    })
    .await;
}

#[tokio::test]
async fn the_default_fits_into_the_grace_of_a_cancelled_run() {
    within(async {
        assert!(Ladder::default().total() < Duration::from_millis(4500));
        let dir = TempDir::new("ladder");
        let pid = format!("{}/pid", dir.path());
        let stubborn = format!(
            "trap '' INT TERM; setsid sh -c 'trap \"\" INT TERM; echo $$ > {pid}; sleep 60; sleep 60' &"
        );
        let mut tree = ready(&stubborn).await;
        let pid = dir.number("pid").await;
        let began = Instant::now();
        let status = tree.stop(&Ladder::default()).await.unwrap();
        assert!(began.elapsed() < Duration::from_millis(4700), "{:?}", began.elapsed());
        assert_eq!(status.signal(), Some(9));
        assert!(!is_alive(pid));
    })
    .await;
}

#[tokio::test]
async fn children_get_the_time_of_the_step_to_end() {
    within(async {
        let dir = TempDir::new("manners");
        let path = dir.path();
        // The shell dies of SIGTERM at once; its child needs a moment to put things away.
        let child = format!("trap \"sleep 0.3; : > {path}/tidy; exit\" TERM; echo $$ > {path}/pid; while :; do sleep 0.05; done");
        let mut tree = ready(&format!("sh -c '{child}' &")).await;
        dir.number("pid").await;
        tree.stop(&Ladder::default().interrupt(None).close_stdin(None)).await.unwrap();
        assert!(dir.0.join("tidy").exists());
    })
    .await;
}

#[tokio::test]
async fn a_tree_that_is_dropped_is_killed_at_once() {
    within(async {
        let dir = TempDir::new("drop");
        let pid = format!("{}/pid", dir.path());
        let tree =
            ready(&format!("trap '' TERM; setsid sh -c 'trap \"\" TERM; echo $$ > {pid}; sleep 60' &")).await;
        let (root, hidden, mark) = (tree.id(), dir.number("pid").await, tree.mark().clone());
        let began = Instant::now();
        drop(tree);
        assert!(began.elapsed() < Duration::from_millis(200), "{:?}", began.elapsed());
        assert!(!is_alive(root) && !is_alive(hidden));
        assert_eq!(Sweep::of_tree(mark).look(), 0);
        assert!(std::fs::metadata(format!("/proc/{root}")).is_err(), "a zombie is left");
    })
    .await;
}

#[tokio::test]
async fn a_tree_that_is_left_goes_on_until_it_is_swept() {
    within(async {
        let dir = TempDir::new("leave");
        let script = format!("env -i sleep 60 & echo $! > {}/pid; sleep 0.1", dir.path());
        let mut tree = Command::new("sh").args(["-c", &script]).spawn(mark()).unwrap();
        tree.wait().await.unwrap();
        let mut left = tree.leave();
        let pid = dir.number("pid").await;
        assert!(is_alive(pid));
        assert_eq!(left.look(), 1);
        assert_eq!(left.kill(Duration::from_secs(1)), 0);
        eventually("the process is gone", || !is_alive(pid)).await;
    })
    .await;
}

#[tokio::test]
async fn what_cannot_be_started_says_so() {
    within(async {
        let error = Command::new("/no/such/program").spawn(mark()).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
        let error = Command::new("true").work_dir("/no/such/dir").spawn(mark()).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
        let error = Command::new("true").arg("a\0b").spawn(mark()).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
    })
    .await;
}
