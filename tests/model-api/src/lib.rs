//! A model API for tests: one loopback server that says what a test tells it to say.
//!
//! The real agent programs are pointed at it, so a test drives the real program, its real tools and its real protocol,
//! without a network, an account or a model.
//!
//! ```
//! use fake_model_api::FakeModelApi;
//! use serde_json::json;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> std::io::Result<()> {
//! let api = FakeModelApi::start().await?;
//! api.set_script(json!({ "default": { "text": "Hello." } }));
//! // Now an agent is started with `ANTHROPIC_BASE_URL` set to `api.url()` …
//! assert!(api.url().starts_with("http://127.0.0.1:"));
//! assert!(api.requests().is_empty());
//! # Ok(())
//! # }
//! ```
//!
//! # Formats
//!
//! Anthropic Messages (`/v1/messages`, `/v1/messages/count_tokens`), OpenAI Chat Completions (`/v1/chat/completions`) and
//! OpenAI Responses (`/v1/responses`), streamed or whole, and `/v1/models`. A format is a file: how its requests are read
//! and how its replies are written ([`Api`] lists them).
//!
//! # What it answers
//!
//! In this order: the first rule of the [script](FakeModelApi::set_script) that fits; when the request wants JSON that
//! fits a schema, the smallest value that does; the directive in the newest user message; the default of the script,
//! which is to say the prompt back.
//!
//! ## A directive
//!
//! The prompt itself can carry its replies, so that tests share a server and no state:
//!
//! ```text
//! @fake {"turns": [
//!   {"steps": [{"text": "I will look."}, {"tool": {"name": "Bash", "input": {"command": "echo hi"}}}]},
//!   {"steps": [{"text": "Done."}]}]}
//! ```
//!
//! The first turn answers the prompt, the second the result of the tool, and so on; the last is used again. One turn
//! needs no `turns`.
//!
//! ## A reply
//!
//! | field | meaning |
//! |---|---|
//! | `steps` | what to say, in order |
//! | `text` | short for one step of text |
//! | `echo` | say the prompt back |
//! | `chunk`, `delay_ms` | characters of a streamed piece, and the pause after each; a step may have its own |
//! | `wait_ms` | a pause before the first byte |
//! | `stop_reason` | `end_turn`, `tool_use`, `max_tokens`, … ; the right one by default |
//! | `usage` | `{"input": 1200, "output": 34}`: these token counts |
//! | `disconnect` | break the connection without a reply |
//! | `error` | `{"status": 529, "type": …, "message": …}` |
//! | `times`, `then` | with `error`: fail so often, then reply with `then` |
//!
//! | step | meaning |
//! |---|---|
//! | `{"text": …}`, `{"thinking": …}` | text, reasoning |
//! | `{"tool": {"name": …, "input": {…}}}` | a tool call; in Responses, text as `input` calls a tool that takes text |
//! | `{"wait_ms": 500}` | a pause in the middle |
//! | `{"text": …, "drop_after": 3}` | break the connection after three pieces |
//! | `{"disconnect": true}` | break it here |
//! | `{"failure": {"type": …, "message": …}}` | an error event in the stream, which ends with it |
//!
//! ## A script
//!
//! ```json
//! {
//!   "rules": [
//!     {"when": {"prompt": "deploy"}, "reply": {"error": {"status": 529}, "times": 2, "then": {"text": "deployed"}}},
//!     {"when": {"has_tools": false}, "reply": {"text": "A title"}},
//!     {"when": {"api": "chat"}, "times": 1, "replies": [{"text": "only once"}]}
//!   ],
//!   "default": {"echo": true}
//! }
//! ```
//!
//! `when` may name `api` (`messages`, `chat`, `responses`), parts of `model`, `prompt` and `result`, `has_result` and
//! `has_tools`. An empty one fits everything. `replies` are given one after the other, the last one again; `times` is how often a
//! rule fits.
//!
//! # Watching
//!
//! [`FakeModelApi::requests`], or `GET /_fake/requests` from another process: every request with its headers (keys
//! hidden) and its body, and whether its reader hung up. `PUT /_fake/script` replaces the script.
//!
//! It is a stand-in, no model: it checks no schema of a tool, and a token is four characters.
#![forbid(unsafe_code)]

mod api;
mod chat;
mod messages;
mod play;
mod record;
mod request;
mod responses;
mod schema;
mod script;
mod server;

pub use api::Api;
pub use record::Seen;
pub use server::FakeModelApi;
