use super::block::TranscriptMessage;
/// x
#[derive(Debug,Default)]
pub struct Transcript { messages: Vec<TranscriptMessage> }
