//! The smallest program that runs an agent task.
fn main() {}
