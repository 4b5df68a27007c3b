//! What people type as an answer, and what the agent gets.

use serde_json::Value;
use task_core::{InputRequest, Task};

use crate::exit::Failure;

/// The open question of that name, or the only one whose name begins so.
pub(crate) fn find<'a>(task: &'a Task, typed: &str) -> Option<&'a InputRequest> {
    task.request(typed).or_else(|| {
        let mut found = task.requests.iter().filter(|request| request.request_id.starts_with(typed));
        found.next().filter(|_| !typed.is_empty() && found.next().is_none())
    })
}

/// The answer that was meant: of an option that reads so its id, else the text.
pub(crate) fn meant(request: &InputRequest, text: &str) -> Value {
    let options = &request.options;
    let chosen = options
        .iter()
        .find(|option| option.id == text)
        .or_else(|| options.iter().find(|option| option.label.to_lowercase() == text.trim().to_lowercase()));
    chosen.map_or(text, |option| &option.id).into()
}

/// That there is no such question, and which there are.
pub(crate) fn unknown(task: &Task, typed: &str) -> Failure {
    let open: Vec<_> = task.requests.iter().map(|request| format!("`{}`", request.request_id)).collect();
    let open =
        if open.is_empty() { "none is open".to_owned() } else { format!("open are {}", open.join(", ")) };
    Failure::not_found(format!("the task has no open question `{typed}`; {open}"))
}
