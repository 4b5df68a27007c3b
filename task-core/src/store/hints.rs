//! Hints of a store that may panic.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use futures::stream::{self, BoxStream};
use futures::{FutureExt, StreamExt};

use super::{Change, TaskStore};
use crate::model::InstanceId;
use crate::rt::time::sleep;

/// What [`TaskStore::changes`] tells, from the call on. After a panic, in it or in its stream, the store is listened to
/// again, a while later, and as nobody knows what was missed, [`Change::Unknown`] is told. So to a store that panics
/// again and again everybody looks by themselves, at that interval.
pub(super) fn hints(store: Arc<dyn TaskStore>, except: InstanceId) -> BoxStream<'static, Change> {
    // Listen now: what changes before the first poll would be missed.
    let hints = Hints { heard: listen(&*store, except), store, except, pause: FIRST_PAUSE };
    stream::unfold(hints, |mut hints| async { hints.next().await.map(|change| (change, hints)) }).boxed()
}

struct Hints {
    store: Arc<dyn TaskStore>,
    except: InstanceId,
    /// Absent after a panic.
    heard: Option<BoxStream<'static, Change>>,
    /// How long until the store is listened to again, should it panic.
    pause: Duration,
}

impl Hints {
    async fn next(&mut self) -> Option<Change> {
        if let Some(heard) = &mut self.heard {
            // Nothing of core is inside of the stream, and it is not polled again.
            match AssertUnwindSafe(heard.next()).catch_unwind().await {
                Ok(change) => {
                    self.pause = FIRST_PAUSE;
                    return change;
                }
                Err(_) => warn(),
            }
            self.heard = None;
        }
        sleep(self.pause).await;
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        self.heard = listen(&*self.store, self.except);
        Some(Change::Unknown)
    }
}

fn listen(store: &dyn TaskStore, except: InstanceId) -> Option<BoxStream<'static, Change>> {
    let heard = catch_unwind(AssertUnwindSafe(|| store.changes(except)));
    heard.inspect_err(|_| warn()).ok()
}

/// The words of the panic are where panics are reported.
fn warn() {
    tracing::warn!("the store panicked instead of telling what others change; it is listened to again");
}

const FIRST_PAUSE: Duration = Duration::from_secs(1);

const LONGEST_PAUSE: Duration = Duration::from_secs(30);
