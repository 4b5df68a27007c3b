//! Guides: each begins with a whole program that runs, and is read in five minutes.
//!
//! * [Mount the HTTP interface](mounting): below any path of an application that has routes, a state and users.
//! * [Security of an agent server](security): what can go wrong, what is checked, and what is left to you.
//!
//! How to write a runner or a store, and what survives what: [`task_core::guide`].

#[doc = include_str!("mounting.md")]
pub mod mounting {}

#[doc = include_str!("security.md")]
pub mod security {}
