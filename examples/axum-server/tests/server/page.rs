use serde_json::json;
use tempfile::TempDir;

use crate::client::Server;

#[test]
fn the_page_needs_no_token_and_says_where_the_api_is() {
    let dir = TempDir::new().expect("a directory");
    let server = Server::start(dir.path(), &["--store", "memory:"]);
    let page = server.ask("GET", "/", "", "");
    assert_eq!(page.status, 200);
    assert_eq!(server.token.len(), 64);
    assert!(page.text().contains("/api") && !page.text().contains(&server.token));
    assert!(
        page.head.contains("content-security-policy: default-src 'none'; script-src 'self'"),
        "{}",
        page.head
    );
    assert!(page.head.contains("require-trusted-types-for 'script'"), "{}", page.head);
    assert!(page.head.contains("\r\ndate: "));
    assert_eq!(server.ask("GET", "/nope", "", "").status, 404);
    assert_eq!(server.ask("POST", "/", "", "").status, 405);
}

#[test]
fn files_of_the_page_hold_for_ever_under_the_name_of_their_version() {
    let dir = TempDir::new().expect("a directory");
    let server = Server::start(dir.path(), &["--store", "memory:"]);
    let page = server.ask("GET", "/", "", "");
    assert!(page.head.contains("cache-control: no-cache"), "{}", page.head);
    let text = page.text();
    let (_, files) = text.split_once("\"/assets/").expect("a file");
    let (version, _) = files.split_once('/').expect("a version");

    let script = server.ask("GET", &format!("/assets/{version}/app.js"), "", "");
    assert_eq!(script.status, 200);
    assert!(script.head.contains("cache-control: public, max-age=31536000, immutable"), "{}", script.head);
    assert!(script.head.contains("content-type: text/javascript"), "{}", script.head);
    for path in [
        format!("/assets/{version}/nope.js"),
        format!("/assets/{version}/index.html"),
        format!("/assets/{version}/"),
        "/assets/0000000000000000/app.js".to_owned(),
        "/assets/app.js".to_owned(),
        "/app.js".to_owned(),
    ] {
        let answer = server.ask("GET", &path, "", "");
        assert_eq!(answer.status, 404, "{path}");
        assert!(!answer.text().contains("<html"), "{path}");
        assert!(!answer.head.contains("immutable"), "{path}");
    }
    // Every file that the page names is there.
    for name in page.text().split("\"/assets/").skip(1).filter_map(|rest| rest.split('"').next()) {
        assert_eq!(server.ask("GET", &format!("/assets/{name}"), "", "").status, 200, "{name}");
    }
}

#[test]
fn addresses_of_the_page_lead_to_it_and_are_asked_for_again_cheaply() {
    let dir = TempDir::new().expect("a directory");
    let server = Server::start(dir.path(), &["--store", "memory:"]);
    let page = server.ask("GET", "/", "", "");
    for path in ["/tasks", "/chat", "/chat?taskId=1", "/tasks?status=running"] {
        assert_eq!(server.ask("GET", path, "", "").text(), page.text(), "{path}");
    }
    let etag = page.head.lines().find_map(|line| line.strip_prefix("etag: ")).expect("an etag");
    let again = server.ask("GET", "/tasks", &format!("If-None-Match: {etag}\r\n"), "");
    assert_eq!((again.status, again.body.len()), (304, 0));
    let other = server.ask("GET", "/tasks", "If-None-Match: \"other\"\r\n", "");
    assert_eq!(other.status, 200);
}

#[test]
fn the_page_is_not_served_to_other_hosts() {
    let dir = TempDir::new().expect("a directory");
    let mut server = Server::start(dir.path(), &["--store", "memory:", "--allow-host", "tasks.example.org"]);
    let address = server.host.clone();
    let port = address.rsplit(':').next().expect("a port");
    for (host, status) in [
        (format!("localhost:{port}"), 200),
        (format!("tasks.example.org:{port}"), 200),
        ("tasks.example.org".to_owned(), 200),
        (format!("rebound.example:{port}"), 403),
        ("localhost".to_owned(), 403),
    ] {
        for path in ["/", "/api/healthz"] {
            assert_eq!(ask_as(&mut server, &address, &host, path), status, "{host}{path}");
        }
    }
}

/// The status of a request that names another host than the one it goes to.
fn ask_as(server: &mut Server, address: &str, host: &str, path: &str) -> u16 {
    use std::io::{Read as _, Write as _};
    let mut connection = std::net::TcpStream::connect(address).expect("it listens");
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    connection.write_all(request.as_bytes()).expect("sent");
    let mut answer = String::new();
    connection.read_to_string(&mut answer).expect("an answer");
    assert!(server.child.try_wait().expect("a child").is_none(), "the server lives");
    answer.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status")
}

#[test]
fn files_of_the_ui_are_served_and_no_others() {
    let dir = TempDir::new().expect("a directory");
    let ui = dir.path().join("ui");
    std::fs::create_dir_all(ui.join("assets")).expect("a directory");
    std::fs::write(ui.join("index.html"), "the index").expect("a file");
    std::fs::write(ui.join("assets/app.js"), "the script").expect("a file");
    std::fs::write(ui.join(".secret"), "hidden").expect("a file");
    std::fs::write(dir.path().join("outside"), "outside").expect("a file");
    let server = Server::start(dir.path(), &["--store", "memory:", "--ui-dir", "ui"]);
    assert_eq!(server.ask("GET", "/", "", "").text(), "the index");
    assert_eq!(server.ask("GET", "/chat", "", "").text(), "the index");
    let script = server.ask("GET", "/assets/app.js", "", "");
    assert_eq!(script.text(), "the script");
    assert!(script.head.contains("content-type: text/javascript"));
    for path in [
        "/../outside",
        "/assets/../../outside",
        "/..%2foutside",
        "//etc/passwd",
        "/.secret",
        "/assets",
        "/nope.js",
    ] {
        assert_eq!(server.ask("GET", path, "", "").status, 404, "{path}");
    }
}

#[test]
fn everything_below_the_api_is_its_own() {
    let dir = TempDir::new().expect("a directory");
    let server = Server::start(dir.path(), &["--store", "memory:"]);
    for path in ["/api", "/api/", "/api/nope", "/api/tasks/"] {
        let answer = server.ask("GET", path, "", "");
        assert_eq!(answer.status, 404, "{path}");
        assert!(answer.head.contains("application/problem+json"), "{path}: {}", answer.head);
    }
    let agents = server.get("/agents");
    let ids: Vec<_> = agents.as_array().expect("agents").iter().map(|agent| agent["id"].clone()).collect();
    assert_eq!(ids, [json!("demo"), json!("shell")]);
}

#[test]
fn without_a_token_nothing_stands_behind_the_address() {
    let dir = TempDir::new().expect("a directory");
    let server = Server::start(dir.path(), &["--store", "memory:", "--no-token"]);
    assert_eq!(server.token, "");
    let path = server.create("demo", "hello");
    server.stream(&format!("{path}/stream"), |_| false);
    assert_eq!(server.get(&path)["status"], "completed");
}
