use std::collections::HashMap;

use serde_json::{Value, json};
use task_core::{Chunk, Content, Event, Lifecycle, MessageId, Output, Payload, RunContext, RunError, Seq};

/// What was said in a task so far: a fold of its log, as a model wants it.
///
/// A message counts from when it was delivered, not from when it was accepted, so that one that came in the middle of
/// an answer stands behind that answer. Who speaks twice in a row, because nothing came of the answer in between, said
/// one thing: many models insist on taking turns.
#[derive(Debug, Default)]
pub(super) struct Conversation {
    said: Vec<Said>,
    /// Messages that were accepted, and perhaps delivered later.
    waiting: HashMap<MessageId, Vec<Content>>,
}

#[derive(Debug, PartialEq)]
enum Said {
    Model(String),
    User(Vec<Content>),
}

impl Conversation {
    /// What was said before this run.
    pub(super) async fn before(cx: &RunContext) -> Result<Self, RunError> {
        let (mut conversation, mut read, end) = (Self::default(), Seq::ZERO, cx.task().seq);
        let mut history = cx.history();
        while read < end
            && let Some(chunk) = history.next_chunk().await.transpose()?
        {
            let Chunk::Events(events) = chunk else { continue };
            for event in events.as_slice() {
                read = event.seq();
                if read <= end {
                    conversation.take(event);
                }
            }
        }
        conversation.waiting = HashMap::new();
        Ok(conversation)
    }

    /// The user says something.
    pub(super) fn hear(&mut self, content: Vec<Content>) {
        match self.said.last_mut() {
            Some(Said::User(before)) => before.extend(content),
            _ => self.said.push(Said::User(content)),
        }
    }

    /// The model goes on.
    pub(super) fn say(&mut self, text: &str) {
        match self.said.last_mut() {
            Some(Said::Model(before)) => before.push_str(text),
            _ => self.said.push(Said::Model(text.to_owned())),
        }
    }

    /// The `messages` of a request.
    pub(super) fn messages(&self, system: Option<&str>) -> Value {
        let system = system.map(|prompt| json!({"role": "system", "content": prompt}));
        let said = self.said.iter().map(|said| match said {
            Said::Model(text) => json!({"role": "assistant", "content": text}),
            Said::User(content) => json!({"role": "user", "content": user_content(content)}),
        });
        system.into_iter().chain(said).collect()
    }

    fn take(&mut self, event: &Event) {
        // Most events are none of these, and need not be parsed.
        if !matches!(event.kind(), "message" | "message_delivered" | "text") {
            return;
        }
        match event.payload() {
            Payload::Lifecycle(Lifecycle::Message(message)) => {
                self.waiting.insert(message.message_id, message.content);
            }
            Payload::Lifecycle(Lifecycle::MessageDelivered(delivered)) => {
                if let Some(content) = self.waiting.remove(&delivered.message_id) {
                    self.hear(content);
                }
            }
            Payload::Output(Output::Text(delta)) => self.say(&delta.text),
            _ => {}
        }
    }
}

/// Plain text where that is all there is, because many servers take nothing else; a list of parts otherwise.
fn user_content(content: &[Content]) -> Value {
    if !content.iter().any(|part| matches!(part, Content::Image { .. })) {
        return content.iter().filter_map(text).collect::<Vec<_>>().join("\n\n").into();
    }
    let parts = content.iter().filter_map(|part| match part {
        Content::Image { media_type, data } => {
            let url = format!("data:{media_type};base64,{data}");
            Some(json!({"type": "image_url", "image_url": {"url": url}}))
        }
        other => text(other).map(|text| json!({"type": "text", "text": text})),
    });
    parts.collect()
}

fn text(part: &Content) -> Option<String> {
    match part {
        Content::Resource { uri, text: Some(text), .. } => Some(format!("{uri}:\n{text}")),
        Content::Resource { uri, .. } => Some(uri.clone()),
        Content::Text { text } => Some(text.clone()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_speaks_twice_said_one_thing() {
        let mut conversation = Conversation::default();
        conversation.hear(vec![Content::text("one")]);
        conversation.hear(vec![Content::text("two")]);
        conversation.say("thr");
        conversation.say("ee");
        conversation.hear(vec![Content::text("four")]);
        let expected = json!([
            {"role": "system", "content": "be brief"},
            {"role": "user", "content": "one\n\ntwo"},
            {"role": "assistant", "content": "three"},
            {"role": "user", "content": "four"},
        ]);
        assert_eq!(conversation.messages(Some("be brief")), expected);
        assert_eq!(conversation.messages(None).as_array().map(Vec::len), Some(3));
    }

    #[test]
    fn pictures_are_sent_as_parts() {
        let mut conversation = Conversation::default();
        let picture = Content::Image { media_type: "image/png".to_owned(), data: "AAAA".to_owned() };
        conversation.hear(vec![Content::text("what is this?"), picture, Content::Unknown]);
        let expected = json!([
            {"type": "text", "text": "what is this?"},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
        ]);
        assert_eq!(conversation.messages(None)[0]["content"], expected);
    }
}
