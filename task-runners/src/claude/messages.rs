//! What the agent says, piece by piece and then once more as a whole: pieces are shown as they come, and of the whole
//! only what was not shown yet.

use serde_json::Value;

use super::event::{Event, outputs, raw};
use super::state::State;
use super::stream::{Block, Kind, Stream};
use crate::text::text;

impl State {
    pub(super) fn stream_event(&mut self, line: &Value, events: &mut Vec<Event>) {
        let (parent, event) = (text(line, "parent_tool_use_id"), &line["event"]);
        match text(event, "type") {
            "message_start" => {
                if self.streams.len() > STREAMS {
                    self.streams.clear();
                }
                self.streams.insert(parent.to_owned(), Stream::new(text(&event["message"], "id")));
            }
            "content_block_start" => self.block_start(parent, event, events),
            "content_block_delta" => self.block_delta(parent, event, events),
            "content_block_stop" | "error" | "message_delta" | "message_stop" | "ping" => {}
            _ => events.push(raw(line)),
        }
    }

    fn block_start(&mut self, parent: &str, event: &Value, events: &mut Vec<Event>) {
        let (Some(stream), Some(index)) = (self.streams.get_mut(parent), event["index"].as_u64()) else {
            return;
        };
        let block = &event["content_block"];
        let (kind, begun) = match text(block, "type") {
            "text" => (Kind::Text, text(block, "text")),
            "thinking" => (Kind::Thinking, text(block, "thinking")),
            "tool_use" => {
                let call_id = text(block, "id");
                self.tools.begun(call_id, text(block, "name"));
                (Kind::Tool(call_id.to_owned()), "")
            }
            _ => return,
        };
        stream.blocks.insert(index, Block { kind, shown: String::new(), is_whole: false });
        let shown = stream.show(index, begun);
        // What a helper says is said to the agent; the agent tells what came of it.
        outputs(events, shown.filter(|_| parent.is_empty()));
    }

    fn block_delta(&mut self, parent: &str, event: &Value, events: &mut Vec<Event>) {
        let (Some(stream), Some(index)) = (self.streams.get_mut(parent), event["index"].as_u64()) else {
            return;
        };
        let delta = &event["delta"];
        let Some(block) = stream.blocks.get(&index) else { return };
        match (&block.kind, text(delta, "type")) {
            (Kind::Text, "text_delta") => {
                outputs(events, stream.show(index, text(delta, "text")).filter(|_| parent.is_empty()));
            }
            (Kind::Thinking, "thinking_delta") => {
                outputs(events, stream.show(index, text(delta, "thinking")).filter(|_| parent.is_empty()));
            }
            (Kind::Tool(call_id), "input_json_delta") => {
                outputs(events, self.tools.input(call_id, text(delta, "partial_json")));
            }
            // Signatures, citations.
            _ => {}
        }
    }

    pub(super) fn assistant(&mut self, line: &Value, events: &mut Vec<Event>) {
        let (parent, message) = (text(line, "parent_tool_use_id"), &line["message"]);
        let id = text(message, "id");
        if self.streams.get(parent).is_none_or(|stream| stream.message != id) {
            self.streams.insert(parent.to_owned(), Stream::new(id));
        }
        for block in message["content"].as_array().into_iter().flatten() {
            let (kind, whole) = match text(block, "type") {
                // The result of the turn says the same.
                "text" if line["is_api_error_message"] == true => continue,
                "text" => (Kind::Text, text(block, "text")),
                "thinking" => (Kind::Thinking, text(block, "thinking")),
                "tool_use" => {
                    let (call_id, name, input) = (text(block, "id"), text(block, "name"), &block["input"]);
                    outputs(events, self.tools.called(call_id, name, input));
                    outputs(events, self.plan.called(name, input));
                    continue;
                }
                "redacted_thinking" => continue,
                _ => {
                    events.push(raw(block));
                    continue;
                }
            };
            let shown = self.streams.get_mut(parent).and_then(|stream| stream.complete(&kind, whole));
            outputs(events, shown.filter(|_| parent.is_empty()));
        }
    }

    pub(super) fn user(&mut self, line: &Value, events: &mut Vec<Event>) {
        for block in line["message"]["content"].as_array().into_iter().flatten() {
            if text(block, "type") != "tool_result" {
                // What the agent says in the name of the user: notes, and that it was interrupted.
                continue;
            }
            let call_id = text(block, "tool_use_id");
            let is_first = self.tools.is_open(call_id);
            outputs(events, self.tools.ended(call_id, block, &line["tool_use_result"]));
            if is_first
                && block["is_error"] != true
                && let Some((name, input)) = self.tools.call(call_id)
            {
                outputs(events, self.plan.ended(name, input, &line["tool_use_result"]));
            }
        }
    }
}

/// Helpers that talk at once, more or less.
const STREAMS: usize = 64;
