//! Every system call of a disk store fails, or is the last one of its process; its disk is full; its files are damaged:
//! nothing that was acknowledged is lost, nothing hangs or panics, and every store that can be opens again.
//!
//! A check takes a sample of the points for some seconds, in an order that `SEED` repeats; `FAULT_POINTS=all` takes all
//! of them. Without `strace`, or where processes may not be traced or have a disk of their own, the tests say so and
//! pass, unless `REQUIRE_RIGS=1` is set.
#![cfg(target_os = "linux")]

mod child;
mod damage;
mod files;
mod full_disk;
mod judge;
mod points;
mod reappears;
mod recovery;
mod rig;
mod sweep;
