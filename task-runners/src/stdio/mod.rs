//! A program that is spoken to over its pipes: JSON, one value a line.

mod agent;
mod wire;

pub(crate) use agent::{Agent, Step};
