//! What tests of runners and stores need: a runner that the test plays itself, a store that fails on command, and
//! commits without a manager. Not covered by semver.

mod fault;
mod puppet;
mod scribe;

pub use fault::{Fault, FaultStore};
pub use puppet::{Act, Puppet, Stage};
pub use scribe::Scribe;
