use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use task_core::TaskManager;
use utoipa::openapi::OpenApi;

use crate::dirs::Roots;
use crate::guard::{Guard, Sessions};
use crate::metrics::Metrics;
use crate::streams::Streams;

/// What handlers work with.
#[derive(Clone)]
pub(crate) struct Api(Arc<Parts>);

impl Api {
    pub(crate) fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }
}

pub(crate) struct Parts {
    pub(crate) tasks: TaskManager,
    pub(crate) guard: Guard,
    pub(crate) roots: Roots,
    pub(crate) body_limit: usize,
    pub(crate) streams: Streams,
    pub(crate) sessions: Sessions,
    pub(crate) metrics: Metrics,
    pub(crate) description: OpenApi,
}

impl Deref for Api {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl fmt::Debug for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Api").field("tasks", &self.tasks).finish_non_exhaustive()
    }
}
