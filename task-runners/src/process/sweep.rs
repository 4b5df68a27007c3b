use std::collections::{HashMap, HashSet};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use task_core::RunId;

use super::mark::Mark;
use super::procfs::{Identity, Process, Procfs};
use super::signal::{self, Delivered};

/// Finds the processes that belong to a tree or to a run, and kills them.
///
/// A process belongs if it carries a wanted [`Mark`], is in the process group of the tree, descends from one that
/// belongs, or did so when it was seen before. It is named by its number *and* the time it started; both are read again
/// right before a signal is sent, and the signal goes to a handle of that process, so that a number which was given to
/// somebody else meanwhile harms nobody. This process itself never belongs.
///
/// Works on Linux; elsewhere there is no `/proc`, and nothing is found.
///
/// Looking reads some files of every process on the machine: milliseconds, and blocking.
#[derive(Clone, Debug)]
pub struct Sweep {
    procfs: Procfs,
    wanted: Wanted,
    /// The group of the tree, as long as its number cannot have been given to another.
    group: Option<i32>,
    known: HashSet<Identity>,
}

#[derive(Clone, Debug)]
enum Wanted {
    Mark(Mark),
    Runs(HashSet<RunId>),
}

impl Sweep {
    /// Finds every process of these runs, whichever process started them.
    #[must_use]
    pub fn of_runs(runs: &[RunId]) -> Self {
        Self::new(Procfs::default(), Wanted::Runs(runs.iter().copied().collect()))
    }

    /// Finds the processes of one tree.
    #[must_use]
    pub fn of_tree(mark: Mark) -> Self {
        Self::new(Procfs::default(), Wanted::Mark(mark))
    }

    fn new(procfs: Procfs, wanted: Wanted) -> Self {
        Self { procfs, wanted, group: None, known: HashSet::new() }
    }

    /// Counts the processes alive that belong, and remembers them: one that later loses its mark, its group and its
    /// parents is still known.
    pub fn look(&mut self) -> usize {
        self.pass(None)
    }

    /// Kills what belongs, and what it starts meanwhile, until nothing is left or `patience` is over. Gives the number
    /// of processes that were still there.
    pub fn kill(&mut self, patience: Duration) -> usize {
        let deadline = Instant::now() + patience;
        let (mut pause, mut must_confirm) = (FIRST_PAUSE, false);
        loop {
            let met = self.pass(Some(Signal::KILL));
            // Nothing is certain about what changes while it is looked at: an empty look that follows a kill is worth
            // a second one.
            if met == 0 && !must_confirm {
                return 0;
            }
            if Instant::now() >= deadline {
                return met;
            }
            must_confirm = met > 0;
            sleep(pause);
            pause = (pause * 2).min(LAST_PAUSE);
        }
    }

    /// Whether the last look found nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// Takes over what `other` knows.
    pub fn absorb(&mut self, other: &Self) {
        self.known.extend(&other.known);
    }

    pub(super) fn set_group(&mut self, group: Option<i32>) {
        self.group = group;
    }

    pub(super) const fn has_group(&self) -> bool {
        self.group.is_some()
    }

    fn pass(&mut self, signal: Option<Signal>) -> usize {
        let own = i32::try_from(std::process::id()).unwrap_or_default();
        let (mut seen, mut others, mut members) = (HashSet::from([own]), Vec::new(), HashSet::new());
        // Until a list holds nothing new: one that was about to end when the list was made may have started another.
        for _ in 0..LISTS {
            let new: Vec<_> = self.procfs.pids().into_iter().filter(|pid| seen.insert(*pid)).collect();
            if new.is_empty() {
                break;
            }
            for process in new.into_iter().filter_map(|pid| self.procfs.process(pid)) {
                if process.is_dead || process.is_kernel {
                    continue;
                }
                if self.belongs(&process) {
                    // At once, not after the whole look: it may be about to fork.
                    self.meet(&process, signal);
                    members.insert(process.identity);
                } else {
                    others.push(process);
                }
            }
        }
        for process in descendants(others, &members) {
            self.meet(&process, signal);
            members.insert(process.identity);
        }
        let met = members.len();
        self.known = members;
        met
    }

    fn belongs(&self, process: &Process) -> bool {
        let marked = process.mark.as_ref().is_some_and(|mark| match &self.wanted {
            Wanted::Mark(wanted) => mark == wanted,
            Wanted::Runs(runs) => runs.contains(&mark.run()),
        });
        marked || self.group == Some(process.group) || self.known.contains(&process.identity)
    }

    fn meet(&self, process: &Process, signal: Option<Signal>) {
        let Some(signal) = signal else { return };
        let pid = process.identity.pid;
        match signal::send(&self.procfs, process, signal) {
            Ok(Delivered::Gone | Delivered::Sent) => {}
            Err(error) => tracing::warn!(pid, %error, "cannot stop a process of a task"),
        }
    }
}

/// Those of `others` that descend from a member.
fn descendants(others: Vec<Process>, members: &HashSet<Identity>) -> Vec<Process> {
    let mut parents: HashSet<i32> = members.iter().map(|member| member.pid).collect();
    let mut children: HashMap<i32, Vec<Process>> = HashMap::new();
    for process in others {
        children.entry(process.parent).or_default().push(process);
    }
    let mut found = Vec::new();
    while !parents.is_empty() {
        let born: Vec<_> = parents.drain().filter_map(|parent| children.remove(&parent)).flatten().collect();
        parents.extend(born.iter().map(|process| process.identity.pid));
        found.extend(born);
    }
    found
}

/// How often a look lists the processes, at most, while new ones come.
const LISTS: usize = 10;

