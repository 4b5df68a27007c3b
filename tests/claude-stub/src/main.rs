//! A program that speaks the protocol of Claude Code, and misbehaves on demand.
//!
//! What it does with a message is the first word of the message. A session is a file, named after it, in the directory
//! `STUB_HOME`; a question that is open is in it, and asked again when the session is resumed.

use std::io::{BufRead, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio, exit};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::Duration;

use serde_json::{Value, json};

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    match std::env::var("STUB_START").as_deref() {
        Ok("silent") => std::thread::sleep(Duration::from_secs(600)),
        Ok("stderr") => {
            eprintln!("first complaint\nthe licence has expired");
            exit(1);
        }
        _ => {}
    }
    let resumed = arguments.iter().find_map(|argument| argument.strip_prefix("--resume="));
    let session = resumed.map_or_else(|| uuid::Uuid::new_v4().to_string(), str::to_owned);
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
    Stub { input, session, number: 0, arguments, parked: Vec::new() }.run();
}

struct Stub {
    input: Receiver<Value>,
    session: String,
    number: u32,
    arguments: Vec<String>,
    /// Messages that came in the middle of a turn.
    parked: Vec<Value>,
}

/// Why a turn was left.
enum Left {
    EndOfInput,
    Interrupted,
}

impl Stub {
    fn run(mut self) {
        loop {
            let line = match self.parked.pop() {
                Some(line) => line,
                None => match self.input.recv() {
                    Ok(line) => line,
                    Err(_) => exit(0),
                },
            };
            match line["type"].as_str() {
                Some("control_request") => self.respond(&line),
                Some("user") => self.message(&line),
                _ => {}
            }
        }
    }

    fn message(&mut self, line: &Value) {
        let uuid = line["uuid"].as_str().unwrap().to_owned();
        let text = match &line["message"]["content"] {
            Value::String(text) => text.clone(),
            blocks => blocks.as_array().unwrap().iter().filter_map(|block| block["text"].as_str()).collect(),
        };
        self.state("running");
        self.fate(&uuid, "queued");
        self.fate(&uuid, "started");
        self.say(json!({ "type": "system", "subtype": "init", "session_id": self.session, "model": "stub" }));
        let left = self.turn(&text);
        let (reason, words) = match &left {
            Ok(None) => ("completed", Value::Null),
            Ok(Some(words)) => ("api_error", json!(words)),
            Err(Left::Interrupted) => ("aborted_streaming", Value::Null),
            Err(Left::EndOfInput) => exit(0),
        };
        let is_error = reason != "completed";
        self.say(json!({
            "type": "result", "subtype": "success", "is_error": is_error, "terminal_reason": reason, "result": words,
            "session_id": self.session, "total_cost_usd": 0.5,
            "modelUsage": { "stub": { "inputTokens": 10, "outputTokens": 5 } },
        }));
        self.fate(&uuid, if is_error { "cancelled" } else { "completed" });
        self.state("idle");
    }

