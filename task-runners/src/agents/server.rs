use std::ffi::OsStr;
use std::net::SocketAddr;
use std::time::Duration;

use super::candidate::Presence;
use super::known::KnownServer;
use super::program;
use crate::chat::Endpoint;

/// Looks whether a server listens, and asks it for its models.
pub(super) async fn look(known: &KnownServer, address: SocketAddr, path: &OsStr, wait: Duration) -> Presence {
    let KnownServer { name, program, install, start, fill, .. } = known;
    if !address.ip().is_loopback() {
        let reason = format!(
            "{name}: {address} is not on this machine, and only that is asked; describe it in a file"
        );
        return Presence::Absent { reason };
    }
    let endpoint = match Endpoint::new(&format!("http://{address}/v1")) {
        Ok(endpoint) => endpoint,
        Err(error) => return Presence::Absent { reason: error.to_string() },
    };
    match endpoint.models(wait).await {
        Ok(models) if models.is_empty() => {
            Presence::Absent { reason: format!("{name} has no model; get one and start again: {fill}") }
        }
        Ok(models) => Presence::Server { endpoint, models },
        Err(error) if !error.is_unreachable() => {
            Presence::Absent { reason: format!("{address} does not answer as {name} does: {error}") }
        }
        Err(_) if program::find(program, path).is_some() => Presence::Absent {
            reason: format!("{name} is installed and does not listen on {address}; start it: {start}"),
        },
        Err(_) => Presence::Absent {
            reason: format!("nothing listens on {address}; install {name} and start it: {install}"),
        },
    }
}
