//! Durable SQLite store for agent tasks.
