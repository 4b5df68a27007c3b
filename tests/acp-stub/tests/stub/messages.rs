//! Messages that come while the agent works.

use task_core::{Content, Delivery, Message, NewTask, Output, Payload};

use crate::rig::Rig;
use crate::stub_cases::{self, says_more, start};
use crate::support::{completed, said, settled, turn_reasons, until, within};

#[tokio::test]
async fn a_message_to_steer_goes_into_the_turn_of_an_agent_that_takes_it() {
    within(async {
        let rig = Rig::that_can("steer");
        let tasks = rig.tasks().await;
        let task = start(&tasks, "stream").await;
        until(&tasks, task, says_more).await;
        tasks.send(task, Message::new("left").delivery(Delivery::Steer)).await.unwrap();
        let heard = |event: &task_core::Event| {
            matches!(event.payload(), Payload::Output(Output::Text(delta)) if delta.text.contains("heard"))
        };
        until(&tasks, task, heard).await;
        tasks.cancel(task).await.unwrap();
        let (_, events) = settled(&tasks, task).await;
        assert_eq!(turn_reasons(&events), ["cancelled"], "one turn");
        assert!(!said(&events).contains("OVERLAP"));
    })
    .await;
}

#[tokio::test]
async fn no_second_prompt_is_sent_while_one_runs() {
    within(async {
        let rig = Rig::that_can("resume");
        let tasks = rig.tasks().await;
        let task = start(&tasks, "stream").await;
        until(&tasks, task, says_more).await;
        // It cannot be steered: this one waits for its turn, as the other does.
        tasks.send(task, Message::new("say leftwards ").delivery(Delivery::Steer)).await.unwrap();
        tasks.send(task, "say upwards").await.unwrap();
        tasks.send(task, Message::new("say stop ").delivery(Delivery::Interrupt)).await.unwrap();
        let (task, events) = settled(&tasks, task).await;
        completed(&task);
        let said = said(&events);
        assert!(!said.contains("OVERLAP"), "{said}");
        assert!(said.ends_with("stop leftwards upwards"), "{said}");
        assert_eq!(turn_reasons(&events), ["interrupted", "done", "done", "done"]);
    })
    .await;
}

#[tokio::test]
async fn an_interrupt_ends_the_turn_and_not_the_program() {
    within(async {
        let rig = Rig::new();
        stub_cases::is_interrupted(&rig.tasks().await).await;
    })
    .await;
}

#[tokio::test]
async fn a_message_that_came_too_late_for_a_turn_has_one_of_its_own() {
    within(async {
        let rig = Rig::new();
        stub_cases::drops_a_message(&rig.tasks().await).await;
    })
    .await;
}

#[tokio::test]
async fn a_message_that_is_lost_with_the_program_is_told() {
    within(async {
        let rig = Rig::new();
        stub_cases::dies_with_a_message(&rig.tasks().await).await;
    })
    .await;
}

#[tokio::test]
async fn pictures_go_to_agents_that_take_them_and_are_told_to_others() {
    within(async {
        for (can, shown) in
            [("images", "<image>"), ("", "(a picture, image/png, which this agent cannot take)")]
        {
            let rig = Rig::that_can(can);
            let tasks = rig.tasks().await;
            let image = Content::Image { media_type: "image/png".to_owned(), data: "AAAA".to_owned() };
            let task = NewTask::with_content("stub", vec![Content::text("say this:"), image]);
            let task = tasks.create(task).await.unwrap();
            let (task, events) = settled(&tasks, task.id).await;
            completed(&task);
            assert_eq!(said(&events), format!("this: {shown}"));
        }
    })
    .await;
}
