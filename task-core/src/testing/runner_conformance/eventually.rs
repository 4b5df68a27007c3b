use std::time::Duration;

/// Looks again and again until nothing is wrong.
pub(super) async fn eventually(wrong: impl Fn() -> Option<String>) {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while let Some(words) = wrong() {
        assert!(tokio::time::Instant::now() < deadline, "{words}");
        tokio::time::sleep(4 * LOOK_AGAIN).await;
    }
}

/// How long something may take that has no event.
const PATIENCE: Duration = Duration::from_secs(3);

/// How often something is looked at that tells nobody when it changes.
pub(super) const LOOK_AGAIN: Duration = Duration::from_millis(5);
