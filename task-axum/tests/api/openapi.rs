use std::collections::BTreeSet;

use serde_json::{Value, json};
use task_core::{Ask, RequestOption, Usage, UsageReport};

use crate::support::{App, id, within};

#[tokio::test]
async fn every_route_is_described() {
    let app = App::new().await;
    let document = app.get("/openapi.json").await.ok(200);
    assert_eq!(document["openapi"], "3.1.0");
    let mut described = BTreeSet::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for method in item.as_object().expect("operations").keys() {
            described.insert(format!("{} {path}", method.to_uppercase()));
        }
    }
    let expected = [
        "DELETE /session",
        "DELETE /tasks/{id}",
        "GET /agents",
        "GET /healthz",
        "GET /metrics",
        "GET /openapi.json",
        "GET /readyz",
        "GET /tasks",
        "GET /tasks/running/count",
        "GET /tasks/stream",
        "GET /tasks/{id}",
        "GET /tasks/{id}/events",
        "GET /tasks/{id}/messages",
        "GET /tasks/{id}/stream",
        "PATCH /tasks/{id}",
        "POST /session",
        "POST /tasks",
        "POST /tasks/{id}/cancel",
        "POST /tasks/{id}/message",
        "POST /tasks/{id}/requests/{request_id}",
    ];
    assert_eq!(described, expected.map(str::to_owned).into());
}

#[tokio::test]
async fn every_operation_has_a_name_of_its_own() {
    let app = App::new().await;
    let document = app.get("/openapi.json").await.ok(200);
    let paths = document["paths"].as_object().expect("paths");
    let operations: Vec<&Value> =
        paths.values().flat_map(|item| item.as_object().expect("operations").values()).collect();
    let names: BTreeSet<&str> =
        operations.iter().map(|operation| operation["operationId"].as_str().expect("a name")).collect();
    assert_eq!(names.len(), operations.len(), "{names:?}");
}

#[tokio::test]
async fn every_described_route_is_there() {
    let app = App::new().await;
    let document = app.get("/openapi.json").await.ok(200);
    for (path, item) in document["paths"].as_object().expect("paths") {
        for method in item.as_object().expect("operations").keys() {
            let path =
                path.replace("{id}", &task_core::TaskId::new().to_string()).replace("{request_id}", "1");
            let request = app.request(&method.to_uppercase(), &path).body(axum::body::Body::empty());
            if path.ends_with("/stream") && !path.contains('-') {
                app.stream(&path, &[]).await;
                continue;
            }
            let answer = app.send(request.expect("a request")).await;
            assert_ne!(answer.status.as_u16(), 405, "{method} {path}");
            let nothing = answer.body["detail"]
                .as_str()
                .is_some_and(|detail| detail.starts_with("there is nothing at"));
            assert!(!nothing, "{method} {path}");
        }
    }
}

#[tokio::test]
async fn every_reference_leads_somewhere() {
    let app = App::new().await;
    for version in ["3.1", "3.2"] {
        let document = app.get(&format!("/openapi.json?version={version}")).await.ok(200);
        let mut references = Vec::new();
        collect(&document, "$ref", &mut references);
        assert!(references.len() > 50);
        for reference in references {
            let pointer =
                reference.as_str().and_then(|text| text.strip_prefix('#')).expect("a local reference");
            assert!(document.pointer(pointer).is_some(), "{pointer} leads nowhere");
        }
        let schemas = document["components"]["schemas"].as_object().expect("schemas");
        let used = document.to_string();
        for name in schemas.keys() {
            assert!(used.contains(&format!("\"#/components/schemas/{name}\"")), "{name} is used nowhere");
        }
    }
}

#[tokio::test]
async fn the_items_of_streams_are_described_where_the_version_can() {
    let app = App::new().await;
    let at = "/paths/~1tasks~1{id}~1stream/get/responses/200/content/text~1event-stream";
    let old = app.get("/openapi.json").await.ok(200);
    assert_eq!(old.pointer(at).expect("described").get("itemSchema"), None);
    let new = app.get("/openapi.json?version=3.2").await.ok(200);
    assert_eq!(new["openapi"], "3.2.0");
    assert!(new.pointer(at).expect("described").get("itemSchema").is_some());
    assert_eq!(app.get("/openapi.json?version=2.0").await.problem(400), "invalid_query");
}

#[tokio::test]
async fn the_document_is_there_in_code_too() {
    let app = App::new().await;
    assert_eq!(task_axum::openapi("/api").expect("JSON"), app.get("/openapi.json").await.ok(200));
}

