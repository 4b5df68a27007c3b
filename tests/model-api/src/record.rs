use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Map, Value, json};

/// A request that was received.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Seen {
    /// `GET`, `POST` …
    pub method: String,
    /// The path, without its query.
    pub path: String,
    /// Its headers by their lower-case names. Keys are `<set>`.
    pub headers: Map<String, Value>,
    /// Its body; `null` where it had none, or none that is JSON.
    pub body: Value,
    /// Whether its reader went away before the end of the reply.
    pub hung_up: bool,
}

impl Seen {
    pub(crate) fn to_json(&self) -> Value {
        let Self { method, path, headers, body, hung_up } = self;
        json!({ "method": method, "path": path, "headers": headers, "body": body, "hung_up": hung_up })
    }
}

/// Every request, in order. Clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Record(Arc<Mutex<Vec<Seen>>>);

impl Record {
    /// Adds a request; gives its place.
    pub(crate) fn add(&self, seen: Seen) -> usize {
        self.with(|all| {
            all.push(seen);
            all.len() - 1
        })
    }

    pub(crate) fn hung_up(&self, place: usize) {
        self.with(|all| {
            if let Some(seen) = all.get_mut(place) {
                seen.hung_up = true;
            }
        });
    }

    pub(crate) fn all(&self) -> Vec<Seen> {
        self.with(|all| all.clone())
    }

    fn with<T>(&self, work: impl FnOnce(&mut Vec<Seen>) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
