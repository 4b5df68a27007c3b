use std::collections::BTreeMap;

use task_core::Output;

/// A message that is being streamed.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) message: String,
    pub(super) blocks: BTreeMap<u64, Block>,
}

#[derive(Debug)]
pub(super) struct Block {
    pub(super) kind: Kind,
    pub(super) shown: String,
    /// The whole of it has come.
    pub(super) is_whole: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Thinking,
    Tool(String),
}

impl Stream {
    pub(super) fn new(message: &str) -> Self {
        Self { message: message.to_owned(), blocks: BTreeMap::new() }
    }

    fn name(&self, index: u64) -> String {
        format!("{}.{index}", self.message)
    }

    /// Shows more of a block.
    pub(super) fn show(&mut self, index: u64, more: &str) -> Option<Output> {
        let name = self.name(index);
        let block = self.blocks.get_mut(&index)?;
        if more.is_empty() || block.is_whole {
            return None;
        }
        block.shown.push_str(more);
        block.output(name, more)
    }

    /// The whole of a block: shows what was not shown.
    pub(super) fn complete(&mut self, kind: &Kind, whole: &str) -> Option<Output> {
        let begun = self.blocks.iter_mut().find(|(_, block)| block.kind == *kind && !block.is_whole);
        let index = match begun {
            Some((index, block)) => {
                block.is_whole = true;
                if block.shown.starts_with(whole) {
                    return None;
                }
                let (index, rest) = (*index, whole.strip_prefix(block.shown.as_str()).map(str::to_owned));
                if let Some(rest) = rest {
                    return self.blocks[&index].output(self.name(index), &rest);
                }
                // Something got lost on the way: the whole of it has a place of its own.
                self.next()
            }
            None => self.next(),
        };
        let block = Block { kind: kind.clone(), shown: String::new(), is_whole: true };
        let shown = block.output(self.name(index), whole);
        self.blocks.insert(index, block);
        shown
    }

    fn next(&self) -> u64 {
        self.blocks.last_key_value().map_or(0, |(last, _)| last.saturating_add(1))
    }
}

impl Block {
    fn output(&self, name: String, more: &str) -> Option<Output> {
        match self.kind {
            _ if more.is_empty() => None,
            Kind::Text => Some(Output::text(name, more)),
            Kind::Thinking => Some(Output::thinking(name, more)),
            Kind::Tool(_) => None,
        }
    }
}
