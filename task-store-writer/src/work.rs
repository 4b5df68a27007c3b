use task_core::{Change, InstanceId};

/// What a caller asks of an [`Engine`](crate::Engine).
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no work for an engine",
    note = "implement `task_store_writer::Work` for the enum or struct of what callers ask: a commit, a removal, a sync"
)]
pub trait Work: Send + 'static {
    /// How many bytes it takes in memory, nearly: of the queue, and of a batch. Asked more than once.
    fn bytes(&self) -> usize;

    /// How many events it writes. Of a batch, which is closed at so many.
    fn events(&self) -> usize;

    /// What those who listen are told once it is done.
    fn change(&self) -> Option<Change>;

    /// Who did it, and is not told.
    fn origin(&self) -> Option<InstanceId>;
}
