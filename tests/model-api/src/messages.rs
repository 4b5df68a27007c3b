//! Anthropic Messages.

use serde_json::{Value, json};

use crate::play::{Beat, Block, Pieces, Tokens, Writer, id, sse};
use crate::request::{Request, Turn, texts};

pub(crate) fn turns(body: &Value) -> Vec<Turn> {
    let messages = body["messages"].as_array().into_iter().flatten();
    let turn = |message: &Value| {
        let blocks = message["content"].as_array().into_iter().flatten();
        let results = blocks.filter(|block| block["type"] == "tool_result");
        Turn {
            role: message["role"].as_str().unwrap_or_default().to_owned(),
            texts: texts(&message["content"]),
            results: results.map(|block| texts(&block["content"]).join("\n")).collect(),
        }
    };
    messages.map(turn).collect()
}

pub(crate) struct MessagesWriter {
    id: String,
    model: String,
    input_tokens: u64,
    content: Vec<Value>,
    calls_a_tool: bool,
}

impl MessagesWriter {
    pub(crate) fn new(request: &Request) -> Self {
        let (model, input_tokens) = (request.model.clone(), request.input_tokens);
        Self { id: id("msg"), model, input_tokens, content: Vec::new(), calls_a_tool: false }
    }

    fn message(&self, content: &[Value], stop: Option<&str>, usage: Tokens) -> Value {
        json!({
            "id": self.id, "type": "message", "role": "assistant", "model": self.model, "content": content,
            "stop_reason": stop, "stop_sequence": null, "usage": counts(usage),
        })
    }
}

impl Writer for MessagesWriter {
    fn begin(&mut self, out: &mut Vec<Beat>) {
        let message = self.message(&[], None, Tokens { input: self.input_tokens, output: 1 });
        out.push(Beat::Send(event(json!({ "type": "message_start", "message": message }))));
        out.push(Beat::Send(event(json!({ "type": "ping" }))));
    }

    fn block(&mut self, block: &Block<'_>) -> Pieces {
        let index = self.content.len();
        let (start, mut deltas, whole) = match block {
            Block::Text(pieces) => (
                json!({ "type": "text", "text": "" }),
                deltas("text_delta", "text", pieces),
                json!({ "type": "text", "text": pieces.concat() }),
            ),
            Block::Thinking(pieces) => (
                json!({ "type": "thinking", "thinking": "", "signature": "" }),
                deltas("thinking_delta", "thinking", pieces),
                json!({ "type": "thinking", "thinking": pieces.concat(), "signature": SIGNATURE }),
            ),
            Block::Tool { name, input, pieces } => {
                self.calls_a_tool = true;
                let call = id("toolu");
                (
                    json!({ "type": "tool_use", "id": call, "name": name, "input": {} }),
                    deltas("input_json_delta", "partial_json", pieces),
                    json!({ "type": "tool_use", "id": call, "name": name, "input": input }),
                )
            }
        };
        if matches!(block, Block::Thinking(_)) {
            deltas.push(json!({ "type": "signature_delta", "signature": SIGNATURE }));
        }
        self.content.push(whole);
        let delta = |delta| event(json!({ "type": "content_block_delta", "index": index, "delta": delta }));
        Pieces {
            before: vec![event(
                json!({ "type": "content_block_start", "index": index, "content_block": start }),
            )],
            each: deltas.into_iter().map(delta).collect(),
            after: vec![event(json!({ "type": "content_block_stop", "index": index }))],
        }
    }

    fn failure(&mut self, kind: &str, message: &str, out: &mut Vec<Beat>) {
        let error = json!({ "type": kind, "message": message });
        out.push(Beat::Send(event(json!({ "type": "error", "error": error }))));
    }

    fn end(&mut self, stop: Option<&str>, usage: Tokens, out: &mut Vec<Beat>) -> Value {
        let stop = stop.unwrap_or(if self.calls_a_tool { "tool_use" } else { "end_turn" });
        let delta = json!({ "stop_reason": stop, "stop_sequence": null });
        out.push(Beat::Send(event(
            json!({ "type": "message_delta", "delta": delta, "usage": counts(usage) }),
        )));
        out.push(Beat::Send(event(json!({ "type": "message_stop" }))));
        self.message(&self.content, Some(stop), usage)
    }
}

fn deltas(kind: &str, field: &str, pieces: &[String]) -> Vec<Value> {
    pieces.iter().map(|piece| json!({ "type": kind, field: piece })).collect()
}

fn counts(usage: Tokens) -> Value {
    json!({
        "input_tokens": usage.input, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0,
        "output_tokens": usage.output,
    })
}

#[expect(clippy::needless_pass_by_value, reason = "every caller makes the value for it")]
fn event(data: Value) -> String {
    sse(data["type"].as_str(), &data.to_string())
}

const SIGNATURE: &str = "ZmFrZQ==";