const FIRST_PAUSE: Duration = Duration::from_millis(1);
const LAST_PAUSE: Duration = Duration::from_millis(20);

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::path::PathBuf;
    use std::process::{Child, Command};

    use task_core::TaskId;

    use super::*;

    /// A `/proc` that says what a test wants it to say.
    struct Fake(PathBuf);

    impl Fake {
        fn new() -> Self {
            let dir = std::env::temp_dir().join(format!("runners-test-proc-{}", TaskId::new()));
            std::fs::create_dir(&dir).unwrap();
            Self(dir)
        }

        /// Claims that the process started at `started`, with this mark.
        fn claim(&self, process: &Process, started: u64, mark: Option<&Mark>) {
            let dir = self.0.join(process.identity.pid.to_string());
            std::fs::create_dir_all(&dir).unwrap();
            let Process { identity, parent, group, .. } = process;
            let stat =
                format!("{} (x) S {parent} {group} {} {started} 0", identity.pid, "0 ".repeat(16).trim());
            std::fs::write(dir.join("stat"), stat).unwrap();
            let environ = mark.map(|mark| format!("A=1\0{}={mark}\0", Mark::VARIABLE)).unwrap_or_default();
            std::fs::write(dir.join("environ"), environ).unwrap();
        }

        fn sweep(&self, mark: &Mark) -> Sweep {
            Sweep::new(Procfs::new(&self.0), Wanted::Mark(mark.clone()))
        }
    }

    impl Drop for Fake {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    /// A process to aim at, and what is true of it.
    struct Bystander(Child, Process);

    impl Bystander {
        fn new() -> Self {
            let child = Command::new("sleep").arg("60").spawn().unwrap();
            let process = Procfs::default().process(i32::try_from(child.id()).unwrap()).unwrap();
            Self(child, process)
        }

        fn is_alive(&mut self) -> bool {
            self.0.try_wait().unwrap().is_none()
        }
    }

    impl Drop for Bystander {
        fn drop(&mut self) {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }

    fn mark() -> Mark {
        Mark::new(RunId::new(TaskId::new(), 1))
    }

    #[test]
    fn a_process_that_carries_the_mark_is_killed() {
        let (fake, mark, mut target) = (Fake::new(), mark(), Bystander::new());
        fake.claim(&target.1, target.1.identity.started, Some(&mark));
        // The fake goes on claiming that it is there.
        assert_eq!(fake.sweep(&mark).kill(Duration::ZERO), 1);
        target.0.wait().unwrap();
        assert!(!target.is_alive());
    }

    #[test]
    fn a_process_with_another_mark_or_none_is_not_touched() {
        let (fake, mut target) = (Fake::new(), Bystander::new());
        for other in [None, Some(mark())] {
            fake.claim(&target.1, target.1.identity.started, other.as_ref());
            assert_eq!(fake.sweep(&mark()).kill(Duration::ZERO), 0);
            assert!(target.is_alive());
        }
    }

    #[test]
    fn a_number_that_was_given_to_another_process_is_not_touched() {
        let (fake, mark, mut target) = (Fake::new(), mark(), Bystander::new());
        let started = target.1.identity.started;
        fake.claim(&target.1, started, Some(&mark));
        let mut sweep = fake.sweep(&mark);
        assert_eq!(sweep.look(), 1);
        let found = sweep.procfs.process(target.1.identity.pid).unwrap();

        // Between the look and the signal the process ends, and its number goes to one that started later,
        fake.claim(&target.1, started + 1, Some(&mark));
        assert_eq!(signal::send(&sweep.procfs, &found, Signal::KILL).unwrap(), Delivered::Gone);
        // to one with another mark,
        fake.claim(&target.1, started, Some(&self::mark()));
        assert_eq!(signal::send(&sweep.procfs, &found, Signal::KILL).unwrap(), Delivered::Gone);
        // or to one without; and one that was known before is not taken for it.
        fake.claim(&target.1, started + 1, None);
        assert_eq!(sweep.kill(Duration::ZERO), 0);
        std::thread::sleep(Duration::from_millis(20));
        assert!(target.is_alive());

        fake.claim(&target.1, started, Some(&mark));
        assert_eq!(signal::send(&sweep.procfs, &found, Signal::KILL).unwrap(), Delivered::Sent);
    }

    #[test]
    fn a_process_that_is_known_stays_known_without_its_mark() {
        let (fake, mark, mut target) = (Fake::new(), mark(), Bystander::new());
        fake.claim(&target.1, target.1.identity.started, Some(&mark));
        let mut sweep = fake.sweep(&mark);
        sweep.look();
        fake.claim(&target.1, target.1.identity.started, None);
        sweep.kill(Duration::ZERO);
        target.0.wait().unwrap();
    }

    #[test]
    fn children_belong_to_their_parents() {
        let (fake, mark, target) = (Fake::new(), mark(), Bystander::new());
        let real = &target.1;
        fake.claim(real, real.identity.started, Some(&mark));
        let child = |pid: i32, parent: i32| {
            let identity = Identity { pid, started: 1 };
            fake.claim(
                &Process { identity, parent, group: pid, is_dead: false, is_kernel: false, mark: None },
                1,
                None,
            );
        };
        let pid = real.identity.pid;
        child(1_000_001, pid);
        child(1_000_002, 1_000_001);
        child(1_000_003, 1);
        assert_eq!(fake.sweep(&mark).look(), 3);
    }

    #[test]
    fn this_process_never_belongs() {
        let own = Procfs::default().process(i32::try_from(std::process::id()).unwrap()).unwrap();
        let (fake, mark) = (Fake::new(), mark());
        fake.claim(&own, own.identity.started, Some(&mark));
        assert_eq!(fake.sweep(&mark).kill(Duration::ZERO), 0);
    }
}
