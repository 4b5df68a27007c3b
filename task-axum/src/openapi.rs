//! The description of the API, from the handlers and types themselves.

use serde_json::Value;
use utoipa::openapi::path::Paths;
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{ComponentsBuilder, InfoBuilder, OpenApi, OpenApiBuilder, OpenApiVersion, Server};

/// Which specification a description follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    V3_1,
    /// Describes the items of streams too.
    V3_2,
}

/// What there is to say before any route.
pub(crate) fn head() -> OpenApi {
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("The token of the server."))
        .build();
    let cookie = ApiKey::Cookie(ApiKeyValue::with_description(
        "tasks_session_PORT",
        "The cookie that `POST /session` gives. Every change needs the header `Origin` then.",
    ));
    let components = ComponentsBuilder::new()
        .security_scheme("bearer", SecurityScheme::Http(bearer))
        .security_scheme("session", SecurityScheme::ApiKey(cookie));
    OpenApiBuilder::new()
        .info(
            InfoBuilder::new()
                .title("Agent tasks")
                .version(env!("CARGO_PKG_VERSION"))
                .description(Some(ABOUT))
                .build(),
        )
        .paths(Paths::new())
        .components(Some(components.build()))
        .security(Some([
            SecurityRequirement::new("bearer", Vec::<String>::new()),
            SecurityRequirement::new("session", Vec::<String>::new()),
        ]))
        .build()
}

/// The description as a document, for an API at `prefix`.
pub(crate) fn document(mut api: OpenApi, version: Version, prefix: &str) -> Result<Value, serde_json::Error> {
    let url = if prefix.is_empty() { "/" } else { prefix };
    api.servers = Some(vec![Server::new(url)]);
    api.openapi = match version {
        Version::V3_1 => OpenApiVersion::Version31,
        Version::V3_2 => OpenApiVersion::Version32,
    };
    let mut document = serde_json::to_value(api)?;
    if version == Version::V3_1 {
        remove(&mut document["paths"], "itemSchema");
    }
    Ok(document)
}

fn remove(value: &mut Value, name: &str) {
    match value {
        Value::Object(members) => {
            members.remove(name);
            members.values_mut().for_each(|member| remove(member, name));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| remove(item, name)),
        Value::Bool(_) | Value::Null | Value::Number(_) | Value::String(_) => {}
    }
}

const ABOUT: &str = "Tasks of agents that outlive the page that started them: one durable log per task, viewers at any \
cursor, messages, questions, cancel, resume. Errors are `application/problem+json` with a stable `code`.";
