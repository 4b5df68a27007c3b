//! What is written, and those who write it as fast as the answers come.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use task_core::{Custom, Output, RawOutput};
use task_core::{Json, Seq, TaskStore, testing::Scribe};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::answer::{Error, Result, verify, within};
use crate::random::Random;
use crate::usage::{Usage, Used};

/// JSON of 100 bytes to 2 KiB, small ones more often, about 640 in the mean: what agents say.
#[derive(Debug)]
pub(crate) struct Payloads(Vec<Payload>);

#[derive(Debug)]
pub(crate) struct Payload {
    pub(crate) text: String,
    pub(crate) json: Json,
}

impl Payloads {
    pub(crate) fn new(seed: u64) -> Result<Arc<Self>> {
        let mut random = Random::new(seed);
        let one = |_| {
            let size = (100.0 * (2048.0_f64 / 100.0).powf(random.share())) as usize;
            let text = words(&mut random, size);
            Ok(Payload { json: Json::parse(text.clone())?, text })
        };
        Ok(Arc::new(Self((0..POOL).map(one).collect::<Result<_>>()?)))
    }

    /// What appender `who` writes as its `n`th, counting from 0.
    pub(crate) fn of(&self, who: usize, n: u64) -> &Payload {
        let n = usize::try_from(n).unwrap_or_default();
        &self.0[(who.wrapping_mul(31).wrapping_add(n)) % self.0.len()]
    }

    /// Bytes of the first `n` of that appender.
    pub(crate) fn bytes(&self, who: usize, n: u64) -> u64 {
        (0..n).map(|n| self.of(who, n).text.len() as u64).sum()
    }
}

/// A JSON object of `size` bytes, or a few more.
pub(crate) fn words(random: &mut Random, size: usize) -> String {
    let mut text = format!(r#"{{"id":"{:016x}","text":""#, random.next());
    while text.len() + 2 < size {
        text.push_str(WORDS[random.below(WORDS.len() as u64) as usize]);
        text.push(' ');
    }
    text.push_str("\"}");
    text
}

/// One who appends and waits for the answer.
pub(crate) trait Appender: Send + 'static {
    fn append(&mut self, payload: &Payload) -> impl Future<Output = Result<()>> + Send;
}

/// What came of a round.
#[derive(Debug)]
pub(crate) struct Round<A> {
    /// In order, with how much each has appended.
    pub(crate) appenders: Vec<(A, u64)>,
    pub(crate) used: Used,
    pub(crate) events: f64,
    pub(crate) bytes: f64,
}

impl<A> Round<A> {
    pub(crate) fn per_second(&self) -> f64 {
        self.events / self.used.wall
    }

    /// Microseconds of processor time an event.
    pub(crate) fn cpu(&self) -> f64 {
        self.used.cpu * 1e6 / self.events
    }
}

/// When appenders stop.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Until {
    /// Each after so many.
    Each(u64),
    /// All after this time.
    Over(Duration),
}

/// Lets all of them append for `time`, each one after the other as fast as its answers come.
pub(crate) async fn append<A: Appender>(
    appenders: Vec<A>,
    payloads: &Arc<Payloads>,
    time: Duration,
) -> Result<Round<A>> {
    append_until(appenders, payloads, Until::Over(time)).await
}

/// The same until something else.
pub(crate) async fn append_until<A: Appender>(
    appenders: Vec<A>,
    payloads: &Arc<Payloads>,
    until: Until,
) -> Result<Round<A>> {
    let most = match until {
        Until::Each(most) => most,
        Until::Over(_) => u64::MAX,
    };
    let begin = Arc::new(Barrier::new(appenders.len() + 1));
    let over = Arc::new(AtomicBool::new(false));
    let mut at_work = JoinSet::new();
    for (who, mut appender) in appenders.into_iter().enumerate() {
        let (begin, over, payloads) = (Arc::clone(&begin), Arc::clone(&over), Arc::clone(payloads));
        at_work.spawn(async move {
            begin.wait().await;
            let mut n = 0;
            while n < most && !over.load(Relaxed) {
                appender.append(payloads.of(who, n)).await?;
                n += 1;
            }
            Ok::<_, Error>((who, appender, n))
        });
    }
    begin.wait().await;
    let start = Usage::now();
    if let Until::Over(time) = until {
        tokio::time::sleep(time).await;
        over.store(true, Relaxed);
    }
    let finished = within(PATIENCE, "the last answers", async {
        let mut finished = Vec::new();
        while let Some(done) = at_work.join_next().await {
            finished.push(done??);
        }
        Ok(finished)
    });
    let mut finished = finished.await?;
    let used = start.since();
    finished.sort_unstable_by_key(|(who, ..)| *who);
    let (mut events, mut bytes) = (0, 0);
    for (who, _, n) in &finished {
        events += n;
        bytes += payloads.bytes(*who, *n);
    }
    verify(events > 0, || "nothing was appended".to_owned())?;
    let appenders = finished.into_iter().map(|(_, appender, n)| (appender, n)).collect();
    Ok(Round { appenders, used, events: events as f64, bytes: bytes as f64 })
}

