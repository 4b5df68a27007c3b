//! The log as a conversation.

mod common;

use common::{create, log_now, stage};
use serde_json::json;
use task_core::{
    Block, Chunk, Custom, DeliveryState, Output, Plan, PlanEntry, PlanStatus, Role, RunError, TaskId,
    TaskManager, ToolCall, ToolStatus, ToolUpdate, Transcript, TranscriptMessage, TranscriptQuery,
};

async fn messages(tasks: &TaskManager, task: TaskId) -> Vec<TranscriptMessage> {
    tasks.transcript(task, TranscriptQuery::default()).await.expect("readable").messages
}

fn text(message: &TranscriptMessage) -> String {
    let text = |block: &Block| match block {
        Block::Text { text } => text.clone(),
        other => format!("{other:?}"),
    };
    message.content.iter().map(text).collect()
}

#[tokio::test(start_paused = true)]
async fn turns_become_messages_and_deltas_become_text() {
    let (tasks, mut stage) = stage().await;
    let task = create(&tasks).await;
    let act = stage.next().await;
    let cx = &act.cx;
    cx.next_message().await.expect("stored");
    cx.thinking("t", "hm").await.expect("accepted");
    for word in ["one ", "two ", "three"] {
        cx.text("a", word).await.expect("accepted");
        cx.flush().await.expect("stored");
    }
    cx.emit(Output::turn_ended("done")).await.expect("accepted");
    tasks.send(task.id, "and then?").await.expect("accepted");
    cx.next_message().await.expect("stored");
    cx.text("b", "that is all").await.expect("accepted");
    act.finish(Ok(()));
    tasks.wait(task.id).await.expect("it settles");

    let messages = messages(&tasks, task.id).await;
    let roles: Vec<_> = messages.iter().map(|message| message.role).collect();
    assert_eq!(roles, [Role::User, Role::Agent, Role::User, Role::Agent]);
    assert_eq!(
        messages[1].content,
        [Block::Thinking { text: "hm".to_owned() }, Block::Text { text: "one two three".to_owned() }]
    );
    assert_eq!(text(&messages[3]), "that is all");
    assert!(
        messages.iter().filter_map(|message| message.delivery).all(|state| state == DeliveryState::Delivered)
    );
}

#[tokio::test(start_paused = true)]
async fn a_tool_call_gathers_what_came_of_it() {
    let (tasks, mut stage) = stage().await;
    let task = create(&tasks).await;
    let act = stage.next().await;
    let cx = &act.cx;
    cx.tool_call(ToolCall::new("c1", "shell").with_input(json!({"command": "make"})))
        .await
        .expect("accepted");
    cx.tool_update(ToolUpdate::new("c1", ToolStatus::Running).with_output("compi")).await.expect("accepted");
    cx.text("a", "meanwhile").await.expect("accepted");
    cx.tool_update(ToolUpdate::new("c1", ToolStatus::Running).with_output("ling\n")).await.expect("accepted");
    cx.tool_update(ToolUpdate::new("c1", ToolStatus::Failed).with_exit_code(2)).await.expect("accepted");
    cx.tool_call(ToolCall::new("c2", "shell")).await.expect("accepted");
    act.finish(Err(RunError::new("gave up")));
    tasks.wait(task.id).await.expect("it settles");

    let messages = messages(&tasks, task.id).await;
    let Block::Tool(tool) = &messages[1].content[0] else { panic!("{messages:?}") };
    assert_eq!(
        (tool.output.as_str(), tool.status, tool.exit_code),
        ("compiling\n", ToolStatus::Failed, Some(2))
    );
    assert!(tool.ended_at.is_some());
    let Block::Tool(open) = &messages[1].content[2] else { panic!("{messages:?}") };
    assert_eq!(open.status, ToolStatus::Failed, "a tool does not outlive its run");
    let last = messages.last().expect("a notice");
    assert_eq!(last.role, Role::System);
    assert!(matches!(&last.content[0], Block::Notice { text, .. } if text == "gave up"));
}

#[tokio::test(start_paused = true)]
async fn a_plan_is_shown_as_it_stood_last() {
    let (tasks, mut stage) = stage().await;
    let task = create(&tasks).await;
    let act = stage.next().await;
    for status in [PlanStatus::Pending, PlanStatus::InProgress, PlanStatus::Completed] {
        act.cx.emit(Plan::new(vec![PlanEntry::new("dig", status)])).await.expect("accepted");
    }
    act.finish(Ok(()));
    tasks.wait(task.id).await.expect("it settles");
    let messages = messages(&tasks, task.id).await;
    let entries = vec![PlanEntry::new("dig", PlanStatus::Completed)];
    assert_eq!(messages[1].content, [Block::Plan { entries }]);
}

