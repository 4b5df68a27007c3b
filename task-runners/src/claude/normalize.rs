//! Lines of the agent become events: a pure function that never fails. What it does not know is passed on as it is.

use serde_json::Value;
use task_core::NoticeLevel;

use super::event::{Activity, Asked, Ended, Event, Fate, notice, outputs, raw};
use super::state::State;
use crate::text::{shortened, text};

/// What a line says.
pub(super) fn normalize(state: &mut State, line: &Value) -> Vec<Event> {
    let mut events = Vec::new();
    match text(line, "type") {
        "assistant" => state.assistant(line, &mut events),
        "command_lifecycle" => fate(line, &mut events),
        "control_cancel_request" => events.push(Event::Withdrawn(text(line, "request_id").to_owned())),
        "control_request" => state.request(line, &mut events),
        "control_response" => response(line, &mut events),
        "result" => state.result(line, &mut events),
        "stream_event" => state.stream_event(line, &mut events),
        "system" => state.system(line, &mut events),
        "user" => state.user(line, &mut events),
        // Signs of life, and what it thinks of our limits.
        "keep_alive" | "rate_limit_event" | "tool_progress" => {}
        _ => events.push(raw(line)),
    }
    events
}

impl State {
    fn request(&mut self, line: &Value, events: &mut Vec<Event>) {
        let request = &line["request"];
        if text(request, "subtype") != "can_use_tool" {
            events.push(raw(line));
            return events.push(Event::Unsupported(text(line, "request_id").to_owned()));
        }
        let call_id = request["tool_use_id"].as_str().map(str::to_owned);
        let (tool, input) = (text(request, "tool_name"), request["input"].clone());
        if let Some(call_id) = &call_id {
            outputs(events, self.tools.called(call_id, tool, &input));
        }
        let reasons = ["decision_reason", "description"].iter().find_map(|key| request[key].as_str());
        events.push(Event::Asked(Asked {
            request: text(line, "request_id").to_owned(),
            call_id,
            tool: tool.to_owned(),
            input,
            reason: reasons.map(str::to_owned),
            suggestions: request["permission_suggestions"].as_array().cloned().unwrap_or_default(),
        }));
    }

    fn result(&mut self, line: &Value, events: &mut Vec<Event>) {
        self.session(line, events);
        if let Some(usage) = self.totals.advance(line) {
            events.push(Event::Output(task_core::UsageReport::from(usage).into()));
        }
        let errors = line["errors"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let words = match line["result"].as_str() {
            Some(words) => words.to_owned(),
            None => errors.collect::<Vec<_>>().join("; "),
        };
        let subtype = text(line, "subtype");
        let reason = line["terminal_reason"].as_str().unwrap_or(match subtype {
            "error_max_turns" => "max_turns",
            _ => "",
        });
        let is_error = line["is_error"] == true;
        events.push(Event::Ended(Ended {
            is_error,
            reason: reason.to_owned(),
            words: if is_error { words } else { String::new() },
        }));
        if !self.tells_state {
            events.push(Event::State(Activity::Idle));
        }
    }

    fn system(&mut self, line: &Value, events: &mut Vec<Event>) {
        match text(line, "subtype") {
            "init" => {
                self.session(line, events);
                self.server_failures(line, events);
            }
            "session_state_changed" => {
                self.tells_state = true;
                events.extend(match text(line, "state") {
                    "idle" => Some(Event::State(Activity::Idle)),
                    "running" => Some(Event::State(Activity::Running)),
                    "requires_action" => Some(Event::State(Activity::Waiting)),
                    _ => Some(raw(line)),
                });
            }
            "api_retry" => events.push(notice(NoticeLevel::Warning, retry_words(line))),
            "compact_boundary" => {
                events.push(notice(
                    NoticeLevel::Info,
                    "The conversation was summarized to make room.".to_owned(),
                ));
            }
            "informational" | "notification" | "warning" => {
                match line["content"].as_str().or(line["message"].as_str()) {
                    Some(words) => events.push(notice(NoticeLevel::Info, words.to_owned())),
                    None => events.push(raw(line)),
                }
            }
            "permission_denied" => {
                let words = format!("{} was refused: {}", text(line, "tool_name"), text(line, "message"));
                events.push(notice(NoticeLevel::Info, words));
            }
            "task_started" => {
                self.background.insert(text(line, "task_id").to_owned());
            }
            "task_notification" | "task_updated" => {
                let status = line["status"].as_str().or(line["patch"]["status"].as_str()).unwrap_or_default();
                if matches!(status, "completed" | "failed" | "killed" | "stopped" | "cancelled") {
                    self.background.remove(text(line, "task_id"));
                }
            }
            "background_tasks_changed" => {
                let tasks = line["tasks"].as_array().into_iter().flatten();
                self.background = tasks.map(|task| text(task, "task_id").to_owned()).collect();
            }
            // What it does from moment to moment; the events that follow say it better.
            "commands_changed" | "status" | "task_progress" | "thinking_tokens" | "turn_duration" => {}
            _ => events.push(raw(line)),
        }
    }

    /// Notes the name of the session, when it is another one.
    fn session(&mut self, line: &Value, events: &mut Vec<Event>) {
        let is_new = |session: &&str| !session.is_empty() && self.session.as_deref() != Some(session);
        if let Some(session) = line["session_id"].as_str().filter(is_new) {
            self.session = Some(session.to_owned());
            events.push(Event::Session(session.to_owned()));
        }
    }

    fn server_failures(&mut self, line: &Value, events: &mut Vec<Event>) {
        for server in line["mcp_servers"].as_array().into_iter().flatten() {
            let (name, status) = (text(server, "name"), text(server, "status"));
            if !matches!(status, "connected" | "pending" | "disabled" | "")
                && self.failures.insert(name.to_owned())
            {
                events.push(notice(
                    NoticeLevel::Warning,
                    format!("The MCP server `{name}` is not there: {status}"),
                ));
            }
        }
    }
}

fn fate(line: &Value, events: &mut Vec<Event>) {
    let fate = match text(line, "state") {
        "cancelled" => Fate::Cancelled,
        "completed" => Fate::Completed,
        "queued" => Fate::Queued,
        "started" => Fate::Started,
        _ => return events.push(raw(line)),
    };
    events.push(Event::Fate { message: text(line, "command_uuid").to_owned(), fate });
}

fn response(line: &Value, events: &mut Vec<Event>) {
    let response = &line["response"];
    let failed = text(response, "subtype") != "success";
    events.push(Event::Responded {
        request: text(response, "request_id").to_owned(),
        error: failed.then(|| shortened(text(response, "error"), WORDS)),
    });
}

fn retry_words(line: &Value) -> String {
    let status = line["error_status"].as_u64().map(|status| format!(" ({status})")).unwrap_or_default();
    let seconds = line["retry_delay_ms"].as_f64().unwrap_or_default() / 1000.0;
    let why = match text(line, "error") {
        "" => "failed",
        why => why,
    };
    let (attempt, most) = (&line["attempt"], &line["max_retries"]);
    format!("The model API: {why}{status}. Retry {attempt} of {most} in {seconds:.1} s.")
}

/// Characters of an error that are kept.
const WORDS: usize = 2_000;
