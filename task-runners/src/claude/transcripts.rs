//! The recorded words of the real agent, through the normalizer.

use proptest::prelude::*;
use serde_json::{Value, json};
use task_core::{Output, ToolStatus};

use super::event::{Activity, Event, Fate};
use super::normalize::normalize;
use super::state::State;
use crate::recorded::{STRANGE, assert_same, check_calls, damaged, make_strange, said};
use crate::text::{fitting, sorted};

/// What version 2.1.330 said in a session with tools, leave given and denied, an overloaded API, a refused request, a
/// message while a tool ran, an interrupt, and another model. `from` tells who wrote a line; long texts were cut.
const RECORDED: &str = include_str!("../../tests/transcripts/claude.jsonl");

fn recorded() -> Vec<Value> {
    let lines = RECORDED.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.filter(|line| line["from"] == "agent").map(|line| line["line"].clone()).collect()
}

/// Feeds the lines as a run does: calls are closed when the session is idle, and at the end.
fn feed<'a>(lines: impl IntoIterator<Item = &'a Value>) -> Vec<Event> {
    let (mut state, mut events) = (State::default(), Vec::new());
    for line in lines {
        for event in normalize(&mut state, line) {
            let is_idle = event == Event::State(Activity::Idle);
            events.push(event);
            if is_idle {
                events.extend(state.close_calls(ToolStatus::Cancelled).into_iter().map(Event::Output));
            }
        }
    }
    events.extend(state.close_calls(ToolStatus::Failed).into_iter().map(Event::Output));
    events
}

fn outputs(events: &[Event]) -> impl Iterator<Item = &Output> {
    events.iter().filter_map(|event| match event {
        Event::Output(output) => Some(output),
        _ => None,
    })
}

/// A line for each event; deltas of one block in one.
fn summary(events: &[Event]) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for event in events {
        let line = match event {
            Event::Output(Output::Text(delta)) => format!("text {}: {}", delta.block, delta.text),
            Event::Output(Output::Thinking(delta)) => format!("thinking {}: {}", delta.block, delta.text),
            Event::Output(Output::ToolCall(call)) => {
                format!("call {} {}: {}", call.call_id, call.name, call.title)
            }
            Event::Output(Output::ToolUpdate(update)) => format!(
                "call {} {:?}{}{}",
                update.call_id,
                update.status,
                update
                    .input
                    .as_ref()
                    .map(|input| format!(" input {}", sorted(input.as_str())))
                    .unwrap_or_default(),
                update.output.as_ref().map(|output| format!(" output {output:?}")).unwrap_or_default(),
            ),
            Event::Output(Output::Usage(report)) => {
                let turn = report.turn;
                format!(
                    "usage {} {} {:.6}",
                    turn.input_tokens,
                    turn.output_tokens,
                    turn.cost_usd.unwrap_or_default()
                )
            }
            Event::Output(Output::Notice(notice)) => format!("notice {}", notice.text),
            Event::Output(other) => other.kind().to_owned(),
            Event::Asked(asked) => format!("asked {} {:?}", asked.tool, asked.call_id),
            Event::Ended(ended) => format!("ended {} {}: {}", ended.is_error, ended.reason, ended.words),
            Event::Fate { fate, .. } => format!("fate {fate:?}"),
            Event::Responded { error, .. } => format!("responded {error:?}"),
            Event::Session(session) => format!("session {session}"),
            Event::State(activity) => format!("{activity:?}"),
            Event::Unsupported(_) => "unsupported".to_owned(),
            Event::Withdrawn(_) => "withdrawn".to_owned(),
        };
        match (lines.last_mut(), event) {
            (Some(last), Event::Output(Output::Text(delta)))
                if last.starts_with(&format!("text {}: ", delta.block)) =>
            {
                last.push_str(&delta.text);
            }
            _ => lines.push(line),
        }
    }
    lines
}

#[test]
fn the_recorded_session_is_what_it_was() {
    let found = summary(&feed(&recorded())).join("\n") + "\n";
    assert_same(&found, include_str!("../../tests/transcripts/claude.events"));
}

/// Text of the agent's messages as they were told whole.
fn whole_text(lines: &[Value]) -> String {
    let messages =
        lines.iter().filter(|line| line["type"] == "assistant" && line["is_api_error_message"] != true);
    let blocks = messages.flat_map(|line| line["message"]["content"].as_array().cloned().unwrap_or_default());
    blocks
        .filter_map(|block| (block["type"] == "text").then(|| block["text"].as_str().map(str::to_owned))?)
        .collect()
}

