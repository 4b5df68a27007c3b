use std::collections::HashMap;
use std::sync::{Arc, Weak};

use super::tail::{EventBatch, Tail};
use super::watcher::Watcher;
use crate::limits::Limits;
use crate::model::{Seq, Task, TaskId, TaskStatus};
use crate::rt::atomic::{AtomicU64, AtomicUsize, Ordering};
use crate::rt::lock;
use crate::rt::sync::{Mutex, watch};
use crate::store::{Change, Commit};

/// Who waits for what, and the newest events in memory.
///
/// A wake-up says "moved" and carries no event: readers pull from the tail or from the store, each at its own pace,
/// so a slow reader costs the writer nothing and cannot lose anything.
#[derive(Debug)]
pub(crate) struct Hub {
    channels: Mutex<HashMap<TaskId, Arc<Channel>>>,
    watchers: Mutex<Vec<Weak<Watcher>>>,
    /// Bytes of all channels together.
    bytes: AtomicUsize,
    /// Counts uses of channels, to know which was not used for longest.
    uses: AtomicU64,
    tail_bytes: usize,
    tails_bytes: usize,
}

/// One task as readers see it: where its log ends, and the tail of it.
#[derive(Debug)]
pub(crate) struct Channel {
    head: watch::Sender<Head>,
    tail: Mutex<Tail>,
    used: AtomicU64,
}

/// Where a log ends, as far as is known here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) seq: Seq,
    /// The state at `seq`; absent when somebody else wrote and nobody looked yet.
    pub(crate) status: Option<TaskStatus>,
    pub(crate) gone: Option<Gone>,
}

/// Why nothing will ever come from a channel again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gone {
    Closed,
    Removed,
}

