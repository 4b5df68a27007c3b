/// What an agent may do without asking.
///
/// Questions that are not about leave (a choice between two ways, a plan to approve) are asked whatever this says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Permissions {
    /// Everything. The agent has all the rights of this process, and nobody looks.
    AllowAll,
    /// Changing files in its directories; anything else that needs leave is asked.
    AllowEdits,
    /// Nothing that needs leave: each is a question in the log of the task, which any viewer can answer.
    #[default]
    Ask,
    /// Nothing that needs leave, and nobody is asked.
    Deny,
}
