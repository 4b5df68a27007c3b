//! The transcript: the log as a conversation.

mod block;
mod fold;
mod page;

pub use block::{Block, DeliveryState, Role, ToolBlock, TranscriptMessage};
pub use fold::Transcript;
pub use page::{TranscriptPage, TranscriptQuery};
pub(crate) use page::page;
