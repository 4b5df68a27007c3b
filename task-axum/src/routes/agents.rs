use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use crate::answer::json;
use crate::problem::Problem;
use crate::schema;
use crate::state::Api;

/// The agents that tasks can name.
#[utoipa::path(get, path = "/agents", operation_id = "list_agents", tag = "agents", responses(
    (status = 200, description = "The agents, by id.", body = Vec<schema::Agent>),
    schema::Common,
))]
pub(super) async fn list(State(api): State<Api>) -> Result<Response, Problem> {
    json(StatusCode::OK, &api.tasks.agents())
}
