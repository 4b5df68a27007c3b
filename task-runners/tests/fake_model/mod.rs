//! A server that plays an OpenAI-compatible endpoint: it answers each request by a script, and keeps what it was asked.
//!
//! It has threads of its own, so that it goes on whatever the runtime of a test does.
#![allow(dead_code, reason = "each test file uses its part of it")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// The server. Dropping it ends it.
pub(crate) struct FakeModel {
    address: SocketAddr,
    state: Arc<State>,
    listener: Option<JoinHandle<()>>,
}

/// One request.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// `POST /v1/chat/completions`.
    pub(crate) line: String,
    /// The headers, in lower case but for their values.
    pub(crate) head: String,
    pub(crate) body: Value,
}

/// What the server does in answer to a request; then it closes the connection.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// Sends these bytes as they are.
    Send(Vec<u8>),
    /// Goes on with pieces of text until the other side is gone, with a pause in between.
    Endless(Duration),
    Pause(Duration),
    /// Says nothing until the other side is gone.
    UntilGone,
}

type Script = dyn Fn(usize, &Asked) -> Vec<Step> + Send + Sync;

struct State {
    script: Box<Script>,
    asked: Mutex<Vec<Asked>>,
    gone: AtomicUsize,
    is_over: AtomicBool,
}

impl FakeModel {
    /// Answers by the script, which is told how many requests came before.
    pub(crate) fn new(script: impl Fn(usize, &Asked) -> Vec<Step> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let state = Arc::new(State {
            script: Box::new(script),
            asked: Mutex::default(),
            gone: AtomicUsize::new(0),
            is_over: AtomicBool::new(false),
        });
        let shared = Arc::clone(&state);
        let listener = std::thread::spawn(move || {
            for connection in listener.incoming() {
                if shared.is_over.load(Ordering::Acquire) {
                    return;
                }
                let state = Arc::clone(&shared);
                // Ends when the other side is gone or the server is dropped.
                std::thread::spawn(move || state.serve(connection.expect("a connection")));
            }
        });
        Self { address, state, listener: Some(listener) }
    }

    /// Answers every request with these words, in pieces.
    pub(crate) fn saying(words: &'static str) -> Self {
        Self::new(move |_, _| answer(words))
    }

