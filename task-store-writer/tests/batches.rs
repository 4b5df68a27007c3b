//! What is written together, and what waits.

mod common;

use common::{Ask, Scene, Scripted, begun, is_unavailable, soon};
use task_core::StoreError;

/// Also where the work is no `Sync`, as that of these tests.
#[test]
fn a_writer_and_its_calls_may_be_on_any_thread() {
    const fn shared<T: Send + Sync>(_: &T) {}
    const fn sent<T: Send>(_: &T) {}
    let Scene { writer, .. } = Scene::new();
    shared(&writer);
    sent(&writer.submit(Ask::write("anywhere")));
    sent(&writer.submit_now(Ask::write("anywhere")));
    sent(&writer.idle());
}

#[tokio::test]
async fn what_waits_is_one_batch_in_order_and_what_is_refused_is_refused_alone() {
    let scene = Scene::new();
    let (release, held) = scene.hold().await;
    let [first, refused, last] = [Ask::write("first"), Ask::refuse("refused"), Ask::write("last")]
        .map(|ask| begun(scene.writer.submit(ask)));
    drop(release);
    let (held, first, refused, last) = soon(async { tokio::join!(held, first, refused, last) }).await;
    assert!(held.is_ok() && first.is_ok() && is_unavailable(&refused) && last.is_ok());
    assert_eq!(scene.notes(), ["held", "first refused last"]);
}

#[tokio::test]
async fn a_batch_has_at_most_4096_events_and_4_mib_or_one_piece_that_is_larger() {
    const MIB: usize = 1024 * 1024;
    let scene = Scene::new();
    let (release, held) = scene.hold().await;
    let works = [
        ("a", 1, 4095),
        ("b", 1, 1),
        ("c", 1, 1),
        ("d", 1, 4097),
        ("e", 4 * MIB - 1, 1),
        ("f", 1, 1),
        ("g", 1, 1),
        ("h", 4 * MIB + 1, 1),
        ("i", 1, 1),
    ];
    let works = works
        .map(|(name, bytes, events)| begun(scene.writer.submit(Ask { bytes, events, ..Ask::write(name) })));
    drop(release);
    soon(held).await.expect("written");
    for work in works {
        soon(work).await.expect("written");
    }
    assert_eq!(scene.notes(), ["held", "a b", "c", "d", "e f", "g", "h", "i"]);
}

#[tokio::test]
async fn more_than_16_mib_waits_for_room_but_what_the_store_itself_asks() {
    let scene = Scene::new();
    let (release, held) = scene.hold().await;
    let all = begun(scene.writer.submit(Ask { bytes: 17 * 1024 * 1024, ..Ask::write("all") }));
    let small = begun(scene.writer.submit(Ask::write("small")));
    let own = begun(scene.writer.submit_now(Ask::write("own")));
    drop(release);
    let (held, all, small, own) = soon(async { tokio::join!(held, all, small, own) }).await;
    assert!(held.is_ok() && all.is_ok() && small.is_ok() && own.is_ok());
    let notes = scene.notes().join(" ");
    assert_eq!(notes, "held all own small", "although it was asked for last");
}

#[tokio::test]
async fn a_caller_that_goes_away_takes_nothing_with_it() {
    let scene = Scene::new();
    let (release, held) = scene.hold().await;
    drop(begun(scene.writer.submit(Ask::write("left alone"))));
    drop(held);
    drop(release);
    soon(scene.writer.submit(Ask::write("next"))).await.expect("written");
    assert_eq!(scene.notes().join(" "), "held left alone next");
}

#[tokio::test]
async fn chores_are_done_behind_what_callers_wait_for() {
    let scene = Scene::of(Scripted { chores: 2, ..Scripted::default() });
    let (release, held) = scene.hold().await;
    let next = begun(scene.writer.submit(Ask::write("next")));
    drop(release);
    soon(held).await.expect("written");
    soon(next).await.expect("written");
    soon(scene.writer.idle()).await;
    assert_eq!(scene.notes(), ["held", "next", "(chore)", "(chore)"]);
}

#[tokio::test]
async fn once_shut_what_waits_is_written_chores_are_left_and_nothing_more_is_taken() {
    let scene = Scene::of(Scripted { chores: 2, ..Scripted::default() });
    let (release, held) = scene.hold().await;
    let waits = begun(scene.writer.submit(Ask::write("waits")));
    scene.writer.shut();
    assert!(scene.writer.is_shut());
    for late in
        [scene.writer.submit(Ask::write("late")).await, scene.writer.submit_now(Ask::write("late")).await]
    {
        assert!(matches!(late, Err(StoreError::Closed)), "{late:?}");
    }
    drop(release);
    soon(scene.writer.idle()).await;
    soon(held).await.expect("written");
    soon(waits).await.expect("written");
    assert_eq!(scene.notes(), ["held", "waits"]);
    assert_eq!(scene.writer.with_engine(|engine| engine.chores), 2);
}
