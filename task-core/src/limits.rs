/// What a manager accepts. Each limit is stated in the error that enforces it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of one message, all blocks together. 256 KiB.
    pub message_bytes: usize,
    /// Bytes of one event of a runner. 1 MiB.
    pub event_bytes: usize,
    /// Characters of a title. 200.
    pub title_chars: usize,
    /// Bytes of the metadata of a task, as JSON. 16 KiB.
    pub metadata_bytes: usize,
    /// Bytes of an answer, as JSON. 64 KiB.
    pub answer_bytes: usize,
    /// Bytes of an idempotency key. 255.
    pub key_bytes: usize,
    /// Messages that may wait in one task. 1,000.
    pub queued_messages: usize,
    /// Questions that may be open in one task. 100.
    pub open_requests: usize,
    /// Tasks that may be pending in the store, of all agents together. 1,000.
    ///
    /// One more is not created ([`TooManyPending`](crate::TaskError::TooManyPending)). Creations that are under
    /// way in this process count, so that many at once stay below the limit, and some of them may be refused although
    /// there is room. A message to a settled task is accepted however many wait; its task counts then.
    pub pending_tasks: usize,
    /// Bytes of output that may wait to be written, per running task; more makes `emit` wait. 1 MiB.
    pub buffer_bytes: usize,
    /// Bytes of recent events kept in memory, per task. 1 MiB.
    pub tail_bytes: usize,
    /// Bytes of recent events kept in memory, all tasks together. 64 MiB.
    pub tails_bytes: usize,
    /// Bytes of older events kept in memory, all tasks together, and of those read ahead for readers of a long history, all
    /// readers together. 32 MiB of each.
    ///
    /// What is still being read ahead counts as 1 MiB, so with less than that nothing is. A reader that stops in the middle
    /// keeps what was read for it, up to three pages of about 512 KiB; when nothing is left for others, they read when they
    /// need it, which is slower.
    pub pages_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            message_bytes: 256 * KIB,
            event_bytes: MIB,
            title_chars: 200,
            metadata_bytes: 16 * KIB,
            answer_bytes: 64 * KIB,
            key_bytes: 255,
            queued_messages: 1_000,
            open_requests: 100,
            pending_tasks: 1_000,
            buffer_bytes: MIB,
            tail_bytes: MIB,
            tails_bytes: 64 * MIB,
            pages_bytes: 32 * MIB,
        }
    }
}

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;
