//! Words for events: cut to what an event takes, and read from what agents say.

use serde_json::{Value, json};
use task_core::{Json, Output, ToolUpdate};

/// The text of a field; empty when it is not there.
pub(crate) fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

/// The first characters, and a sign where more was.
pub(crate) fn shortened(text: &str, characters: usize) -> String {
    match text.char_indices().nth(characters) {
        Some((end, _)) => format!("{} …", &text[..end]),
        None => text.to_owned(),
    }
}

/// The first line that says something, short.
pub(crate) fn first_line(text: &str, characters: usize) -> String {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let line = shortened(lines.next().unwrap_or_default(), characters);
    if lines.next().is_some() && !line.ends_with('…') { format!("{line} …") } else { line }
}

/// The same in pieces that an event takes, whatever its limit is.
pub(crate) fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let end = (0..=PIECE.min(rest.len())).rev().find(|end| rest.is_char_boundary(*end))?;
        let (piece, next) = rest.split_at(end);
        rest = next;
        (!piece.is_empty()).then_some(piece)
    })
}

/// JSON that an event takes: itself, or how long it was.
pub(crate) fn bounded(value: &Value) -> Json {
    let json = Json::from(value.clone());
    let bytes = json.as_str().len();
    if bytes <= JSON {
        return json;
    }
    json!({ "omitted": format!("{bytes} bytes, more than an event takes") }).into()
}

/// The same output, in as many events as it takes.
pub(crate) fn fitting(output: Output) -> Vec<Output> {
    match output {
        Output::Text(delta) => pieces(&delta.text).map(|piece| Output::text(&delta.block, piece)).collect(),
        Output::Thinking(delta) => {
            pieces(&delta.text).map(|piece| Output::thinking(&delta.block, piece)).collect()
        }
        Output::ToolUpdate(update) if update.output.as_ref().is_some_and(|output| output.len() > PIECE) => {
            let text = update.output.clone().unwrap_or_default();
            let more =
                |piece| ToolUpdate::new(&update.call_id, task_core::ToolStatus::Running).with_output(piece);
            let mut all: Vec<_> = pieces(&text).map(|piece| more(piece).into()).collect();
            all.push(Output::ToolUpdate({
                let mut end = update;
                end.output = None;
                end
            }));
            all
        }
        Output::Notice(notice) => vec![Output::notice(notice.level, shortened(&notice.text, NOTICE))],
        Output::Plan(mut plan) => {
            plan.entries.truncate(STEPS);
            for entry in &mut plan.entries {
                entry.text = shortened(&entry.text, STEP);
            }
            vec![Output::Plan(plan)]
        }
        Output::Raw(raw) if raw.data.as_str().len() > JSON => {
            vec![Output::notice(
                task_core::NoticeLevel::Info,
                format!(
                    "{} said something of {} bytes that is not kept",
                    raw.source,
                    raw.data.as_str().len()
                ),
            )]
        }
        other => vec![other],
    }
}

/// JSON with its keys in order, for tests: how a map is ordered is up to the features of its crate.
#[cfg(test)]
pub(crate) fn sorted(json: &str) -> String {
    fn write(value: &Value) -> String {
        match value {
            Value::Array(items) => format!("[{}]", items.iter().map(write).collect::<Vec<_>>().join(",")),
            Value::Object(fields) => {
                let mut fields: Vec<_> = fields.iter().collect();
                fields.sort_unstable_by_key(|(name, _)| *name);
                let field = |(name, value): (&String, &Value)| format!("{}:{}", json!(name), write(value));
                format!("{{{}}}", fields.into_iter().map(field).collect::<Vec<_>>().join(","))
            }
            other => other.to_string(),
        }
    }
    write(&serde_json::from_str(json).expect("it is JSON"))
}

/// Bytes of text in one event.
const PIECE: usize = 64 << 10;

/// Bytes of JSON in one event, well below its limit.
const JSON: usize = 512 << 10;

/// Steps of a plan, and characters of one.
const STEPS: usize = 200;
const STEP: usize = 1_000;

/// Characters of a notice.
const NOTICE: usize = 8_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_text_comes_whole_in_pieces() {
        let text = "жабра ".repeat(40_000);
        let all = fitting(Output::text("b", &text));
        assert!(all.len() > 3);
        let joined: String = all
            .iter()
            .map(|output| match output {
                Output::Text(delta) => delta.text.as_str(),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(joined, text);
    }

    #[test]
    fn a_title_is_one_short_line() {
        assert_eq!(first_line("\n  make test \n", 20), "make test");
        assert_eq!(first_line("one\ntwo", 20), "one …");
        assert_eq!(first_line("жжжжж", 3), "жжж …");
    }
}