/// What a commit has to survive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asks {
    /// A power cut, where the store can.
    Disk,
    /// The death of the process.
    Process,
}

/// One task of a store, and whoever writes to it.
#[derive(Debug)]
pub(crate) struct Task {
    store: Arc<dyn TaskStore>,
    scribe: Scribe,
    asks: Asks,
}

impl Task {
    /// New tasks, in order.
    pub(crate) async fn create(store: &Arc<dyn TaskStore>, tasks: usize, asks: Asks) -> Result<Vec<Self>> {
        let mut created = JoinSet::new();
        for n in 0..tasks {
            let mut task =
                Self { store: Arc::clone(store), scribe: Scribe::new("a task that is measured"), asks };
            created.spawn(async move {
                let first = task.scribe.create(None);
                task.store.commit(first).await?;
                Ok::<_, Error>((n, task))
            });
        }
        let mut tasks = Vec::with_capacity(tasks);
        while let Some(task) = created.join_next().await {
            tasks.push(task??);
        }
        tasks.sort_unstable_by_key(|(n, _): &(usize, Self)| *n);
        Ok(tasks.into_iter().map(|(_, task)| task).collect())
    }

    pub(crate) fn id(&self) -> task_core::TaskId {
        self.scribe.id()
    }

    fn output(&self, payload: &Payload) -> Output {
        let json = payload.json.clone();
        match self.asks {
            Asks::Disk => RawOutput::new("bench", json).into(),
            Asks::Process => Custom::new("bench", json).into(),
        }
    }

    /// Appends several events in one commit.
    pub(crate) async fn append_all(&mut self, payloads: impl Iterator<Item = &Payload>) -> Result<()> {
        let outputs: Vec<_> = payloads.map(|payload| self.output(payload)).collect();
        Ok(self.store.commit(self.scribe.record(outputs)).await?)
    }

    /// Reads the whole log back: `n` events of that appender, in order, byte for byte.
    pub(crate) async fn check(&self, payloads: &Payloads, who: usize, n: u64) -> Result<()> {
        let mut after = FIRST;
        loop {
            let page = self.store.events(self.id(), after, 512, 1 << 20).await?;
            let Some(last) = page.last() else { break };
            for event in &page {
                let expected = payloads.of(who, event.seq().get() - FIRST.get() - 1);
                let same = event.seq() == after.next() && event.data().contains(&expected.text);
                verify(same, || format!("event {} of task {who} has another content", event.seq()))?;
                after = event.seq();
            }
            after = last.seq();
        }
        verify(after.get() == FIRST.get() + n, || format!("task {who} ends at {after}, not after {n} events"))
    }
}

impl Appender for Task {
    async fn append(&mut self, payload: &Payload) -> Result<()> {
        let output = self.output(payload);
        Ok(self.store.commit(self.scribe.record([output])).await?)
    }
}

/// Checks the log of each.
pub(crate) async fn check_all(round: &Round<Task>, payloads: &Payloads) -> Result<()> {
    for (who, (task, n)) in round.appenders.iter().enumerate() {
        task.check(payloads, who, *n).await?;
    }
    Ok(())
}

/// A new task has two events: that it was created, and its message.
pub(crate) const FIRST: Seq = Seq::new(2);

const POOL: usize = 1024;

/// How long all of it may take, at the most.
const PATIENCE: Duration = Duration::from_secs(600);

const WORDS: [&str; 16] = [
    "the", "task", "agent", "reads", "file", "changes", "a", "line", "of", "test", "and", "runs", "it",
    "again", "over", "until",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payloads_are_those_of_the_seed_and_of_the_size_that_is_said() {
        let (one, same, other) = (Payloads::new(1), Payloads::new(1), Payloads::new(2));
        let text = |payloads: Result<Arc<Payloads>>| payloads.expect("valid").of(3, 7).text.clone();
        assert_eq!(text(one), text(same));
        assert_ne!(text(Payloads::new(1)), text(other));
        let payloads = Payloads::new(1).expect("valid");
        let mean = payloads.bytes(0, POOL as u64) / POOL as u64;
        assert!((560..720).contains(&mean), "{mean}");
        let sizes = payloads.0.iter().map(|payload| payload.text.len());
        assert!(sizes.clone().min() >= Some(100) && sizes.max() < Some(2_060));
    }
}
