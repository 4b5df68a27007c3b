use serde_json::Value;

use super::request::Takes;

/// What an agent can do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Abilities {
    pub(super) lists: bool,
    pub(super) loads: bool,
    pub(super) resumes: bool,
    pub(super) steers: bool,
    pub(super) takes_dirs: bool,
    pub(super) takes: Takes,
}

impl Abilities {
    /// What it says in its answer to `initialize`.
    pub(super) fn read(answer: &Value) -> Self {
        let can = &answer["agentCapabilities"];
        let sessions = &can["sessionCapabilities"];
        let prompts = &can["promptCapabilities"];
        Self {
            lists: sessions["list"].is_object(),
            loads: can["loadSession"] == true,
            resumes: sessions["resume"].is_object(),
            steers: answer["_meta"]["steering"]["supported"] == true,
            takes_dirs: sessions["additionalDirectories"].is_object(),
            takes: Takes { images: prompts["image"] == true, resources: prompts["embeddedContext"] == true },
        }
    }
}
