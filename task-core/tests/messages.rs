//! A message that was accepted is delivered or refused, and the log says which.

mod common;

use common::{check_log, create, kinds, lifecycle, log, log_now, stage, stage_with};
use task_core::testing::{FaultStore, Puppet};
use task_core::{
    Capabilities, Content, Delivery, Lifecycle, MemoryStore, Message, RunError, TaskManager, TaskStatus,
};

#[tokio::test(start_paused = true)]
async fn messages_to_a_running_task_wait_their_turn_in_order() {
    let (tasks, mut stage) = stage().await;
    let task = create(&tasks).await;
    let act = stage.next().await;
    act.cx.next_message().await.expect("stored");
    for text in ["second", "third"] {
        assert_eq!(tasks.send(task.id, text).await.expect("accepted").status, TaskStatus::Running);
    }
    assert_eq!(tasks.get(task.id).await.expect("exists").queued_messages, 2);
    for text in ["second", "third"] {
        assert_eq!(act.cx.next_message().await.expect("stored").expect("waits").text(), text);
    }
    act.finish(Ok(()));
    assert_eq!(tasks.wait(task.id).await.expect("it settles").run, 1);
    check_log(&tasks, task.id).await;
}

#[tokio::test(start_paused = true)]
async fn a_message_in_the_last_instant_of_a_run_starts_the_next() {
    // The message is stored while the commit that ends the run is under way: the store holds it at the gate.
    let store = FaultStore::new(MemoryStore::new());
    let (tasks, mut stage) = stage_with(store.clone(), |builder| builder).await;
    let task = create(&tasks).await;
    let act = stage.next().await;
    act.cx.next_message().await.expect("stored");
    assert!(act.cx.next_message().await.expect("stored").is_none(), "the run may end");

    let sent = tasks.send(task.id, "wait for me").await.expect("accepted");
    act.finish(Ok(()));

    let act = stage.next().await;
    assert_eq!(act.cx.run(), 2);
    let message = act.cx.next_message().await.expect("stored").expect("nothing is swallowed");
    assert_eq!(message.id, sent.message_id);
    act.finish(Ok(()));
    let task = tasks.wait(task.id).await.expect("it settles");
    assert_eq!((task.status, task.run), (TaskStatus::Completed, 2));
    let events = log(&tasks, task.id).await;
    let tail = &kinds(&events)[4..];
    assert_eq!(tail, ["message", "completed", "requeued", "run_started", "message_delivered", "completed"]);
}

