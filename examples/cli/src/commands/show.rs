use task_core::{Task, TaskStatus};

use crate::args::{General, Show};
use crate::exit::{Code, Failure};
use crate::look::Look;
use crate::screen::{Piece, Screen};
use crate::session::Session;
use crate::{escape, ids, time};

/// Shows a task.
pub(super) async fn run(general: &General, args: Show, screen: &mut Screen) -> Result<Code, Failure> {
    let session = Session::observe(general).await?;
    let outcome = match ids::load(&session.tasks, &args.id).await {
        Ok(task) if args.json => screen.json(&document(&task)).map_err(Failure::from),
        Ok(task) => screen.write(&described(&task, screen.out_is_terminal())).map_err(Failure::from),
        Err(failure) => Err(failure),
    };
    super::close(session, outcome.map(|()| Code::Ok)).await
}

/// The task as one JSON document, the `Task` of the HTTP interface.
pub(super) fn document(task: &Task) -> String {
    // A task has a JSON form: every key is text, and every number finite.
    serde_json::to_string(task).unwrap_or_default()
}

/// How a state looks.
pub(super) const fn look(status: TaskStatus) -> Look {
    match status {
        TaskStatus::AwaitingInput => Look::Accent,
        TaskStatus::Cancelled | TaskStatus::Interrupted => Look::Warn,
        TaskStatus::Completed => Look::Good,
        TaskStatus::Failed => Look::Bad,
        TaskStatus::Pending => Look::Faint,
        TaskStatus::Running => Look::Strong,
    }
}

fn described(task: &Task, is_terminal: bool) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut field = |name: &str, look: Look, value: Option<String>| {
        if let Some(value) = value {
            pieces.push(Piece::new(Look::Faint, format!("{name:<9}")));
            pieces.push(Piece::new(look, escape::line(&value, is_terminal)));
            pieces.push(Piece::plain("\n"));
        }
    };
    field("id", Look::Plain, Some(task.id.to_string()));
    field("title", Look::Strong, Some(task.title.clone()));
    let stopping = if task.is_stopping() { ", asked to stop" } else { "" };
    field("status", look(task.status), Some(format!("{}{stopping}", task.status)));
    field("error", Look::Bad, task.error.clone());
    field("agent", Look::Plain, Some(task.agent_id.clone()));
    field("model", Look::Plain, task.model.clone());
    field("dir", Look::Plain, task.work_dir.clone());
    field("created", Look::Plain, Some(time::stamp(task.created_at)));
    field("started", Look::Plain, task.started_at.map(time::stamp));
    field("ended", Look::Plain, task.completed_at.map(time::stamp));
    field("runs", Look::Plain, Some(task.run.to_string()));
    field("events", Look::Plain, Some(task.seq.to_string()));
    field(
        "queued",
        Look::Plain,
        (task.queued_messages > 0).then(|| format!("{} messages", task.queued_messages)),
    );
    let usage = task.usage.map(|usage| {
        let cost = usage.cost_usd.map_or(String::new(), |cost| format!(", ${cost:.4}"));
        format!("{} tokens in, {} out{cost}", usage.input_tokens, usage.output_tokens)
    });
    field("usage", Look::Plain, usage);
    for request in &task.requests {
        field("asks", Look::Accent, Some(request.prompt.clone()));
        for option in &request.options {
            field("", Look::Accent, Some(format!("{}: {}", option.id, option.label)));
        }
        field("", Look::Faint, Some(format!("tasks answer {} {} ANSWER", task.id, request.request_id)));
    }
    pieces
}
