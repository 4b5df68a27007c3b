//! Agent tasks over HTTP: REST, server-sent events and OpenAPI as an Axum router.
