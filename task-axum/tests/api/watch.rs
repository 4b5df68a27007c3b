use serde_json::json;

use crate::support::{App, id, within};

#[tokio::test]
async fn the_list_streams_a_snapshot_and_then_what_changes() {
    let mut app = App::new().await;
    let old = app.completed("old").await;
    let mut stream = app.stream("/tasks/stream", &[]).await;
    let snapshot = stream.expect("snapshot").await;
    assert_eq!(snapshot.data["items"][0]["id"], id(&old).to_string());
    assert_eq!(snapshot.data["counts"]["completed"], 1);
    assert_eq!(snapshot.id, None);

    let new = app.create("new").await;
    let mut seen = json!(null);
    while seen["id"] != id(&new).to_string() {
        let frame = stream.next().await.expect("the stream goes on");
        assert_eq!(frame.id, None, "no frame of the list moves a cursor");
        if frame.event == "task" {
            seen = frame.data;
        }
    }
    assert_eq!(seen["title"], "new");

    app.delete(&old).await.ok(204);
    loop {
        let frame = stream.next().await.expect("the stream goes on");
        if frame.event == "removed" {
            assert_eq!(frame.data, json!({"id": id(&old).to_string()}));
            break;
        }
    }
}

#[tokio::test]
async fn the_counts_come_when_they_differ() {
    let mut app = App::new().await;
    let mut stream = app.stream("/tasks/stream", &[]).await;
    stream.expect("snapshot").await;
    app.completed("hello").await;
    loop {
        let frame = stream.next().await.expect("the stream goes on");
        if frame.event == "counts" && frame.data["completed"] == 1 {
            break;
        }
    }
}

#[tokio::test]
async fn the_snapshot_is_what_was_asked_for() {
    let app = App::new().await;
    app.create("apples").await;
    app.create("pears").await;
    let mut stream = app.stream("/tasks/stream?q=PEAR&limit=1", &[]).await;
    let snapshot = stream.expect("snapshot").await;
    assert_eq!(snapshot.data["items"].as_array().expect("items").len(), 1);
    assert_eq!(snapshot.data["items"][0]["title"], "pears");
    assert_eq!(app.get("/tasks/stream?limit=0").await.problem(400), "invalid_query");
    assert_eq!(app.get("/tasks/stream?cursor=x").await.problem(400), "invalid_cursor");
}

#[tokio::test]
async fn a_watch_that_did_not_look_sees_the_last_state() {
    let mut app = App::new().await;
    let mut stream = app.stream("/tasks/stream", &[]).await;
    stream.expect("snapshot").await;
    let (path, act) = app.running("hello").await;
    for n in 0..50 {
        app.tasks.rename(id(&path), &format!("title {n}")).await.expect("renamed");
    }
    act.finish(Ok(()));
    within(app.tasks.wait(id(&path))).await.expect("settled");
    let mut frames = 0;
    loop {
        let frame = stream.next().await.expect("the stream goes on");
        frames += 1;
        if frame.event == "task" && frame.data["status"] == "completed" {
            assert_eq!(frame.data["title"], "title 49");
            break;
        }
    }
    assert!(frames < 50, "{frames} frames for states nobody looked at");
}
