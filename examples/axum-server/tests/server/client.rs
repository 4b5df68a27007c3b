//! A server in a process of its own, and a client of few words.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// A running server. Dropping it kills it.
pub(crate) struct Server {
    pub(crate) child: Child,
    pub(crate) host: String,
    pub(crate) token: String,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

pub(crate) fn command(dir: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_axum-server"));
    command.current_dir(dir).args(args).stdout(Stdio::piped()).stderr(Stdio::piped()).env_remove("RUST_LOG");
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("TASKS_") {
            command.env_remove(name);
        }
    }
    command
}

impl Server {
    /// Starts it in `dir` with the agents `demo` and `shell` on a free port, and waits until it is ready.
    pub(crate) fn start(dir: &Path, args: &[&str]) -> Self {
        let args = [&["--listen", "127.0.0.1:0", "--demo", "--no-detect"], args].concat();
        Self::spawn(command(dir, &args))
    }

    /// Starts it as the command says, and waits until it is ready.
    pub(crate) fn spawn(mut command: Command) -> Self {
        let mut child = command.stderr(Stdio::inherit()).spawn().expect("the server starts");
        let mut line = String::new();
        let stdout = child.stdout.as_mut().expect("piped");
        BufReader::new(stdout).read_line(&mut line).expect("a line");
        let address = line.trim_end().strip_prefix("listening on http://").expect("the line of a server");
        let (host, fragment) = address.split_once('/').expect("an address");
        let token = fragment.strip_prefix("#token=").unwrap_or_default().to_owned();
        Self { child, host: host.to_owned(), token }
    }

    /// Sends a request and gives the connection.
    pub(crate) fn open(&self, method: &str, path: &str, headers: &str, body: &str) -> BufReader<TcpStream> {
        let mut connection = TcpStream::connect(&self.host).expect("it listens");
        connection.set_read_timeout(Some(PATIENCE)).expect("a time");
        let (host, token, length) = (&self.host, &self.token, body.len());
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\
             Content-Length: {length}\r\n{headers}\r\n{body}"
        );
        connection.write_all(request.as_bytes()).expect("sent");
        BufReader::new(connection)
    }

    pub(crate) fn ask(&self, method: &str, path: &str, headers: &str, body: &str) -> Answer {
        let mut connection = self.open(method, path, headers, body);
        let head = head(&mut connection);
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status");
        let mut body = Vec::new();
        connection.read_to_end(&mut body).expect("a body");
        if head.contains("transfer-encoding: chunked") {
            body = unchunk(&body).expect("whole chunks");
        }
        Answer { status, head, body }
    }

    pub(crate) fn get(&self, path: &str) -> Value {
        let answer = self.ask("GET", &format!("/api{path}"), "", "");
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        serde_json::from_slice(&answer.body).expect("JSON")
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Value {
        let answer =
            self.ask("POST", &format!("/api{path}"), "Content-Type: application/json\r\n", &body.to_string());
        assert!((200..300).contains(&answer.status), "{path}: {}", answer.text());
        serde_json::from_slice(&answer.body).expect("JSON")
    }

    /// A new task, and its path.
    pub(crate) fn create(&self, agent: &str, message: &str) -> String {
        let task = self.post("/tasks", &json!({"agent_id": agent, "message": message}));
        format!("/tasks/{}", task["id"].as_str().expect("an id"))
    }

    /// The events of a stream, read until one satisfies `enough` or the stream ends.
    pub(crate) fn stream(&self, path: &str, enough: impl Fn(&Value) -> bool) -> Vec<Value> {
        let mut connection = self.open("GET", &format!("/api{path}"), "", "");
        let head = head(&mut connection);
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        let mut events = Vec::new();
        let (mut line, mut is_event) = (String::new(), false);
        loop {
            line.clear();
            if connection.read_line(&mut line).expect("the stream goes on") == 0 {
                return events;
            }
            is_event |= line.starts_with("id: ");
            if let Some(data) = line.strip_prefix("data: ")
                && std::mem::take(&mut is_event)
            {
                let event: Value = serde_json::from_str(data).expect("JSON");
                let last = enough(&event);
                events.push(event);
                if last {
                    return events;
                }
            }
        }
    }

    pub(crate) fn signal(&self, signal: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().expect("kill").success());
    }

    /// How it ended.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        eventually("the server ends", || self.child.try_wait().expect("a child"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Answer {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// Asks again and again until there is an answer.
pub(crate) fn eventually<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(begun.elapsed() < PATIENCE, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn head(connection: &mut BufReader<TcpStream>) -> String {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert_ne!(connection.read_line(&mut head).expect("a head"), 0, "the connection ended: {head}");
    }
    head.to_lowercase().replacen("http/1.1", "HTTP/1.1", 1)
}

/// The body of these chunks; `None` unless the last one says that it is the last.
pub(crate) fn unchunk(mut chunks: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let at = chunks.windows(2).position(|pair| pair == b"\r\n")?;
        let size = usize::from_str_radix(std::str::from_utf8(&chunks[..at]).ok()?, 16).ok()?;
        if size == 0 {
            return Some(body);
        }
        body.extend_from_slice(chunks.get(at + 2..at + 2 + size)?);
        chunks = chunks.get(at + 4 + size..)?;
    }
}

const PATIENCE: Duration = Duration::from_secs(30);
