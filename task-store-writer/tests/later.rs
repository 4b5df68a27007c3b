//! Work that the engine asks for a while after a batch: a sync.

mod common;

use std::time::Duration;

use common::{Ask, Scene, Scripted, runtime, soon};
use tokio::runtime::Handle;
use tokio::task::yield_now;
use tokio::time::{pause, sleep};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

fn scene() -> Scene {
    Scene::of(Scripted { later: Some(HOUR), ..Scripted::default() })
}

async fn write(scene: &Scene, name: &'static str) {
    scene.writer.submit(Ask::write(name)).await.expect("written");
    scene.writer.idle().await;
}

#[tokio::test(start_paused = true)]
async fn it_comes_once_for_all_that_was_written_within_that_time() {
    let scene = scene();
    for name in ["a", "b", "c"] {
        write(&scene, name).await;
        sleep(19 * MINUTE).await;
    }
    assert_eq!(scene.notes(), ["a", "b", "c"], "after 57 minutes");
    sleep(4 * MINUTE).await;
    scene.writer.idle().await;
    assert_eq!(scene.notes(), ["a", "b", "c", "sync"], "after 61 minutes");
    sleep(9 * HOUR).await;
    write(&scene, "d").await;
    assert_eq!(scene.notes(), ["a", "b", "c", "sync", "d"]);
    sleep(2 * HOUR).await;
    scene.writer.idle().await;
    assert_eq!(scene.notes(), ["a", "b", "c", "sync", "d", "sync"]);
}

#[test]
fn when_it_went_with_its_runtime_the_next_batch_asks_for_it_again() {
    let scene = scene();
    runtime().block_on(write(&scene, "a"));
    runtime().block_on(async {
        pause();
        write(&scene, "b").await;
        sleep(2 * HOUR).await;
        scene.writer.idle().await;
    });
    assert_eq!(scene.notes(), ["a", "b", "sync"]);
}

#[tokio::test(start_paused = true)]
async fn it_does_not_come_once_the_writer_is_shut() {
    let scene = scene();
    write(&scene, "a").await;
    scene.writer.shut();
    sleep(2 * HOUR).await;
    scene.writer.idle().await;
    assert_eq!(scene.notes(), ["a"]);
}

#[tokio::test]
async fn it_keeps_no_writer_alive_and_goes_with_it() {
    let scene = scene();
    write(&scene, "a").await;
    drop(scene);
    let alive = || Handle::current().metrics().num_alive_tasks();
    // The drain may have a moment left.
    let gone = async {
        while alive() > 0 {
            yield_now().await;
        }
    };
    soon(gone).await;
}
