use serde_json::json;
use task_core::{Ask, RequestOption};

use crate::support::{App, within};

#[tokio::test]
async fn a_question_is_answered_once_and_the_second_is_told_the_first() {
    let mut app = App::new().await;
    let (path, act) = app.running("ask me").await;
    let asking = tokio::spawn(async move { act.cx.ask(Ask::question("Colour?")).await });
    let request_id = open_request(&app, &path).await;
    let path = format!("{path}/requests/{request_id}");

    let task = app.post(&path, json!({"answer": {"colour": "blue"}})).await.ok(200);
    assert_eq!(task["requests"], json!([]));
    let answer = within(asking).await.expect("no panic").expect("answered");
    assert_eq!(answer.value, json!({"colour": "blue"}));

    let second = app.post(&path, json!({"answer": "red"})).await;
    assert_eq!(second.problem(409), "already_answered");
    assert_eq!(second.body["answer"], json!({"colour": "blue"}));
    assert_eq!(second.body["by"], "user");
}

#[tokio::test]
async fn a_permission_takes_its_options_only() {
    let mut app = App::new().await;
    let (path, act) = app.running("ask me").await;
    let ask = Ask::permission("May I?").option(RequestOption::new("allow", "Allow"));
    let asking = tokio::spawn(async move { act.cx.ask(ask).await });
    let request_id = open_request(&app, &path).await;
    let path = format!("{path}/requests/{request_id}");

    let before = app.state().await;
    for body in
        [json!({"answer": "perhaps"}), json!({"answer": null}), json!({}), json!({"answer": 1, "x": 2})]
    {
        assert_eq!(app.post(&path, body.clone()).await.problem(422), "invalid", "{body}");
    }
    assert_eq!(app.state().await, before);
    app.post(&path, json!({"answer": "allow"})).await.ok(200);
    assert_eq!(within(asking).await.expect("no panic").expect("answered").text(), "allow");
}

#[tokio::test]
async fn a_question_nobody_asked_is_unknown() {
    let app = App::new().await;
    let path = app.create("hello").await;
    let answer = app.post(&format!("{path}/requests/1:7"), json!({"answer": "x"})).await;
    assert_eq!(answer.problem(404), "no_request");
}

async fn open_request(app: &App, path: &str) -> String {
    let mut stream = app.stream(&format!("{path}/stream"), &[]).await;
    loop {
        let frame = stream.next().await.expect("the stream goes on");
        if frame.event == "input_requested" {
            return frame.data["request_id"].as_str().expect("an id").to_owned();
        }
    }
}
