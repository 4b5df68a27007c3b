//! What tests of runners and stores need. Not covered by semver.

mod scribe;

pub use scribe::Scribe;