impl Hub {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            channels: Mutex::default(),
            watchers: Mutex::default(),
            bytes: AtomicUsize::new(0),
            uses: AtomicU64::new(0),
            tail_bytes: limits.tail_bytes,
            tails_bytes: limits.tails_bytes,
        }
    }

    /// The channel of a task, made at the first use.
    pub(crate) fn channel(&self, task: TaskId) -> Arc<Channel> {
        let channel = {
            let mut channels = lock(&self.channels);
            Arc::clone(channels.entry(task).or_insert_with(|| {
                self.bytes.fetch_add(CHANNEL_BYTES, Ordering::Relaxed);
                Arc::new(Channel::new())
            }))
        };
        channel.used.store(self.uses.fetch_add(1, Ordering::Relaxed), Ordering::Relaxed);
        channel
    }

    /// Shows a commit that is stored: to those who follow the task, and to those who watch the list.
    pub(crate) fn publish(&self, commit: &Commit) {
        let channel = self.channel(commit.task());
        let (before, after) = {
            let mut tail = lock(&channel.tail);
            let before = tail.bytes();
            tail.push(commit.events(), self.tail_bytes);
            (before, tail.bytes())
        };
        // The tail is filled before the head moves: whoever is woken finds the events in memory.
        channel.advance(Head { seq: commit.end(), status: Some(commit.status()), gone: None });
        if after >= before {
            self.bytes.fetch_add(after - before, Ordering::Relaxed);
        } else {
            self.bytes.fetch_sub(before - after, Ordering::Relaxed);
        }
        self.notify_watchers(|watcher| match commit.shared_snapshot() {
            Some(task) => watcher.changed(Arc::clone(task)),
            None => watcher.progressed(commit.task()),
        });
        if self.bytes.load(Ordering::Relaxed) > self.tails_bytes {
            self.evict();
        }
    }

    /// Passes on a hint that somebody else changed something.
    pub(crate) fn hint(&self, change: Change) {
        match change {
            Change::Moved { task, seq } => {
                let channel = lock(&self.channels).get(&task).cloned();
                if let Some(channel) = channel {
                    channel.advance(Head { seq, status: None, gone: None });
                }
                self.notify_watchers(|watcher| watcher.unknown(task));
            }
            Change::Removed { task } => self.remove(task),
            Change::Unknown => self.notify_watchers(Watcher::restart),
        }
    }

    /// Shows what is in the log after somebody else wrote. Whoever watches may have looked before, and been shown a
    /// commit of ours since then, of which only now it is known that it was stored earlier.
    pub(crate) fn found(&self, task: &Arc<Task>) {
        let channel = lock(&self.channels).get(&task.id).cloned();
        if let Some(channel) = channel {
            channel.learn(task.seq, task.status);
        }
        self.notify_watchers(|watcher| watcher.changed(Arc::clone(task)));
    }

    /// Ends everything that follows the task.
    pub(crate) fn remove(&self, task: TaskId) {
        let channel = lock(&self.channels).remove(&task);
        if let Some(channel) = channel {
            self.forget(&channel);
            channel.end(Gone::Removed);
        }
        self.notify_watchers(|watcher| watcher.removed(task));
    }

    /// Ends everything that follows or watches anything.
    pub(crate) fn close(&self) {
        let channels: Vec<_> = lock(&self.channels).drain().map(|(_, channel)| channel).collect();
        for channel in channels {
            channel.end(Gone::Closed);
        }
        self.notify_watchers(Watcher::close);
    }

    /// The tasks that somebody follows right now.
    pub(crate) fn followed(&self) -> Vec<TaskId> {
        let channels = lock(&self.channels);
        channels.iter().filter(|(_, channel)| channel.has_readers()).map(|(task, _)| *task).collect()
    }

    pub(crate) fn add_watcher(&self, watcher: &Arc<Watcher>) {
        lock(&self.watchers).push(Arc::downgrade(watcher));
    }

    fn notify_watchers(&self, notify: impl Fn(&Watcher)) {
        let mut watchers = lock(&self.watchers);
        watchers.retain(|watcher| {
            watcher.upgrade().is_some_and(|watcher| {
                notify(&watcher);
                true
            })
        });
    }

    /// Lets the tails go that were not used for longest, down to three quarters of the limit, so that this does not
    /// happen at every commit. Channels without readers go with their tails.
    fn evict(&self) {
        let mut channels = lock(&self.channels);
        let mut by_use: Vec<_> =
            channels.iter().map(|(task, channel)| (channel.used.load(Ordering::Relaxed), *task)).collect();
        by_use.sort_unstable();
        for (_, task) in by_use {
            if self.bytes.load(Ordering::Relaxed) <= self.tails_bytes / 4 * 3 {
                return;
            }
            let Some(channel) = channels.get(&task) else { continue };
            let held = {
                let mut tail = lock(&channel.tail);
                let held = tail.bytes();
                tail.clear();
                held
            };
            self.bytes.fetch_sub(held, Ordering::Relaxed);
            // Nobody follows it, and nobody is about to: the map is the only owner.
            if !channel.has_readers() && Arc::strong_count(channel) == 1 {
                channels.remove(&task);
                self.bytes.fetch_sub(CHANNEL_BYTES, Ordering::Relaxed);
            }
        }
    }

    fn forget(&self, channel: &Channel) {
        let mut tail = lock(&channel.tail);
        self.bytes.fetch_sub(tail.bytes() + CHANNEL_BYTES, Ordering::Relaxed);
        tail.clear();
    }
}

impl Channel {
    fn new() -> Self {
        let (head, _) = watch::channel(Head { seq: Seq::ZERO, status: None, gone: None });
        Self { head, tail: Mutex::default(), used: AtomicU64::new(0) }
    }

    pub(crate) fn listen(&self) -> watch::Receiver<Head> {
        self.head.subscribe()
    }

    /// Some of the events right after `after`, when they are in memory.
    pub(crate) fn recent(&self, after: Seq) -> Option<EventBatch> {
        lock(&self.tail).after(after)
    }

    /// Whether an event is in memory.
    pub(crate) fn has(&self, seq: Seq) -> bool {
        lock(&self.tail).has(seq)
    }

    /// Takes in what a look at the store said.
    pub(crate) fn learn(&self, seq: Seq, status: TaskStatus) {
        self.advance(Head { seq, status: Some(status), gone: None });
    }

    /// Moves the head, never back; the state at the same position may become known.
    fn advance(&self, new: Head) {
        self.head.send_if_modified(|head| {
            let news =
                new.seq > head.seq || (new.seq == head.seq && head.status.is_none() && new.status.is_some());
            if news && head.gone.is_none() {
                *head = new;
            }
            news
        });
    }

    fn end(&self, gone: Gone) {
        self.head.send_modify(|head| head.gone = Some(gone));
    }

    fn has_readers(&self) -> bool {
        self.head.receiver_count() > 0
    }
}

/// What a channel holds besides its tail, nearly.
const CHANNEL_BYTES: usize = 1024;

#[cfg(all(test, feature = "testing"))]
mod tests {
    use super::*;
    use crate::model::Output;
    use crate::testing::Scribe;

