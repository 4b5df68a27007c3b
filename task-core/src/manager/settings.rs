use std::time::Duration;

/// How runs are run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settings {
    pub(super) max_running: usize,
    pub(super) cancel_grace: Duration,
    pub(super) run_timeout: Option<Duration>,
    pub(super) idle_timeout: Option<Duration>,
}

impl Default for Settings {
    fn default() -> Self {
        Self { max_running: usize::MAX, cancel_grace: CANCEL_GRACE, run_timeout: None, idle_timeout: None }
    }
}

const CANCEL_GRACE: Duration = Duration::from_secs(5);
