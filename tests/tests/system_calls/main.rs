//! Every system call of a disk store fails, or is the last one of its process: nothing that was acknowledged is lost,
//! nothing hangs or panics, and every store opens again.
//!
//! A check takes a sample of the points for some seconds, in an order that `SEED` repeats; `FAULT_POINTS=all` takes all
//! of them. Without `strace`, or where processes may not be traced, the tests say so and pass, unless
//! `REQUIRE_RIGS=1` is set.
#![cfg(target_os = "linux")]

mod child;
mod files;
mod judge;
mod points;
mod recovery;
mod rig;
mod sweep;
