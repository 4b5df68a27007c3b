//! Compares what is there with the plain model, and both with what everybody was told.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use task_core::{
    Event, Lifecycle, Payload, Seq, StatusCounts, StoreError, Task, TaskError, TaskId, TaskQuery, TaskStatus,
    TaskStore,
};

use crate::calls;
use crate::plain::Plain;
use crate::step::{Step, What};
use crate::world::{World, label, lock};

/// What is known so far.
#[derive(Default)]
pub(crate) struct Judge {
    /// Every task that was ever seen.
    pub(crate) tasks: BTreeMap<TaskId, Plain>,
    pub(crate) gone: BTreeSet<TaskId>,
    /// Those that are there, in the order of their creation.
    order: Vec<TaskId>,
    /// Messages that only woke a task.
    nudges: u32,
    /// What happened, in words that are the same each time.
    pub(crate) trace: Vec<String>,
}

impl Judge {
    /// Looks at everything, at a moment at which nothing moves. `Err` says what is wrong.
    pub(crate) fn look(&mut self, world: &mut World, from_the_start: bool) -> Result<(), String> {
        let weather = world.process().weather.calm();
        let mut found = Vec::new();
        world.process().runtime.block_on(async {
            for task in all(&weather, &TaskQuery::default().with_limit(3), true).await? {
                let loaded = weather.load(task.id).await.map_err(words)?;
                if loaded != task {
                    return Err(format!("{task:?} is listed, and {loaded:?} is there"));
                }
                let known = self.tasks.get(&task.id).map_or(0, |plain| plain.log.len());
                let after = if from_the_start { 0 } else { known.saturating_sub(1) };
                let log = weather.events(task.id, Seq::new(after as u64), 100_000, usize::MAX).await;
                found.push((task, log.map_err(words)?));
            }
            Ok::<_, String>(())
        })?;

        let order: Vec<_> = found.iter().map(|(task, _)| task.id).collect();
        for (task, log) in found {
            self.take_in(&task, &log)?;
        }
        self.compare_order(world, order)?;
        self.compare_counts(world)?;
        calls::judge(self, world)?;
        self.judge_readers(world)?;
        self.judge_runs(world)?;
        self.judge_scheduler(world)
    }

    /// What a list with filters shows, page by page.
    pub(crate) fn list(&mut self, world: &World, step: &Step) -> Result<(), String> {
        let What::List { statuses, agent, search, limit, oldest_first } = &step.what else { return Ok(()) };
        let mut query = TaskQuery::default().with_limit(*limit).with_statuses(statuses.iter().copied());
        query.agent_id = agent.map(|agent| agent.id().to_owned());
        query.search = search.map(|digit| format!("{digit}"));
        let weather = world.process().weather.calm();
        let shown = world.process().runtime.block_on(all(&weather, &query, *oldest_first))?;
        let shown: Vec<_> = shown.iter().map(|task| task.id).collect();
        let mut expected: Vec<_> =
            self.order.iter().copied().filter(|task| self.tasks[task].matches(&query)).collect();
        if !oldest_first {
            expected.reverse();
        }
        if shown != expected {
            let names = |tasks: &[TaskId]| tasks.iter().map(|task| self.name(*task)).collect::<Vec<_>>();
            return Err(format!("{query:?} shows {:?}, not {:?}", names(&shown), names(&expected)));
        }
        Ok(())
    }

    /// What a task is called: the label of the step that created it.
    pub(crate) fn name(&self, task: TaskId) -> String {
        let first = self.tasks.get(&task).and_then(|plain| plain.messages.values().min_by_key(|m| m.seq));
        first
            .and_then(|message| label(&message.text))
            .map_or_else(|| "?".to_owned(), |label| label.to_string())
    }

    /// The tasks that are there.
    pub(crate) fn there(&self) -> impl Iterator<Item = (TaskId, &Plain)> {
        self.tasks.iter().filter(|(task, _)| !self.gone.contains(task)).map(|(task, plain)| (*task, plain))
    }

