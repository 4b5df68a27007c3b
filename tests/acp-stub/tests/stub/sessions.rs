//! The next run goes on in the session of the one before, as far as the agent can.

use crate::rig::Rig;
use crate::stub_cases::{again, run, start};
use crate::support::{completed, failure, notices, said, settled, until, within};

#[tokio::test]
async fn a_session_is_resumed_where_the_agent_can_and_loaded_where_it_cannot() {
    within(async {
        for (can, method, more) in [
            ("resume load", "session/resume", ""),
            ("load", "session/load", "fresh "),
            ("resume", "session/resume", ""),
        ] {
            let rig = Rig::that_can(can);
            let tasks = rig.tasks().await;
            let (first, _) = run(&tasks, "say one").await;
            completed(&first);
            let (second, events) = again(&tasks, first.id, "say two").await;
            completed(&second);
            assert_eq!((second.run, &second.session_id), (2, &first.session_id), "{can}");
            // A replay is in the log already; what comes after it is not.
            assert_eq!(said(&events), format!("{more}two"), "{can}");
            assert!(events.iter().all(|event| event.kind() != "tool_call"), "{can}");
            assert_eq!(notices(&events), [""; 0], "{can}");
            let kept = rig.session(&second);
            assert!(kept.ends_with(&format!("say one\n{method}\nsay two\n")), "{can}: {kept}");
        }
    })
    .await;
}

#[tokio::test]
async fn an_agent_that_keeps_no_sessions_begins_anew_and_says_so() {
    within(async {
        let rig = Rig::that_can("");
        let tasks = rig.tasks().await;
        let (first, _) = run(&tasks, "say one").await;
        let (second, events) = again(&tasks, first.id, "say two").await;
        completed(&second);
        assert_ne!(second.session_id, first.session_id);
        let told = notices(&events);
        assert!(told.len() == 1 && told[0].contains("knows nothing of what was said before"), "{told:?}");
        assert_eq!(said(&events), "two");
    })
    .await;
}

#[tokio::test]
async fn a_session_that_is_lost_is_told_and_one_that_is_only_refused_is_kept() {
    within(async {
        let rig = Rig::that_can("resume load");
        let tasks = rig.tasks().await;
        let (first, _) = run(&tasks, "say one").await;
        let file = rig.home.path().join(first.session_id.as_ref().unwrap());
        std::fs::remove_file(file).unwrap();
        let (second, events) = again(&tasks, first.id, "say two").await;
        completed(&second);
        let told = notices(&events);
        assert!(told.len() == 1 && told[0].contains("Resource not found"), "{told:?}");
        assert_ne!(second.session_id, first.session_id);

        let rig = rig.with("STUB_START", "forgetful");
        let tasks = rig.tasks().await;
        let (first, _) = run(&tasks, "say one").await;
        let (second, _) = again(&tasks, first.id, "say two").await;
        assert!(failure(&second).contains("opens no session: the disk is full"), "{:?}", second.error);
        assert_eq!(second.session_id, first.session_id, "it is not given up for a trouble that may pass");
    })
    .await;
}

#[tokio::test]
async fn a_session_that_is_refused_is_lost_where_the_agent_lists_others_and_not_this_one() {
    within(async {
        let rig = Rig::that_can("resume list").with("STUB_START", "forgetful");
        let tasks = rig.tasks().await;
        let mut all = Vec::new();
        for _ in 0..3 {
            all.push(run(&tasks, "say one").await.0);
        }
        // Each of them is on a page of its own.
        for first in &all {
            let (second, _) = again(&tasks, first.id, "say two").await;
            assert!(failure(&second).contains("opens no session: the disk is full"), "{:?}", second.error);
            assert_eq!(second.session_id, first.session_id);
        }
        let first = &all[0];
        std::fs::remove_file(rig.home.path().join(first.session_id.as_ref().unwrap())).unwrap();
        let (second, events) = again(&tasks, first.id, "say two").await;
        completed(&second);
        let told = notices(&events);
        assert!(told.len() == 1 && told[0].contains("knows nothing of what was said before"), "{told:?}");
        assert_eq!(said(&events), "two");
        assert_ne!(second.session_id, first.session_id);
    })
    .await;
}

#[tokio::test]
async fn a_list_without_an_end_tells_nothing_about_a_session() {
    within(async {
        let rig = Rig::that_can("resume list endless").with("STUB_START", "forgetful");
        let tasks = rig.tasks().await;
        let (first, _) = run(&tasks, "say one").await;
        let (second, _) = again(&tasks, first.id, "say two").await;
        assert!(failure(&second).contains("opens no session: the disk is full"), "{:?}", second.error);
        assert_eq!(second.session_id, first.session_id);
    })
    .await;
}

#[tokio::test]
async fn who_has_to_log_in_first_has_lost_nothing() {
    within(async {
        let rig = Rig::that_can("resume list").with("STUB_START", "locked");
        let tasks = rig.tasks().await;
        let (first, _) = run(&tasks, "say one").await;
        // As it looks to somebody who is not let in.
        std::fs::remove_file(rig.home.path().join(first.session_id.as_ref().unwrap())).unwrap();
        let (second, _) = again(&tasks, first.id, "say two").await;
        assert!(failure(&second).contains("somebody has to log in first"), "{:?}", second.error);
        assert_eq!(second.session_id, first.session_id);
    })
    .await;
}

#[tokio::test]
async fn a_session_that_holds_nothing_is_begun_again_without_a_word() {
    within(async {
        let rig = Rig::that_can("resume");
        let tasks = rig.tasks().await;
        let task = start(&tasks, "stream").await;
        until(&tasks, task, |event| event.kind() == "text").await;
        tasks.cancel(task).await.unwrap();
        let (first, _) = settled(&tasks, task).await;
        std::fs::remove_file(rig.home.path().join(first.session_id.as_ref().unwrap())).unwrap();
        let (second, events) = again(&tasks, task, "say two").await;
        completed(&second);
        assert_eq!((said(&events).as_str(), notices(&events).len()), ("two", 0));
        assert_ne!(second.session_id, first.session_id);
    })
    .await;
}
