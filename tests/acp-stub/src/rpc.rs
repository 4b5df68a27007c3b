use std::collections::VecDeque;
use std::io::{BufRead, Write};
use std::process::exit;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::Duration;

use serde_json::{Value, json};

/// Lines, in and out.
pub(crate) struct Rpc {
    input: Receiver<Value>,
    /// Lines that came in the middle of a turn, and are for later.
    parked: VecDeque<Value>,
    requests: u64,
}

impl Rpc {
    pub(crate) fn start() -> Self {
        let (lines, input) = mpsc::channel();
        std::thread::spawn(move || {
            for line in std::io::stdin().lock().lines() {
                let Ok(line) = line else { break };
                let value: Value = serde_json::from_str(&line).unwrap_or_else(|_| exit(1));
                if lines.send(value).is_err() {
                    break;
                }
            }
        });
        Self { input, parked: VecDeque::new(), requests: 0 }
    }

    /// The next line. At the end of its input the program ends.
    pub(crate) fn next(&mut self) -> Value {
        self.parked.pop_front().or_else(|| self.input.recv().ok()).unwrap_or_else(|| exit(0))
    }

    /// The next line that comes in time, but for those that are parked.
    pub(crate) fn next_within(&mut self, wait: Duration) -> Option<Value> {
        match self.input.recv_timeout(wait) {
            Ok(line) => Some(line),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => exit(0),
        }
    }

    /// Keeps a line for later.
    pub(crate) fn park(&mut self, line: Value) {
        self.parked.push_back(line);
    }

    /// Asks something, and gives the id.
    pub(crate) fn request(&mut self, method: &str, params: Value) -> Value {
        // Numbers from zero, as the client's may be: they must not be taken for each other.
        let id = json!(self.requests);
        self.requests += 1;
        self.write(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }));
        id
    }

    pub(crate) fn answer(&self, id: &Value, result: Value) {
        self.write(&json!({ "jsonrpc": "2.0", "id": id, "result": result }));
    }

    pub(crate) fn refuse(&self, id: &Value, code: i64, message: &str) {
        let error = json!({ "code": code, "message": message });
        self.write(&json!({ "jsonrpc": "2.0", "id": id, "error": error }));
    }

    pub(crate) fn notify(&self, method: &str, params: Value) {
        self.write(&json!({ "jsonrpc": "2.0", "method": method, "params": params }));
    }

    pub(crate) fn write(&self, line: &Value) {
        let mut out = std::io::stdout().lock();
        if writeln!(out, "{line}").and_then(|()| out.flush()).is_err() {
            exit(0);
        }
    }
}
