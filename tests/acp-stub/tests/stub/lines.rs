//! Lines that are not as they should be.

use task_core::NoticeLevel;

use crate::rig::{Rig, completed, notices, raw, run, said};
use crate::support::{levels, turn_reasons, within};

#[tokio::test]
async fn lines_that_are_no_json_too_long_or_not_of_the_protocol_are_told_and_skipped() {
    within(async {
        let tasks = Rig::new();
        let tasks = tasks.tasks().await;
        for (message, notice) in [
            ("bad-line", "no JSON: this is no JSON"),
            ("long-line", "a line of 4194"),
            ("odd-line", "does not know: [1,2]"),
            ("odd-answer", "nothing is right"),
        ] {
            let (task, events) = run(&tasks, message).await;
            completed(&task);
            assert_eq!(said(&events), "after it", "{message}");
            let told = notices(&events);
            assert!(told.len() == 1 && told[0].contains(notice), "{message}: {told:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn answers_nobody_asked_for_change_nothing() {
    within(async {
        let (task, events) = run(&Rig::new().tasks().await, "wrong-id").await;
        completed(&task);
        assert_eq!((said(&events).as_str(), turn_reasons(&events).len()), ("after it", 1));
        let raw = raw(&events);
        assert!(
            raw.len() == 1 && raw[0].contains("not mine"),
            "what another session says is kept apart: {raw:?}"
        );
    })
    .await;
}

#[tokio::test]
async fn what_is_not_known_is_kept_and_what_is_wanted_of_us_is_refused() {
    within(async {
        let tasks = Rig::new().tasks().await;
        let (task, events) = run(&tasks, "odd-update").await;
        completed(&task);
        let kept = raw(&events);
        assert!(kept.len() == 1 && kept[0].contains("mood_update"), "{kept:?}");

        let (task, events) = run(&tasks, "odd-request").await;
        completed(&task);
        assert_eq!(said(&events), "-32601");
        let kept = raw(&events);
        assert!(kept.len() == 1 && kept[0].contains("fs/read_text_file"), "{kept:?}");
    })
    .await;
}

#[tokio::test]
async fn a_flood_comes_whole_and_in_order() {
    within(async {
        let (task, events) = run(&Rig::new().tasks().await, "flood 20000").await;
        completed(&task);
        let words: Vec<_> = (0..20_000).map(|number| format!("{number} ")).collect();
        assert!(said(&events) == words.concat(), "something is missing or out of order");
    })
    .await;
}

#[tokio::test]
async fn chatter_on_stderr_is_told_for_a_while() {
    within(async {
        let (task, events) = run(&Rig::new().tasks().await, "chatter").await;
        completed(&task);
        let told = notices(&events);
        assert_eq!((told.len(), told[0].as_str()), (21, "complaint 0"));
        assert!(told[20].contains("not shown"), "{told:?}");
        assert!(levels(&events).iter().all(|level| *level == NoticeLevel::Info), "a start is no warning");
    })
    .await;
}
