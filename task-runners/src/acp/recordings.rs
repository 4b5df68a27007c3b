//! The recorded words of real agents, through the normalizer.

use proptest::prelude::*;
use serde_json::{Value, json};
use task_core::{Output, ToolStatus};

use super::leave::Leave;
use super::normalize::{State, normalize};
use super::request::Refusal;
use super::turn::Turn;
use crate::recorded::{STRANGE, assert_same, check_calls, damaged, make_strange, said};
use crate::text::{fitting, sorted, text};
use crate::turns::open_calls_end;

/// What three agents said: a turn with a tool and leave for it, a turn that was cancelled in the middle, and one whose
/// request to the model's API was refused. `from` tells who wrote a line; long texts were cut.
const RECORDED: [(&str, &str); 3] = [
    ("claude-agent-acp 0.101.0", include_str!("../../tests/transcripts/acp-claude.jsonl")),
    ("codex-acp 2.6.0", include_str!("../../tests/transcripts/acp-codex.jsonl")),
    ("opencode 1.18.33", include_str!("../../tests/transcripts/acp-opencode.jsonl")),
];

fn recorded(which: usize) -> Vec<Value> {
    RECORDED[which].1.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// What became of the lines, and how each turn ended: why, and with which error.
#[derive(Default)]
struct Told {
    outputs: Vec<Output>,
    asked: Vec<Leave>,
    ended: Vec<(String, Option<String>)>,
}

/// Feeds the lines as a run does. Lines of the client tell it what is an answer to what.
fn feed<'a>(lines: impl IntoIterator<Item = &'a Value>) -> Told {
    let (mut state, mut told, mut prompt) = (State::default(), Told::default(), Value::Null);
    for line in lines {
        let (from, line) = (text(line, "from"), &line["line"]);
        match (from, text(line, "method")) {
            ("client", "session/prompt") => {
                state.begin_turn();
                prompt = line["id"].clone();
            }
            ("client", "session/cancel") => state.is_stopping = true,
            ("agent", "session/request_permission") => {
                told.outputs.extend(state.tools.asked(&line["params"]["toolCall"]));
                told.asked.push(Leave::read(&line["params"]));
            }
            ("agent", "") if !prompt.is_null() && line["id"] == prompt => {
                prompt = Value::Null;
                let refusal = |error: &Value| Refusal { code: 0, words: text(error, "message").to_owned() };
                let answer =
                    line.get("error").map_or_else(|| Ok(line["result"].clone()), |e| Err(refusal(e)));
                let turn = Turn { answer: Some(answer), ..Turn::default() };
                let (reason, error) = turn.outcome(state.failure());
                told.outputs.extend(state.close_calls(open_calls_end(&reason)));
                told.outputs.extend(state.cost(turn.answer.as_ref()));
                told.ended.push((reason, error.map(|error| error.message().to_owned())));
            }
            ("agent", "") => {}
            ("agent", _) => told.outputs.extend(normalize(&mut state, line)),
            _ => {}
        }
    }
    told.outputs.extend(state.close_calls(ToolStatus::Failed));
    told
}

/// A line for each output; deltas of one block in one.
fn summary(told: &Told) -> String {
    let mut lines: Vec<String> = Vec::new();
    for output in &told.outputs {
        let line = match output {
            Output::Text(delta) => format!("text {}: {}", delta.block, delta.text),
            Output::Thinking(delta) => format!("thinking {}: {}", delta.block, delta.text),
            Output::ToolCall(call) => format!("call {} {}: {}", call.call_id, call.name, call.title),
            Output::ToolUpdate(update) => {
                let input = update.input.as_ref().map(|input| format!(" input {}", sorted(input.as_str())));
                let output = update.output.as_ref().map(|output| format!(" output {output:?}"));
                let code = update.exit_code.map(|code| format!(" exit {code}"));
                let more: String = [input, output, code].into_iter().flatten().collect();
                format!("call {} {:?}{more}", update.call_id, update.status)
            }
            Output::Usage(report) => {
                let turn = report.turn;
                format!("usage {} {} {:?}", turn.input_tokens, turn.output_tokens, turn.cost_usd)
            }
            other => other.kind().to_owned(),
        };
        match (lines.last_mut(), output) {
            (Some(last), Output::Text(delta)) if last.starts_with(&format!("text {}: ", delta.block)) => {
                last.push_str(&delta.text);
            }
            _ => lines.push(line),
        }
    }
    let ended = told.ended.iter().map(|(reason, error)| format!("ended {reason} {error:?}"));
    lines.into_iter().chain(ended).map(|line| line.trim_end().replace('\n', "\\n") + "\n").collect()
}

