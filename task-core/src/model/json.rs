use std::fmt;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

/// JSON text that is carried as it is: not parsed, not reordered, not rounded.
///
/// ```
/// use task_core::Json;
///
/// let json = Json::new(&serde_json::json!({"command": "ls"}))?;
/// assert_eq!(json.as_str(), r#"{"command":"ls"}"#);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Json(Box<RawValue>);

impl Json {
    /// The JSON of a value.
    ///
    /// # Errors
    ///
    /// When the value has no JSON form: a map with keys that are not text, for example.
    pub fn new<T: Serialize + ?Sized>(value: &T) -> Result<Self, serde_json::Error> {
        serde_json::value::to_raw_value(value).map(Self)
    }

    /// JSON text taken as it is.
    ///
    /// # Errors
    ///
    /// When `text` is not one JSON value.
    pub fn parse(text: String) -> Result<Self, serde_json::Error> {
        RawValue::from_string(text).map(Self)
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.get()
    }

    /// The value it describes.
    ///
    /// # Errors
    ///
    /// When the text does not have the shape of a `T`.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_str(self.as_str())
    }
}

impl From<Value> for Json {
    fn from(value: Value) -> Self {
        let text = value.to_string();
        // The text of a `Value` is always one JSON value, so the fallback is never taken.
        Self(RawValue::from_string(text).unwrap_or_else(|_| RawValue::NULL.to_owned()))
    }
}

impl PartialEq for Json {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl fmt::Debug for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_is_the_same_text() {
        let json = |text: &str| Json::parse(text.to_owned()).expect("valid");
        assert_eq!(json("[1.0]"), json("[1.0]"));
        assert_ne!(json("[1.0]"), json("[1]"));
    }
}
