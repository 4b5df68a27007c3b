//! What a message makes the stub do.

use std::io::Write;
use std::process::{Command, Stdio, exit};
use std::time::Duration;

use serde_json::{Value, json};

use crate::Stub;

/// Why a turn was left before its end.
struct Cancelled;

/// How a turn ends.
enum End {
    Answer(Value),
    Error(i64, String),
    /// An answer that is none.
    Nonsense,
}

impl Stub {
    pub(crate) fn turn(&mut self, id: &Value, text: &str) {
        let text = match text.starts_with("The session was interrupted") {
            // What was cut off is taken up again.
            true => self.asked_before(),
            false => text.to_owned(),
        };
        let usage = json!({ "inputTokens": 10, "outputTokens": 5, "totalTokens": 15 });
        match self.act(&text) {
            Ok(End::Answer(mut answer)) => {
                let cost = json!({ "amount": 0.5, "currency": "USD" });
                self.say(json!({ "sessionUpdate": "usage_update", "used": 1, "size": 9, "cost": cost }));
                answer["usage"] = usage;
                self.rpc.answer(id, answer);
            }
            Ok(End::Nonsense) => self.rpc.write(&json!({ "id": id, "error": "nothing is right" })),
            Ok(End::Error(code, words)) => self.rpc.refuse(id, code, &words),
            Err(Cancelled) => self.rpc.answer(id, json!({ "stopReason": "cancelled" })),
        }
    }

    fn act(&mut self, text: &str) -> Result<End, Cancelled> {
        let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
        match word {
            "say" => self.words(rest),
            "stream" => loop {
                self.words("more ");
                self.pause(10)?;
            },
            "permit" => {
                let outcome =
                    self.ask(json!({ "kind": "execute", "title": rest, "rawInput": { "command": rest } }))?;
                self.words(outcome["optionId"].as_str().unwrap_or("?"));
            }
            "edit" => {
                let call = json!({ "kind": "edit", "title": "Edit", "locations": [{ "path": rest }] });
                let outcome = self.ask(call)?;
                self.words(outcome["optionId"].as_str().unwrap_or("?"));
            }
            "patch" => {
                // What it changes is in the call, and not in the request for leave.
                let change = json!({ "type": "diff", "path": rest, "oldText": null, "newText": "x" });
                self.say(json!({ "sessionUpdate": "tool_call", "toolCallId": "asked", "title": "Editing files", "kind": "edit", "status": "in_progress", "content": [change] }));
                let outcome = self.ask(json!({ "kind": "edit", "title": "Edit files" }))?;
                self.words(outcome["optionId"].as_str().unwrap_or("?"));
            }
            "nonsense" => return Ok(End::Nonsense),
            "pid" => self.words(&format!("{} ", std::process::id())),
            "fail" => return Ok(End::Error(-32603, rest.to_owned())),
            "system-error" => {
                let status = |kind: &str| json!({ "codex": { "threadStatus": { "type": kind } } });
                self.say(json!({ "sessionUpdate": "session_info_update", "_meta": status("active") }));
                self.say(json!({ "sessionUpdate": "session_info_update", "_meta": status("systemError") }));
                self.words(&json!({ "error": { "message": rest } }).to_string());
            }
            "stop" => return Ok(End::Answer(json!({ "stopReason": rest }))),
            "settings" => self.words(&format!("{} {}", self.mode, self.model)),
            "history" => {
                let kept = std::fs::read_to_string(self.file()).unwrap_or_default();
                self.words(&kept.lines().collect::<Vec<_>>().join("|"));
            }
            "spawn" => {
                let script =
                    format!("trap '' TERM INT; setsid sleep {rest} & sleep {rest} & wait; sleep {rest}");
                let mut child =
                    Command::new("sh").args(["-c", &script]).stdin(Stdio::null()).spawn().unwrap();
                self.words("spawned");
                while child.try_wait().unwrap().is_none() {
                    self.pause(10)?;
                }
            }
            "call" => {
                // What it is called with is known a moment later.
                self.say(json!({ "sessionUpdate": "tool_call", "toolCallId": "c", "title": "tool", "kind": "execute", "status": "pending", "rawInput": {} }));
                let input = json!({ "command": rest });
                self.say(json!({ "sessionUpdate": "tool_call_update", "toolCallId": "c", "title": rest, "rawInput": input }));
                loop {
                    if self.pause(10).is_err() {
                        self.say(json!({ "sessionUpdate": "tool_call_update", "toolCallId": "c", "status": "failed" }));
                        return Err(Cancelled);
                    }
                }
            }
            "environment" => {
                let names: Vec<_> = std::env::vars().map(|(name, _)| name).collect();
                self.words(&names.join("\n"));
            }
            _ => self.misbehave(word, rest)?,
        }
        Ok(End::Answer(json!({ "stopReason": "end_turn" })))
    }

