use std::fs;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

use super::mark::Mark;

/// The processes of this machine, as Linux shows them in `/proc`.
///
/// Everything here may be out of date as soon as it was read; [`Identity`] is what stays true.
#[derive(Clone, Debug)]
pub(crate) struct Procfs {
    root: PathBuf,
}

/// Names one process for ever. Numbers are given anew after a process is gone, so a number alone names nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Identity {
    pub(crate) pid: i32,
    /// When it started, in clock ticks since the machine did.
    pub(crate) started: u64,
}

/// One process at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Process {
    pub(crate) identity: Identity,
    pub(crate) parent: i32,
    pub(crate) group: i32,
    /// Ended, and only waits for its parent to hear of it.
    pub(crate) is_dead: bool,
    /// A thread of the kernel.
    pub(crate) is_kernel: bool,
    pub(crate) mark: Option<Mark>,
}

impl Procfs {
    pub(crate) fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The numbers of all processes. Empty where there is no `/proc`.
    pub(crate) fn pids(&self) -> Vec<i32> {
        let Ok(entries) = fs::read_dir(&self.root) else { return Vec::new() };
        entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
    }

    /// The process that has the number `pid` now. The environment of a process of another user cannot be read; it has
    /// no mark then.
    pub(crate) fn process(&self, pid: i32) -> Option<Process> {
        let dir = self.root.join(pid.to_string());
        let stat = fs::read(dir.join("stat")).ok()?;
        let mut process = parse_stat(pid, &String::from_utf8_lossy(&stat))?;
        if !process.is_dead && !process.is_kernel {
            process.mark = Mark::find(&environment(&dir));
        }
        Some(process)
    }
}

impl Default for Procfs {
    fn default() -> Self {
        Self::new("/proc")
    }
}

/// In the middle of an exec a process shows no environment; few have none for good, so an empty one is worth a second
/// look.
fn environment(dir: &Path) -> Vec<u8> {
    for _ in 0..EMPTY_LOOKS {
        match fs::read(dir.join("environ")) {
            Ok(environ) if environ.is_empty() => sleep(EMPTY_PAUSE),
            Ok(environ) => return environ,
            Err(_) => break,
        }
    }
    Vec::new()
}

fn parse_stat(pid: i32, stat: &str) -> Option<Process> {
    // `pid (name) state parent group …`: the name is chosen by the process and may hold spaces and brackets.
    let (_, fields) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = fields.split_ascii_whitespace().collect();
    Some(Process {
        identity: Identity { pid, started: fields.get(STARTED)?.parse().ok()? },
        parent: fields.get(PARENT)?.parse().ok()?,
        group: fields.get(GROUP)?.parse().ok()?,
        is_kernel: fields.get(FLAGS)?.parse::<u32>().ok()? & KERNEL_THREAD != 0,
        is_dead: matches!(*fields.get(STATE)?, "Z" | "X" | "x"),
        mark: None,
    })
}

// Positions behind the name, which is field 2 in proc_pid_stat(5).
const STATE: usize = 0;
const PARENT: usize = 1;
const GROUP: usize = 2;
const FLAGS: usize = 6;
const STARTED: usize = 19;

/// `PF_KTHREAD`.
const KERNEL_THREAD: u32 = 0x0020_0000;

const EMPTY_LOOKS: usize = 5;
const EMPTY_PAUSE: Duration = Duration::from_micros(200);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_spaces_and_brackets_does_not_shift_the_fields() {
        let stat = "42 (a) b) (c) S 7 40 1 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 987654 1 2 3";
        let process = parse_stat(42, stat).unwrap();
        assert_eq!(process.identity, Identity { pid: 42, started: 987_654 });
        assert_eq!((process.parent, process.group, process.is_dead), (7, 40, false));
    }

    #[test]
    fn damaged_text_is_no_process() {
        for stat in ["", "42", "42 (a)", "42 (a) S 7", "42 (a) S x 40 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 5"] {
            assert_eq!(parse_stat(42, stat), None, "{stat:?}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_finds_itself() {
        let own = i32::try_from(std::process::id()).unwrap();
        let procfs = Procfs::default();
        assert!(procfs.pids().contains(&own));
        assert_eq!(procfs.process(own).unwrap().identity.pid, own);
    }
}
