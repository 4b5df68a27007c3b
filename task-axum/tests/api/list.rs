use serde_json::{Value, json};

use crate::support::App;

fn titles(page: &Value) -> Vec<&str> {
    page["items"]
        .as_array()
        .expect("items")
        .iter()
        .map(|task| task["title"].as_str().expect("text"))
        .collect()
}

#[tokio::test]
async fn the_newest_task_comes_first_and_pages_meet() {
    let app = App::new().await;
    for title in ["a", "b", "c"] {
        app.create(title).await;
    }
    let first = app.get("/tasks?limit=2").await.ok(200);
    assert_eq!(titles(&first), ["c", "b"]);
    let next = first["next_cursor"].as_str().expect("there is more");
    let second = app.get(&format!("/tasks?limit=2&cursor={next}")).await.ok(200);
    assert_eq!(titles(&second), ["a"]);
    assert_eq!(second.get("next_cursor"), None);
}

#[tokio::test]
async fn status_may_repeat_or_be_separated_by_commas() {
    let mut app = App::new().await;
    app.completed("done").await;
    let (_, _act) = app.running("at work").await;
    for (query, expected) in [
        ("status=completed", vec!["done"]),
        ("status=running&status=completed", vec!["at work", "done"]),
        ("status=running,completed", vec!["at work", "done"]),
        ("status=failed", vec![]),
        ("status=", vec!["at work", "done"]),
    ] {
        assert_eq!(titles(&app.get(&format!("/tasks?{query}")).await.ok(200)), expected, "{query}");
    }
    let counts = &app.get("/tasks?status=failed").await.ok(200)["counts"];
    let all = json!({"pending": 0, "running": 1, "awaiting_input": 0, "completed": 1, "failed": 0, "cancelled": 0, "interrupted": 0});
    assert_eq!(counts, &all, "counts are of all tasks, whatever the filter");
}

#[tokio::test]
async fn titles_are_searched_in_any_language() {
    let app = App::new().await;
    for title in ["Straße kehren", "修复 构建", "Fix the BUILD"] {
        app.create(title).await;
    }
    for (query, expected) in
        [("build", "Fix the BUILD"), ("STRASSE", "Straße kehren"), ("%E6%9E%84%E5%BB%BA", "修复 构建")]
    {
        assert_eq!(titles(&app.get(&format!("/tasks?q={query}")).await.ok(200)), [expected], "{query}");
    }
    assert_eq!(titles(&app.get("/tasks?agent_id=nobody").await.ok(200)), [""; 0]);
    assert_eq!(titles(&app.get("/tasks?agent_id=puppet&q=").await.ok(200)).len(), 3);
}

#[tokio::test]
async fn a_query_that_cannot_be_is_refused() {
    let app = App::new().await;
    for (query, code) in [
        ("limit=0", "invalid_query"),
        ("limit=201", "invalid_query"),
        ("limit=-1", "invalid_query"),
        ("limit=", "invalid_query"),
        ("limit=1&limit=2", "invalid_query"),
        ("status=nonsense", "invalid_query"),
        ("status=running,nonsense", "invalid_query"),
        ("cursor=nonsense", "invalid_cursor"),
    ] {
        assert_eq!(app.get(&format!("/tasks?{query}")).await.problem(400), code, "{query}");
    }
    app.get("/tasks?limit=200&unknown=1").await.ok(200);
}

#[tokio::test]
async fn the_count_of_running_tasks_is_no_task() {
    let mut app = App::new().await;
    let (_, _act) = app.running("at work").await;
    let count = app.get("/tasks/running/count").await.ok(200);
    assert_eq!(count, json!({"count": 1, "running": 1, "awaiting_input": 0, "pending": 0}));
}
