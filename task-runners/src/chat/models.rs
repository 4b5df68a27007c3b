use std::fmt;
use std::time::Duration;

use serde_json::Value;

use super::endpoint::Endpoint;
use super::exchange::{Exchange, Query};
use super::failure::Failure;

impl Endpoint {
    /// The models that the server offers, in its own order.
    ///
    /// # Errors
    ///
    /// When the server does not answer within `patience`, or with something else than a list of models.
    pub async fn models(&self, patience: Duration) -> Result<Vec<String>, ModelsError> {
        // One limit for all of it; the one for silence is out of its way.
        let listed = tokio::time::timeout(patience, self.list_models(patience.saturating_mul(2))).await;
        let late = |_| ModelsError {
            words: format!("{self} did not answer within {patience:?}"),
            is_unreachable: false,
        };
        let failed = |Failure { words, is_unreachable, .. }| ModelsError { words, is_unreachable };
        listed.map_err(late)?.map_err(failed)
    }

    pub(super) async fn list_models(&self, patience: Duration) -> Result<Vec<String>, Failure> {
        let key = self.authorization().map(super::key::Key::read).transpose().map_err(Failure::new)?;
        let query =
            Query { endpoint: self, path: self.models_path(), body: None, key: key.as_deref(), patience };
        let mut exchange = Exchange::begin(query).await?;
        let document = exchange.document(self, MAX_LIST).await?;
        if exchange.status != 200 {
            return Err(Failure::from_status(self, "", exchange.status, &document).without(key.as_deref()));
        }
        let list = serde_json::from_slice::<Value>(&document).unwrap_or_default();
        match list.get("data") {
            Some(Value::Array(models)) => {
                Ok(models.iter().filter_map(|model| model["id"].as_str()).map(str::to_owned).collect())
            }
            // Ollama without a model.
            Some(Value::Null) => Ok(Vec::new()),
            _ => Err(Failure::new(format!("{self} does not list its models"))),
        }
    }
}

/// Why nothing is known of the models of a server, in words for people.
#[derive(Debug)]
pub struct ModelsError {
    words: String,
    is_unreachable: bool,
}

impl ModelsError {
    /// Whether nobody listens there.
    #[must_use]
    pub const fn is_unreachable(&self) -> bool {
        self.is_unreachable
    }
}

impl fmt::Display for ModelsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words)
    }
}

impl std::error::Error for ModelsError {}

/// Bytes of the list.
const MAX_LIST: usize = 4 << 20;