    fn hub(tail_bytes: usize, tails_bytes: usize) -> Hub {
        Hub::new(&Limits { tail_bytes, tails_bytes, ..Limits::default() })
    }

    /// A new task that was shown in one commit, and who writes it.
    fn show_task(hub: &Hub) -> Scribe {
        let mut scribe = Scribe::new("a title");
        hub.publish(&scribe.create(None));
        scribe
    }

    fn show_text(hub: &Hub, scribe: &mut Scribe, bytes: usize) {
        hub.publish(&scribe.record([Output::text("b", "x".repeat(bytes))]));
    }

    /// What the channels hold, counted one by one.
    fn held(hub: &Hub) -> usize {
        lock(&hub.channels).values().map(|channel| lock(&channel.tail).bytes() + CHANNEL_BYTES).sum()
    }

    fn counted(hub: &Hub) -> usize {
        hub.bytes.load(Ordering::Relaxed)
    }

    fn has(hub: &Hub, scribe: &Scribe) -> bool {
        lock(&hub.channels).contains_key(&scribe.id())
    }

    #[test]
    fn what_is_held_is_counted_whether_tails_grow_shrink_or_go() {
        let hub = hub(2_000, usize::MAX);
        let (mut first, mut second) = (show_task(&hub), show_task(&hub));
        // A tail that took in a long text may hold less than before, and one that is too long leaves nothing.
        for bytes in (0..60).map(|n| n * 37 % 700).chain([3_000, 1]) {
            show_text(&hub, &mut first, bytes);
            assert_eq!(counted(&hub), held(&hub), "after a text of {bytes} bytes");
        }
        show_text(&hub, &mut second, 100);
        hub.remove(first.id());
        assert_eq!(counted(&hub), held(&hub));
        hub.remove(second.id());
        assert_eq!(counted(&hub), 0);
    }

    #[test]
    fn tails_as_large_as_the_limit_stay_and_above_it_the_ones_not_used_for_longest_go() {
        let measured = hub(usize::MAX, usize::MAX);
        show_task(&measured);
        let one = counted(&measured);

        let hub = hub(usize::MAX, 8 * one);
        let tasks: Vec<_> = (0..8).map(|_| show_task(&hub)).collect();
        assert_eq!((counted(&hub), held(&hub)), (8 * one, 8 * one));
        // Somebody looks at the first one, so the second is the oldest in use.
        hub.channel(tasks[0].id());
        let newest = show_task(&hub);
        let kept: Vec<_> = tasks.iter().map(|task| has(&hub, task)).collect();
        assert_eq!(kept, [true, false, false, false, true, true, true, true], "down to three quarters");
        assert!(has(&hub, &newest));
        assert_eq!((counted(&hub), held(&hub)), (6 * one, 6 * one));
    }

    #[test]
    fn whoever_follows_or_is_about_to_keeps_the_channel_when_its_tail_goes() {
        let hub = hub(usize::MAX, 20_000);
        let (mut followed, about_to, unused) = (show_task(&hub), show_task(&hub), show_task(&hub));
        let (channel, held_channel) = (hub.channel(followed.id()), hub.channel(about_to.id()));
        let mut follower = channel.listen();
        drop(channel);
        for _ in 0..100 {
            show_task(&hub);
            assert!(counted(&hub) <= 20_000);
        }
        assert!(!has(&hub, &unused));
        assert!(Arc::ptr_eq(&held_channel, &hub.channel(about_to.id())));
        assert!(held_channel.recent(Seq::ZERO).is_none(), "its tail is gone");
        assert_eq!(counted(&hub), held(&hub));

        assert_eq!(hub.followed(), [followed.id()]);
        follower.mark_unchanged();
        show_text(&hub, &mut followed, 1);
        assert!(follower.has_changed().expect("open"), "it is still told");
    }

    #[test]
    fn what_is_gone_stays_gone_whatever_is_learnt_later() {
        for (gone, end) in
            [(Gone::Removed, Hub::remove as fn(&Hub, TaskId)), (Gone::Closed, |hub, _| hub.close())]
        {
            let hub = hub(usize::MAX, usize::MAX);
            let scribe = show_task(&hub);
            let channel = hub.channel(scribe.id());
            let follower = channel.listen();
            end(&hub, scribe.id());
            channel.learn(Seq::new(100), TaskStatus::Running);
            assert_eq!(follower.borrow().gone, Some(gone));
        }
    }
}