    fn take_in(&mut self, task: &Task, log: &[Event]) -> Result<(), String> {
        if self.gone.contains(&task.id) {
            return Err(format!("task {} was deleted, and is there again", self.name(task.id)));
        }
        let plain = self.tasks.entry(task.id).or_default();
        let known = plain.log.len() as u64;
        let (mut kept, mut new) = (Vec::new(), Vec::new());
        for event in log {
            let seq = event.seq().get();
            if seq <= known {
                kept.push(seq);
                if plain.log[usize::try_from(seq).expect("few") - 1] != *event {
                    return Err(format!("event {seq} of a task was another before: {event:?}"));
                }
            } else {
                plain.take(event)?;
                new.push(event.clone());
            }
        }
        if known > 0 && kept.last() != Some(&known) {
            return Err(format!(
                "event {known} of task {} was there, and is not any more",
                self.name(task.id)
            ));
        }
        let name = self.name(task.id);
        let plain = &self.tasks[&task.id];
        plain.compare(task).map_err(|what| format!("task {name}: {what}"))?;
        for event in new {
            let line = format!("task {name} {} {} {}", event.seq(), event.at(), what_it_says(&event, plain));
            self.trace.push(line);
        }
        Ok(())
    }

    /// Tasks stay in their order, and go only when somebody deletes them.
    fn compare_order(&mut self, world: &World, order: Vec<TaskId>) -> Result<(), String> {
        for task in &self.order {
            if order.contains(task) {
                continue;
            }
            let name = self.name(*task);
            let deletes = |what: &What| matches!(what, What::Delete { .. });
            if !world.calls.iter().any(|call| call.task == Some(*task) && deletes(&call.step.what)) {
                return Err(format!("task {name} is gone, and nobody deleted it"));
            }
            let weather = world.process().weather.calm();
            let left = world.process().runtime.block_on(weather.events(*task, Seq::ZERO, 1, 1));
            if !matches!(left, Err(StoreError::NotFound(_))) {
                return Err(format!("task {name} is gone, and its events are not"));
            }
            self.gone.insert(*task);
            self.trace.push(format!("task {name} is gone"));
        }
        let known: Vec<_> = self.order.iter().filter(|task| !self.gone.contains(task)).collect();
        if !order.iter().filter(|task| self.order.contains(task)).eq(known) {
            return Err("tasks are listed in another order than before".to_owned());
        }
        self.order = order;
        Ok(())
    }

    fn compare_counts(&self, world: &World) -> Result<(), String> {
        let weather = world.process().weather.calm();
        let counted = world.process().runtime.block_on(weather.counts()).map_err(words)?;
        let mut counts = StatusCounts::default();
        for (_, plain) in self.there() {
            *counts.of_mut(plain.status.ok_or("a task has no status")?) += 1;
        }
        if counted == counts { Ok(()) } else { Err(format!("{counts:?} are there, and {counted:?} counted")) }
    }

