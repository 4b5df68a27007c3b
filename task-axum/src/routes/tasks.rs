use axum::extract::{OriginalUri, State};
use axum::http::header::LOCATION;
use axum::http::{HeaderValue, StatusCode, Uri};
use axum::response::Response;
use task_core::{Cursor, NewTask, TaskId, TaskQuery, TaskStatus};

use crate::answer::json;
use crate::body::JsonBody;
use crate::dto::{CreateTask, RenameTask, RunningCount, TaskList, blocks};
use crate::extract::{IdempotencyKey, Params, TaskPath};
use crate::problem::Problem;
use crate::schema;
use crate::state::Api;

/// A page of tasks, newest first.
#[utoipa::path(get, path = "/tasks", operation_id = "list_tasks", tag = "tasks", params(schema::ListQuery), responses(
    (status = 200, description = "The page.", body = TaskList),
    (status = 400, description = "A parameter is not valid.", body = schema::Problem, content_type = "application/problem+json"),
    schema::Common,
))]
pub(super) async fn list(State(api): State<Api>, params: Params) -> Result<Response, Problem> {
    let query = query(&params)?;
    let page = api.tasks.list(&query).await?;
    let counts = api.tasks.counts().await?;
    json(StatusCode::OK, &TaskList::new(page, counts))
}

/// What a list and its stream are asked for.
pub(super) fn query(params: &Params) -> Result<TaskQuery, Problem> {
    let mut query = TaskQuery::default()
        .with_statuses(params.list::<TaskStatus>("status")?)
        .with_limit(params.limit(TaskQuery::DEFAULT_LIMIT, MAX_TASKS)?);
    if let Some(agent_id) = params.filled("agent_id")? {
        query = query.with_agent(agent_id);
    }
    if let Some(search) = params.filled("q")? {
        query = query.with_search(search);
    }
    if let Some(cursor) = params.filled("cursor")? {
        query = query.with_cursor(Cursor::new(cursor));
    }
    Ok(query)
}

/// Creates a task. It runs as soon as there is a place.
#[utoipa::path(post, path = "/tasks", operation_id = "create_task", tag = "tasks", request_body = CreateTask,
    params(("Idempotency-Key" = Option<String>, Header, description = "Repeats with the same key give the same task.")),
    responses(
        (status = 201, description = "The task.", body = schema::Task,
            headers(("Location" = String, description = "Where the task is."))),
        (status = 200, description = "The task this key created before.", body = schema::Task),
        schema::Change,
    )
)]
pub(super) async fn create(
    State(api): State<Api>,
    OriginalUri(uri): OriginalUri,
    IdempotencyKey(key): IdempotencyKey,
    JsonBody(body): JsonBody<CreateTask>,
) -> Result<Response, Problem> {
    let CreateTask {
        agent_id,
        message,
        content,
        model,
        work_dir,
        enable_skills,
        enable_mcp,
        add_dirs,
        metadata,
    } = body;
    let mut new = NewTask::with_content(agent_id, blocks(message, content));
    new.model = model;
    new.work_dir = api.roots.work_dir(work_dir).await?;
    new.enable_skills = enable_skills;
    new.enable_mcp = enable_mcp;
    if let Some(dirs) = add_dirs {
        if dirs.len() > MAX_DIRS {
            return Err(Problem::invalid(format!(
                "add_dirs: there are {}, and at most {MAX_DIRS} are allowed",
                dirs.len()
            )));
        }
        let mut resolved = Vec::with_capacity(dirs.len());
        for dir in dirs {
            resolved.push(api.roots.resolve("add_dirs", dir).await?);
        }
        new.add_dirs = Some(resolved);
    }
    new.metadata = metadata;
    new.idempotency_key = key;

    let created = api.tasks.create_once(new).await?;
    let status = if created.repeated { StatusCode::OK } else { StatusCode::CREATED };
    let mut response = json(status, &created.task)?;
    if let Some(location) = location(&uri, created.task.id) {
        response.headers_mut().insert(LOCATION, location);
    }
    Ok(response)
}

/// Where a task is, seen from where it was created: under whatever prefix the API is nested.
fn location(created_at: &Uri, task: TaskId) -> Option<HeaderValue> {
    let tasks = created_at.path().trim_end_matches('/');
    HeaderValue::try_from(format!("{tasks}/{task}")).ok()
}

/// How many tasks are alive.
#[utoipa::path(get, path = "/tasks/running/count", operation_id = "count_running_tasks", tag = "tasks", responses(
    (status = 200, description = "The counts.", body = RunningCount),
    schema::Common,
))]
pub(super) async fn running_count(State(api): State<Api>) -> Result<Response, Problem> {
    json(StatusCode::OK, &RunningCount::from(api.tasks.counts().await?))
}

/// A task as it is now.
#[utoipa::path(get, path = "/tasks/{id}", operation_id = "get_task", tag = "tasks", params(schema::TaskParam), responses(
    (status = 200, description = "The task.", body = schema::Task),
    schema::Unknown,
))]
pub(super) async fn get(State(api): State<Api>, TaskPath(id): TaskPath) -> Result<Response, Problem> {
    json(StatusCode::OK, &api.tasks.get(id).await?)
}

/// Gives a task another title.
#[utoipa::path(patch, path = "/tasks/{id}", operation_id = "rename_task", tag = "tasks", params(schema::TaskParam), request_body = RenameTask,
    responses(
        (status = 200, description = "The task.", body = schema::Task),
        schema::Unknown,
        schema::Change,
    )
)]
pub(super) async fn rename(
    State(api): State<Api>,
    TaskPath(id): TaskPath,
    JsonBody(RenameTask { title }): JsonBody<RenameTask>,
) -> Result<Response, Problem> {
    json(StatusCode::OK, &api.tasks.rename(id, &title).await?)
}

/// Forgets a task and its log. One that is not settled is cancelled first, which may take its grace period.
#[utoipa::path(delete, path = "/tasks/{id}", operation_id = "delete_task", tag = "tasks", params(schema::TaskParam), responses(
    (status = 204, description = "It is gone."),
    schema::Unknown,
))]
pub(super) async fn delete(State(api): State<Api>, TaskPath(id): TaskPath) -> Result<StatusCode, Problem> {
    // A client that goes away while the task stops must not leave it cancelled and there. What is spawned ends by
    // itself: within the grace period, or when the manager is shut down.
    let tasks = api.tasks.clone();
    let deleting = tokio::spawn(async move { tasks.delete(id).await });
    deleting.await.map_err(|error| Problem::internal(&error))??;
    Ok(StatusCode::NO_CONTENT)
}

/// Stops a task.
#[utoipa::path(post, path = "/tasks/{id}/cancel", operation_id = "cancel_task", tag = "tasks", params(schema::TaskParam), responses(
    (status = 200, description = "It is cancelled.", body = schema::Task),
    (status = 202, description = "It stops, within its grace period and a second.", body = schema::Task),
    (status = 409, description = "It is settled otherwise.", body = schema::Problem, content_type = "application/problem+json"),
    schema::Unknown,
))]
pub(super) async fn cancel(State(api): State<Api>, TaskPath(id): TaskPath) -> Result<Response, Problem> {
    let task = api.tasks.cancel(id).await?;
    let status = if task.status == TaskStatus::Cancelled { StatusCode::OK } else { StatusCode::ACCEPTED };
    json(status, &task)
}

/// Tasks a page may have.
const MAX_TASKS: usize = 200;

/// Directories a task may name beside its own.
const MAX_DIRS: usize = 64;