/// The mirrors of core's types against what core writes.
#[tokio::test]
async fn what_core_writes_is_what_is_described() {
    let mut app = App::new().await;
    let document = app.get("/openapi.json").await.ok(200);
    let (path, act) = app.running("hello").await;
    act.cx.emit(UsageReport::from(Usage::new(1, 2).with_cost(0.5))).await.expect("running");
    act.cx.notice(task_core::NoticeLevel::Info, "note").await.expect("running");
    act.cx.text("a", "text").await.expect("running");
    act.cx.tool_call(task_core::ToolCall::new("c", "grep").with_input(json!({}))).await.expect("running");
    act.cx
        .tool_update(task_core::ToolUpdate::new("c", task_core::ToolStatus::Completed).with_exit_code(0))
        .await
        .expect("running");
    let entry = task_core::PlanEntry::new("step", task_core::PlanStatus::InProgress);
    act.cx.emit(task_core::Plan::new(vec![entry])).await.expect("running");
    act.cx.custom("n", &1).await.expect("running");
    let ask = Ask::permission("May I?")
        .option(RequestOption::new("yes", "Yes").with_kind("allow_once"))
        .call_id("c")
        .default_after(std::time::Duration::from_secs(1_000), "yes");
    let cx = act.cx.clone();
    let asking = tokio::spawn(async move { cx.ask(ask).await });
    let mut stream = app.stream(&format!("{path}/stream"), &[]).await;
    while stream.next().await.expect("the stream goes on").event != "input_requested" {}

    let task = app.get(&path).await.ok(200);
    check(&document, "Task", &task);
    check(&document, "InputRequest", &task["requests"][0]);
    check(&document, "RequestOption", &task["requests"][0]["options"][0]);
    check(&document, "Usage", &task["usage"]);
    check(&document, "TaskList", &app.get("/tasks").await.ok(200));
    check(&document, "StatusCounts", &app.get("/tasks").await.ok(200)["counts"]);
    check(&document, "Agent", &app.get("/agents").await.ok(200)[0]);
    check(&document, "RunningCount", &app.get("/tasks/running/count").await.ok(200));
    check(&document, "EventPage", &app.get(&format!("{path}/events")).await.ok(200));
    let page = app.get(&format!("{path}/messages")).await.ok(200);
    check(&document, "TranscriptPage", &page);
    for message in page["messages"].as_array().expect("messages") {
        check(&document, "TranscriptMessage", message);
        for block in message["content"].as_array().expect("blocks") {
            check_block(&document, block);
        }
    }
    let problem = app.get("/nope").await.body;
    check(&document, "Problem", &problem);

    app.tasks.cancel(id(&path)).await.expect("running");
    drop(within(asking).await);
    act.finish(Ok(()));
}

/// Each member of `value` is described, and each member that must be there is.
#[track_caller]
fn check(document: &Value, name: &str, value: &Value) {
    let schema = &document["components"]["schemas"][name];
    let members: BTreeSet<_> =
        value.as_object().unwrap_or_else(|| panic!("{name}: {value}")).keys().collect();
    let described: BTreeSet<_> =
        schema["properties"].as_object().unwrap_or_else(|| panic!("{name}: {schema}")).keys().collect();
    assert!(members.is_subset(&described), "{name}: {members:?} are not all in {described:?}");
    for required in schema["required"].as_array().into_iter().flatten() {
        assert!(
            value.get(required.as_str().expect("a name")).is_some(),
            "{name}: {required} is missing in {value}"
        );
    }
}

#[track_caller]
fn check_block(document: &Value, block: &Value) {
    let variants = document["components"]["schemas"]["Block"]["oneOf"].as_array().expect("variants");
    let fits = |variant: &&Value| {
        let named = variant["properties"]["type"]["enum"][0] == block["type"];
        let all = block
            .as_object()
            .expect("an object")
            .keys()
            .all(|name| variant["properties"].get(name).is_some());
        let mut required = variant["required"].as_array().into_iter().flatten();
        named && all && required.all(|name| block.get(name.as_str().expect("a name")).is_some())
    };
    assert!(variants.iter().any(|variant| fits(&variant)), "{block} is not described");
}

fn collect(value: &Value, name: &str, found: &mut Vec<Value>) {
    match value {
        Value::Object(members) => {
            found.extend(members.get(name).cloned());
            members.values().for_each(|member| collect(member, name, found));
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, name, found)),
        Value::Bool(_) | Value::Null | Value::Number(_) | Value::String(_) => {}
    }
}
