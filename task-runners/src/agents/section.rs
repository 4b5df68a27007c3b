//! Reading a TOML table key by key, with errors that say where and what.

use std::cell::RefCell;
use std::ops::Range;
use std::path::Path;

use serde_json::{Map, Number, Value};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::file_error::AgentFileError;

/// A file and its text, for the lines of errors.
#[derive(Clone, Copy, Debug)]
pub(super) struct Source<'a> {
    pub(super) file: &'a Path,
    pub(super) text: &'a str,
}

/// One table. Every key is asked for by name; what was not asked for, nobody knows.
pub(super) struct Section<'a> {
    source: Source<'a>,
    table: &'a DeTable<'a>,
    /// Where the table is.
    span: Range<usize>,
    /// Which table it is, in front of every error: ``in agent `qwen`: ``.
    pub(super) context: String,
    known: RefCell<Vec<&'static str>>,
}

impl<'a> Source<'a> {
    pub(super) fn error(&self, at: usize, words: impl Into<String>) -> AgentFileError {
        let before = self.text.as_bytes().get(..at).unwrap_or(self.text.as_bytes());
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        AgentFileError::new(self.file, Some(line), words)
    }
}

impl<'a> Section<'a> {
    pub(super) fn new(source: Source<'a>, table: &'a DeTable<'a>, span: Range<usize>) -> Self {
        Self { source, table, span, context: String::new(), known: RefCell::default() }
    }

    /// Text that says something.
    pub(super) fn text(&self, key: &'static str) -> Result<Option<String>, AgentFileError> {
        let Some(value) = self.value(key) else { return Ok(None) };
        match value.get_ref().as_str() {
            Some(text) if !text.trim().is_empty() => Ok(Some(text.to_owned())),
            Some(_) => Err(self.wrong(key, value, "it is empty")),
            None => Err(self.mistyped(key, value, "text in quotes")),
        }
    }

    /// The same where it must be there.
    pub(super) fn required_text(&self, key: &'static str) -> Result<String, AgentFileError> {
        self.text(key)?.ok_or_else(|| self.missing(key))
    }

    /// One of these words.
    pub(super) fn word(
        &self,
        key: &'static str,
        words: &[&'static str],
    ) -> Result<Option<&'static str>, AgentFileError> {
        let Some(text) = self.text(key)? else { return Ok(None) };
        let word = words.iter().find(|word| **word == text);
        word.map(|word| Some(*word)).ok_or_else(|| {
            let allowed = words.iter().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(", ");
            self.error(key, format!("`{key}` is \"{text}\"; allowed are: {allowed}"))
        })
    }

    /// A whole number in this range.
    pub(super) fn count(&self, key: &'static str, range: Range<u32>) -> Result<Option<u32>, AgentFileError> {
        let Some(value) = self.value(key) else { return Ok(None) };
        let Some(integer) = value.get_ref().as_integer() else {
            return Err(self.mistyped(key, value, "a whole number"));
        };
        let number = u32::from_str_radix(integer.as_str(), integer.radix()).ok();
        number.filter(|number| range.contains(number)).map(Some).ok_or_else(|| {
            let words = format!("`{key}` is {integer}; allowed are {} to {}", range.start, range.end - 1);
            self.error(key, words)
        })
    }

    /// A list of texts.
    pub(super) fn texts(&self, key: &'static str) -> Result<Option<Vec<String>>, AgentFileError> {
        let Some(value) = self.value(key) else { return Ok(None) };
        let expected = "a list of texts in quotes";
        let list = value.get_ref().as_array().ok_or_else(|| self.mistyped(key, value, expected))?;
        let texts = list.iter().map(|item| match item.get_ref().as_str() {
            Some(text) if !text.is_empty() => Ok(text.to_owned()),
            Some(_) => Err(self.wrong(key, item, "one of its texts is empty")),
            None => Err(self.mistyped(key, item, expected)),
        });
        texts.collect::<Result<_, _>>().map(Some)
    }

