//! What is accepted: every check of what comes from outside, in one place.

use crate::error::TaskError;
use crate::limits::Limits;
use crate::model::{Content, Message, NewTask, title};

pub(super) fn new_task(new: &NewTask, limits: &Limits) -> Result<String, TaskError> {
    content(&new.content, limits)?;
    if let Some(key) = &new.idempotency_key {
        idempotency_key(key, limits)?;
    }
    if let Some(model) = &new.model {
        word("model", model)?;
    }
    if let Some(dir) = &new.work_dir {
        path("work_dir", dir)?;
    }
    for dir in new.add_dirs.iter().flatten() {
        path("add_dirs", dir)?;
    }
    if let Some(metadata) = &new.metadata {
        let bytes = serde_json::to_string(metadata).map_or(usize::MAX, |json| json.len());
        TaskError::check("the size of the metadata in bytes", bytes, limits.metadata_bytes)?;
    }
    match &new.title {
        Some(given) => title(given, limits),
        None => Ok(title::from_message(&new.content)),
    }
}

pub(super) fn message(message: &Message, limits: &Limits) -> Result<(), TaskError> {
    content(&message.content, limits)?;
    message.idempotency_key.as_deref().map_or(Ok(()), |key| idempotency_key(key, limits))
}

/// A title somebody chose, without space around it.
pub(super) fn title(text: &str, limits: &Limits) -> Result<String, TaskError> {
    let text = text.trim();
    if text.is_empty() {
        return Err(TaskError::invalid("title", "it is empty"));
    }
    if text.chars().any(char::is_control) {
        return Err(TaskError::invalid("title", "it has control characters"));
    }
    TaskError::check("the length of the title in characters", text.chars().count(), limits.title_chars)?;
    Ok(text.to_owned())
}

fn content(content: &[Content], limits: &Limits) -> Result<(), TaskError> {
    let blank = |block: &Content| match block {
        Content::Text { text } => text.trim().is_empty(),
        Content::Image { data, .. } => data.is_empty(),
        Content::Resource { uri, .. } => uri.is_empty(),
        Content::Unknown => true,
    };
    if content.iter().all(blank) {
        return Err(TaskError::invalid("message", "it is empty"));
    }
    if content.contains(&Content::Unknown) {
        return Err(TaskError::invalid("content", "a block has a type other than text, image and resource"));
    }
    let bytes = content.iter().map(Content::len).sum();
    TaskError::check("the size of the message in bytes", bytes, limits.message_bytes)
}

fn idempotency_key(key: &str, limits: &Limits) -> Result<(), TaskError> {
    if key.is_empty() || key.chars().any(char::is_control) {
        return Err(TaskError::invalid("idempotency key", "it is empty or has control characters"));
    }
    TaskError::check("the length of the idempotency key in bytes", key.len(), limits.key_bytes)
}

/// Something that may end up as an argument of a program.
fn word(what: &'static str, text: &str) -> Result<(), TaskError> {
    TaskError::check("the length of the model's name in bytes", text.len(), WORD_BYTES)?;
    if text.is_empty() || text.starts_with('-') || !text.chars().all(|c| c.is_ascii_graphic()) {
        return Err(TaskError::invalid(what, format!("`{}` is not a name", text.escape_debug())));
    }
    Ok(())
}

fn path(what: &'static str, text: &str) -> Result<(), TaskError> {
    TaskError::check("the length of a path in bytes", text.len(), PATH_BYTES)?;
    if text.is_empty() || text.contains('\0') {
        return Err(TaskError::invalid(what, format!("`{}` is not a path", text.escape_debug())));
    }
    Ok(())
}

const WORD_BYTES: usize = 128;
const PATH_BYTES: usize = 4096;
