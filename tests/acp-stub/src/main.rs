//! A program that speaks the Agent Client Protocol, and misbehaves on demand.
//!
//! What it does with a message is the first word of the message: [`turn`] has the words. `STUB_CAN` names what it says it
//! can do (`load`, `resume`, `list`, `endless`, `steer`, `modes`, `sandbox-modes`, `options`, `models`, `dirs`, `images`),
//! `STUB_START` how it starts. A session is a file, named after it, in the directory `STUB_HOME`: a line for every message.
#![expect(clippy::needless_pass_by_value, reason = "every caller makes the value for what it says")]

mod rpc;
mod turn;

use std::io::Write;
use std::path::PathBuf;
use std::process::exit;
use std::time::Duration;

use rpc::Rpc;
use serde_json::{Value, json};

fn main() {
    let start = std::env::var("STUB_START").unwrap_or_default();
    match start.as_str() {
        "silent" => std::thread::sleep(Duration::from_secs(600)),
        "stderr" => {
            eprintln!("first complaint\nthe licence has expired");
            exit(1);
        }
        _ => {}
    }
    let can = std::env::var("STUB_CAN").unwrap_or_else(|_| "resume steer modes".to_owned());
    Stub {
        rpc: Rpc::start(),
        can,
        start,
        session: String::new(),
        mode: "auto".to_owned(),
        model: "plain".to_owned(),
    }
    .run();
}

struct Stub {
    rpc: Rpc,
    can: String,
    start: String,
    session: String,
    mode: String,
    model: String,
}

impl Stub {
    fn run(mut self) {
        loop {
            let line = self.rpc.next();
            let (id, params) = (line["id"].clone(), &line["params"]);
            match line["method"].as_str().unwrap_or_default() {
                "initialize" => self.initialize(&id),
                "session/list" => self.list(&id, params),
                "session/load" | "session/resume" => self.again(&line),
                "session/new" => self.begin(&id, params),
                "session/prompt" => {
                    let text = self.text(&params["prompt"]);
                    self.keep(&text);
                    self.turn(&id, &text);
                }
                "session/set_mode" => {
                    self.mode = params["modeId"].as_str().unwrap_or_default().to_owned();
                    self.rpc.answer(&id, json!({}));
                }
                "session/set_config_option" => {
                    self.model = format!("{}={}", params["configId"], params["value"]).replace('"', "");
                    self.rpc.answer(&id, json!({ "configOptions": [] }));
                }
                "session/set_model" if params["modelId"] == "no-such-model" => {
                    self.rpc.refuse(&id, -32602, "there is no such model");
                }
                "session/set_model" => {
                    self.model = params["modelId"].as_str().unwrap_or_default().to_owned();
                    self.rpc.answer(&id, json!({}));
                }
                // A message that came too late for its turn.
                "_session/steering" => self.rpc.answer(&id, json!({ "outcome": "promptRequired" })),
                _ => {}
            }
        }
    }

    fn can(&self, what: &str) -> bool {
        self.can.split_whitespace().any(|word| word == what)
    }

    fn initialize(&self, id: &Value) {
        match self.start.as_str() {
            "refuse" => return self.rpc.refuse(id, -32603, "not today"),
            "half" => {
                print!("{{\"jsonrpc\": \"2.0\", \"id\"");
                let _ = std::io::stdout().flush();
                eprintln!("lost my footing");
                exit(3);
            }
            _ => {}
        }
        let mut sessions = json!({});
        for (word, name) in [("resume", "resume"), ("list", "list"), ("dirs", "additionalDirectories")] {
            if self.can(word) {
                sessions[name] = json!({});
            }
        }
        let version = if self.start == "version" { 2 } else { 1 };
        let mut answer = json!({
            "protocolVersion": version, "agentInfo": { "name": "stub", "version": "1" },
            "authMethods": [{ "id": "key", "name": "Set STUB_KEY" }],
            "agentCapabilities": {
                "loadSession": self.can("load"), "sessionCapabilities": sessions,
                "promptCapabilities": { "image": self.can("images") },
            },
        });
        if self.can("steer") {
            answer["_meta"] = json!({ "steering": { "supported": true } });
        }
        self.rpc.answer(id, answer);
    }