    fn misbehave(&mut self, word: &str, rest: &str) -> Result<(), Cancelled> {
        match word {
            "bad-line" => {
                println!("this is no JSON");
                self.words("after it");
            }
            "odd-line" => {
                self.rpc.write(&json!([1, 2]));
                self.words("after it");
            }
            "long-line" => {
                self.rpc.notify("_noise", json!({ "text": "x".repeat(40 << 20) }));
                self.words("after it");
            }
            "cut-line" => {
                print!("{{\"jsonrpc\": \"2.0\", \"meth");
                let _ = std::io::stdout().flush();
                eprintln!("lost my footing");
                exit(3);
            }
            "crash" => {
                self.say(json!({ "sessionUpdate": "tool_call", "toolCallId": "c", "title": "x", "status": "in_progress" }));
                std::process::abort();
            }
            "deaf" => {
                // Hears nothing, whatever it is told, and takes no signal that can be ignored.
                self.words("deaf");
                let _ = Command::new("sh").args(["-c", "trap '' TERM INT; sleep 600"]).status();
                std::thread::sleep(Duration::from_secs(600));
            }
            "wrong-id" => {
                for id in [json!("nobody asked"), json!(4711), Value::Null] {
                    self.rpc.answer(&id, json!({ "stopReason": "end_turn" }));
                    self.rpc.refuse(&id, -32603, "nobody asked");
                }
                let content = json!({ "type": "text", "text": "not mine" });
                let update = json!({ "sessionUpdate": "agent_message_chunk", "content": content });
                self.rpc.notify("session/update", json!({ "sessionId": "another", "update": update }));
                self.rpc.notify("$/cancel_request", json!({ "requestId": "nobody asked" }));
                self.words("after it");
            }
            "never" => {
                // Hears that it is to stop, and forgets about it.
                self.words("x");
                loop {
                    self.rpc.next();
                }
            }
            "flood" => {
                for number in 0..rest.parse::<u32>().unwrap() {
                    self.words(&format!("{number} "));
                }
            }
            "chatter" => {
                for number in 0..200 {
                    eprintln!("complaint {number}");
                }
                self.pause(50)?;
            }
            "odd-request" => {
                let id = self.rpc.request("fs/read_text_file", json!({ "path": "/etc/passwd" }));
                let answer = self.wait_for(&id)?;
                self.words(&format!("{}", answer["error"]["code"]));
            }
            "odd-update" => self.say(json!({ "sessionUpdate": "mood_update", "mood": "good" })),
            "odd-answer" => {
                // No answer at all, and then one.
                self.rpc.write(&json!({ "jsonrpc": "2.0", "id": 1, "error": "nothing is right" }));
                self.words("after it");
            }
            "withdraw" => {
                let id = self.permission(json!({ "kind": "execute", "title": "no more" }));
                self.pause(50)?;
                self.rpc.notify("$/cancel_request", json!({ "requestId": id }));
                self.wait_for(&id)?;
                self.words("after it");
            }
            "drop" => {
                // A message that came meanwhile comes too late.
                self.words("waiting");
                loop {
                    let line = self.rpc.next();
                    if line["method"] == "_session/steering" {
                        self.rpc.answer(&line["id"], json!({ "outcome": "promptRequired" }));
                        return Ok(());
                    }
                }
            }
            "drop-and-crash" => {
                self.words("waiting");
                self.rpc.next();
                exit(4);
            }
            _ => self.words("what?"),
        }
        Ok(())
    }

    /// Asks for leave, and waits for what is decided.
    fn ask(&mut self, call: Value) -> Result<Value, Cancelled> {
        let id = self.permission(call);
        let answer = self.wait_for(&id);
        let kept =
            answer.as_ref().map_or_else(|_| "cancelled".to_owned(), |answer| answer["result"].to_string());
        self.keep(&format!("outcome {kept}"));
        Ok(answer?["result"]["outcome"].clone())
    }

    fn permission(&mut self, mut call: Value) -> Value {
        call["toolCallId"] = json!("asked");
        // The names say nothing, and differ from process to process.
        let name = |what: &str| format!("{what}-{}", std::process::id());
        let options = json!([
            { "optionId": name("odd"), "kind": "reject_once", "name": "No" },
            { "optionId": name("even"), "kind": "allow_once", "name": "Yes" },
        ]);
        let params = json!({ "sessionId": self.session, "toolCall": call, "options": options });
        self.rpc.request("session/request_permission", params)
    }

    /// The answer to a request. When the turn is cancelled meanwhile, the request still has to be answered.
    fn wait_for(&mut self, id: &Value) -> Result<Value, Cancelled> {
        let mut is_cancelled = false;
        loop {
            let line = self.rpc.next_within(Duration::from_secs(600)).unwrap_or_else(|| exit(0));
            if line.get("method").is_none() && line["id"] == *id {
                if is_cancelled {
                    self.keep(&format!("answered {}", line["result"]));
                    return Err(Cancelled);
                }
                return Ok(line);
            }
            is_cancelled |= self.take(line).is_err();
        }
    }

    /// Waits, and listens.
    fn pause(&mut self, millis: u64) -> Result<(), Cancelled> {
        match self.rpc.next_within(Duration::from_millis(millis)) {
            Some(line) => self.take(line),
            None => Ok(()),
        }
    }

    /// A line in the middle of a turn.
    fn take(&mut self, line: Value) -> Result<(), Cancelled> {
        match line["method"].as_str().unwrap_or_default() {
            "session/cancel" => return Err(Cancelled),
            "session/prompt" => {
                // The client must never do this.
                self.words("OVERLAP");
                self.rpc.park(line);
            }
            "_session/steering" => {
                self.rpc.answer(&line["id"], json!({ "outcome": "injected" }));
                self.words("heard ");
            }
            _ => {}
        }
        Ok(())
    }

    fn words(&self, text: &str) {
        self.chunk("agent_message_chunk", text);
    }

    /// The last message but the one that says to go on.
    fn asked_before(&self) -> String {
        let kept = std::fs::read_to_string(self.file()).unwrap_or_default();
        let is_message =
            |line: &&str| ["permit", "say", "stream", "edit"].iter().any(|word| line.starts_with(word));
        kept.lines().rev().find(is_message).unwrap_or_default().to_owned()
    }
}
