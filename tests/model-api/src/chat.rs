//! OpenAI Chat Completions.

use serde_json::{Value, json};

use crate::play::{Beat, Block, Pieces, Tokens, Writer, id, sse};
use crate::request::{Request, Turn, texts};

pub(crate) fn turns(body: &Value) -> Vec<Turn> {
    let messages = body["messages"].as_array().into_iter().flatten();
    let turn = |message: &Value| {
        let texts = texts(&message["content"]);
        match message["role"].as_str().unwrap_or_default() {
            "tool" => Turn { role: "user".to_owned(), texts: Vec::new(), results: vec![texts.join("\n")] },
            role => Turn { role: role.to_owned(), texts, results: Vec::new() },
        }
    };
    messages.map(turn).collect()
}

pub(crate) struct ChatWriter {
    id: String,
    model: String,
    wants_usage: bool,
    text: String,
    calls: Vec<Value>,
}

impl ChatWriter {
    pub(crate) fn new(request: &Request) -> Self {
        let (model, wants_usage) = (request.model.clone(), request.wants_usage);
        Self { id: id("chatcmpl"), model, wants_usage, text: String::new(), calls: Vec::new() }
    }

    fn chunk(&self, choices: &Value, usage: Option<Value>) -> String {
        let mut chunk = json!({
            "id": self.id, "object": "chat.completion.chunk", "created": CREATED, "model": self.model,
            "choices": choices,
        });
        if let Some(usage) = usage {
            chunk["usage"] = usage;
        }
        sse(None, &chunk.to_string())
    }

    fn delta(&self, delta: &Value, finish: Option<&str>) -> String {
        let choice = json!({ "index": 0, "delta": delta, "logprobs": null, "finish_reason": finish });
        self.chunk(&json!([choice]), None)
    }
}

impl Writer for ChatWriter {
    fn begin(&mut self, out: &mut Vec<Beat>) {
        out.push(Beat::Send(self.delta(&json!({ "role": "assistant", "content": "" }), None)));
    }

    fn block(&mut self, block: &Block<'_>) -> Pieces {
        let mut events = Pieces::default();
        match block {
            Block::Text(pieces) => {
                self.text.push_str(&pieces.concat());
                let delta = |piece: &String| self.delta(&json!({ "content": piece }), None);
                events.each = pieces.iter().map(delta).collect();
            }
            Block::Thinking(pieces) => {
                let delta = |piece: &String| self.delta(&json!({ "reasoning_content": piece }), None);
                events.each = pieces.iter().map(delta).collect();
            }
            Block::Tool { name, input, pieces } => {
                let (index, call) = (self.calls.len(), id("call"));
                let start = json!({ "name": name, "arguments": "" });
                let start = json!({ "index": index, "id": call, "type": "function", "function": start });
                events.before = vec![self.delta(&json!({ "tool_calls": [start] }), None)];
                let delta = |piece: &String| {
                    let more = json!({ "index": index, "function": { "arguments": piece } });
                    self.delta(&json!({ "tool_calls": [more] }), None)
                };
                events.each = pieces.iter().map(delta).collect();
                let function = json!({ "name": name, "arguments": input.to_string() });
                self.calls.push(json!({ "id": call, "type": "function", "function": function }));
            }
        }
        events
    }

    fn failure(&mut self, kind: &str, message: &str, out: &mut Vec<Beat>) {
        let error = json!({ "error": { "message": message, "type": kind, "code": null } });
        out.push(Beat::Send(sse(None, &error.to_string())));
    }

    fn end(&mut self, stop: Option<&str>, usage: Tokens, out: &mut Vec<Beat>) -> Value {
        let natural = if self.calls.is_empty() { "stop" } else { "tool_calls" };
        let finish = match stop {
            None => natural,
            Some("end_turn") => "stop",
            Some("tool_use") => "tool_calls",
            Some("max_tokens") => "length",
            Some(other) => other,
        };
        out.push(Beat::Send(self.delta(&json!({}), Some(finish))));
        let usage = json!({
            "prompt_tokens": usage.input, "completion_tokens": usage.output,
            "total_tokens": usage.input + usage.output,
        });
        if self.wants_usage {
            out.push(Beat::Send(self.chunk(&json!([]), Some(usage.clone()))));
        }
        out.push(Beat::Send(sse(None, "[DONE]")));
        let mut message = json!({ "role": "assistant", "content": self.text });
        if !self.calls.is_empty() {
            message["tool_calls"] = json!(self.calls);
        }
        json!({
            "id": self.id, "object": "chat.completion", "created": CREATED, "model": self.model, "usage": usage,
            "choices": [{ "index": 0, "message": message, "finish_reason": finish }],
        })
    }
}

/// Nobody looks at the time.
const CREATED: u64 = 1_700_000_000;
