//! Who may run tasks, and which tasks nobody runs. For stores of which one process can be the owner.

use super::bench::{create_in, open};
use super::harness::Harness;
use crate::model::{InstanceId, TaskStatus};
use crate::store::{StoreError, TaskStore};
use crate::testing::Scribe;

pub(super) fn assert_owned(result: &Result<(), StoreError>) {
    assert!(matches!(result, Err(StoreError::Owned { by }) if !by.is_empty()), "not refused: {result:?}");
}

pub async fn the_second_owner_is_refused_and_told_why<H: Harness>(place: &H) {
    let store = open(place).await;
    let (first, second) = (InstanceId::new(), InstanceId::new());
    store.claim(first).await.expect("free");
    assert_owned(&store.claim(second).await);
    assert_owned(&store.clone().claim(second).await);
    store.keep_alive(first).await.expect("the first is still the owner");
}

pub async fn claiming_twice_is_fine<H: Harness>(place: &H) {
    let store = open(place).await;
    let instance = InstanceId::new();
    for _ in 0..2 {
        store.claim(instance).await.expect("free, or its own");
        store.clone().claim(instance).await.expect("its own");
    }
    store.release(instance).await.expect("released");
    store.claim(InstanceId::new()).await.expect("one release is enough");
}

pub async fn releasing_frees<H: Harness>(place: &H) {
    let store = open(place).await;
    let (first, second) = (InstanceId::new(), InstanceId::new());
    store.claim(first).await.expect("free");
    store.release(first).await.expect("released");
    store.claim(second).await.expect("free again");
    assert_owned(&store.claim(first).await);
}

pub async fn releasing_what_is_not_owned_does_nothing<H: Harness>(place: &H) {
    let store = open(place).await;
    let (owner, other) = (InstanceId::new(), InstanceId::new());
    store.release(other).await.expect("nobody is the owner");
    store.claim(owner).await.expect("free");
    store.release(other).await.expect("not the owner");
    assert_owned(&store.claim(other).await);
    store.keep_alive(owner).await.expect("still the owner");
}

pub async fn only_an_owner_is_kept_alive<H: Harness>(place: &H) {
    let store = open(place).await;
    let (owner, other) = (InstanceId::new(), InstanceId::new());
    assert_owned(&store.keep_alive(owner).await);
    store.claim(owner).await.expect("free");
    store.keep_alive(owner).await.expect("the owner");
    assert_owned(&store.keep_alive(other).await);
    store.release(owner).await.expect("released");
    assert_owned(&store.keep_alive(owner).await);
}

pub async fn orphans_are_the_active_tasks_of_those_who_are_gone<H: Harness>(place: &H) {
    let store = open(place).await;
    let (me, gone) = (InstanceId::new(), InstanceId::new());
    store.claim(me).await.expect("free");
    let mut expected = Vec::new();
    for instance in [me, gone] {
        for status in TaskStatus::ALL {
            let scribe = Scribe::new("a title").with_instance(instance);
            let scribe = create_in(&store, scribe, status).await;
            if instance == gone && status.is_active() {
                expected.push(scribe.id());
            }
        }
    }
    let mut orphans = store.orphans(me).await.expect("readable");
    orphans.sort();
    assert_eq!(orphans, expected);
}

pub async fn a_settled_or_removed_task_is_no_orphan<H: Harness>(place: &H) {
    let store = open(place).await;
    let mut settled = create_in(&store, Scribe::new("one"), TaskStatus::Running).await;
    let removed = create_in(&store, Scribe::new("two"), TaskStatus::AwaitingInput).await;
    assert_eq!(store.orphans(InstanceId::new()).await.expect("readable").len(), 2);
    store.commit(settled.interrupt()).await.expect("written");
    store.remove(removed.id(), removed.task().seq).await.expect("removed");
    assert_eq!(store.orphans(InstanceId::new()).await.expect("readable"), []);
}
