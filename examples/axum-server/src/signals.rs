use std::io;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// A token that is cancelled by Ctrl-C or `SIGTERM`. The second one ends the process at once.
pub(crate) fn watch() -> io::Result<CancellationToken> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let asked = CancellationToken::new();
    let stop = asked.clone();
    // Ends with the process: there is nothing else it could wait for.
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            if stop.is_cancelled() {
                tracing::warn!("asked twice to stop: leaving at once");
                std::process::exit(EXIT_INTERRUPTED);
            }
            tracing::info!("stopping; once more to leave at once");
            stop.cancel();
        }
    });
    Ok(asked)
}

/// What a shell takes for the end by Ctrl-C.
const EXIT_INTERRUPTED: i32 = 130;
