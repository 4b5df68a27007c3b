use axum::body::Body;
use axum::http::{Request, StatusCode};
use serde_json::json;
use task_axum::{Guard, TaskApi, Token};

use crate::support::{Answer, App, HOST, ORIGIN, bare, send};

async fn get(app: &App, headers: &[(&str, &str)]) -> Answer {
    let request = Request::builder()
        .uri("/api/tasks")
        .header("authorization", format!("Bearer {}", app.token.reveal()));
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    app.send(request.body(Body::empty()).expect("a request")).await
}

#[tokio::test]
async fn only_known_hosts_are_answered_for() {
    let app = App::new().await;
    for host in ["localhost:3000", "127.0.0.1:3000", "[::1]:3000", "LOCALHOST:3000"] {
        get(&app, &[("host", host)]).await.ok(200);
    }
    for host in [
        "evil.example:3000",
        "localhost",
        "localhost:3001",
        "localhost:3000.evil.example",
        "127.0.0.1:3000@evil.example",
        "localhost.:3000",
        "",
        "xlocalhost:3000",
        "0.0.0.0:3000",
    ] {
        assert_eq!(get(&app, &[("host", host)]).await.problem(403), "host_not_allowed", "{host}");
    }
    assert_eq!(get(&app, &[]).await.problem(403), "host_not_allowed", "none");
    let twice = get(&app, &[("host", HOST), ("host", HOST)]).await;
    assert_eq!(twice.problem(403), "host_not_allowed", "twice");
}

#[tokio::test]
async fn a_target_that_names_another_host_is_refused() {
    let app = App::new().await;
    for (uri, status) in
        [("http://localhost:3000/api/healthz", 200), ("http://evil.example/api/healthz", 403)]
    {
        let request =
            Request::builder().uri(uri).header("host", HOST).body(Body::empty()).expect("a request");
        assert_eq!(app.send(request).await.status.as_u16(), status, "{uri}");
    }
}

#[tokio::test]
async fn a_host_can_be_allowed() {
    let app = App::new().await;
    let token = Token::random().expect("randomness");
    let guard = Guard::new(token, 3000).allow_host("Tasks.example.org");
    let router = axum::Router::new().nest("/api", TaskApi::new(app.tasks.clone(), guard).router());
    for (host, status) in
        [("tasks.example.org", 200), ("tasks.example.org:3000", 403), ("a.tasks.example.org", 403)]
    {
        let request = Request::builder().uri("/api/healthz").header("host", host).body(Body::empty());
        assert_eq!(send(&router, request.expect("a request")).await.status.as_u16(), status, "{host}");
    }
}

/// A page whose name was rebound to this address is same-origin with itself; only the host gives it away.
#[tokio::test]
async fn a_rebound_page_gets_nothing() {
    let app = App::new().await;
    let rebound = [("host", "rebound.example:3000"), ("origin", "http://rebound.example:3000")];
    assert_eq!(get(&app, &rebound).await.problem(403), "host_not_allowed");
}

#[tokio::test]
async fn requests_of_other_pages_are_refused_even_with_the_token() {
    let app = App::new().await;
    for headers in [
        ("origin", "http://evil.example"),
        ("origin", "null"),
        ("origin", "http://localhost:3001"),
        ("origin", "http://localhost:3000.evil.example"),
        ("origin", "http://127.0.0.1:3000"),
        ("origin", "localhost:3000"),
        ("sec-fetch-site", "cross-site"),
    ] {
        assert_eq!(get(&app, &[("host", HOST), headers]).await.problem(403), "foreign_origin", "{headers:?}");
    }
    let twice = get(&app, &[("host", HOST), ("origin", ORIGIN), ("origin", ORIGIN)]).await;
    assert_eq!(twice.problem(403), "foreign_origin");
    get(&app, &[("host", HOST), ("origin", ORIGIN), ("sec-fetch-site", "same-origin")]).await.ok(200);
}

#[tokio::test]
async fn without_the_token_only_life_is_told() {
    let app = App::new().await;
    for path in [
        "/tasks",
        "/agents",
        "/tasks/running/count",
        "/tasks/stream",
        "/openapi.json",
        "/readyz",
        "/metrics",
        "/nope",
        "/session",
        "/healthz/",
        "/tasks/01a20446-7bfe-7042-b3eb-60cd14de8349/stream",
    ] {
        let answer = app.send(bare("GET", path).body(Body::empty()).expect("a request")).await;
        assert_eq!(answer.problem(401), "unauthorized", "{path}");
        assert_eq!(answer.headers["www-authenticate"], "Bearer");
    }
    let health = app.send(bare("GET", "/healthz").body(Body::empty()).expect("a request")).await;
    assert_eq!(health.ok(200), json!({"status": "ok"}));
    let other = app.send(bare("POST", "/healthz").body(Body::empty()).expect("a request")).await;
    assert_eq!(other.problem(401), "unauthorized");
}