#[test]
fn the_recorded_sessions_are_what_they_were() {
    let mut found = String::new();
    for (which, (agent, _)) in RECORDED.iter().enumerate() {
        found.push_str(&format!("# {agent}\n{}\n", summary(&feed(&recorded(which)))));
    }
    assert_same(&found, include_str!("../../tests/transcripts/acp.events"));
}

#[test]
fn each_turn_ends_as_it_did_and_nothing_vanishes_or_is_unknown() {
    for (which, (agent, _)) in RECORDED.iter().enumerate() {
        let told = feed(&recorded(which));
        check_calls(&told.outputs).unwrap();
        let reasons: Vec<_> = told.ended.iter().map(|(reason, _)| reason.as_str()).collect();
        assert_eq!(reasons, ["done", "interrupted", "failed"], "{agent}");
        let error = told.ended[2].1.as_deref().unwrap();
        assert!(error.contains("bad request"), "{agent}: {error}");
        assert!(told.outputs.iter().all(|output| output.kind() != "raw"), "{agent}: {:?}", told.outputs);
        for whole in ["Running it.", "All done."] {
            assert_eq!(said(&told.outputs).matches(whole).count(), 1, "{agent}: {whole}");
        }
        // Codex asks for nothing in the mode of the recording.
        assert_eq!(told.asked.len(), usize::from(which != 1), "{agent}");
    }
}

fn update(update: &Value) -> Value {
    json!({ "jsonrpc": "2.0", "method": "session/update", "params": { "sessionId": "s", "update": update } })
}

fn normalized(state: &mut State, updates: &[Value]) -> Vec<Output> {
    updates.iter().flat_map(|line| normalize(state, &update(line))).collect()
}

#[test]
fn what_is_not_known_or_of_another_session_is_kept_as_it_came() {
    let mut state = State::new(None, Some("s"));
    let odd = update(&json!({ "sessionUpdate": "mood_update", "mood": "good" }));
    let other = json!({ "method": "session/update", "params": { "sessionId": "t", "update": {
        "sessionUpdate": "agent_message_chunk", "content": { "type": "text", "text": "x" } } } });
    let image = update(&json!({ "sessionUpdate": "agent_message_chunk", "content": { "type": "image" } }));
    for line in [odd, other, image, json!({ "method": "_own/thing", "params": {} })] {
        let [Output::Raw(raw)] = &normalize(&mut state, &line)[..] else { panic!("{line}") };
        assert_eq!(serde_json::from_str::<Value>(raw.data.as_str()).unwrap(), line);
    }
}

#[test]
fn a_replay_says_nothing_and_what_follows_it_does() {
    let chunk = |text: &str| json!({ "sessionUpdate": "agent_message_chunk", "content": { "type": "text", "text": text } });
    let mut state = State::new(None, Some("s"));
    state.is_replaying = true;
    let call =
        json!({ "sessionUpdate": "tool_call", "toolCallId": "c", "status": "completed", "title": "x" });
    assert_eq!(normalized(&mut state, &[chunk("before"), call]), []);
    state.is_replaying = false;
    assert_eq!(said(&normalized(&mut state, &[chunk("after")])), "after");
}

#[test]
fn output_that_is_told_again_and_again_is_told_once() {
    let call = |status: &str, output: &str| {
        let content = json!([{ "type": "content", "content": { "type": "text", "text": output } }]);
        json!({ "sessionUpdate": "tool_call_update", "toolCallId": "c", "status": status, "content": content })
    };
    let mut state = State::new(None, Some("s"));
    let told = normalized(
        &mut state,
        &[
            call("pending", "about to"),
            call("in_progress", "one\n"),
            call("in_progress", "one\ntwo\n"),
            call("completed", "one\ntwo\n"),
        ],
    );
    let output: String = told
        .iter()
        .filter_map(|output| match output {
            Output::ToolUpdate(update) => update.output.clone(),
            _ => None,
        })
        .collect();
    assert_eq!(output, "one\ntwo\n");
    check_calls(&told).unwrap();
}