    /// Gives the words of the error that the turn ended with.
    fn turn(&mut self, text: &str) -> Result<Option<String>, Left> {
        let kept = self.home().join(&self.session);
        let text = match std::fs::read_to_string(&kept) {
            // What was cut off is taken up again.
            Ok(before) if text.starts_with("The session was interrupted") => before,
            _ => text.to_owned(),
        };
        let _ = std::fs::write(&kept, &text);
        let (word, rest) = text.split_once(' ').unwrap_or((&text, ""));
        match word {
            "say" => self.text(rest),
            "stream" => loop {
                self.text("more ");
                self.pause(10)?;
            },
            "ask" => {
                let question = json!({ "question": rest, "options": [{ "label": "A" }, { "label": "B" }] });
                let input = json!({ "questions": [question] });
                let answer = self.ask("AskUserQuestion", &input)?;
                let said = answer["updatedInput"]["answers"][rest].as_str().unwrap_or("?").to_owned();
                self.text(&format!("{said} "));
            }
            "permit" => {
                let answer = self.ask("Bash", &json!({ "command": rest }))?;
                self.text(answer["behavior"].as_str().unwrap_or("?"));
            }
            "pid" => self.text(&format!("{} ", std::process::id())),
            "fail" => return Ok(Some(rest.to_owned())),
            "spawn" => {
                let script =
                    format!("trap '' TERM INT; setsid sleep {rest} & sleep {rest} & wait; sleep {rest}");
                let mut child =
                    Command::new("sh").args(["-c", &script]).stdin(Stdio::null()).spawn().unwrap();
                self.text("spawned");
                while child.try_wait().unwrap().is_none() {
                    self.pause(10)?;
                }
            }
            "arguments" => self.text(&self.arguments[1..].join("\n")),
            "environment" => {
                let names: Vec<_> = std::env::vars().map(|(name, _)| name).collect();
                self.text(&names.join("\n"));
            }
            _ => self.misbehave(word, rest)?,
        }
        Ok(None)
    }

    fn misbehave(&mut self, word: &str, rest: &str) -> Result<(), Left> {
        match word {
            "bad-line" => {
                println!("this is no JSON");
                self.text("after it");
            }
            "long-line" => {
                let line = json!({ "type": "noise", "text": "x".repeat(40 << 20) });
                self.say(line);
                self.text("after it");
            }
            "cut-line" => {
                print!("{{\"type\": \"assistant\", \"mess");
                let _ = std::io::stdout().flush();
                eprintln!("lost my footing");
                exit(3);
            }
            "crash" => {
                self.call("toolu_1");
                std::process::abort();
            }
            "deaf" => {
                // Hears nothing, whatever it is told, and takes no signal that can be ignored.
                self.text("deaf");
                let _ = Command::new("sh").args(["-c", "trap '' TERM INT; sleep 600"]).status();
                std::thread::sleep(Duration::from_secs(600));
            }
            "wrong-id" => {
                let response = json!({ "subtype": "success", "request_id": "nobody asked", "response": {} });
                self.say(json!({ "type": "control_response", "response": response }));
                self.say(json!({ "type": "control_cancel_request", "request_id": "nobody asked" }));
                self.fate("nobody sent", "completed");
                let result = json!({ "type": "tool_result", "tool_use_id": "nobody called", "content": "x" });
                self.say(json!({ "type": "user", "message": { "content": [result] } }));
                self.text("after it");
            }
            "never" => loop {
                self.text("x");
                // Takes the interrupt, and forgets about it.
                match self.input.recv() {
                    Ok(_) => {}
                    Err(_) => std::thread::sleep(Duration::from_secs(600)),
                }
            },
            "flood" => {
                for number in 0..rest.parse::<u32>().unwrap() {
                    self.text(&format!("{number} "));
                }
            }
            "chatter" => {
                for number in 0..200 {
                    eprintln!("complaint {number}");
                }
                self.pause(50)?;
            }
            "late" => {
                // A message that comes too late for this turn gets one of its own, after the session was idle.
                self.text("waiting");
                while self.parked.is_empty() {
                    let line = self.input.recv().map_err(|_| Left::EndOfInput)?;
                    self.parked.push(line);
                }
            }
            "drop-and-crash" => {
                self.text("waiting");
                let _ = self.input.recv();
                exit(4);
            }
            "odd-request" => {
                let request = json!({ "subtype": "elicitation" });
                self.say(json!({ "type": "control_request", "request_id": "odd", "request": request }));
                let answer = self.input.recv().map_err(|_| Left::EndOfInput)?;
                self.text(&answer["response"].to_string());
            }
            "two-results" => {
                let failed = json!({ "type": "result", "is_error": true, "result": "half", "session_id": self.session });
                self.say(failed);
            }
            "drop" => {
                // A message that came meanwhile is dropped with the turn, and never reaches the model.
                self.text("waiting");
                loop {
                    match self.input.recv() {
                        Ok(line) if line["type"] == "user" => {
                            let uuid = line["uuid"].as_str().unwrap();
                            self.fate(uuid, "queued");
                            self.fate(uuid, "cancelled");
                            return Ok(());
                        }
                        Ok(_) => {}
                        Err(_) => return Err(Left::EndOfInput),
                    }
                }
            }
            _ => self.text("what?"),
        }
        Ok(())
    }

