//! The log as people read it: events in, pieces of text out.

use std::collections::HashMap;

use task_core::{
    Event, InputRequest, Lifecycle, MessageAdded, NoticeLevel, Output, Payload, PlanStatus, RequestKind,
    ToolStatus, ToolUpdate,
};

use crate::escape::{self, Cleaner};
use crate::look::Look;
use crate::screen::Piece;

/// Turns events into text. Off a terminal the text is the same, but what agents say stays as it is.
#[derive(Debug)]
pub(crate) struct Printer {
    is_terminal: bool,
    /// What the newest text belongs to: more of the same goes on in its line.
    open: Option<Open>,
    cleaner: Cleaner,
    at_line_start: bool,
    /// What tool calls that are under way are called.
    tools: HashMap<String, String>,
    /// Leaves out the first message: whoever has just written it knows it.
    skips_message: bool,
    pieces: Vec<Piece>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Open {
    Text(String),
    Thinking(String),
    Tool(String),
}

impl Printer {
    pub(crate) fn new(is_terminal: bool) -> Self {
        Self {
            is_terminal,
            open: None,
            cleaner: Cleaner::new(is_terminal),
            at_line_start: true,
            tools: HashMap::new(),
            skips_message: false,
            pieces: Vec::new(),
        }
    }

    /// The same, but the first message is left out.
    pub(crate) const fn without_first_message(mut self) -> Self {
        self.skips_message = true;
        self
    }

    /// What to print of the event. What has no words for people has none here: `--json` shows everything.
    pub(crate) fn print(&mut self, event: &Event) -> Vec<Piece> {
        match event.payload() {
            Payload::Lifecycle(lifecycle) => self.lifecycle(&lifecycle),
            Payload::Output(output) => self.output(output),
            _ => {}
        }
        std::mem::take(&mut self.pieces)
    }

    fn lifecycle(&mut self, lifecycle: &Lifecycle) {
        match lifecycle {
            Lifecycle::Cancelled(_) => self.line(Look::Warn, "cancelled"),
            Lifecycle::Failed(failed) => self.line(Look::Bad, &format!("failed: {}", failed.error)),
            Lifecycle::InputAnswered(answered) => {
                let answer =
                    answered.answer.as_str().map_or_else(|| answered.answer.to_string(), str::to_owned);
                let by =
                    if answered.by == "user" { String::new() } else { format!(" (by the {})", answered.by) };
                self.line(Look::Accent, &format!("= {answer}{by}"));
            }
            Lifecycle::InputRequested(request) => self.request(request),
            Lifecycle::Interrupted(interrupted) => {
                self.line(Look::Warn, &format!("interrupted: {}", interrupted.reason));
            }
            Lifecycle::Message(message) => self.message(message),
            Lifecycle::MessageRefused(refused) => {
                self.line(Look::Warn, &format!("a message was refused: {}", refused.reason));
            }
            Lifecycle::Renamed(renamed) => self.line(Look::Faint, &format!("renamed: {}", renamed.title)),
            Lifecycle::RunStarted(started) if started.run > 1 => {
                self.line(Look::Faint, &format!("run {} ({})", started.run, started.reason));
            }
            _ => {}
        }
    }

    fn output(&mut self, output: Output) {
        match output {
            Output::Custom(custom) => {
                let data = escape::line(custom.data.as_str(), self.is_terminal);
                self.line(Look::Faint, &format!("{} {data}", custom.name));
            }
            Output::Notice(notice) => {
                let look = match notice.level {
                    NoticeLevel::Error => Look::Bad,
                    NoticeLevel::Info => Look::Faint,
                    _ => Look::Warn,
                };
                self.line(look, &format!("! {}", notice.text));
            }
            Output::Plan(plan) => {
                for entry in &plan.entries {
                    let (mark, look) = match entry.status {
                        PlanStatus::Completed => ("[x]", Look::Good),
                        PlanStatus::InProgress => ("[>]", Look::Accent),
                        _ => ("[ ]", Look::Plain),
                    };
                    self.line(look, &format!("{mark} {}", entry.text));
                }
            }
            Output::Text(delta) => self.flow(Open::Text(delta.block), Look::Plain, "", &delta.text),
            Output::Thinking(delta) => self.flow(Open::Thinking(delta.block), Look::Faint, "~ ", &delta.text),
            Output::ToolCall(call) => {
                let title = if call.title.contains(&call.name) || call.name == "shell" {
                    call.title
                } else {
                    format!("{} ({})", call.title, call.name)
                };
                self.heading(&title);
                self.open = Some(Open::Tool(call.call_id.clone()));
                self.tools.insert(call.call_id, title);
            }
            Output::ToolUpdate(update) => self.tool(&update),
            _ => {}
        }
    }

    fn message(&mut self, message: &MessageAdded) {
        if std::mem::take(&mut self.skips_message) {
            return;
        }
        self.end();
        let text = message.text();
        for text in text.lines() {
            self.line(Look::Strong, &format!("> {text}"));
        }
        let others = message.content.iter().filter(|content| content.as_text().is_none()).count();
        if others > 0 {
            self.line(Look::Strong, &format!("> [{others} more of other kinds]"));
        }
    }

    fn request(&mut self, request: &InputRequest) {
        let what = match request.request {
            RequestKind::Permission => "permission",
            _ => "question",
        };
        let mut lines = request.prompt.lines();
        self.line(Look::Accent, &format!("? {}", lines.next().unwrap_or(what)));
        for text in lines {
            self.line(Look::Accent, &format!("  {text}"));
        }
        for option in &request.options {
            self.line(Look::Accent, &format!("  {}: {}", option.id, option.label));
        }
    }

