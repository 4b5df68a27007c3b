use super::*;
use crate::clock::SystemClock;
use crate::memory::MemoryStore;

#[tokio::test]
async fn a_writer_is_one_per_task_and_forgotten_when_nobody_needs_it() {
    let journal = Journal::new(Arc::new(MemoryStore::new()), Arc::new(SystemClock), Limits::default());
    let (task, other) = (TaskId::new(), TaskId::new());
    let (writer, kept) = (journal.writer(task), journal.writer(other));
    assert!(Arc::ptr_eq(&writer, &journal.writer(task)));
    drop(writer);
    assert_eq!(journal.0.writers.tasks(), [other]);
    assert!(Arc::ptr_eq(&kept, &journal.writer(other)));
    drop(kept);
    assert!(journal.0.writers.tasks().is_empty());
}
