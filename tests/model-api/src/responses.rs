//! OpenAI Responses.

use serde_json::{Value, json};

use crate::play::{Beat, Block, Pieces, Tokens, Writer, id, sse};
use crate::request::{Request, Turn, texts};

pub(crate) fn turns(body: &Value) -> Vec<Turn> {
    if body["input"].is_string() {
        return vec![Turn { role: "user".to_owned(), texts: texts(&body["input"]), results: Vec::new() }];
    }
    let items = body["input"].as_array().into_iter().flatten();
    let turn = |item: &Value| match item["type"].as_str().unwrap_or("message") {
        "message" => Some(Turn {
            role: item["role"].as_str().unwrap_or_default().to_owned(),
            texts: texts(&item["content"]),
            results: Vec::new(),
        }),
        kind if kind.ends_with("_output") => Some(Turn {
            role: "user".to_owned(),
            texts: Vec::new(),
            results: vec![texts(&item["output"]).join("\n")],
        }),
        kind if kind.ends_with("_call") => Some(Turn { role: "assistant".to_owned(), ..Turn::default() }),
        // Reasoning, and what is no part of what was said.
        _ => None,
    };
    items.filter_map(turn).collect()
}

pub(crate) struct ResponsesWriter {
    id: String,
    model: String,
    /// The number of the next event.
    sequence: u64,
    output: Vec<Value>,
}

impl ResponsesWriter {
    pub(crate) fn new(request: &Request) -> Self {
        Self { id: id("resp"), model: request.model.clone(), sequence: 0, output: Vec::new() }
    }

    fn response(&self, status: &str) -> Value {
        json!({
            "id": self.id, "object": "response", "created_at": CREATED, "status": status, "model": self.model,
            "output": self.output, "usage": null, "error": null, "incomplete_details": null,
        })
    }

    fn event(&mut self, kind: &str, mut data: Value) -> String {
        (data["type"], data["sequence_number"]) = (json!(kind), json!(self.sequence));
        self.sequence += 1;
        sse(Some(kind), &data.to_string())
    }

    /// An item of the output, from its start to the whole of it: each event between them is about it.
    fn item(&mut self, start: &Value, whole: Value, parts: Parts) -> Pieces {
        let (index, item) = (self.output.len(), start["id"].clone());
        let mut events = |parts: Vec<(&str, Value)>| -> Vec<String> {
            let event = |(kind, mut data): (&str, Value)| {
                (data["item_id"], data["output_index"]) = (item.clone(), json!(index));
                self.event(kind, data)
            };
            parts.into_iter().map(event).collect()
        };
        let mut before = events(vec![("response.output_item.added", json!({ "item": start }))]);
        before.extend(events(parts.before));
        let each = events(parts.each);
        let mut after = events(parts.after);
        after.extend(events(vec![("response.output_item.done", json!({ "item": whole }))]));
        self.output.push(whole);
        Pieces { before, each, after }
    }
}