#[tokio::test(start_paused = true)]
async fn a_message_that_races_with_the_end_of_the_run_is_never_swallowed() {
    for delay in 0..40 {
        let (tasks, mut stage) = stage().await;
        let task = create(&tasks).await;
        let act = stage.next().await;
        act.cx.next_message().await.expect("stored");
        let sending = tokio::spawn({
            let tasks = tasks.clone();
            async move {
                for _ in 0..delay {
                    tokio::task::yield_now().await;
                }
                tasks.send(task.id, "now").await.expect("accepted")
            }
        });
        act.finish(Ok(()));
        let sent = sending.await.expect("no panic");
        let act = stage.next().await;
        assert_eq!(act.cx.next_message().await.expect("stored").expect("delivered").id, sent.message_id);
        act.finish(Ok(()));
        tasks.wait(task.id).await.expect("it settles");
        check_log(&tasks, task.id).await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_failed_run_did_not_take_waits_for_the_next_message() {
    let (tasks, mut stage) = stage().await;
    let task = create(&tasks).await;
    let act = stage.next().await;
    act.cx.next_message().await.expect("stored");
    tasks.send(task.id, "second").await.expect("accepted");
    act.finish(Err(RunError::new("no")));
    let failed = tasks.wait(task.id).await.expect("it settles");
    assert_eq!((failed.status, failed.queued_messages), (TaskStatus::Failed, 1));

    tasks.send(task.id, "third").await.expect("accepted");
    let act = stage.next().await;
    for text in ["second", "third"] {
        assert_eq!(act.cx.next_message().await.expect("stored").expect("waits").text(), text);
    }
    act.finish(Ok(()));
    tasks.wait(task.id).await.expect("it settles");
}

#[tokio::test(start_paused = true)]
async fn what_a_cancelled_run_did_not_take_is_refused_with_that_reason() {
    let (tasks, mut stage) = stage().await;
    let task = create(&tasks).await;
    let act = stage.next().await;
    act.cx.next_message().await.expect("stored");
    let sent = tasks.send(task.id, "second").await.expect("accepted");
    tasks.cancel(task.id).await.expect("asked to stop");
    act.cx.cancelled().await;
    act.finish(Ok(()));

    let task = tasks.wait(task.id).await.expect("it settles");
    assert_eq!((task.status, task.queued_messages), (TaskStatus::Cancelled, 0));
    let events = log(&tasks, task.id).await;
    let refused = events.iter().map(lifecycle).find_map(|lifecycle| match lifecycle {
        Lifecycle::MessageRefused(refused) => Some((refused.message_id, refused.reason)),
        _ => None,
    });
    assert_eq!(refused, Some((sent.message_id, "cancelled".to_owned())));
    assert_eq!(events.last().map(|event| event.kind()), Some("cancelled"));
}

#[tokio::test(start_paused = true)]
async fn the_same_key_is_the_same_message() {
    let (tasks, mut stage) = stage().await;
    let (task, other) = (create(&tasks).await, create(&tasks).await);
    let (_first, _second) = (stage.next().await, stage.next().await);
    let message = || Message::new("once").idempotency_key("key-1");
    let first = tasks.send(task.id, message()).await.expect("accepted");
    let again = tasks.send(task.id, message()).await.expect("accepted");
    assert_eq!((again.message_id, again.seq), (first.message_id, first.seq));
    assert_eq!((first.repeated, again.repeated), (false, true));
    let elsewhere = tasks.send(other.id, message()).await.expect("accepted");
    assert_ne!(elsewhere.message_id, first.message_id, "keys belong to a task");
}

#[tokio::test(start_paused = true)]
async fn of_many_sends_with_one_key_one_is_stored() {
    let (tasks, mut stage) = stage().await;
    let task = create(&tasks).await;
    let _act = stage.next().await;
    let sends = (0..64).map(|_| tasks.send(task.id, Message::new("once").idempotency_key("key-1")));
    let sent: Vec<_> =
        futures::future::join_all(sends).await.into_iter().map(|sent| sent.expect("accepted")).collect();
    assert!(sent.iter().all(|one| one.message_id == sent[0].message_id));
    let events = log_now(&tasks, task.id).await;
    assert_eq!(
        kinds(&events).iter().filter(|kind| **kind == "message").count(),
        2,
        "the first, and this one"
    );
}

#[tokio::test(start_paused = true)]
async fn steering_reaches_the_running_turn() {
    let (puppet, mut stage) = Puppet::new();
    let puppet = puppet.with_capabilities(Capabilities::default().with_steer().with_interrupt());
    let tasks =
        TaskManager::builder(MemoryStore::new()).runner("puppet", puppet).start().await.expect("starts");
    let task = create(&tasks).await;
    let act = stage.next().await;
    act.cx.next_message().await.expect("stored");

    tasks.send(task.id, "later").await.expect("accepted");
    assert!(act.cx.next_steering().await.expect("stored").is_none(), "a queued message does not steer");
    let sending = tasks.send(task.id, Message::new("left").delivery(Delivery::Steer));
    let ((), sent) = tokio::join!(act.cx.steered(), sending);
    let steering = act.cx.next_steering().await.expect("stored").expect("waits");
    assert_eq!((steering.id, steering.delivery), (sent.expect("accepted").message_id, Delivery::Steer));

    tasks.send(task.id, Message::new("stop that").delivery(Delivery::Interrupt)).await.expect("accepted");
    act.cx.interrupted().await;
    let texts = [act.cx.next_message().await, act.cx.next_message().await]
        .map(|message| message.expect("stored").expect("waits").text());
    assert_eq!(texts, ["stop that", "later"], "what interrupts goes first");
}

#[tokio::test(start_paused = true)]
async fn steering_is_queued_when_the_runner_takes_turns_only() {
    let (tasks, mut stage) = stage().await;
    let task = create(&tasks).await;
    let act = stage.next().await;
    act.cx.next_message().await.expect("stored");
    tasks.send(task.id, Message::new("left").delivery(Delivery::Steer)).await.expect("accepted");
    assert_eq!(act.cx.next_message().await.expect("stored").expect("waits").text(), "left");
}

#[tokio::test(start_paused = true)]
async fn all_blocks_of_a_message_arrive() {
    let (tasks, mut stage) = stage().await;
    let task = create(&tasks).await;
    let content = vec![
        Content::text("look"),
        Content::Image { media_type: "image/png".to_owned(), data: "AAAA".to_owned() },
        Content::text("there"),
    ];
    tasks.send(task.id, Message::with_content(content.clone())).await.expect("accepted");
    let act = stage.next().await;
    act.cx.next_message().await.expect("stored");
    let message = act.cx.next_message().await.expect("stored").expect("waits");
    assert_eq!(message.content, content);
    assert_eq!(message.text(), "look\n\nthere");
}

#[tokio::test(start_paused = true)]
async fn a_runner_that_takes_no_message_does_not_run_for_ever() {
    let (tasks, mut stage) = stage().await;
    let task = create(&tasks).await;
    stage.next().await.finish(Ok(()));
    let task = tasks.wait(task.id).await.expect("it settles");
    assert_eq!((task.status, task.run, task.queued_messages), (TaskStatus::Completed, 1, 0));
    assert_eq!(kinds(&log(&tasks, task.id).await)[3..], ["message_refused", "completed"]);
}

#[tokio::test(start_paused = true)]
async fn a_runner_that_takes_one_message_a_run_gets_them_all() {
    let (tasks, mut stage) = stage().await;
    let task = create(&tasks).await;
    for text in ["second", "third"] {
        tasks.send(task.id, text).await.expect("accepted");
    }
    for text in ["first", "second", "third"] {
        let act = stage.next().await;
        assert_eq!(act.cx.next_message().await.expect("stored").expect("waits").text(), text);
        act.finish(Ok(()));
    }
    assert_eq!(tasks.wait(task.id).await.expect("it settles").run, 3);
}

#[tokio::test(start_paused = true)]
async fn a_message_is_recorded_as_it_was_sent() {
    let (tasks, mut stage) = stage().await;
    let task = create(&tasks).await.id;
    let _act = stage.next().await;
    let content = vec![Content::text("one"), Content::text("two")];
    let sent = tasks.send(task, Message::with_content(content.clone())).await.expect("accepted");
    let events = log_now(&tasks, task).await;
    let Lifecycle::Message(added) = lifecycle(&events[sent.seq.get() as usize - 1]) else {
        panic!("{events:?}");
    };
    assert_eq!((added.message_id, &added.content), (sent.message_id, &content));
    assert_eq!(added.text(), "one\n\ntwo");
}

#[tokio::test(start_paused = true)]
async fn a_run_that_waits_for_a_message_waits_until_one_came_that_it_waits_for() {
    let (tasks, mut stage) = stage().await;
    let task = create(&tasks).await.id;
    let act = stage.next().await;
    act.cx.next_message().await.expect("stored");
    let second = std::time::Duration::from_secs(1);
    for (delivery, expected) in [
        (None, [false, false, false]),
        (Some(Delivery::Queue), [true, false, false]),
        (Some(Delivery::Steer), [true, true, false]),
        (Some(Delivery::Interrupt), [true, true, true]),
    ] {
        if let Some(delivery) = delivery {
            tasks.send(task, Message::new("more").delivery(delivery)).await.expect("accepted");
        }
        let came = [
            tokio::time::timeout(second, act.cx.message_waiting()).await.is_ok(),
            tokio::time::timeout(second, act.cx.steered()).await.is_ok(),
            tokio::time::timeout(second, act.cx.interrupted()).await.is_ok(),
        ];
        assert_eq!(came, expected, "{delivery:?}");
    }
}