    /// A table of anything that JSON has, too.
    pub(super) fn json(&self, key: &'static str) -> Result<Map<String, Value>, AgentFileError> {
        let Some(value) = self.value(key) else { return Ok(Map::new()) };
        let table = value.get_ref().as_table().ok_or_else(|| self.mistyped(key, value, "a table"))?;
        let entries = table.iter().map(|(name, value)| {
            let json = json(value.get_ref());
            let json =
                json.ok_or_else(|| self.wrong(key, value, "dates and numbers without end cannot be sent"))?;
            Ok((name.get_ref().to_string(), json))
        });
        entries.collect()
    }

    /// A number.
    pub(super) fn number(&self, key: &'static str) -> Result<Option<Value>, AgentFileError> {
        let Some(value) = self.value(key) else { return Ok(None) };
        let number = json(value.get_ref()).filter(Value::is_number);
        number.map(Some).ok_or_else(|| self.mistyped(key, value, "a number"))
    }

    /// Tables in a list: `[[key]]`.
    pub(super) fn sections(&self, key: &'static str) -> Result<Vec<Self>, AgentFileError> {
        let Some(value) = self.value(key) else { return Ok(Vec::new()) };
        let expected = format!("tables that begin with [[{key}]]");
        let list = value.get_ref().as_array().ok_or_else(|| self.mistyped(key, value, &expected))?;
        let sections = list.iter().map(|item| {
            let table = item.get_ref().as_table().ok_or_else(|| self.mistyped(key, item, &expected))?;
            Ok(Self::new(self.source, table, item.span()))
        });
        sections.collect()
    }

    /// That there is nothing in the table which nobody asked for.
    pub(super) fn close(&self) -> Result<(), AgentFileError> {
        let known = self.known.borrow();
        let mut unknown: Vec<_> =
            self.table.keys().filter(|key| !known.contains(&&**key.get_ref())).collect();
        unknown.sort_by_key(|key| key.span().start);
        let Some(key) = unknown.first() else { return Ok(()) };
        let words =
            format!("{}unknown key `{}`; known are: {}", self.context, key.get_ref(), known.join(", "));
        Err(self.source.error(key.span().start, words))
    }

    /// What is wrong with a key, or with the table where the key is not there.
    pub(super) fn error(&self, key: &str, words: impl AsRef<str>) -> AgentFileError {
        let at = self.table.get_key_value(key).map_or(self.span.start, |(key, _)| key.span().start);
        self.source.error(at, format!("{}{}", self.context, words.as_ref()))
    }

    pub(super) fn missing(&self, key: &str) -> AgentFileError {
        self.error(key, format!("`{key}` is missing"))
    }

    fn value(&self, key: &'static str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.known.borrow_mut().push(key);
        self.table.get(key)
    }

    fn mistyped(&self, key: &str, value: &Spanned<DeValue<'_>>, expected: &str) -> AgentFileError {
        self.wrong(
            key,
            value,
            &format!("it is of type {}, and has to be {expected}", value.get_ref().type_str()),
        )
    }

    fn wrong(&self, key: &str, value: &Spanned<DeValue<'_>>, why: &str) -> AgentFileError {
        self.source.error(value.span().start, format!("{}`{key}`: {why}", self.context))
    }
}

/// The value as JSON, if JSON has such a value.
fn json(value: &DeValue<'_>) -> Option<Value> {
    Some(match value {
        DeValue::String(text) => Value::String(text.to_string()),
        DeValue::Integer(integer) => i64::from_str_radix(integer.as_str(), integer.radix()).ok()?.into(),
        DeValue::Float(float) => Value::Number(Number::from_f64(float.as_str().parse().ok()?)?),
        DeValue::Boolean(truth) => Value::Bool(*truth),
        DeValue::Datetime(_) => return None,
        DeValue::Array(items) => items.iter().map(|item| json(item.get_ref())).collect::<Option<_>>()?,
        DeValue::Table(table) => {
            let entry = |(name, value): (&Spanned<_>, &Spanned<DeValue<'_>>)| {
                Some((ToString::to_string(name.get_ref()), json(value.get_ref())?))
            };
            Value::Object(table.iter().map(entry).collect::<Option<_>>()?)
        }
    })
}
