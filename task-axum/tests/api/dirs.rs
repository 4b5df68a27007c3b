use std::os::unix::fs::symlink;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Answer, App};

async fn create(app: &App, more: Value) -> Answer {
    let mut body = json!({"agent_id": "puppet", "message": "x"});
    body.as_object_mut().expect("an object").append(&mut more.as_object().expect("an object").clone());
    app.post("/tasks", body).await
}

/// `base/root/inside`, `base/root-too`, `base/outside`, and links from the root to both.
fn tree() -> TempDir {
    let base = TempDir::new().expect("a directory");
    for dir in ["root/inside", "root-too", "outside"] {
        std::fs::create_dir_all(base.path().join(dir)).expect("a directory");
    }
    std::fs::write(base.path().join("root/file"), "").expect("a file");
    symlink("../outside", base.path().join("root/out")).expect("a link");
    symlink("inside", base.path().join("root/in")).expect("a link");
    base
}

#[tokio::test]
async fn directories_lie_inside_a_root_whatever_leads_there() {
    let base = tree();
    let root = base.path().canonicalize().expect("there").join("root");
    let app = App::with(|api| api.roots([base.path().join("root")]).expect("a directory")).await;
    let root = root.to_str().expect("text");

    let task = create(&app, json!({})).await.ok(201);
    assert_eq!(task["work_dir"], root, "the first root unless told otherwise");
    for dir in [
        format!("{root}/inside"),
        format!("{root}/in"),
        "inside".to_owned(),
        format!("{root}/inside/../in/."),
    ] {
        let task = create(&app, json!({"work_dir": dir, "add_dirs": [dir]})).await.ok(201);
        assert_eq!(task["work_dir"], format!("{root}/inside"));
        assert_eq!(task["add_dirs"], json!([format!("{root}/inside")]));
    }

    let before = app.state().await;
    for dir in [
        format!("{root}/out"),
        format!("{root}/.."),
        format!("{root}-too"),
        format!("{root}/file"),
        format!("{root}/nope"),
        format!("{root}/file/x"),
        "/".to_owned(),
        "..".to_owned(),
        String::new(),
        "a\0b".to_owned(),
        "~".to_owned(),
    ] {
        for body in [json!({"work_dir": dir}), json!({"add_dirs": [dir]})] {
            let answer = create(&app, body).await;
            assert_eq!(answer.problem(422), "invalid", "{dir}");
            let named = dir.escape_debug().to_string();
            assert!(answer.body["detail"].as_str().expect("text").contains(&named), "{answer:?}");
        }
    }
    assert_eq!(app.state().await, before);
}

#[tokio::test]
async fn without_roots_there_are_no_directories() {
    let app = App::new().await;
    assert_eq!(create(&app, json!({"work_dir": "/tmp"})).await.problem(422), "invalid");
    assert_eq!(create(&app, json!({})).await.ok(201)["work_dir"], json!(null));
}

#[tokio::test]
async fn a_root_that_is_not_there_is_an_error_at_once() {
    let app = App::new().await;
    let api = task_axum::TaskApi::new(app.tasks.clone(), task_axum::Guard::none());
    let error = api.roots(["/nowhere/at/all"]).expect_err("not there");
    assert!(error.to_string().contains("/nowhere/at/all"));
}
