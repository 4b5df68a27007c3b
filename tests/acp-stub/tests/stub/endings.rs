//! How turns, runs and processes end.

use task_core::{Delivery, Message};

use crate::rig::{Rig, serve};
use crate::stub_cases::{self, again, run, start};
use crate::support::{completed, endings, failure, said, settled, turn_reasons, until, within};

#[tokio::test]
async fn a_program_that_dies_in_the_middle_fails_the_run_and_the_next_message_goes_on() {
    within(async {
        let rig = Rig::new();
        stub_cases::dies_in_the_middle(&rig.tasks().await).await;
    })
    .await;
}

#[tokio::test]
async fn a_program_that_hears_nothing_is_stopped_by_a_cancel() {
    within(async {
        let rig = Rig::new();
        stub_cases::hears_nothing_and_is_cancelled(&rig.tasks().await).await;
    })
    .await;
}

#[tokio::test]
async fn a_program_that_hears_no_interrupt_is_replaced_for_the_next_message() {
    within(async {
        let rig = Rig::new();
        let runner = rig.runner().interrupt_wait(stub_cases::IMPATIENT).ladder(stub_cases::short());
        stub_cases::hears_no_interrupt_and_is_replaced(&serve(runner).await).await;
    })
    .await;
}

#[tokio::test]
async fn a_call_that_fails_because_it_was_stopped_was_cancelled() {
    within(async {
        let rig = Rig::new();
        let tasks = rig.tasks().await;
        let task = start(&tasks, "call make test").await;
        let call = until(&tasks, task, |event| event.kind() == "tool_call").await;
        assert!(format!("{:?}", call.payload()).contains(r#"title: "make test""#), "{:?}", call.payload());
        tasks.send(task, Message::new("say on").delivery(Delivery::Interrupt)).await.unwrap();
        let (task, events) = settled(&tasks, task).await;
        completed(&task);
        assert_eq!(endings(&events), [("cancelled".to_owned(), None)]);
        assert_eq!(turn_reasons(&events), ["interrupted", "done"]);
    })
    .await;
}

#[tokio::test]
async fn a_turn_ends_as_the_agent_says() {
    within(async {
        let tasks = Rig::new();
        let tasks = tasks.tasks().await;
        for (told, reason) in [
            ("end_turn", "done"),
            ("max_tokens", "max_tokens"),
            ("max_turn_requests", "max_turns"),
            ("refusal", "refused"),
            ("cancelled", "interrupted"),
            ("bored", "bored"),
        ] {
            let (task, events) = run(&tasks, &format!("stop {told}")).await;
            completed(&task);
            assert_eq!(turn_reasons(&events), [reason]);
        }
    })
    .await;
}

#[tokio::test]
async fn an_error_of_the_api_fails_the_run_however_it_is_told() {
    within(async {
        let rig = Rig::new();
        let tasks = rig.tasks().await;
        for message in ["fail the tea is cold", "system-error the tea is cold"] {
            let (task, events) = run(&tasks, message).await;
            assert_eq!(failure(&task), "the tea is cold", "{message}");
            assert_eq!((turn_reasons(&events), said(&events)), (vec!["failed".to_owned()], String::new()));
            let (task, events) = again(&tasks, task.id, "say on").await;
            completed(&task);
            assert_eq!((said(&events).as_str(), turn_reasons(&events).len()), ("on", 1));
        }
    })
    .await;
}

#[tokio::test]
async fn an_answer_that_is_none_ends_the_turn_rather_than_being_waited_for() {
    within(async {
        let rig = Rig::new();
        let (task, events) = run(&rig.tasks().await, "nonsense").await;
        assert!(failure(&task).contains("nothing is right"), "{:?}", task.error);
        assert_eq!(turn_reasons(&events), ["failed"]);
    })
    .await;
}

#[tokio::test]
async fn what_a_session_costs_is_told_as_what_each_turn_added() {
    within(async {
        let rig = Rig::new();
        let tasks = rig.tasks().await;
        let (task, _) = run(&tasks, "say one").await;
        let usage = task.usage.unwrap();
        assert_eq!((usage.input_tokens, usage.output_tokens, usage.cost_usd), (10, 5, Some(0.5)));
        // The sum that the agent tells has not grown.
        let (task, _) = again(&tasks, task.id, "say two").await;
        let usage = task.usage.unwrap();
        assert_eq!((usage.input_tokens, usage.output_tokens, usage.cost_usd), (20, 10, Some(0.5)));
    })
    .await;
}