#[tokio::test]
async fn a_wrong_token_is_no_token() {
    let app = App::new().await;
    let token = app.token.reveal();
    let wrong = [
        String::new(),
        "Bearer".to_owned(),
        "Bearer ".to_owned(),
        token.to_owned(),
        format!("Basic {token}"),
        format!("Bearer {}", &token[1..]),
        format!("Bearer {token}0"),
        format!("Bearer {}", token.to_uppercase()),
    ];
    for header in &wrong {
        let request =
            bare("GET", "/tasks").header("authorization", header).body(Body::empty()).expect("a request");
        assert_eq!(app.send(request).await.problem(401), "unauthorized", "{header}");
    }
    let request = bare("GET", "/tasks").header("authorization", format!("bearer {token}"));
    app.send(request.body(Body::empty()).expect("a request")).await.ok(200);
    let twice = bare("GET", "/tasks")
        .header("authorization", format!("Bearer {token}"))
        .header("authorization", format!("Bearer {token}"));
    assert_eq!(app.send(twice.body(Body::empty()).expect("a request")).await.problem(401), "unauthorized");
    for query in ["token", "access_token", "authorization"] {
        let request = bare("GET", &format!("/tasks?{query}={token}")).body(Body::empty()).expect("a request");
        assert_eq!(app.send(request).await.problem(401), "unauthorized", "a token in the query is none");
    }
}

#[tokio::test]
async fn what_a_page_can_send_unasked_changes_nothing() {
    let app = App::new().await;
    let path = app.create("hello").await;
    let before = app.state().await;
    for content_type in
        ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "application/jsonp", ""]
    {
        for path in
            ["/tasks".to_owned(), format!("{path}/message"), format!("{path}/cancel"), "/session".to_owned()]
        {
            let request = app.request("POST", &path).header("content-type", content_type);
            let request = request.header("content-length", "2").body(Body::from("{}")).expect("a request");
            assert_eq!(
                app.send(request).await.problem(415),
                "unsupported_media_type",
                "{path} as {content_type}"
            );
        }
    }
    let untyped = app.request("POST", "/tasks").body(Body::from("{}")).expect("a request");
    assert_eq!(app.send(untyped).await.problem(415), "unsupported_media_type");
    assert_eq!(app.state().await, before);
}

#[tokio::test]
async fn without_a_token_hosts_and_origins_are_checked_all_the_same() {
    let app = App::new().await;
    let api = TaskApi::new(app.tasks.clone(), Guard::without_token(3000));
    let router = axum::Router::new().nest("/api", api.router());
    let ask = |host: &'static str, origin: &'static str| {
        let request = Request::builder().uri("/api/tasks").header("host", host);
        let request = if origin.is_empty() { request } else { request.header("origin", origin) };
        let router = router.clone();
        async move { send(&router, request.body(Body::empty()).expect("a request")).await.status }
    };
    assert_eq!(ask(HOST, "").await, StatusCode::OK);
    assert_eq!(ask(HOST, ORIGIN).await, StatusCode::OK);
    assert_eq!(ask("evil.example:3000", "").await, StatusCode::FORBIDDEN);
    assert_eq!(ask(HOST, "http://evil.example").await, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn no_guard_checks_nothing() {
    let app = App::new().await;
    let router = axum::Router::new().nest("/api", TaskApi::new(app.tasks.clone(), Guard::none()).router());
    let request =
        Request::builder().uri("/api/tasks").header("origin", "http://evil.example").body(Body::empty());
    send(&router, request.expect("a request")).await.ok(200);
}

#[tokio::test]
async fn no_answer_invites_other_sites_or_caches() {
    let app = App::new().await;
    let preflight = bare("OPTIONS", "/tasks").header("origin", "http://evil.example");
    let preflight =
        preflight.header("access-control-request-method", "POST").body(Body::empty()).expect("a request");
    for answer in [app.get("/tasks").await, app.get("/nope").await, app.send(preflight).await] {
        assert!(answer.headers.keys().all(|name| !name.as_str().starts_with("access-control")), "{answer:?}");
        for (name, value) in [
            ("cache-control", "no-store"),
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-resource-policy", "same-origin"),
        ] {
            assert_eq!(answer.headers[name], value);
        }
    }
}

#[test]
fn a_token_does_not_print_itself() {
    let token = Token::random().expect("randomness");
    assert_eq!(format!("{token:?}"), "Token(…)");
    assert!(!format!("{:?}", Guard::new(token.clone(), 3000)).contains(token.reveal()));
    assert_eq!(token.reveal().len(), 64);
    assert_eq!(token.max_bits(), 256);
}

#[test]
fn a_weak_token_is_known_for_one() {
    for (text, strong) in [
        ("hunter2", false),
        ("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false),
        ("0f8fad5bd9cb469fa165708867c1a1d", false),
        ("0f8fad5bd9cb469fa165708867c1a1d4", true),
        ("QkFzZTY0IG9mIDE2IGJ5dGVz", true),
    ] {
        assert_eq!(Token::new(text).expect("a token").max_bits() >= 128, strong, "{text}");
    }
    for text in ["", "two words", "ümlaut", "line\nbreak"] {
        assert!(Token::new(text).is_none(), "{text:?}");
    }
}