    /// Asks, and waits for the answer.
    fn ask(&mut self, tool: &str, input: &Value) -> Result<Value, Left> {
        self.number += 1;
        let (id, call) = (format!("request-{}", self.number), format!("toolu_{}", self.number));
        self.state("requires_action");
        let request =
            json!({ "subtype": "can_use_tool", "tool_name": tool, "input": input, "tool_use_id": call });
        self.say(json!({ "type": "control_request", "request_id": id, "request": request }));
        loop {
            let line = self.input.recv().map_err(|_| Left::EndOfInput)?;
            if line["type"] == "control_response" && line["response"]["request_id"] == id.as_str() {
                self.state("running");
                let result = json!({ "type": "tool_result", "tool_use_id": call, "content": "" });
                self.say(json!({ "type": "user", "message": { "content": [result] } }));
                return Ok(line["response"]["response"].clone());
            }
            if line["type"] == "control_request" {
                self.say(json!({ "type": "control_cancel_request", "request_id": id }));
                self.respond(&line);
                return Err(Left::Interrupted);
            }
            self.take(&line);
        }
    }

    /// Waits, and listens.
    fn pause(&mut self, millis: u64) -> Result<(), Left> {
        match self.input.recv_timeout(Duration::from_millis(millis)) {
            Ok(line) if line["type"] == "control_request" => {
                self.respond(&line);
                Err(Left::Interrupted)
            }
            Ok(line) => {
                self.take(&line);
                Ok(())
            }
            Err(RecvTimeoutError::Timeout) => Ok(()),
            Err(RecvTimeoutError::Disconnected) => Err(Left::EndOfInput),
        }
    }

    /// A message in the middle of a turn goes into it.
    fn take(&mut self, line: &Value) {
        if let ("user", Some(uuid)) = (line["type"].as_str().unwrap_or_default(), line["uuid"].as_str()) {
            for fate in ["queued", "started", "completed"] {
                self.fate(uuid, fate);
            }
            self.text("heard ");
        }
    }

    fn call(&mut self, id: &str) {
        let block = json!({ "type": "tool_use", "id": id, "name": "Bash", "input": { "command": "true" } });
        self.say(json!({ "type": "assistant", "message": { "id": "m", "content": [block] } }));
    }

    fn text(&mut self, text: &str) {
        self.number += 1;
        let message =
            json!({ "id": format!("msg_{}", self.number), "content": [{ "type": "text", "text": text }] });
        self.say(json!({ "type": "assistant", "message": message }));
    }

    fn respond(&self, line: &Value) {
        let response = json!({ "subtype": "success", "request_id": line["request_id"], "response": {} });
        self.say(json!({ "type": "control_response", "response": response }));
    }

    fn state(&self, state: &str) {
        self.say(json!({ "type": "system", "subtype": "session_state_changed", "state": state }));
    }

    fn fate(&self, uuid: &str, state: &str) {
        self.say(json!({ "type": "command_lifecycle", "command_uuid": uuid, "state": state }));
    }

    #[expect(clippy::needless_pass_by_value, reason = "every caller makes the line for it")]
    fn say(&self, line: Value) {
        let mut out = std::io::stdout().lock();
        if writeln!(out, "{line}").and_then(|()| out.flush()).is_err() {
            exit(0);
        }
    }

    fn home(&self) -> PathBuf {
        std::env::var_os("STUB_HOME").expect("it has a home").into()
    }
}
