use serde_json::json;
use task_core::{Limits, Seq, ToolCall, ToolStatus, ToolUpdate};

use crate::support::{App, id, within};

#[tokio::test]
async fn a_message_is_accepted_with_its_place_in_the_log() {
    let mut app = App::new().await;
    let (path, act) = app.running("first").await;
    let body = json!({"message": "second", "delivery": "steer"});
    let accepted = app.post(&format!("{path}/message"), body).await.ok(202);
    assert_eq!(accepted["status"], "running");
    let seq = accepted["seq"].as_u64().expect("a number");
    let event = app.tasks.events(id(&path), Seq::new(seq - 1), 1).await.expect("stored").remove(0);
    assert_eq!(event.kind(), "message");
    assert!(event.json().contains(accepted["message_id"].as_str().expect("an id")));
    assert!(event.json().contains(r#""delivery":"steer""#));
    assert_eq!(act.cx.next_message().await.expect("running").expect("waits").text(), "second");
}

#[tokio::test]
async fn a_message_to_a_settled_task_starts_the_next_run() {
    let mut app = App::new().await;
    let path = app.completed("first").await;
    let accepted = app.post(&format!("{path}/message"), json!({"message": "again"})).await.ok(202);
    assert_eq!(accepted["status"], "pending");
    let act = within(app.stage.next()).await;
    assert_eq!(act.cx.run(), 2);
}

#[tokio::test]
async fn one_idempotency_key_is_one_message() {
    let mut app = App::new().await;
    let (path, _act) = app.running("first").await;
    let path = format!("{path}/message");
    let first = app.change("POST", &path, json!({"message": "x"}), &[("idempotency-key", "k")]).await.ok(202);
    let again = app.change("POST", &path, json!({"message": "x"}), &[("idempotency-key", "k")]).await.ok(200);
    assert_eq!((&first["message_id"], &first["seq"]), (&again["message_id"], &again["seq"]));
}

#[tokio::test]
async fn messages_that_cannot_be_are_refused() {
    let mut limits = Limits::default();
    limits.message_bytes = 10;
    let app = App::with_limits(limits, |api| api).await;
    let path = app.create("first").await;
    let path = format!("{path}/message");
    let before = app.state().await;
    for (body, code) in [
        (json!({}), "invalid"),
        (json!({"message": "  "}), "invalid"),
        (json!({"content": []}), "invalid"),
        (json!({"message": "x", "delivery": "tomorrow"}), "invalid"),
        (json!({"content": [{"type": "hologram"}]}), "invalid"),
        (json!({"content": [{"type": "text", "text": "x", "more": 1}]}), "invalid"),
        (json!({"message": "eleven byte"}), "limit"),
    ] {
        assert_eq!(app.post(&path, body.clone()).await.problem(422), code, "{body}");
    }
    assert_eq!(app.state().await, before);
}

#[tokio::test]
async fn the_transcript_pages_from_its_end() {
    let mut app = App::new().await;
    let (path, act) = app.running("one").await;
    act.cx.text("a", "answer one").await.expect("running");
    act.finish(Ok(()));
    within(app.tasks.wait(id(&path))).await.expect("settled");

    let page = app.get(&format!("{path}/messages")).await.ok(200);
    let roles: Vec<_> =
        page["messages"].as_array().expect("messages").iter().map(|m| m["role"].clone()).collect();
    assert_eq!(roles[..2], [json!("user"), json!("agent")]);
    assert_eq!(page["has_more"], false);
    assert_eq!(page["seq"], app.get(&path).await.ok(200)["seq"]);

    let newest = app.get(&format!("{path}/messages?limit=1")).await.ok(200);
    assert_eq!(newest["messages"].as_array().expect("messages").len(), 1);
    assert_eq!(newest["has_more"], true);
    let before = newest["messages"][0]["seq"].as_u64().expect("a number");
    let older = app.get(&format!("{path}/messages?before={before}")).await.ok(200);
    assert_eq!(older["messages"][0]["content"][0]["text"], "one");

    for query in ["limit=0", "limit=1001", "before=x", "after=-1", "before=1&before=2"] {
        assert_eq!(
            app.get(&format!("{path}/messages?{query}")).await.problem(400),
            "invalid_query",
            "{query}"
        );
    }
}

#[tokio::test]
async fn a_page_after_an_event_has_what_began_before_and_changed() {
    let mut app = App::new().await;
    let (path, act) = app.running("one").await;
    act.cx.tool_call(ToolCall::new("c", "shell")).await.expect("running");
    act.cx.flush().await.expect("stored");
    let seen = app.get(&format!("{path}/messages")).await.ok(200);
    let (seq, shown) = (seen["seq"].as_u64().expect("a number"), seen["messages"][1].clone());
    assert_eq!(shown["content"][0]["status"], "pending");
    let after = app.get(&format!("{path}/messages?after={seq}")).await.ok(200);
    assert_eq!(
        (&after["messages"], &after["seq"], &after["has_more"]),
        (&json!([]), &json!(seq), &json!(false))
    );

    // Another message is in between.
    app.post(&format!("{path}/message"), json!({"message": "meanwhile"})).await.ok(202);
    let update = ToolUpdate::new("c", ToolStatus::Completed).with_output("done");
    act.cx.tool_update(update).await.expect("running");
    act.cx.flush().await.expect("stored");
    let after = app.get(&format!("{path}/messages?after={seq}")).await.ok(200);
    let changed = after["messages"].as_array().expect("messages");
    assert_eq!(changed.len(), 2, "{after}");
    assert_eq!((&changed[0]["id"], &changed[0]["seq"]), (&shown["id"], &shown["seq"]));
    assert_eq!(
        (&changed[0]["content"][0]["status"], &changed[0]["content"][0]["output"]),
        (&json!("completed"), &json!("done"))
    );
    assert_eq!((&changed[1]["content"][0]["text"], &after["has_more"]), (&json!("meanwhile"), &json!(false)));
    assert_eq!(app.get(&format!("{path}/messages?after={}", 1_000)).await.problem(409), "cursor_ahead");
}