    fn begin(&mut self, id: &Value, params: &Value) {
        match self.start.as_str() {
            "login" => return self.rpc.refuse(id, -32000, "Authentication required"),
            "crash" => exit(5),
            "stuck" => return,
            _ => {}
        }
        self.session = uuid::Uuid::new_v4().to_string();
        self.keep(&format!("new {params}"));
        let session = self.session.clone();
        let mut answer = self.settings();
        answer["sessionId"] = json!(session);
        self.rpc.answer(id, answer);
    }

    fn again(&mut self, line: &Value) {
        let id = &line["id"];
        self.session = line["params"]["sessionId"].as_str().unwrap_or_default().to_owned();
        match self.start.as_str() {
            "forgetful" => return self.rpc.refuse(id, -32603, "the disk is full"),
            "locked" => return self.rpc.refuse(id, -32000, "Authentication required"),
            _ => {}
        }
        let Ok(kept) = std::fs::read_to_string(self.file()) else {
            return self.rpc.refuse(id, -32002, "Resource not found");
        };
        if line["method"] == "session/load" {
            for message in kept.lines().skip(1) {
                self.say(json!({ "sessionUpdate": "user_message_chunk", "content": { "type": "text", "text": message } }));
                self.chunk("agent_message_chunk", &format!("replay of {message} "));
                let call = json!({ "sessionUpdate": "tool_call", "toolCallId": "old", "title": "old", "status": "completed" });
                self.say(call);
            }
        }
        self.keep(line["method"].as_str().unwrap_or_default());
        self.rpc.answer(id, self.settings());
        // What is said right after the answer is no replay any more.
        if line["method"] == "session/load" {
            self.chunk("agent_message_chunk", "fresh ");
        }
    }

    /// One session a page.
    fn list(&self, id: &Value, params: &Value) {
        if self.can("endless") {
            return self.rpc.answer(id, json!({ "sessions": [], "nextCursor": "more" }));
        }
        let home = std::env::var_os("STUB_HOME").expect("it has a home");
        let files = std::fs::read_dir(home).expect("its home is there");
        let mut sessions: Vec<_> =
            files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
        sessions.sort();
        let at = params["cursor"].as_str().map_or(0, |cursor| cursor.parse().unwrap());
        let page = sessions.get(at).map(|session| json!({ "sessionId": session, "cwd": "/" }));
        let next = (at + 1 < sessions.len()).then(|| (at + 1).to_string());
        let page: Vec<_> = page.into_iter().collect();
        self.rpc.answer(id, json!({ "sessions": page, "nextCursor": next }));
    }

    fn settings(&self) -> Value {
        let mut settings = json!({});
        let modes = [("sandbox-modes", "read-only"), ("modes", "default")];
        let mut modes: Vec<_> =
            modes.iter().filter(|(word, _)| self.can(word)).map(|(_, mode)| *mode).collect();
        if !modes.is_empty() {
            modes.insert(0, "auto");
            let modes: Vec<_> = modes.iter().map(|mode| json!({ "id": mode, "name": mode })).collect();
            settings["modes"] = json!({ "currentModeId": self.mode, "availableModes": modes });
        }
        if self.can("options") {
            settings["configOptions"] = json!([
                { "id": "depth", "category": "thought_level", "currentValue": "x" },
                { "id": "brain", "category": "model", "currentValue": "plain", "options": [] },
            ]);
        }
        if self.can("models") {
            settings["models"] = json!({ "currentModelId": "plain", "availableModels": [] });
        }
        settings
    }

    fn text(&self, prompt: &Value) -> String {
        let blocks = prompt.as_array().into_iter().flatten();
        let words = blocks.map(|block| match block["type"].as_str() {
            Some("text") => block["text"].as_str().unwrap_or_default().to_owned(),
            other => format!("<{}>", other.unwrap_or_default()),
        });
        words.collect::<Vec<_>>().join(" ")
    }

    fn say(&self, update: Value) {
        self.rpc.notify("session/update", json!({ "sessionId": self.session, "update": update }));
    }

    fn chunk(&self, kind: &str, text: &str) {
        self.say(json!({ "sessionUpdate": kind, "content": { "type": "text", "text": text } }));
    }

    /// Adds a line to the session.
    fn keep(&self, line: &str) {
        let file = std::fs::OpenOptions::new().create(true).append(true).open(self.file());
        let _ = file.and_then(|mut file| writeln!(file, "{}", line.replace('\n', " ")));
    }

    fn file(&self) -> PathBuf {
        PathBuf::from(std::env::var_os("STUB_HOME").expect("it has a home")).join(&self.session)
    }
}
