//! What the terminal and other programs ask for while a task is watched.

use std::io;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::exit::Code;

/// The wishes to stop, each told once.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wishes {
    /// Ctrl-C, or `SIGTERM`.
    pub(crate) stop: CancellationToken,
    /// The terminal is gone.
    pub(crate) hang_up: CancellationToken,
}

/// Listens from now on. The second wish to stop ends the process at once, whatever it is doing: output that nobody
/// takes may keep everything else waiting.
pub(crate) fn listen() -> io::Result<Wishes> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    let wishes = Wishes::default();
    let told = wishes.clone();
    // Ends with the process: there is nothing else it could wait for.
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
                _ = hang_up.recv() => {
                    told.hang_up.cancel();
                    continue;
                }
            }
            if told.stop.is_cancelled() {
                std::process::exit(Code::Detached.number().into());
            }
            told.stop.cancel();
        }
    });
    Ok(wishes)
}
