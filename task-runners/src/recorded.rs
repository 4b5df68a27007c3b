//! What holds for the recorded words of any agent, whole or damaged.

use std::collections::HashMap;

use proptest::prelude::*;
use serde_json::{Value, json};
use task_core::Output;

/// What became of recorded words is what it was: line by line, as it is kept beside them.
pub(crate) fn assert_same(found: &str, expected: &str) {
    if found != expected {
        let at = found.lines().zip(expected.lines()).position(|(found, expected)| found != expected);
        let at = at.unwrap_or_else(|| found.lines().count().min(expected.lines().count()));
        panic!(
            "line {} is {:?} and should be {:?}; the whole:\n{found}",
            at + 1,
            found.lines().nth(at),
            expected.lines().nth(at)
        );
    }
}

/// Every call is announced before anything is said of it, and ends once.
pub(crate) fn check_calls<'a>(outputs: impl IntoIterator<Item = &'a Output>) -> Result<(), TestCaseError> {
    let mut calls: HashMap<&str, bool> = HashMap::new();
    for output in outputs {
        match output {
            Output::ToolCall(call) => {
                prop_assert_eq!(calls.insert(&call.call_id, true), None, "{} is called twice", &call.call_id);
            }
            Output::ToolUpdate(update) => {
                let is_open = calls.get(update.call_id.as_str()).copied();
                prop_assert_eq!(is_open, Some(true), "{} goes on: {:?}", &update.call_id, update.status);
                calls.insert(&update.call_id, update.status.is_open());
            }
            _ => {}
        }
    }
    prop_assert!(calls.values().all(|is_open| !is_open), "open at the end: {:?}", calls);
    Ok(())
}

/// The text of all blocks.
pub(crate) fn said<'a>(outputs: impl IntoIterator<Item = &'a Output>) -> String {
    let texts = outputs.into_iter().filter_map(|output| match output {
        Output::Text(delta) => Some(delta.text.as_str()),
        _ => None,
    });
    texts.collect()
}

/// The line with one byte changed, or cut there; `None` when that is no JSON.
pub(crate) fn damaged(line: &Value, at: prop::sample::Index, byte: u8, cut: bool) -> Option<Value> {
    let mut bytes = line.to_string().into_bytes();
    let at = at.index(bytes.len());
    if cut {
        bytes.truncate(at);
    } else {
        bytes[at] = byte;
    }
    serde_json::from_slice(&bytes).ok()
}

/// Puts the strange value `kind` in place of the value that is the `field`-th in depth-first order, if there are so many.
pub(crate) fn make_strange(line: &mut Value, field: usize, kind: usize) {
    let strange: [Value; STRANGE] = [
        json!(null),
        json!(true),
        json!(-1),
        json!(u64::MAX),
        json!("x"),
        json!([[{}]]),
        json!({ "type": "text" }),
    ];
    replace(line, &mut (field + 1), &strange[kind]);
}

fn replace(value: &mut Value, left: &mut usize, by: &Value) {
    if *left == 0 {
        return;
    }
    *left -= 1;
    if *left == 0 {
        *value = by.clone();
        return;
    }
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| replace(item, left, by)),
        Value::Object(fields) => fields.values_mut().for_each(|field| replace(field, left, by)),
        _ => {}
    }
}

/// How many strange values there are.
pub(crate) const STRANGE: usize = 7;
