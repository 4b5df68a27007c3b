use std::fmt;

use crate::model::{Task, TaskStatus};

/// Which tasks to list.
///
/// ```
/// use task_core::{TaskQuery, TaskStatus};
///
/// let query = TaskQuery::default().with_statuses([TaskStatus::Running]).with_search("rest api").with_limit(20);
/// assert_eq!(query.limit, 20);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TaskQuery {
    /// Tasks in one of these states; all when empty.
    pub statuses: Vec<TaskStatus>,
    /// Tasks of this agent.
    pub agent_id: Option<String>,
    /// Tasks whose title contains this, in any language, whatever the case.
    pub search: Option<String>,
    /// By creation.
    pub order: Order,
    /// At most so many, 1 or more.
    pub limit: usize,
    /// Where the page before ended.
    pub cursor: Option<Cursor>,
}

impl Default for TaskQuery {
    fn default() -> Self {
        Self {
            statuses: Vec::new(),
            agent_id: None,
            search: None,
            order: Order::NewestFirst,
            limit: Self::DEFAULT_LIMIT,
            cursor: None,
        }
    }
}

impl TaskQuery {
    /// How many tasks a page has unless asked otherwise.
    pub const DEFAULT_LIMIT: usize = 50;

    /// The same for tasks in one of these states.
    #[must_use]
    pub fn with_statuses(mut self, statuses: impl IntoIterator<Item = TaskStatus>) -> Self {
        self.statuses = statuses.into_iter().collect();
        self
    }

    /// The same for one agent.
    #[must_use]
    pub fn with_agent(mut self, agent_id: impl Into<String>) -> Self {
        self.agent_id = Some(agent_id.into());
        self
    }

    /// The same for titles that contain `search`.
    #[must_use]
    pub fn with_search(mut self, search: impl Into<String>) -> Self {
        self.search = Some(search.into());
        self
    }

    /// The same in another order.
    #[must_use]
    pub const fn with_order(mut self, order: Order) -> Self {
        self.order = order;
        self
    }

    /// The same with other page sizes.
    #[must_use]
    pub const fn with_limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }

    /// The page after the one that ended with this cursor.
    #[must_use]
    pub fn with_cursor(mut self, cursor: Cursor) -> Self {
        self.cursor = Some(cursor);
        self
    }

    /// The text that [`TaskQuery::search`] is compared with: what a store keeps of a title to search it, and what it
    /// looks for. Case is folded as Unicode does, so that `straße`, `ЗАДАЧА` and `任务` are found as people expect.
    #[must_use]
    pub fn fold(text: &str) -> String {
        text.chars().flat_map(char::to_uppercase).flat_map(char::to_lowercase).collect()
    }
}

/// The order of a list, by creation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Order {
    /// The newest task first.
    #[default]
    NewestFirst,
    /// The oldest task first.
    OldestFirst,
}

/// Where a page of a list ended. Opaque: only the store that made it can read it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Cursor(String);

impl Cursor {
    /// The cursor with this text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One page of a list.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct TaskPage {
    /// The tasks.
    pub items: Vec<Task>,
    /// Where the next page begins; absent on the last.
    pub next: Option<Cursor>,
}

impl TaskPage {
    /// A page and where the next begins.
    #[must_use]
    pub const fn new(items: Vec<Task>, next: Option<Cursor>) -> Self {
        Self { items, next }
    }
}
