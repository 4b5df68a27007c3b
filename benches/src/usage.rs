//! What a process has used: processor time, bytes written, memory.

use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

use crate::answer::{Error, Result};

/// What this process has used so far.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Usage {
    at: Instant,
    cpu: Duration,
    written: u64,
}

/// What was used between two looks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Used {
    pub(crate) wall: f64,
    pub(crate) cpu: f64,
    /// Bytes that were given to the disk.
    pub(crate) written: f64,
}

impl Usage {
    pub(crate) fn now() -> Self {
        let written = std::fs::read_to_string("/proc/self/io").unwrap_or_default();
        let written = written.lines().find_map(|line| line.strip_prefix("write_bytes: ")?.parse().ok());
        let cpu = clock_gettime(ClockId::ProcessCPUTime);
        let cpu = Duration::new(cpu.tv_sec.unsigned_abs(), u32::try_from(cpu.tv_nsec).unwrap_or_default());
        Self { at: Instant::now(), cpu, written: written.unwrap_or_default() }
    }

    pub(crate) fn since(self) -> Used {
        let now = Self::now();
        Used {
            wall: (now.at - self.at).as_secs_f64(),
            cpu: (now.cpu - self.cpu).as_secs_f64(),
            written: (now.written - self.written) as f64,
        }
    }
}

/// Processor time of other processes, in seconds, by ticks of 10 ms.
pub(crate) fn cpu_of(processes: &[u32]) -> Result<f64> {
    let mut ticks = 0;
    for process in processes {
        let stat = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
        // The name of the program may have spaces; behind its bracket nothing has.
        let fields = stat.rsplit_once(')').ok_or("no stat")?.1;
        let times = fields.split_whitespace().skip(11).take(2);
        ticks += times.map(str::parse::<u64>).sum::<std::result::Result<u64, _>>()?;
    }
    Ok(ticks as f64 / 100.0)
}

/// Bytes of memory that no file is behind, of all these processes together.
pub(crate) fn memory_of(processes: &[u32]) -> Result<f64> {
    let mut kib = 0.0;
    for process in processes {
        kib += proportional(*process)?;
    }
    Ok(kib * 1024.0)
}

/// In KiB; what processes share is divided among them.
fn proportional(process: u32) -> Result<f64> {
    let rollup = std::fs::read_to_string(format!("/proc/{process}/smaps_rollup"))?;
    let field = |name: &str| {
        let line = rollup.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|rest| rest.split_whitespace().next()?.parse::<f64>().ok()).unwrap_or_default()
    };
    Ok(field("Pss_Anon:") + field("Pss_Shmem:"))
}

/// The children of a process.
pub(crate) fn children_of(process: u32) -> Result<Vec<u32>> {
    let children = std::fs::read_to_string(format!("/proc/{process}/task/{process}/children"))?;
    children.split_whitespace().map(|id| id.parse().map_err(Error::from)).collect()
}

/// Nanoseconds of a clock that all processes of the machine share.
pub(crate) fn nanos() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec.unsigned_abs() * 1_000_000_000 + now.tv_nsec.unsigned_abs()
}

/// Bytes of the files in a directory and below it.
pub(crate) fn disk_of(place: &std::path::Path) -> Result<f64> {
    let mut bytes = 0.0;
    for entry in std::fs::read_dir(place)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        bytes += if metadata.is_dir() { disk_of(&entry.path())? } else { metadata.len() as f64 };
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_at_work_is_processor_time() {
        let start = Usage::now();
        let me = [std::process::id()];
        let before = cpu_of(&me).expect("known");
        let mut sum = 0_u64;
        while start.since().cpu < 0.1 {
            sum = std::hint::black_box(sum + 1);
        }
        let used = start.since();
        assert!(used.wall >= 0.05, "{used:?}");
        assert!(cpu_of(&me).expect("known") - before >= 0.07);
        assert!(memory_of(&me).expect("known") > 0.0);
    }
}