    fn judge_readers(&self, world: &World) -> Result<(), String> {
        for reader in &world.readers {
            let name = self.name(reader.task);
            let (seen, Some(plain)) = (lock(&reader.seen), self.tasks.get(&reader.task)) else { continue };
            // Of a task that is gone not all is known.
            let is_there = !self.gone.contains(&reader.task);
            let mut next = reader.after + 1;
            for event in &seen.events {
                if event.seq().get() != next {
                    return Err(format!("a reader of task {name} got event {} for {next}", event.seq()));
                }
                match plain.log.get(usize::try_from(next - 1).expect("few")) {
                    Some(stored) if stored == event => {}
                    None if !is_there => {}
                    stored => return Err(format!("task {name}: {event:?} was shown, {stored:?} is stored")),
                }
                next += 1;
            }
            let last = next - 1;
            let calm = !world.is_disturbed && !reader.is_gone && is_there;
            match &seen.end {
                Some(Ok(())) if reader.stays || is_there && !plain.was_settled(Some(last)) => {
                    return Err(format!("a reader of task {name} ended at {last}, where it was not settled"));
                }
                Some(Err(error)) if calm => {
                    return Err(format!("a reader of task {name} was told: {error:?}"));
                }
                None if calm && last != plain.log.len() as u64 => {
                    return Err(format!("a reader of task {name} waits at {last} of {}", plain.log.len()));
                }
                None if calm && !reader.stays && plain.status.is_some_and(TaskStatus::is_settled) => {
                    return Err(format!("a reader of task {name} waits, and it is settled"));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn judge_runs(&self, world: &World) -> Result<(), String> {
        let seen = world.witness.seen();
        if let Some(fault) = seen.faults.first() {
            return Err(fault.clone());
        }
        let mut got_ever = BTreeSet::new();
        for ((task, number), run) in &seen.runs {
            let (name, Some(plain)) = (self.name(*task), self.tasks.get(task)) else { continue };
            let delivered: BTreeSet<_> = plain
                .messages
                .values()
                .filter(|message| message.delivered == Some(*number))
                .map(|message| message.text.as_str())
                .collect();
            if let Some(text) = run.got.iter().find(|text| !got_ever.insert((*task, *text))) {
                return Err(format!("a runner of task {name} got `{text}`, and one got it before"));
            }
            let said: String = run.said.concat();
            let logged = plain.said.get(number).map_or("", String::as_str);
            let stored: String = run.said[..run.stored].concat();
            if self.gone.contains(task) {
                continue;
            }
            if let Some(text) = run.got.iter().find(|text| !delivered.contains(text.as_str())) {
                return Err(format!("run {number} of task {name} got `{text}`, and its log does not say so"));
            }
            if !said.starts_with(logged) || !logged.starts_with(&stored) {
                return Err(format!(
                    "run {number} of task {name} said `{said}`, of which `{stored}` is stored; its log has `{logged}`"
                ));
            }
            let stopped = plain.stopped_runs.contains(number);
            if !world.was_disturbed && logged != said {
                return Err(format!("run {number} of task {name} said `{said}`; its log has `{logged}`"));
            }
            if !world.was_disturbed && !stopped && run.is_well && run.got.len() != delivered.len() {
                return Err(format!("run {number} of task {name} got {:?} of {delivered:?}", run.got));
            }
        }
        Ok(())
    }

    /// Nothing waits while there is a place.
    fn judge_scheduler(&self, world: &World) -> Result<(), String> {
        let count = |status: TaskStatus| self.there().filter(|(_, task)| task.status == Some(status)).count();
        let active = count(TaskStatus::Running) + count(TaskStatus::AwaitingInput);
        if active > MAX_RUNNING {
            return Err(format!("{active} tasks run, and {MAX_RUNNING} may"));
        }
        if !world.is_disturbed && count(TaskStatus::Pending) > 0 && active < MAX_RUNNING {
            return Err(format!("a task waits, and only {active} run"));
        }
        Ok(())
    }

    /// The faults are over: everything comes to an end, whoever asked is told, and nothing is left over.
    pub(crate) fn finish(&mut self, world: &mut World) -> Result<(), String> {
        world.process().weather.clear_up();
        for round in 0.. {
            world.wait(if round == 0 { Duration::from_secs(40) } else { STOP });
            world.between(|world| self.look(world, false))?;
            let waiting: Vec<_> = self
                .there()
                .filter(|(_, plain)| {
                    !plain.status.is_some_and(TaskStatus::is_settled) || plain.waiting_messages() > 0
                })
                .map(|(task, plain)| (task, plain.status))
                .collect();
            if waiting.is_empty() {
                break;
            }
            if round == ROUNDS {
                let names: Vec<_> =
                    waiting.iter().map(|(task, status)| (self.name(*task), *status)).collect();
                return Err(format!("these do not come to an end: {names:?}"));
            }
            for (task, status) in waiting {
                self.push_on(world, task, status)?;
            }
        }
        if let Some(call) = world.calls.iter().find(|call| lock(&call.told).is_none() && !call.was_cut_off) {
            return Err(format!("nobody ever told what became of {:?}", call.step));
        }
        world.readers.iter_mut().for_each(|reader| reader.is_gone |= reader.stays);
        if let Some(reader) = world.readers.iter().find(|r| !r.is_gone && lock(&r.seen).end.is_none()) {
            return Err(format!("a reader of task {} waits for ever", self.name(reader.task)));
        }

        let events = |judge: &Self| judge.tasks.values().map(|plain| plain.log.len()).sum::<usize>();
        let before = events(self);
        for grace in [Some(Duration::ZERO), None, None] {
            world.restart(grace);
            world.wait(STOP);
            world.between(|world| self.look(world, true))?;
        }
        if events(self) == before {
            Ok(())
        } else {
            Err("a restart added something to tasks that were settled".to_owned())
        }
    }

    /// Answers what is asked, stops what runs, wakes what messages wait for.
    fn push_on(&mut self, world: &mut World, task: TaskId, status: Option<TaskStatus>) -> Result<(), String> {
        let name = self.name(task);
        self.nudges += 1;
        let nudge = format!("nudge {}|", self.nudges);
        let owner = &world.process().owner;
        world.process().runtime.block_on(async {
            let outcome = match status {
                Some(status) if status.is_settled() => owner.send(task, nudge).await.map(drop),
                Some(TaskStatus::Pending) | None => Ok(()),
                _ => match owner.cancel(task).await {
                    // It came to its end by itself.
                    Ok(_) | Err(TaskError::WrongState(_)) => Ok(()),
                    Err(error) => Err(error),
                },
            };
            outcome.map_err(|error| format!("task {name}, when all is well: {error:?}"))
        })?;
        if status.is_some_and(TaskStatus::is_active) {
            world.wait(STOP);
            let weather = world.process().weather.calm();
            let look = |world: &mut World| world.process().runtime.block_on(weather.load(task));
            let stopped = world.between(look).map_err(words)?;
            if stopped.is_stopping() {
                return Err(format!("task {name} did not stop in time"));
            }
        }
        Ok(())
    }
}

/// All pages of a list.
async fn all(store: &dyn TaskStore, query: &TaskQuery, oldest_first: bool) -> Result<Vec<Task>, String> {
    let (mut tasks, mut query) = (Vec::<Task>::new(), query.clone());
    if oldest_first {
        query.order = task_core::Order::OldestFirst;
    }
    loop {
        let page = store.list(&query).await.map_err(words)?;
        for task in page.items {
            if tasks.iter().any(|known| known.id == task.id) {
                return Err(format!("a list shows `{}` twice", task.title));
            }
            tasks.push(task);
        }
        let Some(next) = page.next else { return Ok(tasks) };
        query = query.with_cursor(next);
    }
}

/// An event without what is another each time.
fn what_it_says(event: &Event, plain: &Plain) -> String {
    let text = |id| plain.messages.get(id).map_or("?", |message| message.text.as_str());
    match event.payload() {
        Payload::Lifecycle(Lifecycle::Message(message)) => format!("message {}", message.text()),
        Payload::Lifecycle(Lifecycle::MessageDelivered(it)) => {
            format!("delivered {} to {}", text(&it.message_id), it.run)
        }
        Payload::Lifecycle(Lifecycle::MessageRefused(it)) => {
            format!("refused {}: {}", text(&it.message_id), it.reason)
        }
        Payload::Lifecycle(Lifecycle::RunStarted(it)) => format!("run {}: {}", it.run, it.reason),
        _ => format!("{} {}", event.kind(), event.data()),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "errors are mapped with it")]
fn words(error: StoreError) -> String {
    format!("the store says: {error:?}")
}

/// Tasks that run at a time.
pub(crate) const MAX_RUNNING: usize = 3;

/// The grace period and a second: by then a task that was cancelled is settled.
const STOP: Duration = Duration::from_secs(6);

/// More than the messages of a history.
const ROUNDS: u32 = 150;