/// Events about an item, by their kind.
struct Parts {
    before: Vec<(&'static str, Value)>,
    each: Vec<(&'static str, Value)>,
    after: Vec<(&'static str, Value)>,
}

impl Writer for ResponsesWriter {
    fn begin(&mut self, out: &mut Vec<Beat>) {
        let response = self.response("in_progress");
        out.push(Beat::Send(self.event("response.created", json!({ "response": response }))));
    }

    fn block(&mut self, block: &Block<'_>) -> Pieces {
        match block {
            Block::Text(pieces) => {
                let (id, text) = (id("msg"), pieces.concat());
                let message = |status: &str, content: Value| json!({ "type": "message", "id": id, "role": "assistant", "status": status, "content": content });
                let part = |text: &str| json!({ "type": "output_text", "text": text, "annotations": [] });
                let delta = |piece: &String| {
                    ("response.output_text.delta", json!({ "content_index": 0, "delta": piece }))
                };
                let parts = Parts {
                    before: vec![(
                        "response.content_part.added",
                        json!({ "content_index": 0, "part": part("") }),
                    )],
                    each: pieces.iter().map(delta).collect(),
                    after: vec![
                        ("response.output_text.done", json!({ "content_index": 0, "text": text })),
                        ("response.content_part.done", json!({ "content_index": 0, "part": part(&text) })),
                    ],
                };
                let whole = message("completed", json!([part(&text)]));
                self.item(&message("in_progress", json!([])), whole, parts)
            }
            Block::Thinking(pieces) => {
                let (id, text) = (id("rs"), pieces.concat());
                let part = |text: &str| json!({ "type": "summary_text", "text": text });
                let delta = |piece: &String| {
                    let data = json!({ "summary_index": 0, "delta": piece });
                    ("response.reasoning_summary_text.delta", data)
                };
                let parts = Parts {
                    before: vec![(
                        "response.reasoning_summary_part.added",
                        json!({ "summary_index": 0, "part": part("") }),
                    )],
                    each: pieces.iter().map(delta).collect(),
                    after: vec![
                        ("response.reasoning_summary_text.done", json!({ "summary_index": 0, "text": text })),
                        (
                            "response.reasoning_summary_part.done",
                            json!({ "summary_index": 0, "part": part(&text) }),
                        ),
                    ],
                };
                let start = json!({ "type": "reasoning", "id": id, "summary": [] });
                let whole = json!({ "type": "reasoning", "id": id, "summary": [part(&text)] });
                self.item(&start, whole, parts)
            }
            Block::Tool { name, input, pieces } => {
                // A tool that takes text as it is, or one that takes JSON.
                let (kind, field, event) = if input.is_string() {
                    ("custom_tool_call", "input", CUSTOM)
                } else {
                    ("function_call", "arguments", FUNCTION)
                };
                let (id, call, whole) = (id("fc"), id("call"), pieces.concat());
                let item = |status: &str, said: &str| {
                    json!({
                        "type": kind, "id": id, "call_id": call, "name": name, "status": status, field: said,
                    })
                };
                let parts = Parts {
                    before: Vec::new(),
                    each: pieces.iter().map(|piece| (event.delta, json!({ "delta": piece }))).collect(),
                    after: vec![(event.done, json!({ field: whole }))],
                };
                self.item(&item("in_progress", ""), item("completed", &whole), parts)
            }
        }
    }

    fn failure(&mut self, kind: &str, message: &str, out: &mut Vec<Beat>) {
        let mut response = self.response("failed");
        response["error"] = json!({ "code": kind, "message": message });
        out.push(Beat::Send(self.event("response.failed", json!({ "response": response }))));
    }

    fn end(&mut self, stop: Option<&str>, usage: Tokens, out: &mut Vec<Beat>) -> Value {
        let (status, reason) = match stop {
            None | Some("end_turn" | "tool_use") => ("completed", None),
            Some("max_tokens") => ("incomplete", Some("max_output_tokens")),
            Some(other) => ("incomplete", Some(other)),
        };
        let mut response = self.response(status);
        if let Some(reason) = reason {
            response["incomplete_details"] = json!({ "reason": reason });
        }
        response["usage"] = json!({
            "input_tokens": usage.input, "input_tokens_details": { "cached_tokens": 0 },
            "output_tokens": usage.output, "output_tokens_details": { "reasoning_tokens": 0 },
            "total_tokens": usage.input + usage.output,
        });
        let kind = format!("response.{status}");
        out.push(Beat::Send(self.event(&kind, json!({ "response": response }))));
        response
    }
}

/// The events of a call.
struct Call {
    delta: &'static str,
    done: &'static str,
}

const CUSTOM: Call =
    Call { delta: "response.custom_tool_call_input.delta", done: "response.custom_tool_call_input.done" };

const FUNCTION: Call =
    Call { delta: "response.function_call_arguments.delta", done: "response.function_call_arguments.done" };

/// Nobody looks at the time.
const CREATED: u64 = 1_700_000_000;
