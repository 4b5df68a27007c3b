//! What the tests of this package and the processes they kill share.
#![forbid(unsafe_code)]

pub mod careless;
pub mod check;
pub mod history;
pub mod journal;
pub mod place;
pub mod random;
