use serde::{Deserialize, Serialize};

/// One piece of a message: text, a picture, or a reference to something the agent can open.
///
/// ```
/// use task_core::Content;
///
/// let json = serde_json::to_string(&Content::text("hi"))?;
/// assert_eq!(json, r#"{"type":"text","text":"hi"}"#);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Content {
    /// A picture.
    Image {
        /// Its media type, `image/png` for example.
        media_type: String,
        /// The bytes, in base64.
        data: String,
    },
    /// Something named by a URI, with its text when that was sent along.
    Resource {
        /// Where it is.
        uri: String,
        /// A name to show.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
        /// Its media type.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        media_type: Option<String>,
        /// What it says, when that was sent along.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        text: Option<String>,
    },
    /// Plain text.
    Text {
        /// The text.
        text: String,
    },
    /// A kind of content this version does not know. Its bytes are still in the event.
    #[serde(other)]
    Unknown,
}

impl Content {
    /// A text block.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text { text: text.into() }
    }

    /// The text of a text block.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text { text } => Some(text),
            Self::Image { .. } | Self::Resource { .. } | Self::Unknown => None,
        }
    }

    /// Bytes this block adds to a message.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Text { text } => text.len(),
            Self::Image { media_type, data } => media_type.len() + data.len(),
            Self::Resource { uri, name, media_type, text } => {
                uri.len() + [name, media_type, text].into_iter().flatten().map(String::len).sum::<usize>()
            }
            Self::Unknown => 0,
        }
    }
}

impl From<&str> for Content {
    fn from(text: &str) -> Self {
        Self::text(text)
    }
}

impl From<String> for Content {
    fn from(text: String) -> Self {
        Self::text(text)
    }
}
