//! What the tests share.
#![allow(dead_code, missing_docs, unreachable_pub, reason = "each test file uses its part of it")]

pub mod http;
pub mod random;
