use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::model::TaskId;

/// Pending tasks, a line for each agent, in the order in which they became pending.
///
/// With one line for all, whoever looks for the next task would step over every task of an agent that has no place.
#[derive(Debug, Default)]
pub(super) struct Queue {
    /// No line is empty.
    lines: HashMap<Arc<str>, BTreeSet<Turn>>,
    /// The same by task.
    waiting: HashMap<TaskId, (DateTime<Utc>, Arc<str>)>,
}

/// Since when a task waits. Of two that wait since the same moment, the older one goes first.
type Turn = (DateTime<Utc>, TaskId);

impl Queue {
    /// Puts the task where it belongs, wherever it was before.
    pub(super) fn put(&mut self, task: TaskId, agent: &str, since: DateTime<Utc>) {
        self.remove(task);
        let known = self.lines.get_key_value(agent);
        let agent = known.map_or_else(|| agent.into(), |(agent, _)| Arc::clone(agent));
        self.lines.entry(Arc::clone(&agent)).or_default().insert((since, task));
        self.waiting.insert(task, (since, agent));
    }

    pub(super) fn remove(&mut self, task: TaskId) {
        let Some((since, agent)) = self.waiting.remove(&task) else { return };
        if let Some(line) = self.lines.get_mut(&agent) {
            line.remove(&(since, task));
            if line.is_empty() {
                self.lines.remove(&agent);
            }
        }
    }

    pub(super) fn clear(&mut self) {
        self.lines.clear();
        self.waiting.clear();
    }

    /// The tasks that have waited longest, with their agents: at most `places`, of each agent at most as many as it
    /// has places, and none that may not run yet. They stay in the queue.
    ///
    /// It looks at the lines, and in them at the tasks it gives, those that may not run yet before them, and one more:
    /// how many wait makes no difference.
    pub(super) fn next(
        &self,
        places: usize,
        places_of: impl Fn(&str) -> usize,
        may_run: impl Fn(TaskId) -> bool,
    ) -> Vec<(TaskId, Arc<str>)> {
        let mut chosen = Vec::new();
        if places == 0 {
            return chosen;
        }
        // The first of each line, and what is behind it.
        let mut firsts = BTreeMap::new();
        for (agent, line) in &self.lines {
            let mut line = line.iter().filter(|(_, task)| may_run(*task)).take(places_of(agent));
            if let Some(first) = line.next() {
                firsts.insert(first, (agent, line));
            }
        }
        while let Some(((_, task), (agent, mut line))) = firsts.pop_first() {
            chosen.push((*task, Arc::clone(agent)));
            if chosen.len() == places {
                break;
            }
            if let Some(first) = line.next() {
                firsts.insert(first, (agent, line));
            }
        }
        chosen
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use proptest::prelude::*;

    use super::*;

    const AGENTS: [&str; 4] = ["a", "b", "c", "d"];

    fn moment(millis: i64) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(millis).expect("a moment")
    }

    #[derive(Clone, Debug)]
    struct Waits {
        task: TaskId,
        agent: usize,
        since: i64,
        may_run: bool,
    }

    /// The queue as one line: who waited longest is looked at first, and has a place or not.
    fn plainly(waits: &[Waits], places: usize, places_of: &[usize]) -> Vec<TaskId> {
        let mut line: Vec<_> = waits.iter().filter(|waits| waits.may_run).collect();
        line.sort_by_key(|waits| (waits.since, waits.task));
        let mut free = places_of.to_vec();
        line.retain(|waits| free[waits.agent].checked_sub(1).map(|left| free[waits.agent] = left).is_some());
        line.iter().take(places).map(|waits| waits.task).collect()
    }

    fn waits() -> impl Strategy<Value = Waits> {
        (0..AGENTS.len(), 0_i64..20, prop::bool::weighted(0.8)).prop_map(|(agent, since, may_run)| Waits {
            task: TaskId::new(),
            agent,
            since,
            may_run,
        })
    }

    proptest! {
        #[test]
        fn those_that_waited_longest_are_next_as_if_all_stood_in_one_line(
            all in prop::collection::vec(waits(), 0..60),
            moved in prop::collection::vec((any::<prop::sample::Index>(), 0_i64..20), 0..10),
            gone in prop::collection::vec(any::<prop::sample::Index>(), 0..10),
            places in 0_usize..12,
            places_of in prop::collection::vec(0_usize..6, AGENTS.len()),
        ) {
            let (mut all, mut queue) = (all, Queue::default());
            for waits in &all {
                queue.put(waits.task, AGENTS[waits.agent], moment(waits.since));
            }
            for (index, since) in moved {
                if !all.is_empty() {
                    let waits = index.get_mut(&mut all);
                    waits.since = since;
                    queue.put(waits.task, AGENTS[waits.agent], moment(since));
                }
            }
            for index in gone {
                if !all.is_empty() {
                    queue.remove(all.swap_remove(index.index(all.len())).task);
                }
            }
            let place_of = |agent: &str| places_of[AGENTS.iter().position(|id| *id == agent).expect("known")];
            let may_run = |task| all.iter().any(|waits| waits.task == task && waits.may_run);
            let chosen: Vec<_> =
                queue.next(places, place_of, may_run).into_iter().map(|(task, _)| task).collect();
            prop_assert_eq!(chosen, plainly(&all, places, &places_of));
        }
    }

    #[test]
    fn a_hundred_thousand_tasks_of_an_agent_without_a_place_are_not_looked_at() {
        let mut queue = Queue::default();
        for since in 0..100_000 {
            queue.put(TaskId::new(), "full", moment(since));
        }
        let free: Vec<_> = (0..10).map(|_| TaskId::new()).collect();
        free.iter().for_each(|task| queue.put(*task, "free", moment(200_000)));
        let looks = Cell::new(0);
        let look = |_| {
            looks.set(looks.get() + 1);
            true
        };
        let chosen = queue.next(3, |agent| if agent == "full" { 0 } else { 5 }, look);
        assert_eq!(chosen.iter().map(|(task, _)| *task).collect::<Vec<_>>(), free[..3]);
        assert_eq!(looks.get(), 3);
        // Nor are those behind the last that has a place.
        looks.set(0);
        assert_eq!(queue.next(2, |_| usize::MAX, look).len(), 2);
        assert!(looks.get() <= 2 + 1, "{} looks", looks.get());
    }

    #[test]
    fn a_line_that_is_empty_is_gone() {
        let (mut queue, task) = (Queue::default(), TaskId::new());
        queue.put(task, "a", moment(1));
        queue.put(task, "b", moment(2));
        assert_eq!(queue.lines.keys().map(|agent| &**agent).collect::<Vec<_>>(), ["b"]);
        queue.remove(task);
        assert!(queue.lines.is_empty() && queue.waiting.is_empty());
    }
}
