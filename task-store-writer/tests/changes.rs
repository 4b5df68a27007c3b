//! Who is told what, and in which order.

mod common;

use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

use common::{Ask, Scene, soon};
use futures::{FutureExt, StreamExt};
use task_core::{Change, InstanceId, Seq, TaskId};

/// Notes when it is woken.
struct Woken {
    name: &'static str,
    order: Arc<Mutex<Vec<&'static str>>>,
}

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.order.lock().expect("no panic").push(self.name);
    }
}

#[tokio::test]
async fn who_waits_for_an_answer_is_woken_before_those_who_listen() {
    let scene = Scene::new();
    let order = Arc::new(Mutex::new(Vec::new()));
    let [answered, told] =
        ["answer", "change"].map(|name| Waker::from(Arc::new(Woken { name, order: Arc::clone(&order) })));
    let change = Some(Change::Removed { task: TaskId::new() });

    let (release, held) = scene.hold().await;
    let mut listens = scene.changes.listen(InstanceId::new());
    let mut waits = Box::pin(scene.writer.submit(Ask { change, ..Ask::write("moved") }));
    assert!(waits.poll_unpin(&mut Context::from_waker(&answered)).is_pending());
    assert!(listens.poll_next_unpin(&mut Context::from_waker(&told)).is_pending());
    drop(release);
    soon(held).await.expect("written");
    soon(scene.writer.idle()).await;
    assert_eq!(*order.lock().expect("no panic"), ["answer", "change"]);
    assert!(matches!(waits.now_or_never(), Some(Ok(()))));
    assert!(
        matches!(listens.poll_next_unpin(&mut Context::from_waker(&told)), Poll::Ready(told) if told == change)
    );
}

#[tokio::test]
async fn what_others_did_is_told_first_and_what_was_refused_is_not_told() {
    let scene = Scene::new();
    let (me, other) = (InstanceId::new(), InstanceId::new());
    let [mine, others] = [me, other].map(|instance| scene.changes.listen(instance));
    let (task, refused) = (TaskId::new(), TaskId::new());
    let removed = Change::Removed { task };
    let works = [
        Ask { change: Some(Change::Removed { task: refused }), ..Ask::refuse("refused") },
        // Of one task the last change is kept: told the other way round, it would seem to have moved after its removal.
        Ask {
            change: Some(removed),
            origin: Some(me),
            foreign: Some(Change::Moved { task, seq: Seq::new(9) }),
            ..Ask::write("removed")
        },
    ];
    let (release, held) = scene.hold().await;
    let works = works.map(|ask| common::begun(scene.writer.submit(ask)));
    drop(release);
    soon(held).await.expect("written");
    let answers = soon(futures::future::join_all(works)).await;
    assert!(answers[0].is_err() && answers[1].is_ok());
    soon(scene.writer.idle()).await;
    scene.changes.close();
    assert_eq!(others.collect::<Vec<_>>().await, [removed]);
    let moved = Change::Moved { task, seq: Seq::new(9) };
    assert_eq!(mine.collect::<Vec<_>>().await, [moved], "but not what it did itself");
}
