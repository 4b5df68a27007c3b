//! Processes of agents, and the certainty that none of them is left.
//!
//! An agent starts tools, tools start servers, and any of them may leave its process group (`setsid`), its parent (a
//! double fork) or ignore `SIGTERM`. Killing the process that was started reaches none of those. So every process of a
//! run carries a [`Mark`] in its environment, which children inherit, and which can be read from outside:
//!
//! * [`Command`] starts a program with a mark, a bare [`Environment`], and a process group of its own;
//! * [`ProcessTree`] is that program and all it started: it is stopped by climbing a [`Ladder`], or killed on drop;
//! * [`Sweep`] finds and kills by mark; [`reap`] does so for all the processes of some runs.
//!
//! # When this process is killed
//!
//! Then nobody climbs a ladder, and what ran goes on. The next start of the server reaps it: core calls
//! [`AgentRunner::clean_up`](task_core::AgentRunner::clean_up) with the runs that were under way, and [`reap`] finds
//! their marks. Linux could kill the children at once (`PR_SET_PDEATHSIG`), and it is not used: the signal is sent when
//! the *thread* that started the child ends, not the process, so that a healthy agent would die whenever a runtime
//! retires a thread; and it reaches the direct child alone. A wrapper program (`setpriv --pdeathsig`) has the same
//! flaw and is not everywhere.
//!
//! # What gets away
//!
//! * A process that clears its environment, leaves its group *and* outlives its parents, all before somebody looks, and
//!   one that runs as another user. Only a container or a control group holds those.
//! * Zombies of a server that is process 1 of a container: orphans become its children, and only it could wait for
//!   them. Start such a container with an init (`docker run --init`).
//! * Outside Linux there are no marks to read: the process group is all there is, and nothing is reaped after a crash.

mod command;
mod environment;
mod ladder;
mod mark;
mod procfs;
mod reap;
mod signal;
mod sweep;
mod tree;

pub use command::Command;
pub use environment::Environment;
pub use ladder::Ladder;
pub use mark::Mark;
pub use reap::reap;
pub use sweep::Sweep;
pub use tree::ProcessTree;