#[test]
fn a_command_that_has_no_exit_code_when_it_is_stopped_was_cancelled() {
    let ended = |exit: Value| {
        let output = json!({ "output": "x", "metadata": { "exit": exit } });
        json!({ "sessionUpdate": "tool_call_update", "toolCallId": "c", "status": "completed", "rawOutput": output })
    };
    let statuses = |is_stopping: bool, exit: Value| {
        let mut state = State::new(None, Some("s"));
        state.is_stopping = is_stopping;
        let told = normalized(&mut state, &[ended(exit)]);
        let Some(Output::ToolUpdate(last)) = told.last() else { panic!("{told:?}") };
        last.status
    };
    assert_eq!(statuses(true, Value::Null), ToolStatus::Cancelled);
    assert_eq!(statuses(true, json!(0)), ToolStatus::Completed, "it was done before it was stopped");
    assert_eq!(statuses(false, Value::Null), ToolStatus::Completed);
}

#[test]
fn text_around_a_call_is_two_blocks_and_text_in_pieces_is_one() {
    let chunk = |text: &str| json!({ "sessionUpdate": "agent_message_chunk", "messageId": "m", "content": { "type": "text", "text": text } });
    let call =
        json!({ "sessionUpdate": "tool_call", "toolCallId": "c", "status": "in_progress", "title": "x" });
    let more = json!({ "sessionUpdate": "tool_call_update", "toolCallId": "c", "rawOutput": "x" });
    let mut state = State::new(None, Some("s"));
    let told = normalized(&mut state, &[chunk("a"), chunk("b"), call, chunk("c"), more, chunk("d")]);
    let blocks: Vec<_> = told
        .iter()
        .filter_map(|output| match output {
            Output::Text(delta) => Some((delta.block.as_str(), delta.text.as_str())),
            _ => None,
        })
        .collect();
    assert_eq!(blocks, [("1", "a"), ("1", "b"), ("2", "c"), ("2", "d")]);
}

proptest! {
    // Nothing is written into the tree; a failure prints what it failed with.
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// Lines that are lost, come twice, or in another order break no rule of calls.
    #[test]
    fn lost_and_repeated_lines_leave_calls_in_order(which in 0_usize..3, picks in prop::collection::vec(0_usize..1_000, 0..100)) {
        let lines = recorded(which);
        check_calls(&feed(picks.iter().map(|pick| &lines[pick % lines.len()])).outputs)?;
        let mut picks = picks;
        picks.sort_unstable();
        check_calls(&feed(picks.iter().map(|pick| &lines[pick % lines.len()])).outputs)?;
    }

    /// A line that was cut or damaged, if it still is JSON, breaks nothing.
    #[test]
    fn damage_breaks_nothing(which in 0_usize..3, number in 0_usize..1_000, at in any::<prop::sample::Index>(), byte: u8, cut: bool) {
        let mut lines = recorded(which);
        let number = number % lines.len();
        match damaged(&lines[number]["line"], at, byte, cut) {
            Some(damaged) => lines[number]["line"] = damaged,
            None => drop(lines.remove(number)),
        }
        check_calls(&feed(&lines).outputs)?;
    }

    /// Any field may be anything.
    #[test]
    fn strange_values_break_nothing(which in 0_usize..3, number in 0_usize..1_000, field in 0_usize..200, kind in 0..STRANGE) {
        let mut lines = recorded(which);
        let number = number % lines.len();
        make_strange(&mut lines[number]["line"], field, kind);
        let told = feed(&lines);
        check_calls(&told.outputs)?;
        told.outputs.into_iter().for_each(|output| drop(fitting(output)));
    }

    /// What is said in pieces is said whole, wherever they end, and whatever comes in between.
    #[test]
    fn text_is_the_whole_of_it(pieces in prop::collection::vec((".{1,20}", 0_usize..4), 0..20)) {
        let mut state = State::new(None, Some("s"));
        let mut told = Vec::new();
        for (number, (piece, between)) in pieces.iter().enumerate() {
            let content = json!({ "type": "text", "text": piece });
            let between = [
                json!({ "sessionUpdate": "usage_update", "used": 1, "size": 2 }),
                json!({ "sessionUpdate": "tool_call", "toolCallId": format!("c{number}"), "status": "in_progress" }),
                json!({ "sessionUpdate": "agent_thought_chunk", "content": { "type": "text", "text": "hm" } }),
                json!({ "sessionUpdate": "plan", "entries": [] }),
            ][*between].clone();
            let chunk = json!({ "sessionUpdate": "agent_message_chunk", "content": content });
            told.extend(normalized(&mut state, &[chunk, between]));
        }
        let whole: String = pieces.iter().map(|(piece, _)| piece.as_str()).collect();
        prop_assert_eq!(said(&told), whole);
    }
}
