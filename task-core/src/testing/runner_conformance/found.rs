//! Finding processes by an argument of theirs.

use std::path::Path;
use std::process::Command;

use super::eventually::eventually;
use crate::model::TaskId;

/// Processes that were started with a number of their own. What is left of them goes with this.
pub(super) struct Found(u32);

impl Found {
    /// A number that no process has.
    pub(super) fn new() -> Self {
        assert!(Path::new("/proc/self/cmdline").exists(), "there is no /proc here: mount without `spawn`");
        loop {
            let random = TaskId::new().as_uuid().as_u64_pair().1;
            let found = Self(FROM + u32::try_from(random % u64::from(TO - FROM)).unwrap_or_default());
            if found.alive().is_empty() {
                return found;
            }
        }
    }

    pub(super) const fn number(&self) -> u32 {
        self.0
    }

    /// Their process numbers.
    fn alive(&self) -> Vec<u32> {
        let wanted = self.0.to_string();
        let Ok(processes) = std::fs::read_dir("/proc") else { return Vec::new() };
        let numbers = processes.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        // The command line of a process that has ended is empty.
        let has = |pid: &u32| {
            let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            line.split(|byte| *byte == 0).any(|argument| argument == wanted.as_bytes())
        };
        numbers.filter(has).collect()
    }

    /// Waits until there are some.
    pub(super) async fn assert_there(&self) {
        eventually(|| self.alive().is_empty().then(|| "no process was started".to_owned())).await;
    }

    pub(super) fn assert_alive(&self) {
        assert!(!self.alive().is_empty(), "the processes of another run are gone");
    }

    pub(super) fn assert_gone(&self) {
        let alive = self.alive();
        assert!(alive.is_empty(), "processes are left: {alive:?}");
    }

    /// Waits until there are none.
    pub(super) async fn assert_gone_soon(&self) {
        eventually(|| {
            let alive = self.alive();
            (!alive.is_empty()).then(|| format!("processes are left: {alive:?}"))
        })
        .await;
    }
}

impl Drop for Found {
    fn drop(&mut self) {
        let alive = self.alive();
        if !alive.is_empty() {
            let alive = alive.iter().map(ToString::to_string);
            // Only after a clause that failed; it says so itself.
            drop(Command::new("kill").arg("-KILL").args(alive).status());
        }
    }
}

/// Hours, so that none ends by itself; and less than a day, which is the most that some take.
const FROM: u32 = 20_000;
const TO: u32 = 86_400;
