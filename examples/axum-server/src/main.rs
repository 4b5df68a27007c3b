//! Agent tasks as a server: page and API on one SQLite file.
fn main() {}
