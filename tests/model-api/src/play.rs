//! A reply becomes what is sent: pieces, pauses, and where the connection breaks.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::Value;

use crate::request::tokens;

/// One thing that happens while a reply is streamed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Beat {
    /// The connection breaks.
    Break,
    Pause(Duration),
    Send(String),
}

/// Writes a reply in one wire format: each part adds the events of a stream to `out`, and remembers itself for the
/// reply that is wanted whole.
pub(crate) trait Writer {
    fn begin(&mut self, out: &mut Vec<Beat>);
    /// Opens a block, gives the events of its pieces, and closes it.
    fn block(&mut self, block: &Block<'_>) -> Pieces;
    /// An error in the middle of a stream.
    fn failure(&mut self, kind: &str, message: &str, out: &mut Vec<Beat>);
    /// The end, for this reason or the one that follows from what was said; gives the whole reply.
    fn end(&mut self, stop: Option<&str>, usage: Tokens, out: &mut Vec<Beat>) -> Value;
}

/// What a step says.
#[derive(Debug)]
pub(crate) enum Block<'a> {
    Text(&'a [String]),
    Thinking(&'a [String]),
    Tool { name: &'a str, input: &'a Value, pieces: &'a [String] },
}

/// The events of a block; pauses and breaks go between those in the middle.
#[derive(Debug, Default)]
pub(crate) struct Pieces {
    pub(crate) before: Vec<String>,
    pub(crate) each: Vec<String>,
    pub(crate) after: Vec<String>,
}

/// Token counts that a reply reports.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tokens {
    pub(crate) input: u64,
    pub(crate) output: u64,
}

/// Everything that happens for a reply, and the whole of it, unless it breaks off before its end.
pub(crate) fn play(reply: &Value, writer: &mut dyn Writer, input_tokens: u64) -> (Vec<Beat>, Option<Value>) {
    let mut out = Vec::new();
    let mut output = 0;
    writer.begin(&mut out);
    let steps = match reply["steps"].as_array() {
        Some(steps) => steps.clone(),
        None => vec![serde_json::json!({ "text": reply["text"].as_str().unwrap_or("ok") })],
    };
    for step in &steps {
        if let Some(wait) = step["wait_ms"].as_u64() {
            out.push(Beat::Pause(Duration::from_millis(wait)));
        }
        if step["disconnect"] == true {
            out.push(Beat::Break);
            return (out, None);
        }
        if step["failure"].is_object() {
            let kind = step["failure"]["type"].as_str().unwrap_or("overloaded_error");
            writer.failure(kind, step["failure"]["message"].as_str().unwrap_or("failed"), &mut out);
            return (out, None);
        }
        let size = step["chunk"].as_u64().or(reply["chunk"].as_u64()).unwrap_or(24);
        let (kind, said) = if let Some(text) = step["thinking"].as_str() {
            ("thinking", text.to_owned())
        } else if let Some(text) = step["text"].as_str() {
            ("text", text.to_owned())
        } else if step["tool"].is_object() {
            // A tool may take text as it is.
            let input = &step["tool"]["input"];
            ("tool", input.as_str().map_or_else(|| input.to_string(), str::to_owned))
        } else {
            continue;
        };
        output += tokens(said.len());
        let pieces = cut(&said, usize::try_from(size).unwrap_or(usize::MAX));
        let block = match kind {
            "thinking" => Block::Thinking(&pieces),
            "text" => Block::Text(&pieces),
            _ => {
                let tool = &step["tool"];
                Block::Tool {
                    name: tool["name"].as_str().unwrap_or("tool"),
                    input: &tool["input"],
                    pieces: &pieces,
                }
            }
        };
        let events = writer.block(&block);
        out.extend(events.before.into_iter().map(Beat::Send));
        let delay = step["delay_ms"].as_u64().or(reply["delay_ms"].as_u64()).unwrap_or(0);
        for (sent, event) in (1..).zip(events.each) {
            out.push(Beat::Send(event));
            if delay > 0 {
                out.push(Beat::Pause(Duration::from_millis(delay)));
            }
            if step["drop_after"].as_u64() == Some(sent) {
                out.push(Beat::Break);
                return (out, None);
            }
        }
        out.extend(events.after.into_iter().map(Beat::Send));
    }
    let usage = Tokens {
        input: reply["usage"]["input"].as_u64().unwrap_or(input_tokens),
        output: reply["usage"]["output"].as_u64().unwrap_or(output),
    };
    let whole = writer.end(reply["stop_reason"].as_str(), usage, &mut out);
    (out, Some(whole))
}

/// One server-sent event.
pub(crate) fn sse(event: Option<&str>, data: &str) -> String {
    let name = event.map(|event| format!("event: {event}\n")).unwrap_or_default();
    format!("{name}data: {data}\n\n")
}

/// A name that no other thing has.
pub(crate) fn id(prefix: &str) -> String {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    format!("{prefix}_fake{:08}", NEXT.fetch_add(1, Ordering::Relaxed))
}

fn cut(text: &str, size: usize) -> Vec<String> {
    let characters: Vec<_> = text.chars().collect();
    let pieces: Vec<_> = characters.chunks(size.max(1)).map(|piece| piece.iter().collect()).collect();
    if pieces.is_empty() { vec![String::new()] } else { pieces }
}
