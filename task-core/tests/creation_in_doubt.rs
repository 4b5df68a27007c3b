//! The first commit of a task is not answered; before it is tried again, somebody else deletes a task. And a key whose task
//! is nowhere.

mod common;

use std::time::Duration;

use common::stage_with;
use task_core::testing::{Call, Fault, FaultStore};
use task_core::{MemoryStore, NewTask, StoreError, TaskError, TaskManager, TaskQuery};

#[tokio::test(start_paused = true)]
async fn a_task_that_is_deleted_here_while_its_creation_is_in_doubt_stays_deleted() {
    let store = FaultStore::new(MemoryStore::new());
    // It is known without being told.
    store.withhold_hints();
    let (tasks, _stage) = stage_with(store.clone(), |builder| builder).await;
    stays_deleted(&store, &tasks, &tasks).await;
}

#[tokio::test(start_paused = true)]
async fn a_task_that_is_deleted_elsewhere_while_its_creation_is_in_doubt_stays_deleted() {
    let store = FaultStore::new(MemoryStore::new());
    let (tasks, _stage) = stage_with(store.clone(), |builder| builder).await;
    let observer = TaskManager::builder(store.clone()).observe().await.expect("an observer");
    stays_deleted(&store, &tasks, &observer).await;
}

/// `creator` creates, and its first commit is written; `other` finds the task and deletes it.
async fn stays_deleted(store: &FaultStore, creator: &TaskManager, other: &TaskManager) {
    store.fail([Fault::DoubtfulAndWritten]);
    let new = || NewTask::new("puppet", "hello").idempotency_key("a key");
    let creating = tokio::spawn({
        let creator = creator.clone();
        async move { creator.create(new()).await }
    });
    while store.commits().is_empty() {
        tokio::task::yield_now().await;
    }
    let found = other.create(new()).await.expect("it is there already").id;
    other.delete(found).await.expect("deleted");
    let created = creating.await.expect("no panic").expect("it was created, for a while");
    assert_eq!(created.id, found);
    assert!(matches!(other.get(found).await, Err(TaskError::NotFound(_))), "it is there again");
    for tasks in [creator, other] {
        let left = tasks.list(&TaskQuery::default()).await.expect("listed").items;
        assert!(left.is_empty(), "{left:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_whose_task_is_deleted_while_it_is_looked_up_is_free() {
    let store = FaultStore::new(MemoryStore::new());
    // Nobody runs anything.
    let tasks = TaskManager::builder(store.clone()).observe().await.expect("an observer");
    let observer = TaskManager::builder(store.clone()).observe().await.expect("another observer");
    store.fail([Fault::DoubtfulAndLost]);
    let new = || NewTask::new("puppet", "hello").idempotency_key("a key");
    let creating = tokio::spawn({
        let tasks = tasks.clone();
        async move { tasks.create_once(new()).await }
    });
    while store.commits().is_empty() {
        tokio::task::yield_now().await;
    }
    // Between the two tries somebody else takes the key, and gives it back before it is seen whose it was.
    let other = observer.create(new()).await.expect("the key is free").id;
    store.hang(Call::FindKey);
    while store.commits().len() < 3 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    observer.delete(other).await.expect("deleted");
    store.answer();
    let created = creating.await.expect("no panic").expect("created");
    assert!(!created.repeated && created.task.id != other, "{created:?}");
    let left = tasks.list(&TaskQuery::default()).await.expect("listed").items;
    assert_eq!(left.iter().map(|task| task.id).collect::<Vec<_>>(), [created.task.id]);
}

#[tokio::test(start_paused = true)]
async fn a_key_of_a_task_that_is_never_there_is_damage_and_not_a_loop() {
    let store = FaultStore::new(MemoryStore::new());
    let tasks = TaskManager::builder(store.clone()).observe().await.expect("an observer");
    let new = || NewTask::new("puppet", "hello").idempotency_key("a key");
    let lost = tasks.create(new()).await.expect("created").id;
    store.lose(lost);
    let (looks, commits) = (store.looks(), store.commits().len());
    let creating = tokio::spawn({
        let tasks = tasks.clone();
        async move { tasks.create_once(new()).await }
    });
    // A loop is never idle: the clock would stand still, and no time limit would end it.
    while !creating.is_finished() {
        assert!(store.looks() - looks < 1_000, "it asks for ever");
        tokio::task::yield_now().await;
    }
    let told = creating.await.expect("no panic").expect_err("the key is taken, and its task is not there");
    let TaskError::Store(told) = told else { panic!("{told:?}") };
    assert!(matches!(&*told, StoreError::Corrupt { .. }), "{told:?}");
    assert!(told.to_string().contains("an idempotency key is that of a task that is not there"), "{told}");
    assert_eq!(store.commits().len() - commits, 8, "each time the key is tried as if it were free");

    store.heal();
    let found = tasks.create_once(new()).await.expect("it is there again");
    assert!(found.repeated && found.task.id == lost, "{found:?}");
    let left = tasks.list(&TaskQuery::default()).await.expect("listed").items;
    assert_eq!(left.iter().map(|task| task.id).collect::<Vec<_>>(), [lost]);
}