    /// The base URL.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// What was asked so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.state.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until so many requests broke off while they were being answered. Blocks its thread.
    pub(crate) fn wait_for_gone(&self, count: usize) {
        let begun = Instant::now();
        while self.state.gone.load(Ordering::Acquire) < count {
            assert!(begun.elapsed() < Duration::from_secs(5), "the connection is still open");
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

impl Drop for FakeModel {
    fn drop(&mut self) {
        self.state.is_over.store(true, Ordering::Release);
        // Wakes the listener.
        drop(TcpStream::connect(self.address));
        if let Some(listener) = self.listener.take() {
            // A panic of its was printed.
            drop(listener.join());
        }
    }
}

impl Asked {
    /// Who said what.
    pub(crate) fn said(&self) -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let messages = self.body["messages"].as_array().cloned().unwrap_or_default();
        messages.iter().map(|message| (text(&message["role"]), text(&message["content"]))).collect()
    }

    /// What the user said last. A message that got no answer is in one with the next.
    pub(crate) fn newest(&self) -> String {
        let said = self.said().pop().map(|(_, text)| text).unwrap_or_default();
        said.rsplit("\n\n").next().unwrap_or_default().to_owned()
    }
}

impl State {
    fn serve(&self, mut connection: TcpStream) {
        connection.set_read_timeout(Some(Duration::from_millis(20))).expect("a time");
        connection.set_nodelay(true).expect("a switch");
        let Some(asked) = self.read(&mut connection) else { return };
        let steps = {
            let mut all = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
            let before = all.len();
            all.push(asked.clone());
            (self.script)(before, &asked)
        };
        for step in steps {
            let goes_on = match step {
                Step::Send(bytes) => connection.write_all(&bytes).is_ok(),
                Step::Pause(pause) => {
                    std::thread::sleep(pause);
                    true
                }
                Step::Endless(pause) => {
                    let Step::Send(bytes) = delta("more ") else { return };
                    while !self.is_gone(&mut connection) && connection.write_all(&bytes).is_ok() {
                        std::thread::sleep(pause);
                    }
                    false
                }
                Step::UntilGone => {
                    while !self.is_gone(&mut connection) {}
                    false
                }
            };
            if !goes_on {
                self.gone.fetch_add(1, Ordering::AcqRel);
                return;
            }
        }
    }

    fn read(&self, connection: &mut TcpStream) -> Option<Asked> {
        let mut bytes = Vec::new();
        let head_end = loop {
            if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
                break at + 4;
            }
            self.more(connection, &mut bytes)?;
        };
        let head = String::from_utf8(bytes[..head_end].to_vec()).expect("text");
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "))
            .map_or(0, |length| length.parse::<usize>().expect("a number"));
        while bytes.len() < head_end + length {
            self.more(connection, &mut bytes)?;
        }
        let line = head.lines().next().and_then(|line| line.strip_suffix(" HTTP/1.1")).expect("a request");
        let body = serde_json::from_slice(&bytes[head_end..]).unwrap_or_default();
        Some(Asked { line: line.to_owned(), head: head.clone(), body })
    }

    fn more(&self, connection: &mut TcpStream, bytes: &mut Vec<u8>) -> Option<()> {
        let mut buffer = [0; 4_096];
        loop {
            match connection.read(&mut buffer) {
                Ok(0) => return None,
                Ok(read) => {
                    bytes.extend_from_slice(&buffer[..read]);
                    return Some(());
                }
                Err(_) if self.is_over.load(Ordering::Acquire) => return None,
                Err(error) if is_late(&error) => {}
                Err(_) => return None,
            }
        }
    }

    fn is_gone(&self, connection: &mut TcpStream) -> bool {
        if self.is_over.load(Ordering::Acquire) {
            return true;
        }
        match connection.read(&mut [0; 64]) {
            Ok(read) => read == 0,
            Err(error) => !is_late(&error),
        }
    }
}

fn is_late(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::TimedOut | std::io::ErrorKind::WouldBlock)
}

/// A whole stream with these words, one piece each, as most servers send it.
pub(crate) fn answer(words: &str) -> Vec<Step> {
    let mut steps = vec![stream()];
    steps.extend(words.split_inclusive(' ').map(delta));
    steps.extend([finish("stop"), done(), end()]);
    steps
}

/// The head of a stream; then come chunks.
pub(crate) fn stream() -> Step {
    raw("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
}

pub(crate) fn delta(text: &str) -> Step {
    event(&json!({"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": null}]}))
}

pub(crate) fn finish(reason: &str) -> Step {
    event(&json!({"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]}))
}

pub(crate) fn done() -> Step {
    chunk("data: [DONE]\n\n")
}

pub(crate) fn event(value: &Value) -> Step {
    chunk(&format!("data: {value}\n\n"))
}

pub(crate) fn chunk(text: &str) -> Step {
    raw(&format!("{:x}\r\n{text}\r\n", text.len()))
}

/// The end of a stream. Without it the stream is broken off.
pub(crate) fn end() -> Step {
    raw("0\r\n\r\n")
}

pub(crate) fn raw(text: &str) -> Step {
    Step::Send(text.as_bytes().to_vec())
}

/// A whole answer of one document; `headers` each with their line end.
pub(crate) fn document(status: u16, headers: &str, body: &str) -> Vec<Step> {
    let length = body.len();
    vec![raw(&format!(
        "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
    ))]
}

pub(crate) fn error(status: u16, message: &str) -> Vec<Step> {
    document(status, "", &json!({"error": {"message": message}}).to_string())
}

pub(crate) fn models(names: &[&str]) -> Vec<Step> {
    let names: Vec<_> = names.iter().map(|name| json!({"id": name, "object": "model"})).collect();
    document(200, "", &json!({"object": "list", "data": names}).to_string())
}
