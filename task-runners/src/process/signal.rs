//! The one place that sends signals.

use std::io;

use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process_group};

use super::procfs::{Process, Procfs};

/// What became of a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Delivered {
    /// There was nobody, or somebody else, to get it.
    Gone,
    Sent,
}

/// Sends `signal` to the process that was found, and to no other that has its number by now.
pub(super) fn send(procfs: &Procfs, found: &Process, signal: Signal) -> io::Result<Delivered> {
    let Some(pid) = Pid::from_raw(found.identity.pid) else { return Ok(Delivered::Gone) };
    let outcome = deliver(pid, signal, || {
        procfs
            .process(found.identity.pid)
            .is_some_and(|now| now.identity == found.identity && now.mark == found.mark)
    });
    match outcome {
        Ok(delivered) => Ok(delivered),
        Err(Errno::SRCH) => Ok(Delivered::Gone),
        Err(error) => Err(error.into()),
    }
}

/// Sends `signal` to a process group. The caller knows that the number is still that group's: its leader was not
/// waited for.
pub(super) fn send_to_group(group: Pid, signal: Signal) -> io::Result<Delivered> {
    match kill_process_group(group, signal) {
        Ok(()) => Ok(Delivered::Sent),
        // EPERM: all that is left runs as another user, or, on macOS, has ended and waits for its parent.
        Err(Errno::SRCH | Errno::PERM) => Ok(Delivered::Gone),
        Err(error) => Err(error.into()),
    }
}

#[cfg(target_os = "linux")]
fn deliver(pid: Pid, signal: Signal, is_same: impl Fn() -> bool) -> Result<Delivered, Errno> {
    use rustix::process::{PidfdFlags, kill_process, pidfd_open, pidfd_send_signal};

    match pidfd_open(pid, PidfdFlags::empty()) {
        // The handle came first: if the number goes to another process from here on, what is read is that other one,
        // and the handle leads to nobody. So the signal reaches either the process that was found, or none.
        Ok(handle) if is_same() => pidfd_send_signal(handle, signal).map(|()| Delivered::Sent),
        // A kernel before 5.3, or a sandbox that forbids it.
        Err(Errno::NOSYS | Errno::PERM) if is_same() => kill_process(pid, signal).map(|()| Delivered::Sent),
        Ok(_) | Err(Errno::NOSYS | Errno::PERM) => Ok(Delivered::Gone),
        Err(error) => Err(error),
    }
}

#[cfg(not(target_os = "linux"))]
fn deliver(pid: Pid, signal: Signal, is_same: impl Fn() -> bool) -> Result<Delivered, Errno> {
    // Without `/proc` nothing was found in the first place.
    if !is_same() {
        return Ok(Delivered::Gone);
    }
    rustix::process::kill_process(pid, signal).map(|()| Delivered::Sent)
}
