//! Tests that need several crates at once.