    fn tool(&mut self, update: &ToolUpdate) {
        let open = Open::Tool(update.call_id.clone());
        let has_words = update.output.is_some() || update.exit_code.is_some_and(|code| code != 0);
        if has_words && self.open.as_ref() != Some(&open) {
            // Something else was said in between: say again what this is.
            if let Some(title) = self.tools.get(&update.call_id).cloned() {
                self.heading(&title);
            }
        }
        if let Some(output) = &update.output {
            self.flow(open, Look::Plain, TOOL, output);
        }
        let end = match update.status {
            ToolStatus::Cancelled => Some("cancelled".to_owned()),
            ToolStatus::Completed | ToolStatus::Failed if update.exit_code.is_some_and(|code| code != 0) => {
                update.exit_code.map(|code| format!("exit code {code}"))
            }
            ToolStatus::Failed => Some("failed".to_owned()),
            _ => None,
        };
        if let Some(end) = end {
            self.line(Look::Warn, &format!("{TOOL}{end}"));
        }
        if !update.status.is_open() {
            self.tools.remove(&update.call_id);
        }
    }

    /// More of a text that comes in pieces. Each of its lines begins with `prefix`: nothing an agent says looks like
    /// something else.
    fn flow(&mut self, open: Open, look: Look, prefix: &str, text: &str) {
        if self.open.as_ref() != Some(&open) {
            self.end();
            self.open = Some(open);
            self.cleaner = Cleaner::new(self.is_terminal);
        }
        let mut flowing = String::new();
        for line in self.cleaner.clean(text).split_inclusive('\n') {
            if self.at_line_start {
                flowing.push_str(prefix);
            }
            flowing.push_str(line);
            self.at_line_start = line.ends_with('\n');
        }
        self.pieces.push(Piece::new(look, flowing));
    }

    fn heading(&mut self, title: &str) {
        self.line(Look::Strong, &format!("* {title}"));
    }

    /// A line of its own.
    fn line(&mut self, look: Look, text: &str) {
        self.end();
        self.pieces.push(Piece::new(look, escape::line(text, self.is_terminal)));
        self.pieces.push(Piece::plain("\n"));
    }

    /// Ends what came in pieces.
    fn end(&mut self) {
        self.open = None;
        if !self.at_line_start {
            self.pieces.push(Piece::plain("\n"));
            self.at_line_start = true;
        }
    }
}

/// What each line of the output of a tool begins with.
const TOOL: &str = "  ";

#[cfg(test)]
mod tests {
    use task_core::testing::Scribe;
    use task_core::{Plan, PlanEntry, Seq, ToolCall};

    use super::*;

    fn printed(is_terminal: bool, outputs: Vec<Output>) -> String {
        let mut scribe = Scribe::new("hello");
        let mut commits = vec![scribe.create(None)];
        commits.push(scribe.record(outputs));
        let mut printer = Printer::new(is_terminal);
        let events = commits.iter().flat_map(|commit| commit.events().to_vec());
        events.flat_map(|event| printer.print(&event)).map(|piece| piece.text).collect()
    }

    #[test]
    fn deltas_of_a_block_flow_together_and_blocks_stand_apart() {
        let text = printed(
            false,
            vec![
                Output::text("a", "one "),
                Output::text("a", "two"),
                Output::text("b", "three\n"),
                Output::thinking("t", "hm\nhm"),
                Output::text("c", "four"),
                Output::turn_ended("done"),
            ],
        );
        assert_eq!(text, "> first\none two\nthree\n~ hm\n~ hm\nfour");
    }

    #[test]
    fn tools_that_work_at_the_same_time_are_told_apart() {
        let text = printed(
            false,
            vec![
                ToolCall::new("1", "make").with_title("make all").into(),
                ToolCall::new("2", "Read").with_title("a.txt").into(),
                ToolUpdate::new("1", ToolStatus::Running).with_output("cc").into(),
                ToolUpdate::new("1", ToolStatus::Running).with_output(" a.c\n").into(),
                ToolUpdate::new("2", ToolStatus::Failed).with_output("no such file").into(),
                ToolUpdate::new("1", ToolStatus::Completed).with_exit_code(2).into(),
            ],
        );
        let expected = "> first\n* make all\n* a.txt (Read)\n* make all\n  cc a.c\n* a.txt (Read)\n  no such file\n  failed\n\
                        * make all\n  exit code 2\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn nothing_an_agent_says_is_an_order_or_looks_like_something_else() {
        let outputs = || {
            vec![
                ToolCall::new("1", "sh\u{1b}").with_title("x\n* forged").into(),
                ToolUpdate::new("1", ToolStatus::Running).with_output("10%\r20%\u{1b}[2A\n* forged").into(),
                Output::notice(NoticeLevel::Info, "\u{1b}]0;title\u{7}\nforged"),
                Output::text("t", "\u{9b}2J \u{202e}"),
                Plan::new(vec![PlanEntry::new("\u{8}\u{8}\n", PlanStatus::Pending)]).into(),
            ]
        };
        let text = printed(true, outputs());
        assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{text:?}");
        let expected = "> first\n* x * forged (sh^[)\n  10%\n  20%^[[2A\n  * forged\n! ^[]0;title^G forged\n\
                        <U+009B>2J <U+202E>\n[ ] ^H^H\n";
        assert_eq!(text, expected);
        assert!(printed(false, outputs()).contains("\u{1b}[2A\n  * forged"), "off a terminal text is data");
    }

    #[test]
    fn the_first_message_is_left_out_for_whoever_wrote_it() {
        let mut scribe = Scribe::new("hello");
        let commit = scribe.create(None);
        let mut printer = Printer::new(false).without_first_message();
        assert!(commit.events().iter().all(|event| printer.print(event).is_empty()));
        assert_eq!(commit.events().last().map(Event::seq), Some(Seq::new(2)));
    }
}