#[test]
fn calls_questions_turns_and_sums_are_in_order() {
    let events = feed(&recorded());
    check_calls(outputs(&events)).unwrap();
    let count = |wanted: fn(&Event) -> bool| events.iter().filter(|event| wanted(event)).count();
    // The message that was sent while a tool ran has no result of its own.
    assert_eq!(count(|event| matches!(event, Event::Ended(_))), 7);
    assert_eq!(count(|event| matches!(event, Event::State(Activity::Idle))), 7);
    assert_eq!(count(|event| matches!(event, Event::Fate { fate: Fate::Queued, .. })), 8);
    assert_eq!(count(|event| matches!(event, Event::Session(_))), 1);
    let input: u64 = events
        .iter()
        .filter_map(|event| match event {
            Event::Output(Output::Usage(report)) => Some(report.turn.input_tokens),
            _ => None,
        })
        .sum();
    assert_eq!(input, 24_519 + 1_257, "the last sums of both models");
}

#[test]
fn nothing_is_said_twice_with_deltas_or_without() {
    let lines = recorded();
    // The last piece of the interrupted stream was cut in the recording.
    let text = said(outputs(&feed(&lines)));
    let without: Vec<_> = lines.iter().filter(|line| line["type"] != "stream_event").cloned().collect();
    assert_eq!(said(outputs(&feed(&without))), whole_text(&lines));
    for whole in ["Looking.", "All done.", "Understood.", "Recovered.", "Slept.", "echo: And one more"] {
        assert_eq!(text.matches(whole).count(), 1, "{whole}: {text}");
    }
}

/// A message of text blocks, streamed in pieces, and then each block whole.
fn streamed(blocks: &[(String, usize)]) -> Vec<Value> {
    let event = |event: Value| json!({ "type": "stream_event", "event": event, "parent_tool_use_id": null });
    let mut lines = vec![event(json!({ "type": "message_start", "message": { "id": "m" } }))];
    for (index, (text, size)) in blocks.iter().enumerate() {
        let block = json!({ "type": "text", "text": "" });
        lines.push(event(json!({ "type": "content_block_start", "index": index, "content_block": block })));
        for piece in text.chars().collect::<Vec<_>>().chunks(*size) {
            let delta = json!({ "type": "text_delta", "text": piece.iter().collect::<String>() });
            lines.push(event(json!({ "type": "content_block_delta", "index": index, "delta": delta })));
        }
        let content = json!([{ "type": "text", "text": text }]);
        lines.push(json!({ "type": "assistant", "message": { "id": "m", "content": content } }));
        lines.push(event(json!({ "type": "content_block_stop", "index": index })));
    }
    lines
}

/// The agent may trim the end of a block when it tells the whole of it.
#[test]
fn a_whole_that_is_shorter_than_its_deltas_adds_nothing() {
    let mut lines = streamed(&[("some words \n".to_owned(), 3)]);
    let whole = lines.iter_mut().find(|line| line["type"] == "assistant").unwrap();
    whole["message"]["content"][0]["text"] = json!("some words");
    assert_eq!(said(outputs(&feed(&lines))), "some words \n");
}

proptest! {
    // Nothing is written into the tree; a failure prints what it failed with.
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn text_is_the_whole_of_it_wherever_deltas_end_or_stop_coming(
        blocks in prop::collection::vec((".{0,40}", 1_usize..9), 1..5),
        lost in 0_usize..100,
    ) {
        let mut lines = streamed(&blocks);
        let whole: String = blocks.iter().map(|(text, _)| text.as_str()).collect();
        prop_assert_eq!(said(outputs(&feed(&lines))), whole.clone());
        // From some point on only whole blocks come.
        let mut number = 0;
        lines.retain(|line| { number += 1; number <= lost || line["type"] == "assistant" });
        prop_assert_eq!(said(outputs(&feed(&lines))), whole);
    }

    /// Lines that are lost, come twice, or in another order break no rule of calls.
    #[test]
    fn lost_and_repeated_lines_leave_calls_in_order(picks in prop::collection::vec(0_usize..1_000, 0..300)) {
        let lines = recorded();
        check_calls(outputs(&feed(picks.iter().map(|pick| &lines[pick % lines.len()]))))?;
        let mut picks = picks;
        picks.sort_unstable();
        check_calls(outputs(&feed(picks.iter().map(|pick| &lines[pick % lines.len()]))))?;
    }

    /// A line that was cut or damaged, if it still is JSON, breaks nothing.
    #[test]
    fn damage_breaks_nothing(number in 0_usize..1_000, at in any::<prop::sample::Index>(), byte: u8, cut: bool) {
        let mut lines = recorded();
        let number = number % lines.len();
        match damaged(&lines[number], at, byte, cut) {
            Some(damaged) => lines[number] = damaged,
            None => drop(lines.remove(number)),
        }
        check_calls(outputs(&feed(&lines)))?;
    }

    /// Any field may be anything.
    #[test]
    fn strange_values_break_nothing(number in 0_usize..1_000, field in 0_usize..400, kind in 0..STRANGE) {
        let mut lines = recorded();
        let number = number % lines.len();
        make_strange(&mut lines[number], field, kind);
        let events = feed(&lines);
        check_calls(outputs(&events))?;
        outputs(&events).for_each(|output| drop(fitting(output.clone())));
    }
}