#[tokio::test(start_paused = true)]
async fn pages_from_the_tail_give_every_message_once() {
    let (tasks, mut stage) = stage().await;
    let task = create(&tasks).await;
    let act = stage.next().await;
    act.cx.next_message().await.expect("stored");
    for n in 0..700 {
        tasks.send(task.id, format!("question {n}")).await.expect("accepted");
        act.cx.next_message().await.expect("stored");
        act.cx.text(format!("b{n}"), format!("answer {n}")).await.expect("accepted");
        act.cx.emit(Output::turn_ended("done")).await.expect("accepted");
    }
    act.finish(Ok(()));
    tasks.wait(task.id).await.expect("it settles");

    let mut whole = Transcript::default();
    log_now(&tasks, task.id).await.iter().for_each(|event| whole.push(event));
    let whole: Vec<_> = whole.messages().cloned().collect();
    assert_eq!(whole.len(), 1 + 2 * 700);

    let (mut paged, mut query) = (Vec::new(), TranscriptQuery::default().with_limit(33));
    loop {
        let page = tasks.transcript(task.id, query).await.expect("readable");
        assert!(!page.messages.is_empty());
        query = query.with_before(page.messages[0].seq);
        paged.splice(0..0, page.messages);
        if !page.has_more {
            break;
        }
    }
    assert_eq!(paged.len(), whole.len());
    for (paged, whole) in paged.iter().zip(&whole) {
        assert_eq!(paged, whole);
    }
}

#[tokio::test(start_paused = true)]
async fn the_stream_continues_a_page_exactly() {
    let (tasks, mut stage) = stage().await;
    let task = create(&tasks).await;
    let act = stage.next().await;
    act.cx.next_message().await.expect("stored");
    act.cx.text("a", "before ").await.expect("accepted");
    act.cx.flush().await.expect("stored");
    let page = tasks.transcript(task.id, TranscriptQuery::default()).await.expect("readable");
    act.cx.text("a", "after").await.expect("accepted");
    act.finish(Ok(()));
    tasks.wait(task.id).await.expect("it settles");
    let mut events = tasks.subscribe(task.id, page.seq);
    let mut kinds = Vec::new();
    while let Some(chunk) = events.next_chunk().await {
        if let Chunk::Events(batch) = chunk.expect("readable") {
            kinds.extend(batch.map(|event| event.kind().to_owned()));
        }
    }
    assert_eq!(kinds, ["text", "completed"]);
    let news =
        tasks.transcript(task.id, TranscriptQuery::default().with_after(page.seq)).await.expect("readable");
    assert_eq!(
        news.messages.iter().map(text).collect::<Vec<_>>(),
        ["before after"],
        "changed messages come whole"
    );
    assert!(!news.has_more);
}

#[tokio::test(start_paused = true)]
async fn an_endless_turn_opens_at_its_tail() {
    let (tasks, mut stage) = stage().await;
    let task = create(&tasks).await;
    let act = stage.next().await;
    for n in 0..30_000 {
        act.cx.emit(Custom::new("count", json!({"n": n}))).await.expect("accepted");
    }
    act.finish(Ok(()));
    let end = tasks.wait(task.id).await.expect("it settles").seq;
    let page = tasks.transcript(task.id, TranscriptQuery::default().with_limit(10)).await.expect("readable");
    assert!(page.has_more && page.messages.len() == 10 && page.seq == end);
    let blocks: Vec<_> = page.messages.iter().flat_map(|message| &message.content).collect();
    assert!(matches!(blocks.last(), Some(Block::Custom { data, .. }) if data.as_str() == r#"{"n":29999}"#));

    let (mut count, mut query) =
        (blocks.len(), TranscriptQuery::default().with_limit(200).with_before(page.messages[0].seq));
    loop {
        let page = tasks.transcript(task.id, query).await.expect("readable");
        count +=
            page.messages.iter().filter(|m| m.role == Role::Agent).map(|m| m.content.len()).sum::<usize>();
        if !page.has_more {
            break;
        }
        query = query.with_before(page.messages[0].seq);
    }
    assert_eq!(count, 30_000, "every block once");
}

#[tokio::test(start_paused = true)]
async fn an_older_page_shows_what_came_of_it_later() {
    let (tasks, mut stage) = stage().await;
    let task = create(&tasks).await;
    let act = stage.next().await;
    act.cx.tool_call(ToolCall::new("slow", "shell")).await.expect("accepted");
    act.cx.flush().await.expect("stored");
    let before = tasks.send(task.id, "meanwhile").await.expect("accepted").seq;
    act.cx
        .tool_update(ToolUpdate::new("slow", ToolStatus::Completed).with_output("done"))
        .await
        .expect("accepted");
    act.cx.flush().await.expect("stored");
    let query = TranscriptQuery::default().with_before(before);
    let page = tasks.transcript(task.id, query).await.expect("readable");
    let Block::Tool(tool) = &page.messages[1].content[0] else { panic!("{page:?}") };
    assert_eq!((tool.status, tool.output.as_str()), (ToolStatus::Completed, "done"));
}
