//! What it was measured on, and what else went on there.

use std::path::Path;
use std::process::Command;

use serde::{Deserialize, Serialize};

/// The machine and what was measured on it.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Machine {
    pub(crate) processor: String,
    pub(crate) cores: usize,
    pub(crate) memory_mib: u64,
    pub(crate) kernel: String,
    pub(crate) file_system: String,
    pub(crate) compiler: String,
    pub(crate) revision: String,
}

/// How busy the machine was: processes that ran or wanted to, over a minute, before and after.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Load {
    pub(crate) before: f64,
    pub(crate) after: f64,
}

impl Machine {
    /// This one, with its files in `place`.
    pub(crate) fn look(place: &Path) -> Self {
        let cpuinfo = read("/proc/cpuinfo");
        let processor = cpuinfo.lines().find_map(|line| line.strip_prefix("model name")?.split(": ").nth(1));
        let meminfo = read("/proc/meminfo");
        let memory = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"));
        let memory = memory.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
        let place = place.to_string_lossy();
        Self {
            processor: processor.unwrap_or("unknown").to_owned(),
            cores: std::thread::available_parallelism().map_or(1, Into::into),
            memory_mib: memory.unwrap_or_default() / 1024,
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            file_system: first_line("stat", &["--file-system", "--format", "%T", &place]),
            compiler: first_line("rustc", &["--version"]),
            revision: first_line("git", &["describe", "--always", "--dirty", "--abbrev=12"]),
        }
    }
}

/// The load of the last minute.
pub(crate) fn load() -> f64 {
    read("/proc/loadavg").split(' ').next().and_then(|load| load.parse().ok()).unwrap_or(f64::NAN)
}

fn first_line(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let line = output.ok().filter(|output| output.status.success());
    let line =
        line.and_then(|output| String::from_utf8_lossy(&output.stdout).lines().next().map(str::to_owned));
    line.unwrap_or_else(|| "unknown".to_owned())
}

fn read(path: &str) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}
