//! What happens in a history, drawn at random and readable when printed.

use std::fmt;

use agent_tasks_tests::random::Random;
use task_core::{Delivery, TaskStatus};

/// One thing that happens, and how much time the rest gets before the next.
#[derive(Clone)]
pub(crate) struct Step {
    /// Names it, and what it makes: a task by the step that created it, a message by the step that sent it. It stays the
    /// same when other steps are taken out.
    pub(crate) label: u32,
    /// Whether a manager that does not run tasks is asked, rather than the one that does.
    pub(crate) by_observer: bool,
    pub(crate) what: What,
    pub(crate) then: Pause,
}

#[derive(Clone, Debug)]
pub(crate) enum What {
    Answer {
        task: u32,
        value: u8,
    },
    Cancel {
        task: u32,
    },
    /// The manager is shut down in good order, and started again.
    Close {
        grace: u64,
    },
    /// The process dies, and another begins.
    Crash,
    Create {
        agent: Agent,
        key: Option<u8>,
        script: String,
    },
    Delete {
        task: u32,
    },
    Fault {
        task: Option<u32>,
        fault: Fault,
    },
    Follow {
        task: u32,
        behind: u8,
        stays: bool,
    },
    List {
        statuses: Vec<TaskStatus>,
        agent: Option<Agent>,
        search: Option<u8>,
        limit: usize,
        oldest_first: bool,
    },
    Rename {
        task: u32,
    },
    Send {
        task: u32,
        key: Option<u8>,
        delivery: Delivery,
        script: String,
    },
    /// Readers that there are go away.
    Unfollow,
    /// So many milliseconds pass, an even number.
    Wait {
        millis: u64,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Agent {
    /// Takes no message at all.
    Lazy,
    Plain,
    /// Goes on by itself after a crash.
    Resuming,
}

/// What becomes of the next commit of a task, or of the next looks at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    DoubtfulAndLost,
    DoubtfulAndWritten,
    /// Commits of the task wait until the faults are over.
    Held,
    LooksFail(u8),
    ReadsFail(u8),
    Unavailable(u8),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pause {
    /// Until nothing is left to do but to wait.
    Calm,
    No,
    /// Others get so many turns.
    Turns(u8),
}

impl Agent {
    pub(crate) const ALL: [Self; 3] = [Self::Lazy, Self::Plain, Self::Resuming];

    pub(crate) const fn id(self) -> &'static str {
        match self {
            Self::Lazy => "lazy",
            Self::Plain => "plain",
            Self::Resuming => "resuming",
        }
    }
}

/// A history of that many steps; the same for the same seed.
pub(crate) fn history(seed: u64, steps: usize) -> Vec<Step> {
    let mut random = Random::new(seed);
    let stormy = random.below(10) < 6;
    let mut tasks = Vec::new();
    let mut history = Vec::with_capacity(steps);
    for label in 0..u32::try_from(steps).expect("few") {
        let what = what(&mut random, &tasks, stormy);
        if matches!(what, What::Create { .. }) {
            tasks.push(label);
        }
        let then = match random.below(10) {
            0..4 => Pause::Calm,
            4..6 => Pause::No,
            _ => Pause::Turns(u8::try_from(random.below(12)).expect("small")),
        };
        history.push(Step { label, by_observer: random.below(4) == 0, what, then });
    }
    history
}

fn what(random: &mut Random, tasks: &[u32], stormy: bool) -> What {
    if tasks.is_empty() {
        return create(random);
    }
    // The youngest more often than the others: something has to happen to each.
    let task = if random.below(2) == 0 { tasks[tasks.len() - 1] } else { random.pick(tasks) };
    match random.below(if stormy { 100 } else { 88 }) {
        0..14 => create(random),
        14..40 => What::Send {
            task,
            key: key(random),
            delivery: random.pick(&[Delivery::Interrupt, Delivery::Queue, Delivery::Queue, Delivery::Steer]),
            script: script(random),
        },
        40..50 => What::Answer { task, value: small(random, 3) },
        50..57 => What::Cancel { task },
        57..60 => What::Delete { task },
        60..68 => What::Follow { task, behind: small(random, 12), stays: random.below(2) == 0 },
        68..70 => What::Unfollow,
        70..74 => list(random),
        74..76 => What::Rename { task },
        76..84 => What::Wait { millis: random.pick(&[2, 40, 300, 1_000, 7_000, 60_000, 3_600_000]) },
        84..86 => What::Close { grace: random.pick(&[0, 100, 5_000]) },
        86..88 => What::Crash,
        88..92 => What::Crash,
        _ => What::Fault {
            task: (random.below(6) > 0).then_some(task),
            fault: match random.below(6) {
                0 => Fault::DoubtfulAndLost,
                1 => Fault::DoubtfulAndWritten,
                2 => Fault::Held,
                3 => Fault::LooksFail(1 + small(random, 4)),
                4 => Fault::ReadsFail(1 + small(random, 4)),
                _ => Fault::Unavailable(1 + small(random, 12)),
            },
        },
    }
}

fn create(random: &mut Random) -> What {
    let agent = random.pick(&[Agent::Plain, Agent::Plain, Agent::Plain, Agent::Resuming, Agent::Lazy]);
    What::Create { agent, key: key(random), script: script(random) }
}

/// Few, so that they come again.
fn key(random: &mut Random) -> Option<u8> {
    (random.below(3) == 0).then(|| small(random, 3))
}

fn list(random: &mut Random) -> What {
    let mut statuses = TaskStatus::ALL.to_vec();
    let every = random.below(3) == 0;
    statuses.retain(|_| !every && random.below(2) == 0);
    What::List {
        statuses,
        agent: (random.below(3) == 0).then(|| random.pick(&Agent::ALL)),
        search: (random.below(3) == 0).then(|| small(random, 10)),
        limit: 1 + usize::from(small(random, 4)),
        oldest_first: random.below(2) == 0,
    }
}

/// What a run does with the message: see [`crate::runner`].
fn script(random: &mut Random) -> String {
    let mut script = String::new();
    for _ in 0..random.below(5) {
        script.push_str(random.pick(&[
            "s1", "s1", "s3", "s3", "s9", "f", "f", "w10", "w400", "w9000", "d300", "d9000", "a", "a", "b",
            "p", "c", "n", "u", "t", "i", "l", "r",
        ]));
    }
    script.push_str(random.pick(&["", "", "", "", "", "", "e", "x", "o", "o", "h", "m"]));
    script
}

fn small(random: &mut Random, limit: u64) -> u8 {
    u8::try_from(random.below(limit)).expect("small")
}

impl fmt::Debug for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let by = if self.by_observer { "observer" } else { "owner" };
        write!(f, "{:>3} {by:<8} {:?}, then {:?}", self.label, self.what, self.then)
    }
}
