use serde_json::json;
use task_core::Seq;

use crate::support::{App, id};

#[tokio::test]
async fn a_page_of_events_is_the_log_byte_for_byte() {
    let mut app = App::new().await;
    let (path, act) = app.running("hello").await;
    // Numbers no parser keeps, and members in an order no map keeps.
    let data = task_core::Json::parse(r#"{"z":1,"a":123456789012345678901234567890,"f":2e400}"#.to_owned())
        .expect("JSON");
    act.cx.emit(task_core::Custom::new("odd", data)).await.expect("running");
    act.cx.flush().await.expect("stored");

    let page = app.get(&format!("{path}/events")).await;
    let stored = app.tasks.events(id(&path), Seq::ZERO, 100).await.expect("stored");
    let expected: Vec<_> = stored.iter().map(task_core::Event::json).collect();
    let end = stored.last().expect("events").seq();
    assert_eq!(page.text, format!(r#"{{"events":[{}],"seq":{end},"has_more":false}}"#, expected.join(",")));
}

#[tokio::test]
async fn pages_of_events_meet() {
    let mut app = App::new().await;
    let path = app.completed("hello").await;
    let end = app.get(&path).await.ok(200)["seq"].as_u64().expect("a number");
    let (mut after, mut seqs) = (0, Vec::new());
    loop {
        let page = app.get(&format!("{path}/events?limit=2&after={after}")).await.ok(200);
        seqs.extend(
            page["events"]
                .as_array()
                .expect("events")
                .iter()
                .map(|event| event["seq"].as_u64().expect("a number")),
        );
        after = page["seq"].as_u64().expect("a number");
        if page["has_more"] == json!(false) {
            break;
        }
    }
    assert_eq!(seqs, (1..=end).collect::<Vec<_>>());
    let at_the_end = app.get(&format!("{path}/events?after={end}")).await.ok(200);
    assert_eq!(at_the_end, json!({"events": [], "seq": end, "has_more": false}));
}

#[tokio::test]
async fn a_cursor_that_cannot_be_is_refused() {
    let app = App::new().await;
    let path = app.create("hello").await;
    for query in ["after=x", "after=", "after=-1", "after=+1", "limit=0", "limit=1001"] {
        assert_eq!(app.get(&format!("{path}/events?{query}")).await.problem(400), "invalid_query", "{query}");
    }
    for after in ["9999", "99999999999999999999999999"] {
        let answer = app.get(&format!("{path}/events?after={after}")).await;
        assert_eq!(answer.problem(409), "cursor_ahead", "{after}");
    }
}
