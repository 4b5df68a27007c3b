use axum::body::Body;
use serde_json::json;

use crate::support::{Answer, App, ORIGIN, bare};

async fn trade(app: &App, token: &str) -> Answer {
    let request =
        bare("POST", "/session").header("content-type", "application/json").header("origin", ORIGIN);
    app.send(request.body(Body::from(json!({"token": token}).to_string())).expect("a request")).await
}

async fn log_in(app: &App) -> String {
    let answer = trade(app, app.token.reveal()).await;
    let cookie = answer.headers["set-cookie"].to_str().expect("text").to_owned();
    answer.ok(204);
    cookie.split(';').next().expect("a pair").to_owned()
}

async fn ask(app: &App, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
    let request =
        headers.iter().fold(bare(method, path), |request, (name, value)| request.header(*name, *value));
    app.send(request.body(Body::empty()).expect("a request")).await
}

#[tokio::test]
async fn the_token_is_traded_for_a_cookie_that_is_not_the_token() {
    let app = App::new().await;
    let answer = trade(&app, app.token.reveal()).await;
    let cookie = answer.headers["set-cookie"].to_str().expect("text");
    assert!(cookie.starts_with("tasks_session_3000="), "{cookie}");
    assert!(cookie.ends_with("; HttpOnly; SameSite=Strict; Path=/api"), "{cookie}");
    assert!(!cookie.contains(app.token.reveal()));
    assert_ne!(log_in(&app).await, log_in(&app).await);
}

#[tokio::test]
async fn a_wrong_token_gets_no_cookie() {
    let app = App::new().await;
    for token in ["", "wrong", &app.token.reveal()[1..]] {
        let answer = trade(&app, token).await;
        assert_eq!(answer.problem(401), "unauthorized");
        assert!(!answer.headers.contains_key("set-cookie"));
    }
}

#[tokio::test]
async fn a_cookie_reads_and_with_its_origin_changes() {
    let app = App::new().await;
    let cookie = log_in(&app).await;
    let path = app.create("hello").await;
    let others = format!("a=b; {cookie}; c=d");
    ask(&app, "GET", "/tasks", &[("cookie", &others)]).await.ok(200);

    let before = app.state().await;
    let cancel = format!("{path}/cancel");
    let without = ask(&app, "POST", &cancel, &[("cookie", &cookie)]).await;
    assert_eq!(without.problem(403), "origin_required");
    let without = ask(&app, "DELETE", &path, &[("cookie", &cookie)]).await;
    assert_eq!(without.problem(403), "origin_required");
    let foreign =
        ask(&app, "POST", &cancel, &[("cookie", &cookie), ("origin", "http://localhost:5173")]).await;
    assert_eq!(foreign.problem(403), "foreign_origin");
    assert_eq!(app.state().await, before);

    let own = ask(&app, "POST", &cancel, &[("cookie", &cookie), ("origin", ORIGIN)]).await;
    assert!(own.status.is_success(), "{own:?}");
}

/// Pages of other ports are the same site, and their requests carry the cookie.
#[tokio::test]
async fn a_cookie_counts_for_its_own_page_only() {
    let app = App::new().await;
    let cookie = log_in(&app).await;
    let neighbour = ask(&app, "GET", "/tasks", &[("cookie", &cookie), ("sec-fetch-site", "same-site")]).await;
    assert_eq!(neighbour.problem(403), "foreign_origin");
    for site in ["same-origin", "none"] {
        ask(&app, "GET", "/tasks", &[("cookie", &cookie), ("sec-fetch-site", site)]).await.ok(200);
    }
}

#[tokio::test]
async fn a_made_up_cookie_is_none() {
    let app = App::new().await;
    let guess = "0".repeat(64);
    for cookie in ["", "tasks_session_3000=", &format!("tasks_session_3000={guess}"), "tasks_session_3001=x"]
    {
        assert_eq!(ask(&app, "GET", "/tasks", &[("cookie", cookie)]).await.problem(401), "unauthorized");
    }
    let cookie = log_in(&app).await;
    let with_wrong_token = [("cookie", cookie.as_str()), ("authorization", "Bearer wrong")];
    assert_eq!(ask(&app, "GET", "/tasks", &with_wrong_token).await.problem(401), "unauthorized");
}

#[tokio::test]
async fn logging_out_ends_the_session() {
    let app = App::new().await;
    let (mine, other) = (log_in(&app).await, log_in(&app).await);
    let out = ask(&app, "DELETE", "/session", &[("cookie", &mine), ("origin", ORIGIN)]).await;
    assert!(out.headers["set-cookie"].to_str().expect("text").ends_with("; Max-Age=0"));
    out.ok(204);
    assert_eq!(ask(&app, "GET", "/tasks", &[("cookie", &mine)]).await.problem(401), "unauthorized");
    ask(&app, "GET", "/tasks", &[("cookie", &other)]).await.ok(200);
}
