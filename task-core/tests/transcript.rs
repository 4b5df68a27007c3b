//! The log as a conversation.

mod common;

use std::collections::BTreeMap;

use common::{create, log_now, stage, until};
use serde_json::json;
use task_core::{
    Ask, Block, Chunk, Content, Custom, DeliveryState, Message, Output, Plan, PlanEntry, PlanStatus, Role,
    RunError, Seq, TaskError, TaskId, TaskManager, ToolCall, ToolStatus, ToolUpdate, Transcript,
    TranscriptMessage, TranscriptQuery,
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

/// A log of three runs in which everything happens: what is changed later, refused, answered, left open, and long.
async fn eventful() -> (TaskManager, TaskId) {
    let (tasks, mut stage) = stage().await;
    let task = create(&tasks).await.id;
    let act = stage.next().await;
    let cx = &act.cx;
    cx.next_message().await.expect("stored");
    cx.text("a", "I look").await.expect("accepted");
    cx.tool_call(ToolCall::new("c1", "shell")).await.expect("accepted");
    cx.flush().await.expect("stored");
    tasks.send(task, "not yet").await.expect("accepted");
    let update = ToolUpdate::new("c1", ToolStatus::Completed).with_output("seen").with_input(json!({"n": 1}));
    cx.tool_update(update.with_exit_code(0)).await.expect("accepted");
    cx.thinking("a", "hm").await.expect("accepted");
    cx.text("a", "and ask").await.expect("accepted");
    let answer = async {
        let asked = until(&tasks, task, |task| task.requests.len() == 2).await;
        for request in &asked.requests {
            tasks.answer(task, &request.request_id, json!(request.prompt)).await.expect("answered");
        }
    };
    let (one, other) = (cx.ask(Ask::question("one")), cx.ask(Ask::question("other")));
    let (one, other, ()) = futures::future::join3(one, other, answer).await;
    assert_eq!(
        (one.expect("answered").text(), other.expect("answered").text()),
        ("one".into(), "other".into())
    );
    cx.tool_call(ToolCall::new("c2", "left open")).await.expect("accepted");
    act.finish(Err(RunError::new("gave up")));
    tasks.wait(task).await.expect("it settles");

    tasks.send(task, "go on").await.expect("accepted");
    let act = stage.next().await;
    act.cx.next_message().await.expect("stored");
    for n in 0..150 {
        act.cx.emit(Custom::new("n", json!(n))).await.expect("accepted");
        act.cx.text("b", n.to_string()).await.expect("accepted");
    }
    act.cx.tool_call(ToolCall::new("c3", "left open")).await.expect("accepted");
    tasks.cancel(task).await.expect("asked to stop");
    act.finish(Ok(()));
    tasks.wait(task).await.expect("it settles");

    let image = Content::Image { media_type: "image/png".to_owned(), data: "AAAA".to_owned() };
    tasks.send(task, Message::with_content(vec![Content::text("see"), image])).await.expect("accepted");
    let act = stage.next().await;
    act.cx.next_message().await.expect("stored");
    for n in 0..600 {
        act.cx.emit(Custom::new("n", json!(n))).await.expect("accepted");
        if n % 40 == 0 {
            act.cx.emit(Output::turn_ended("done")).await.expect("accepted");
        }
    }
    act.finish(Ok(()));
    tasks.wait(task).await.expect("it settles");

    // Two runs of many messages. A tool ends after the next message came, and a question is answered after it.
    for _ in 0..2 {
        tasks.send(task, "many").await.expect("accepted");
        let act = stage.next().await;
        act.cx.next_message().await.expect("stored");
        for n in 0..25 {
            let call = format!("t{n}");
            act.cx.tool_call(ToolCall::new(&call, "shell")).await.expect("accepted");
            let answer = async {
                let asked = until(&tasks, task, |task| !task.requests.is_empty()).await;
                tasks.send(task, "meanwhile").await.expect("accepted");
                tasks.answer(task, &asked.requests[0].request_id, json!("yes")).await.expect("answered");
            };
            let asking = act.cx.ask(Ask::question(format!("number {n}?")));
            futures::future::join(asking, answer).await.0.expect("answered");
            for word in 0..5 {
                act.cx.emit(Custom::new("n", json!(word))).await.expect("accepted");
            }
            act.cx.tool_update(ToolUpdate::new(&call, ToolStatus::Completed)).await.expect("accepted");
            act.cx.next_message().await.expect("stored").expect("waits");
        }
        act.finish(Ok(()));
        tasks.wait(task).await.expect("it settles");
    }
    (tasks, task)
}

#[tokio::test(start_paused = true)]
async fn everything_that_happened_is_in_the_conversation() {
    let (tasks, task) = eventful().await;
    let mut whole = Transcript::default();
    log_now(&tasks, task).await.iter().for_each(|event| whole.push(event));
    let whole: Vec<_> = whole.messages().collect();
    let told: Vec<_> =
        whole.iter().take(7).map(|message| (message.role, message.run, message.delivery)).collect();
    let (taken, refused) = (Some(DeliveryState::Delivered), Some(DeliveryState::Refused));
    assert_eq!(
        told,
        [
            (Role::User, 1, taken),
            (Role::Agent, 1, None),
            (Role::User, 2, taken),
            (Role::Agent, 1, None),
            (Role::System, 1, None),
            (Role::User, 2, refused),
            (Role::Agent, 2, None),
        ]
    );
    let blocks: Vec<_> =
        whole.iter().filter(|message| message.run <= 3).flat_map(|message| &message.content).collect();
    let tools = blocks.iter().filter_map(|block| match block {
        Block::Tool(tool) => Some(tool),
        _ => None,
    });
    let tools: Vec<_> = tools
        .map(|tool| {
            (&*tool.call_id, tool.status, &*tool.output, tool.input.is_some(), tool.ended_at.is_some())
        })
        .collect();
    assert_eq!(
        tools,
        [
            ("c1", ToolStatus::Completed, "seen", true, true),
            ("c2", ToolStatus::Failed, "", false, true),
            ("c3", ToolStatus::Cancelled, "", false, true),
        ]
    );
    let answered = blocks.iter().filter_map(|block| match block {
        Block::Request { prompt, answer, .. } => Some((json!(prompt), answer.clone())),
        _ => None,
    });
    let answered: Vec<_> = answered.collect();
    assert_eq!(answered, ["one", "other"].map(|prompt| (json!(prompt), Some(json!(prompt)))));
    let said: Vec<_> = whole[3].content.iter().map(|block| format!("{block:?}")).collect();
    assert!(
        said[0].starts_with("Thinking") && said[1].starts_with("Text"),
        "of one name, and not one block: {said:?}"
    );
    assert!(blocks.iter().any(|block| matches!(block, Block::Image { .. })));
}

#[tokio::test(start_paused = true)]
async fn a_page_from_anywhere_is_that_part_of_the_whole() {
    let (tasks, task) = eventful().await;
    let events = log_now(&tasks, task).await;
    let end = events.last().expect("some").seq();
    let mut whole = Transcript::default();
    events.iter().for_each(|event| whole.push(event));
    let whole: Vec<_> = whole.messages().cloned().collect();
    let read = async |query: TranscriptQuery| tasks.transcript(task, query).await.expect("readable");

    for limit in [3, 60, 1_000] {
        let query = TranscriptQuery::default().with_limit(limit);
        let starts = whole.iter().map(|message| message.seq.get()).step_by(if limit > 3 { 17 } else { 7 });
        for before in starts.chain([end.get() + 1, end.get() + 9]) {
            let page = read(query.with_before(Seq::new(before))).await;
            let older: Vec<_> = whole.iter().filter(|message| message.seq.get() < before).collect();
            let surplus = older.len().saturating_sub(limit);
            assert_eq!(
                page.messages.iter().collect::<Vec<_>>(),
                older[surplus..],
                "before {before}, {limit}"
            );
            assert_eq!((page.has_more, page.seq), (surplus > 0, end), "before {before}, {limit}");
        }
        // Small pages are many.
        let (first, step) = if limit > 3 { (0..9, 271) } else { (5..6, 1_500) };
        for after in first.chain((step as u64..=end.get()).step_by(step)).chain([end.get() - 1, end.get()]) {
            // Page by page, a message that changed comes whole and takes the place of what was there.
            let (mut seq, mut found) = (Seq::new(after), BTreeMap::new());
            loop {
                let page = read(query.with_after(seq)).await;
                // A run that ends changes what it left open and adds a word of its own, in one event.
                assert!(page.messages.len() <= limit + 1 && page.seq >= seq, "{page:?}");
                found.extend(page.messages.into_iter().map(|message| (message.seq, message)));
                seq = page.seq;
                if !page.has_more {
                    break;
                }
            }
            let newer: Vec<_> = whole.iter().filter(|message| message.last_seq.get() > after).collect();
            assert_eq!((found.values().collect::<Vec<_>>(), seq), (newer, end), "after {after}, {limit}");
        }
    }
    let beyond = tasks.transcript(task, TranscriptQuery::default().with_after(end.next())).await;
    assert!(matches!(beyond, Err(TaskError::CursorAhead { .. })), "{beyond:?}");
}
