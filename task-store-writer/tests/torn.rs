//! Everybody is answered, whatever becomes of the engine, the runtime and the system.

mod common;

use std::sync::mpsc;

use common::{Ask, Scene, Scripted, begun, is_unavailable, runtime, soon};
use futures::FutureExt;
use task_core::StoreError;
use task_store_writer::blocking;
use tokio::runtime::{Builder, Runtime};

#[tokio::test]
async fn a_panic_is_told_to_those_it_hits_and_to_those_behind_them_and_the_next_is_written() {
    let scene = Scene::new();
    let (release, panics) = Ask::panic();
    let panics = begun(scene.writer.submit(panics));
    scene.writes("panic").await;
    let behind = begun(scene.writer.submit(Ask::write("behind")));
    drop(release);

    let error = soon(panics).await.expect_err("it may have been written");
    assert!(matches!(error, StoreError::Indeterminate { .. }), "{error:?}");
    let error = soon(behind).await;
    assert!(is_unavailable(&error), "nothing of it was done: {error:?}");
    soon(scene.writer.idle()).await;
    soon(scene.writer.submit(Ask::write("next"))).await.expect("written");
    assert_eq!(scene.notes(), ["panic", "(torn)", "next"]);
}

#[tokio::test]
async fn a_panic_over_a_chore_is_none_of_anybodys_business() {
    let scene = Scene::of(Scripted { chores: 2, panics: true, ..Scripted::default() });
    soon(scene.writer.submit(Ask::write("first"))).await.expect("written");
    soon(scene.writer.idle()).await;
    assert_eq!(scene.notes(), ["first", "(chore)", "(torn)"]);
    soon(scene.writer.submit(Ask::write("next"))).await.expect("written");
    soon(scene.writer.idle()).await;
    assert_eq!(scene.notes(), ["first", "(chore)", "(torn)", "next", "(chore)"]);
}

#[test]
fn a_runtime_that_is_gone_is_told_and_the_next_one_goes_on() {
    let scene = Scene::new();
    let first = runtime();
    first.block_on(scene.writer.submit(Ask::write("first"))).expect("written");
    let gone = first.handle().clone();
    drop(first);
    {
        // Whatever is started here is thrown away at once.
        let _inside = gone.enter();
        let answer = scene.writer.submit(Ask::write("lost")).now_or_never().expect("at once");
        assert!(is_unavailable(&answer), "{answer:?}");
    }
    goes_on(&scene, &runtime());
    assert_eq!(scene.notes(), ["first", "next"]);
}

#[test]
fn what_waits_for_a_thread_is_answered_when_its_runtime_goes_away() {
    let scene = Scene::new();
    let busy = Builder::new_current_thread().max_blocking_threads(1).build().expect("a runtime");
    let (release, held) = mpsc::channel::<()>();
    busy.spawn_blocking(move || held.recv());
    let waits = {
        let _inside = busy.enter();
        begun(scene.writer.submit(Ask::write("waits")))
    };
    busy.shutdown_background();
    drop(release);
    let answer = runtime().block_on(soon(waits));
    goes_on(&scene, &runtime());
    // The runtime may run it or throw it away.
    match answer {
        Ok(()) => assert_eq!(scene.notes(), ["waits", "next"]),
        answer => assert!(is_unavailable(&answer) && scene.notes() == ["next"], "{answer:?}"),
    }
}

#[test]
fn without_a_runtime_nothing_is_done_and_that_is_told() {
    let scene = Scene::new();
    let answer = scene.writer.submit(Ask::write("lost")).now_or_never().expect("at once");
    assert!(is_unavailable(&answer), "{answer:?}");
    goes_on(&scene, &runtime());
    assert_eq!(scene.notes(), ["next"]);
}

#[test]
#[cfg(target_pointer_width = "64")]
fn without_a_thread_nothing_is_done_and_that_is_told() {
    let scene = Scene::new();
    // No system has room for such a stack. (The runtime itself needs none: it runs on this thread.)
    let starved =
        Builder::new_current_thread().enable_all().thread_stack_size(1 << 60).build().expect("a runtime");
    starved.block_on(async {
        let answer = soon(scene.writer.submit(Ask::write("lost"))).await;
        assert!(is_unavailable(&answer), "{answer:?}");
        soon(scene.writer.idle()).await;
        let answer = soon(blocking::run(|| Ok(()))).await;
        assert!(is_unavailable(&answer), "{answer:?}");
    });
    goes_on(&scene, &runtime());
    // What the runtime has kept for a thread that it may get is thrown away with it, and does no harm.
    drop(starved);
    goes_on(&scene, &runtime());
    assert_eq!(scene.notes(), ["next", "next"]);
}

#[tokio::test]
async fn a_blocking_job_that_panics_is_an_error() {
    let answer = soon(blocking::run::<(), _>(|| panic!("as it was told"))).await;
    assert!(is_unavailable(&answer), "{answer:?}");
}

fn goes_on(scene: &Scene, runtime: &Runtime) {
    runtime.block_on(async {
        soon(scene.writer.idle()).await;
        soon(scene.writer.submit(Ask::write("next"))).await.expect("written");
        soon(scene.writer.idle()).await;
    });
}
