//! Starts that fail, and what a start is given.

use std::time::Duration;

use task_core::NewTask;
use task_runners::process::Environment;

use crate::rig::{Rig, serve};
use crate::stub_cases::{run, start};
use crate::support::{alive, completed, failure, notices, said, settled, turn_reasons, within};

#[tokio::test]
async fn a_program_that_is_not_there() {
    within(async {
        let tasks = serve(task_runners::AcpRunner::new("no-such-agent")).await;
        let (task, _) = run(&tasks, "say x").await;
        assert!(
            failure(&task).contains("no-such-agent") && failure(&task).contains("install it"),
            "{:?}",
            task.error
        );
    })
    .await;
}

#[tokio::test]
async fn a_start_that_says_nothing_or_is_stuck_is_given_up() {
    within(async {
        for start in ["silent", "stuck"] {
            let rig = Rig::new().with("STUB_START", start);
            let tasks = serve(rig.runner().start_wait(Duration::from_millis(300))).await;
            let (task, _) = run(&tasks, "say x").await;
            assert!(failure(&task).contains("not ready within 300ms"), "{start}: {:?}", task.error);
            assert_eq!(alive(task.id, 1), 0, "{start}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_start_that_fails_says_what_is_on_stderr() {
    within(async {
        let rig = Rig::new().with("STUB_START", "stderr");
        let (task, events) = run(&rig.tasks().await, "say x").await;
        assert!(failure(&task).contains("did not start (exit status: 1)"), "{:?}", task.error);
        assert!(failure(&task).ends_with("first complaint\nthe licence has expired"), "{:?}", task.error);
        assert_eq!(notices(&events), ["first complaint", "the licence has expired"]);
    })
    .await;
}

#[tokio::test]
async fn a_start_that_is_cut_off_in_the_middle_of_a_line_fails() {
    within(async {
        let rig = Rig::new().with("STUB_START", "half");
        let (task, _) = run(&rig.tasks().await, "say x").await;
        assert!(failure(&task).contains("did not start (exit status: 3)"), "{:?}", task.error);
        assert!(failure(&task).ends_with("lost my footing"), "{:?}", task.error);
    })
    .await;
}

#[tokio::test]
async fn a_start_that_is_refused_says_why() {
    within(async {
        for (start, words) in [
            ("refuse", "refused to start: not today"),
            ("version", "required ACP protocol version 1 but peer negotiated 2"),
            ("login", "Authentication required; somebody has to log in first: Set STUB_KEY"),
            ("crash", "exit status: 5"),
        ] {
            let rig = Rig::new().with("STUB_START", start);
            let (task, events) = run(&rig.tasks().await, "say x").await;
            assert!(failure(&task).contains(words), "{start}: {:?}", task.error);
            assert_eq!((turn_reasons(&events), alive(task.id, 1)), (Vec::new(), 0), "{start}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_cancel_ends_a_start_that_is_stuck() {
    within(async {
        let rig = Rig::new().with("STUB_START", "silent");
        let tasks = rig.tasks().await;
        let task = start(&tasks, "say x").await;
        crate::support::eventually("it was started", || alive(task, 1) > 0).await;
        tasks.cancel(task).await.unwrap();
        let (task, _) = settled(&tasks, task).await;
        assert_eq!((task.status, alive(task.id, 1)), (task_core::TaskStatus::Cancelled, 0));
    })
    .await;
}

#[tokio::test]
async fn an_environment_is_what_is_named() {
    within(async {
        let environment = Environment::empty().set("CLAUDECODE", "1").set("OWN", "x");
        let rig = Rig::new().with_environment(environment);
        let (_, events) = run(&rig.tasks().await, "environment").await;
        let said = said(&events);
        let mut names: Vec<_> = said.lines().collect();
        names.sort_unstable();
        assert_eq!(names, ["OWN", "STUB_HOME", "TASKS_RUN_MARK"]);
    })
    .await;
}

#[tokio::test]
async fn the_agent_works_in_the_mode_in_which_it_asks_and_with_the_model_of_the_task() {
    within(async {
        for (can, model, settings) in [
            ("modes", None, "default plain"),
            ("sandbox-modes", None, "read-only plain"),
            ("sandbox-modes modes", None, "default plain"),
            ("", None, "auto plain"),
            ("options modes", Some("bright"), "default brain=bright"),
            ("models", Some("bright"), "auto bright"),
            ("models options", Some("plain"), "auto plain"),
        ] {
            let rig = Rig::that_can(can);
            let tasks = rig.tasks().await;
            let mut task = NewTask::new("stub", "settings");
            task.model = model.map(str::to_owned);
            let task = tasks.create(task).await.unwrap();
            let (task, events) = settled(&tasks, task.id).await;
            completed(&task);
            assert_eq!(said(&events), settings, "{can}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_model_that_cannot_be_chosen_is_told_and_one_that_is_refused_fails() {
    within(async {
        let tasks = serve(Rig::that_can("").runner().model("bright")).await;
        // The home of the stub is gone, and with it nothing but what it would keep.
        let (task, events) = run(&tasks, "settings").await;
        completed(&task);
        assert!(notices(&events)[0].contains("`bright` is not used"), "{:?}", notices(&events));

        let rig = Rig::that_can("models");
        let (task, _) = run(&serve(rig.runner().model("no-such-model")).await, "settings").await;
        assert!(
            failure(&task).contains("does not take the model `no-such-model`: there is no such model"),
            "{:?}",
            task.error
        );

        let rig = Rig::that_can("modes");
        let (task, _) = run(&serve(rig.runner().mode("bypass")).await, "settings").await;
        assert!(failure(&task).contains("no mode `bypass`; it has: auto, default"), "{:?}", task.error);
    })
    .await;
}

#[tokio::test]
async fn more_directories_reach_an_agent_that_takes_them() {
    within(async {
        for (can, expected) in [("dirs", true), ("", false)] {
            let rig = Rig::that_can(can);
            let tasks = rig.tasks().await;
            let mut task = NewTask::new("stub", "history");
            task.add_dirs = Some(vec!["/srv/more".to_owned()]);
            let task = tasks.create(task).await.unwrap();
            let (task, events) = settled(&tasks, task.id).await;
            completed(&task);
            assert_eq!(
                said(&events).contains(r#""additionalDirectories":["/srv/more"]"#),
                expected,
                "{}",
                said(&events)
            );
            assert_eq!(notices(&events).len(), usize::from(!expected));
        }
    })
    .await;
}
