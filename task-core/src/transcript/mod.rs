//! The transcript: the log as a conversation.

mod block;
mod fold;
mod page;

pub use block::{Block, DeliveryState, Role, ToolBlock, TranscriptMessage};
pub use fold::Transcript;
pub(crate) use page::page;
pub use page::{TranscriptPage, TranscriptQuery};
