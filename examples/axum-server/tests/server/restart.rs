use serde_json::{Value, json};
use tempfile::TempDir;

use crate::client::Server;

/// Whatever a viewer has seen is there after the server was killed, and the stream goes on where it broke off.
#[test]
fn a_killed_server_loses_nothing_that_was_seen() {
    let dir = TempDir::new().expect("a directory");
    let mut server = Server::start(dir.path(), &["--token", "the-token-of-this-test"]);
    let path = server.create("demo", "/count 1000000 2000");
    let seen = server.stream(&format!("{path}/stream"), |event| event["data"]["n"] == json!(500));
    server.child.kill().expect("alive");
    server.wait();

    let server = Server::start(dir.path(), &["--token", "the-token-of-this-test"]);
    let task = server.get(&path);
    assert_eq!(task["status"], "interrupted");
    let after = seen.last().expect("events")["seq"].as_u64().expect("a number");
    let rest = server.stream(&format!("{path}/stream?after={after}"), |_| false);
    assert_eq!(rest.last().expect("events")["kind"], "interrupted");
    let log = server.stream(&format!("{path}/stream"), |_| false);
    assert_eq!(log, [seen, rest].concat(), "what was seen, byte for byte, and what came after");
    let seqs: Vec<_> = log.iter().map(|event| event["seq"].as_u64().expect("a number")).collect();
    assert_eq!(seqs, (1..=task["seq"].as_u64().expect("a number")).collect::<Vec<_>>());
}

#[test]
fn an_interrupted_task_goes_on_with_its_next_message() {
    let dir = TempDir::new().expect("a directory");
    let mut server = Server::start(dir.path(), &[]);
    let path = server.create("demo", "/sleep 1000");
    server.stream(&format!("{path}/stream"), |event| event["kind"] == "message_delivered");
    let session = server.get(&path)["session_id"].clone();
    server.child.kill().expect("alive");
    server.wait();

    let server = Server::start(dir.path(), &[]);
    server.post(&format!("{path}/message"), &json!({"message": "hello again"}));
    let events = server.stream(&format!("{path}/stream"), |_| false);
    let texts: Vec<_> =
        events.iter().filter(|event| event["kind"] == "text").map(|event| event["text"].clone()).collect();
    assert_eq!(texts.iter().filter_map(Value::as_str).collect::<String>(), "hello again");
    let task = server.get(&path);
    assert_eq!(
        (&task["status"], &task["run"], &task["session_id"]),
        (&json!("completed"), &json!(2), &session)
    );
}

#[test]
fn a_question_waits_for_its_answer_over_a_restart() {
    let dir = TempDir::new().expect("a directory");
    let mut server = Server::start(dir.path(), &[]);
    let path = server.create("demo", "/ask Colour?");
    let asked = server.stream(&format!("{path}/stream"), |event| event["kind"] == "input_requested");
    let request_id = asked.last().expect("events")["request_id"].as_str().expect("an id").to_owned();
    server.child.kill().expect("alive");
    server.wait();

    let server = Server::start(dir.path(), &[]);
    assert_eq!(server.get(&path)["requests"][0]["request_id"], json!(request_id));
    server.post(&format!("{path}/requests/{request_id}"), &json!({"answer": "blue"}));
    let body = json!({"answer": "red"}).to_string();
    let second = format!("/api{path}/requests/{request_id}");
    assert_eq!(server.ask("POST", &second, "Content-Type: application/json\r\n", &body).status, 409);
}

#[test]
fn a_second_server_on_the_same_file_is_refused() {
    let dir = TempDir::new().expect("a directory");
    let _server = Server::start(dir.path(), &[]);
    let output =
        crate::client::command(dir.path(), &["--listen", "127.0.0.1:0"]).output().expect("it starts");
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty());
    assert!(String::from_utf8_lossy(&output.stderr).contains("owned by another process"));
}

/// A cookie is a session of one server; the token is that of its owner.
#[test]
fn a_cookie_is_dead_after_a_restart() {
    let dir = TempDir::new().expect("a directory");
    let mut server = Server::start(dir.path(), &["--token", "the-token-of-this-test"]);
    let body = json!({"token": "the-token-of-this-test"}).to_string();
    let session = server.ask("POST", "/api/session", "Content-Type: application/json\r\n", &body);
    assert_eq!(session.status, 204);
    let cookie = session
        .head
        .split("set-cookie: ")
        .nth(1)
        .and_then(|rest| rest.split(';').next())
        .expect("a cookie")
        .to_owned();
    let ask = |server: &mut Server, name: &str| {
        server.token.clear();
        let port = server.host.rsplit(':').next().expect("a port").to_owned();
        let value = cookie.split('=').nth(1).expect("a value");
        let cookie = format!("Cookie: {name}_{port}={value}\r\n");
        // An empty bearer is a wrong one, so this asks without the header.
        let request =
            format!("GET /api/tasks HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n{cookie}\r\n", server.host);
        use std::io::{Read as _, Write as _};
        let mut connection = std::net::TcpStream::connect(&server.host).expect("it listens");
        connection.write_all(request.as_bytes()).expect("sent");
        let mut answer = String::new();
        connection.read_to_string(&mut answer).expect("an answer");
        answer.split(' ').nth(1).expect("a status").to_owned()
    };
    assert_eq!(ask(&mut server, "tasks_session"), "200");
    server.child.kill().expect("alive");
    server.wait();
    let mut server = Server::start(dir.path(), &["--token", "the-token-of-this-test"]);
    assert_eq!(ask(&mut server, "tasks_session"), "401");
}
