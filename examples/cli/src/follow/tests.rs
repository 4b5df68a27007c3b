use serde_json::json;
use task_core::testing::{FaultStore, Puppet};
use task_core::{MemoryStore, NewTask, TaskManager};

use super::*;
use crate::screen::Screen;
use crate::view::Form;

/// The store goes away for a while, again and again, while events come.
#[tokio::test(start_paused = true)]
async fn trouble_with_the_store_loses_nothing_and_repeats_nothing() {
    let memory = MemoryStore::new();
    let (puppet, mut stage) = Puppet::new();
    let owner = TaskManager::builder(memory.clone()).runner("puppet", puppet).start().await.expect("started");
    let task = owner.create(NewTask::new("puppet", "play")).await.expect("created").id;
    let store = FaultStore::new(memory);
    let faulty = store.clone();
    let playing = tokio::spawn(async move {
        let act = stage.next().await;
        for n in 0..300_u32 {
            if n % 60 == 0 {
                faulty.fail_reads(n / 60);
                faulty.fail_loads(n / 100);
            }
            act.cx.custom("count", &json!({ "n": n })).await.expect("stored");
            sleep(Duration::from_millis(40)).await;
        }
        act.finish(Ok(()));
    });

    let mut session = Session::over(store).await;
    let (mut screen, [out, err]) = Screen::captured();
    let mut view = View::new(&mut screen, Form::Json);
    let wishes = Wishes::default();
    let ending = Follower::new(&mut session, &mut view, &wishes, task).follow().await.expect("followed");
    assert!(matches!(ending, Ending::Settled(_, TaskStatus::Completed)), "{ending:?}");
    playing.await.expect("no panic");

    let log = owner.events(task, Seq::ZERO, 1_000).await.expect("stored");
    let log: Vec<_> = log.iter().map(|event| event.json().to_owned()).collect();
    assert_eq!(out.text().lines().collect::<Vec<_>>(), log);
    let told = err.text();
    assert!(told.contains("the store is away; reconnecting…\nreconnected\n"), "{told}");
}

#[tokio::test(start_paused = true)]
async fn a_store_that_stays_away_keeps_nobody_from_leaving() {
    let memory = MemoryStore::new();
    let (puppet, _stage) = Puppet::new();
    let owner = TaskManager::builder(memory.clone()).runner("puppet", puppet).start().await.expect("started");
    let task = owner.create(NewTask::new("puppet", "play")).await.expect("created").id;
    let store = FaultStore::new(memory);
    store.fail_loads(u32::MAX);
    let mut session = Session::over(store).await;
    let (mut screen, [_, err]) = Screen::captured();
    let wishes = Wishes::default();
    let stop = wishes.stop.clone();
    tokio::spawn(async move {
        sleep(Duration::from_secs(120)).await;
        stop.cancel();
    });
    let mut view = View::new(&mut screen, Form::Json);
    let ending = Follower::new(&mut session, &mut view, &wishes, task).follow().await.expect("followed");
    assert!(matches!(ending, Ending::Left), "{ending:?}");
    assert_eq!(err.text(), "the store is away; reconnecting…\n", "told once");
}

#[tokio::test(start_paused = true)]
async fn a_task_that_is_removed_is_told() {
    let memory = MemoryStore::new();
    let (puppet, mut stage) = Puppet::new();
    let owner = TaskManager::builder(memory.clone()).runner("puppet", puppet).start().await.expect("started");
    let task = owner.create(NewTask::new("puppet", "play")).await.expect("created").id;
    let mut session = Session::over(memory).await;
    let (mut screen, _) = Screen::captured();
    let wishes = Wishes::default();
    let mut view = View::new(&mut screen, Form::Json);
    let removing = tokio::spawn(async move {
        let act = stage.next().await;
        act.finish(Ok(()));
        owner.wait(task).await.expect("settled");
        owner.delete(task).await.expect("removed");
    });
    removing.await.expect("no panic");
    let outcome = Follower::new(&mut session, &mut view, &wishes, task).after(Seq::new(2)).follow().await;
    assert_eq!(outcome.expect_err("removed").code, Code::NotFound);
}
