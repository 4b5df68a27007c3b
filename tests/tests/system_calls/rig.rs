//! What the machine can do, and how much of it to do.

use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use agent_tasks_tests::random::{Random, seed};

/// Whether processes can be traced here. Says why not, and fails where that is demanded.
pub(crate) fn can_trace() -> bool {
    can("strace", &["-f", "-qq", "-o", "/dev/null", "true"])
}

/// Whether a process can have a disk of its own here.
pub(crate) fn can_mount() -> bool {
    let mount = "mount -t tmpfs -o size=1m none /tmp";
    can("unshare", &["--mount", "--propagation", "private", "sh", "-c", mount])
}

fn can(program: &str, args: &[&str]) -> bool {
    let tried = Command::new(program).args(args).stdin(Stdio::null()).output();
    let reason = match tried {
        Ok(output) if output.status.success() => return true,
        Ok(output) => String::from_utf8_lossy(&output.stderr).into_owned(),
        Err(error) => error.to_string(),
    };
    let demanded = std::env::var("REQUIRE_RIGS").is_ok_and(|value| value == "1");
    assert!(!demanded, "REQUIRE_RIGS=1, and {program} does not work: {reason}");
    println!("not run: {program} does not work: {reason}");
    false
}

/// How many points are tried.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Effort {
    until: Option<Instant>,
}

impl Effort {
    /// All points when `FAULT_POINTS=all`, otherwise as many as fit into so many seconds.
    pub(crate) fn of_seconds(seconds: u64) -> Self {
        let all = std::env::var("FAULT_POINTS").is_ok_and(|points| points == "all");
        Self { until: (!all).then(|| Instant::now() + Duration::from_secs(seconds)) }
    }

    pub(crate) fn is_spent(self) -> bool {
        self.until.is_some_and(|until| Instant::now() > until)
    }
}

/// Tries `items` in a random order, which `SEED` repeats, as far as the effort goes, and gives what came of them.
pub(crate) fn in_random_order<T: Send, O: Send>(
    mut items: Vec<T>,
    effort: Effort,
    try_one: impl Fn(T) -> O + Sync,
) -> Vec<O> {
    let mut random = Random::new(seed("points"));
    for end in (1..items.len()).rev() {
        items.swap(end, index_below(&mut random, end + 1));
    }
    let (items, outcomes) = (Mutex::new(items), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while !effort.is_spent() {
                    let Some(item) = items.lock().expect("no panic").pop() else { break };
                    let outcome = try_one(item);
                    outcomes.lock().expect("no panic").push(outcome);
                }
            });
        }
    });
    outcomes.into_inner().expect("no panic")
}

/// An index of a list of that length.
pub(crate) fn index_below(random: &mut Random, length: usize) -> usize {
    usize::try_from(random.below(length as u64)).unwrap_or_default()
}

/// The processes wait for the disk as much as they compute.
const AT_ONCE: usize = 3;
