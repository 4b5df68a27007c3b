//! What is found on this machine, and which runner plays it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;

use task_core::Agent;
use task_runners::agents::{Candidate, Detection, Driver, Presence};
use task_runners::chat::Endpoint;
use task_runners::{AcpRunner, ChatRunner, ClaudeRunner};

use crate::unavailable::{absent, not_built};

/// Every agent that is known, by id: found, or with the reason why not.
pub(crate) async fn look() -> Vec<(String, Agent)> {
    detection().run().await.into_iter().map(|candidate| (candidate.id.to_owned(), found(candidate))).collect()
}

/// The one place where something that was found becomes an agent.
fn found(candidate: Candidate) -> Agent {
    let Candidate { id, name, driver, presence, .. } = candidate;
    match (presence, driver) {
        (Presence::Absent { reason }, _) => absent(id, reason).name(name),
        (Presence::Server { endpoint, models }, _) => chat(id, name, endpoint, &models),
        (Presence::Program { path, version }, driver) => {
            let what = program(&path, version.as_deref());
            tracing::info!(agent = id, path = %path.display(), version, "found");
            let agent = match driver {
                Driver::Adapter { id: adapter } => {
                    absent(id, format!("it runs through the agent `{adapter}`"))
                }
                Driver::Acp { arguments } => Agent::new(id, AcpRunner::new(path).arguments(arguments)),
                Driver::Claude => Agent::new(id, ClaudeRunner::new().program(path)),
                _ => absent(id, not_built(id)),
            };
            agent.name(name).description(what)
        }
        _ => absent(id, not_built(id)).name(name),
    }
}

/// One agent for a server; a task names another model if it wants one.
fn chat(id: &str, name: &str, endpoint: Endpoint, models: &[String]) -> Agent {
    tracing::info!(agent = id, %endpoint, models = models.len(), "found");
    let shown: Vec<_> = models.iter().take(SHOWN_MODELS).map(|model| short(model)).collect();
    let more = match models.len().saturating_sub(SHOWN_MODELS) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let description = format!("Models at {endpoint}: {}{more}", shown.join(", "));
    let model = default_model(models);
    Agent::new(id, ChatRunner::new(endpoint).model(model)).name(name).description(description).model(model)
}

/// The first, but for those that cannot talk: a list names models for embeddings among the others.
fn default_model(models: &[String]) -> &str {
    let talks = |model: &&String| !model.to_lowercase().contains("embed");
    models.iter().find(talks).or(models.first()).map(String::as_str).unwrap_or_default()
}

fn program(path: &Path, version: Option<&str>) -> String {
    // Adapters are not asked, and whoever is busy may not tell in time.
    match version {
        Some(version) => format!("Version {version}, at {}", path.display()),
        None => format!("At {}", path.display()),
    }
}

/// llama.cpp names its models by their files.
fn short(model: &str) -> &str {
    Path::new(model)
        .file_name()
        .and_then(|name| name.to_str())
        .filter(|_| model.starts_with('/'))
        .unwrap_or(model)
}

fn detection() -> Detection {
    let host = std::env::var("OLLAMA_HOST").ok();
    let address = host.and_then(|host| ollama_address(&host));
    address.map_or_else(Detection::new, |address| Detection::new().ollama(address))
}

/// Where Ollama listens when it is told so by this variable of its own: an address, with or without a port. Names are
/// not looked up.
fn ollama_address(host: &str) -> Option<SocketAddr> {
    let host = host.trim().trim_start_matches("http://").trim_end_matches('/');
    let address =
        host.parse().or_else(|_| host.parse::<IpAddr>().map(|ip| SocketAddr::new(ip, OLLAMA_PORT))).ok()?;
    // It listens everywhere, here too.
    Some(if address.ip().is_unspecified() {
        SocketAddr::from((Ipv4Addr::LOCALHOST, address.port()))
    } else {
        address
    })
}

const OLLAMA_PORT: u16 = 11_434;

/// Models that a description names.
const SHOWN_MODELS: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_that_cannot_talk_is_not_the_default() {
        let models = ["nomic-embed-text:latest", "qwen3:4b", "gemma3"].map(str::to_owned);
        assert_eq!(default_model(&models), "qwen3:4b");
        assert_eq!(default_model(&models[..1]), "nomic-embed-text:latest");
    }

    #[test]
    fn a_program_is_told_by_what_is_known_of_it() {
        let path = Path::new("/usr/bin/agent");
        assert_eq!(program(path, Some("1.2.3")), "Version 1.2.3, at /usr/bin/agent");
        assert_eq!(program(path, None), "At /usr/bin/agent");
    }

    #[test]
    fn ollama_is_asked_where_it_was_told_to_listen() {
        for (host, expected) in [
            ("127.0.0.1:4000", Some("127.0.0.1:4000")),
            ("http://127.0.0.1:4000/", Some("127.0.0.1:4000")),
            ("0.0.0.0", Some("127.0.0.1:11434")),
            ("[::1]:4000", Some("[::1]:4000")),
            ("models.example", None),
            ("", None),
        ] {
            assert_eq!(
                ollama_address(host).map(|address| address.to_string()).as_deref(),
                expected,
                "{host}"
            );
        }
    }
}
