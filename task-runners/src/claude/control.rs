//! What is written to the agent: messages, requests of ours, and answers to requests of its own.

use serde_json::{Value, json};
use task_core::{Content, IncomingMessage};

/// A message of a user. The agent tells what becomes of it under this id.
pub(super) fn message(id: &str, content: &Value) -> Value {
    json!({ "type": "user", "uuid": id, "message": { "role": "user", "content": content } })
}

/// What a message says, as the model gets it.
pub(super) fn content(message: &IncomingMessage) -> Value {
    if let [Content::Text { text }] = &message.content[..] {
        return json!(text);
    }
    Value::Array(message.content.iter().filter_map(block).collect())
}

/// A request of ours.
pub(super) fn request(id: &str, subtype: &str) -> Value {
    json!({ "type": "control_request", "request_id": id, "request": { "subtype": subtype } })
}

/// The answer to a request of the agent.
pub(super) fn answer(request: &str, response: &Value) -> Value {
    let response = json!({ "subtype": "success", "request_id": request, "response": response });
    json!({ "type": "control_response", "response": response })
}

/// No answer: the agent asked for something that is not done here, and would wait for ever.
pub(super) fn unsupported(request: &str) -> Value {
    let response = json!({ "subtype": "error", "request_id": request, "error": "not supported" });
    json!({ "type": "control_response", "response": response })
}

/// Leave to go on, with this input.
pub(super) fn allow(input: &Value) -> Value {
    json!({ "behavior": "allow", "updatedInput": input })
}

/// No leave. The agent tells the model why, and goes on.
pub(super) fn deny(why: &str) -> Value {
    json!({ "behavior": "deny", "message": why })
}

fn block(content: &Content) -> Option<Value> {
    match content {
        Content::Image { media_type, data } => {
            let source = json!({ "type": "base64", "media_type": media_type, "data": data });
            Some(json!({ "type": "image", "source": source }))
        }
        Content::Resource { uri, text: Some(text), .. } => {
            Some(json!({ "type": "text", "text": format!("{uri}:\n\n{text}") }))
        }
        Content::Resource { uri, .. } => Some(json!({ "type": "text", "text": uri })),
        Content::Text { text } => Some(json!({ "type": "text", "text": text })),
        // Nobody knows what it says.
        _ => None,
    }
}
