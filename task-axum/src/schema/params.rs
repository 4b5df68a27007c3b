use utoipa::IntoParams;

use super::task::TaskStatus;

#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct TaskParam {
    /// The task.
    #[param(format = "uuid")]
    id: String,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListQuery {
    /// Tasks in one of these states; may repeat, or be separated by commas.
    #[param(required = false, explode = false, style = Form)]
    status: Vec<TaskStatus>,
    /// Tasks of this agent.
    agent_id: Option<String>,
    /// Tasks whose title contains this, in any language, whatever the case.
    q: Option<String>,
    /// At most so many.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct TranscriptQuery {
    /// Messages that begin before this event, exclusive.
    before: Option<u64>,
    /// Messages that changed after this event, exclusive. One that began before comes whole, if that was not more than
    /// 8,192 events before.
    after: Option<u64>,
    /// At most so many.
    #[param(minimum = 1, maximum = 1000, default = 50)]
    limit: Option<u32>,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct EventQuery {
    /// The last event already seen.
    after: Option<u64>,
    /// At most so many.
    #[param(minimum = 1, maximum = 1000, default = 256)]
    limit: Option<u32>,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct StreamQuery {
    /// The last event already seen; the header `Last-Event-ID` goes before it.
    after: Option<u64>,
    /// Whether the stream stays when the task settles, and goes on with its next run.
    follow: Option<bool>,
}
