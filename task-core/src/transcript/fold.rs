use std::collections::{HashSet, VecDeque};

use super::block::{Block, DeliveryState, Role, ToolBlock, TranscriptMessage};
use crate::model::{
    Content, Event, InputRequest, Lifecycle, MessageAdded, NoticeLevel, Output, Payload, ToolCall,
    ToolStatus, ToolUpdate,
};

/// The log as a conversation: a pure fold of its events into messages.
///
/// A user's message stands where it was accepted. What the agent does in one turn is one message, up to
/// [`Transcript::MAX_BLOCKS`] blocks: a longer turn goes on in the next message, so that no message grows without
/// bound. What happens to the task itself is a notice.
///
/// The fold may begin anywhere in a log; what a first event refers to and is not there is left out.
///
/// ```
/// use task_core::{MemoryStore, NewTask, RunContext, RunResult, Seq, TaskManager, Transcript};
/// # async fn parrot(cx: RunContext) -> RunResult {
/// #     while let Some(message) = cx.next_message().await? { cx.text("reply", message.text()).await?; }
/// #     Ok(())
/// # }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let tasks = TaskManager::builder(MemoryStore::new()).runner("parrot", parrot).start().await?;
/// # let task = tasks.create(NewTask::new("parrot", "hello")).await?;
/// # tasks.wait(task.id).await?;
/// let mut transcript = Transcript::default();
/// for event in tasks.events(task.id, Seq::ZERO, 1000).await? {
///     transcript.push(&event);
/// }
/// assert_eq!(transcript.messages().count(), 2);         // what was said, and what the parrot made of it
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct Transcript {
    messages: VecDeque<TranscriptMessage>,
    run: u32,
    /// Whether the newest message is the agent's and its turn goes on.
    in_turn: bool,
    /// The block that the newest delta belongs to.
    delta: Option<(DeltaKind, String)>,
    /// Tools that were called after what is told: what comes of them is not for an older tool of the same name.
    called_later: HashSet<String>,
    /// Whether an event changed what is not there, or may have.
    missed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum DeltaKind {
    Text,
    Thinking,
}

impl Transcript {
    /// Blocks of one message of the agent; what comes after them begins another.
    pub const MAX_BLOCKS: usize = 256;

    /// The messages, oldest first.
    #[must_use]
    pub fn messages(&self) -> impl ExactSizeIterator<Item = &TranscriptMessage> {
        self.messages.iter()
    }

    /// Takes the next event in.
    pub fn push(&mut self, event: &Event) {
        match event.payload() {
            Payload::Lifecycle(lifecycle) => self.live(event, lifecycle),
            Payload::Output(output) => self.output(event, output),
            Payload::Other { .. } => {}
        }
    }

    /// A fold that begins in the middle of a log, in this run.
    pub(super) fn in_run(run: u32) -> Self {
        Self { run, ..Self::default() }
    }

    /// The run that was under way before the event, if the event tells.
    pub(super) fn run_before(event: &Event) -> Option<u32> {
        match event.payload() {
            Payload::Lifecycle(Lifecycle::RunStarted(started)) => Some(started.run.saturating_sub(1)),
            Payload::Lifecycle(Lifecycle::MessageDelivered(delivered)) => Some(delivered.run),
            _ => None,
        }
    }

    /// Whether the event begins a message for sure, whatever was before it.
    pub(super) fn is_boundary(event: &Event) -> bool {
        matches!(event.kind(), "message" | "run_started")
    }

    /// Whether later events may change what is there: a tool at work, an open question, a message that waits.
    pub(super) fn may_change(&self) -> bool {
        self.messages.iter().any(|message| {
            message.delivery == Some(DeliveryState::Queued)
                || message.content.iter().any(|block| match block {
                    Block::Tool(tool) => tool.status.is_open(),
                    Block::Request { answer, .. } => answer.is_none(),
                    _ => false,
                })
        })
    }

    /// Takes in only what changes what is there: updates of tools, answers, the fate of messages.
    pub(super) fn push_update(&mut self, event: &Event) {
        match event.payload() {
            Payload::Output(Output::ToolCall(call)) => {
                self.called_later.insert(call.call_id);
            }
            Payload::Output(Output::ToolUpdate(update)) if !self.called_later.contains(&update.call_id) => {
                self.tool_update(event, &update);
            }
            Payload::Lifecycle(
                lifecycle @ (Lifecycle::RunStarted(_)
                | Lifecycle::InputAnswered(_)
                | Lifecycle::MessageDelivered(_)
                | Lifecycle::MessageRefused(_)
                | Lifecycle::Cancelled(_)
                | Lifecycle::Failed(_)
                | Lifecycle::Interrupted(_)),
            ) => {
                let messages = self.messages.len();
                self.live(event, lifecycle);
                self.messages.truncate(messages);
            }
            _ => {}
        }
    }

    /// Whether an event since the last call changed what is not there, or may have: what it refers to is further back.
    pub(super) fn take_missed(&mut self) -> bool {
        std::mem::take(&mut self.missed)
    }

    pub(super) fn into_messages(self) -> VecDeque<TranscriptMessage> {
        self.messages
    }

    fn live(&mut self, event: &Event, lifecycle: Lifecycle) {
        match lifecycle {
            Lifecycle::Cancelled(_) => {
                self.settle(event, ToolStatus::Cancelled, NoticeLevel::Info, "Cancelled".to_owned())
            }
            Lifecycle::Failed(failed) => {
                self.settle(event, ToolStatus::Failed, NoticeLevel::Error, failed.error)
            }
            Lifecycle::InputAnswered(answered) => {
                self.change_newest(event, |block| match block {
                    Block::Request { request_id, answer, .. } if *request_id == answered.request_id => {
                        *answer = Some(answered.answer.clone());
                        true
                    }
                    _ => false,
                });
            }
            Lifecycle::InputRequested(request) => self.request(event, request),
            Lifecycle::Interrupted(interrupted) => {
                let words = format!("Interrupted: {}", interrupted.reason);
                self.settle(event, ToolStatus::Cancelled, NoticeLevel::Warning, words);
            }
            Lifecycle::Message(message) => self.message(event, message),
            Lifecycle::MessageDelivered(delivered) => {
                self.deliver(
                    event,
                    &delivered.message_id.to_string(),
                    DeliveryState::Delivered,
                    delivered.run,
                );
            }
            Lifecycle::MessageRefused(refused) => {
                self.deliver(event, &refused.message_id.to_string(), DeliveryState::Refused, self.run);
            }
            Lifecycle::RunStarted(started) => {
                self.run = started.run;
                self.end_turn();
            }
            Lifecycle::Completed(_) => self.end_turn(),
            Lifecycle::CancelRequested(_)
            | Lifecycle::Checkpoint(_)
            | Lifecycle::Created(_)
            | Lifecycle::Renamed(_)
            | Lifecycle::Requeued(_)
            | Lifecycle::Session(_)
            | Lifecycle::Other { .. } => {}
        }
    }

    fn output(&mut self, event: &Event, output: Output) {
        match output {
            Output::Custom(custom) => self.add(event, Block::Custom { name: custom.name, data: custom.data }),
            Output::Notice(notice) => {
                self.add(event, Block::Notice { level: notice.level, text: notice.text })
            }
            Output::Plan(plan) => {
                if self.in_turn
                    && let Some(message) = self.messages.back_mut()
                    && let Some(Block::Plan { entries }) =
                        message.content.iter_mut().find(|block| matches!(block, Block::Plan { .. }))
                {
                    *entries = plan.entries;
                    message.last_seq = event.seq();
                } else {
                    self.add(event, Block::Plan { entries: plan.entries });
                }
            }
            Output::Text(delta) => self.append(event, DeltaKind::Text, delta.block, delta.text),
            Output::Thinking(delta) => self.append(event, DeltaKind::Thinking, delta.block, delta.text),
            Output::ToolCall(call) => self.tool_call(event, call),
            Output::ToolUpdate(update) => self.tool_update(event, &update),
            Output::TurnEnded(_) => {
                if let Some(message) = self.messages.back_mut().filter(|_| self.in_turn) {
                    message.last_seq = event.seq();
                }
                self.end_turn();
            }
            Output::Raw(_) | Output::Usage(_) | Output::Other { .. } => {}
        }
    }

    fn message(&mut self, event: &Event, message: MessageAdded) {
        // A message that arrives while the agent speaks does not cut its turn in two: what the agent says next goes
        // on after it, as a message of its own, because the order of the log is the order of the conversation.
        self.end_turn();
        let mut entry = new_message(event, Role::User, self.run);
        entry.id = message.message_id.to_string();
        entry.delivery = Some(DeliveryState::Queued);
        entry.content = message.content.into_iter().filter_map(content_block).collect();
        self.messages.push_back(entry);
    }

    fn deliver(&mut self, event: &Event, message_id: &str, state: DeliveryState, run: u32) {
        let Some(message) = self.messages.iter_mut().rev().find(|message| message.id == message_id) else {
            self.missed = true;
            return;
        };
        message.delivery = Some(state);
        message.run = run;
        message.last_seq = event.seq();
    }

    fn request(&mut self, event: &Event, request: InputRequest) {
        let InputRequest { request_id, request, prompt, options, .. } = request;
        self.add(event, Block::Request { request_id, request, prompt, options, answer: None });
    }

    fn tool_call(&mut self, event: &Event, call: ToolCall) {
        let ToolCall { call_id, name, title, input } = call;
        let tool = ToolBlock {
            call_id,
            name,
            title,
            status: ToolStatus::Pending,
            input,
            output: String::new(),
            exit_code: None,
            started_at: event.at(),
            ended_at: None,
        };
        self.add(event, Block::Tool(tool));
    }

    fn tool_update(&mut self, event: &Event, update: &ToolUpdate) {
        self.change_newest(event, |block| {
            let Block::Tool(tool) = block else { return false };
            if tool.call_id != update.call_id {
                return false;
            }
            tool.status = update.status;
            tool.output.push_str(update.output.as_deref().unwrap_or_default());
            tool.exit_code = update.exit_code.or(tool.exit_code);
            if update.input.is_some() {
                tool.input.clone_from(&update.input);
            }
            if !update.status.is_open() {
                tool.ended_at = Some(event.at());
            }
            true
        });
    }

    /// The run ended otherwise than well: tools that were at work are not any more, and the reader is told why.
    fn settle(&mut self, event: &Event, tools: ToolStatus, level: NoticeLevel, text: String) {
        let run = self.run;
        self.missed |= self.messages.iter().all(|message| message.run == run);
        for message in self.messages.iter_mut().rev().take_while(|message| message.run == run) {
            for block in &mut message.content {
                if let Block::Tool(tool) = block
                    && tool.status.is_open()
                {
                    tool.status = tools;
                    tool.ended_at = Some(event.at());
                    message.last_seq = event.seq();
                }
            }
        }
        self.end_turn();
        let mut notice = new_message(event, Role::System, self.run);
        notice.content.push(Block::Notice { level, text });
        self.messages.push_back(notice);
    }

    fn append(&mut self, event: &Event, kind: DeltaKind, block: String, text: String) {
        let goes_on = self.in_turn && self.delta.as_ref().is_some_and(|(k, b)| *k == kind && *b == block);
        if goes_on
            && let Some(message) = self.messages.back_mut()
            && let Some(Block::Text { text: said } | Block::Thinking { text: said }) =
                message.content.last_mut()
        {
            said.push_str(&text);
            message.last_seq = event.seq();
            return;
        }
        let new = match kind {
            DeltaKind::Text => Block::Text { text },
            DeltaKind::Thinking => Block::Thinking { text },
        };
        self.add(event, new);
        self.delta = Some((kind, block));
    }

    /// Adds a block to the agent's message, which begins with it if need be.
    fn add(&mut self, event: &Event, block: Block) {
        self.delta = None;
        let full = |message: &TranscriptMessage| message.content.len() >= Self::MAX_BLOCKS;
        if !self.in_turn || self.messages.back().is_none_or(full) {
            self.messages.push_back(new_message(event, Role::Agent, self.run));
            self.in_turn = true;
        }
        if let Some(message) = self.messages.back_mut() {
            message.content.push(block);
            message.last_seq = event.seq();
        }
    }

    fn end_turn(&mut self) {
        self.in_turn = false;
        self.delta = None;
    }

    /// Offers the blocks to `change`, newest first, until it took one.
    fn change_newest(&mut self, event: &Event, mut change: impl FnMut(&mut Block) -> bool) {
        for message in self.messages.iter_mut().rev() {
            if message.content.iter_mut().rev().any(&mut change) {
                message.last_seq = event.seq();
                return;
            }
        }
        self.missed = true;
    }
}

fn new_message(event: &Event, role: Role, run: u32) -> TranscriptMessage {
    TranscriptMessage {
        id: event.seq().to_string(),
        role,
        run,
        seq: event.seq(),
        last_seq: event.seq(),
        at: event.at(),
        delivery: None,
        content: Vec::new(),
    }
}

fn content_block(content: Content) -> Option<Block> {
    match content {
        Content::Image { media_type, data } => Some(Block::Image { media_type, data }),
        Content::Resource { uri, name, media_type, text } => {
            Some(Block::Resource { uri, name, media_type, text })
        }
        Content::Text { text } => Some(Block::Text { text }),
        Content::Unknown => None,
    }
}
