//! What the tests of this crate share: an engine that does as it is told, and notes what it was asked.
#![allow(dead_code, reason = "every test file is a crate of its own and uses a part of this")]

use std::future::Future;
use std::pin::Pin;
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::Duration;

use futures::FutureExt;
use task_core::{Change, Changes, InstanceId, StoreError};
use task_store_writer::{Batch, Engine, Work, Writer};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;

/// What the engine is asked, and what it does then.
#[derive(Debug)]
pub(crate) struct Ask {
    pub(crate) name: &'static str,
    pub(crate) bytes: usize,
    pub(crate) events: usize,
    pub(crate) change: Option<Change>,
    pub(crate) origin: Option<InstanceId>,
    pub(crate) foreign: Option<Change>,
    pub(crate) act: Act,
}

#[derive(Debug)]
pub(crate) enum Act {
    Hold(Receiver<()>),
    Panic(Receiver<()>),
    Refuse,
    Write,
}

impl Ask {
    pub(crate) const fn write(name: &'static str) -> Self {
        Self { name, bytes: 1, events: 1, change: None, origin: None, foreign: None, act: Act::Write }
    }

    pub(crate) fn refuse(name: &'static str) -> Self {
        Self { act: Act::Refuse, ..Self::write(name) }
    }

    /// Written when the other end is dropped, and until then everything waits.
    pub(crate) fn hold() -> (Sender<()>, Self) {
        let (release, held) = mpsc::channel();
        (release, Self { act: Act::Hold(held), bytes: 0, ..Self::write("held") })
    }

    /// The engine panics over it when the other end is dropped.
    pub(crate) fn panic() -> (Sender<()>, Self) {
        let (release, held) = mpsc::channel();
        (release, Self { act: Act::Panic(held), bytes: 0, ..Self::write("panic") })
    }
}

impl Work for Ask {
    fn bytes(&self) -> usize {
        self.bytes
    }

    fn events(&self) -> usize {
        self.events
    }

    fn change(&self) -> Option<Change> {
        self.change
    }

    fn origin(&self) -> Option<InstanceId> {
        self.origin
    }
}

#[derive(Debug, Default)]
pub(crate) struct Scripted {
    pub(crate) notes: watch::Sender<Vec<String>>,
    /// How many chores there are.
    pub(crate) chores: usize,
    /// Whether the next chore panics.
    pub(crate) panics: bool,
    /// When what is written has to be followed by a sync.
    pub(crate) later: Option<Duration>,
}

impl Scripted {
    fn note(&self, note: impl Into<String>) {
        self.notes.send_modify(|notes| notes.push(note.into()));
    }
}

impl Engine for Scripted {
    type Work = Ask;

    fn write(&mut self, works: &[&Ask]) -> Batch<Ask> {
        let names: Vec<_> = works.iter().map(|ask| ask.name).collect();
        self.note(names.join(" "));
        let answer = |ask: &&Ask| match &ask.act {
            Act::Hold(held) => {
                let _released = held.recv();
                Ok(())
            }
            Act::Panic(held) => {
                let _released = held.recv();
                panic!("as it was told")
            }
            Act::Refuse => Err(StoreError::unavailable("as it was told")),
            Act::Write => Ok(()),
        };
        let mut batch = Batch::new(works.iter().map(answer).collect());
        batch.foreign = works.iter().filter_map(|ask| ask.foreign).collect();
        if !names.contains(&"sync") {
            batch.later = self.later.map(|within| (within, Ask::write("sync")));
        }
        batch
    }

    fn has_chores(&self) -> bool {
        self.chores > 0
    }

    fn do_chore(&mut self) {
        self.chores -= 1;
        self.note("(chore)");
        assert!(!self.panics, "as it was told");
    }

    fn torn(&mut self) {
        self.panics = false;
        self.note("(torn)");
    }
}

/// A writer, and what its engine notes.
pub(crate) struct Scene {
    pub(crate) writer: Writer<Scripted>,
    pub(crate) changes: Changes,
    notes: watch::Receiver<Vec<String>>,
}

impl Scene {
    pub(crate) fn new() -> Self {
        Self::of(Scripted::default())
    }

    pub(crate) fn of(engine: Scripted) -> Self {
        let (notes, changes) = (engine.notes.subscribe(), Changes::new());
        Self { writer: Writer::new(engine, changes.clone()), changes, notes }
    }

    pub(crate) fn notes(&self) -> Vec<String> {
        self.notes.borrow().clone()
    }

    /// Waits until the engine has begun to write this batch.
    pub(crate) async fn writes(&self, batch: &str) {
        let mut notes = self.notes.clone();
        let noted = notes.wait_for(|notes| notes.iter().any(|note| note == batch));
        soon(noted).await.expect("the engine is there");
    }

    /// Holds the engine in the middle of a batch.
    pub(crate) async fn hold(&self) -> (Sender<()>, Begun<'_>) {
        let (release, held) = Ask::hold();
        let held = begun(self.writer.submit(held));
        self.writes("held").await;
        (release, held)
    }
}

/// A call that waits.
pub(crate) type Begun<'a> = Pin<Box<dyn Future<Output = Result<(), StoreError>> + 'a>>;

/// Calls, as far as that goes without waiting.
pub(crate) fn begun<'a>(call: impl Future<Output = Result<(), StoreError>> + 'a) -> Begun<'a> {
    let mut call: Begun<'a> = Box::pin(call);
    assert!((&mut call).now_or_never().is_none(), "it does not wait");
    call
}

/// What is there in a moment, and otherwise never.
pub(crate) async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), what).await.expect("it hangs")
}

pub(crate) fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("a runtime")
}

pub(crate) fn is_unavailable(answer: &Result<(), StoreError>) -> bool {
    matches!(answer, Err(StoreError::Unavailable { .. }))
}
