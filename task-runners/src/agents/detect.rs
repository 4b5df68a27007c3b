use std::ffi::OsString;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::task::JoinSet;

use super::candidate::{Candidate, Driver};
use super::known::{PROGRAMS, SERVERS};
use super::{program, server};

/// Looks for the agents of this machine: programs on the `PATH`, and model servers that listen on loopback addresses.
///
/// A program is asked for its version (`--version`, with a bare environment, in the root directory, and for a limited
/// time; all it starts is killed), a server for its models. Nothing is started to work, and nothing is asked outside of
/// this machine.
///
/// ```
/// use task_runners::agents::{Detection, Presence};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// for candidate in Detection::new().path("/nonexistent").without_servers().run().await {
///     if let Presence::Absent { reason } = candidate.presence {
///         println!("{}: {reason}", candidate.id);           // claude: `claude` is not on the PATH; install it: …
///     }
/// }
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Detection {
    path: OsString,
    asks_servers: bool,
    ollama: SocketAddr,
    llama_cpp: SocketAddr,
    version_wait: Duration,
    answer_wait: Duration,
}

impl Detection {
    /// The `PATH` of this process, and Ollama and llama.cpp at the ports they listen on unless told otherwise.
    pub fn new() -> Self {
        Self {
            path: std::env::var_os("PATH").unwrap_or_default(),
            asks_servers: true,
            ollama: SocketAddr::from((Ipv4Addr::LOCALHOST, 11_434)),
            llama_cpp: SocketAddr::from((Ipv4Addr::LOCALHOST, 8_080)),
            version_wait: VERSION_WAIT,
            answer_wait: ANSWER_WAIT,
        }
    }

    /// Sets where programs are looked for, in the form of `PATH`. Relative directories in it are passed over: what is
    /// in the current directory is not to be run.
    pub fn path(mut self, path: impl Into<OsString>) -> Self {
        self.path = path.into();
        self
    }

    /// Sets where Ollama listens. Only loopback addresses are asked.
    pub const fn ollama(mut self, address: SocketAddr) -> Self {
        self.ollama = address;
        self
    }

    /// Sets where llama.cpp listens. Only loopback addresses are asked.
    pub const fn llama_cpp(mut self, address: SocketAddr) -> Self {
        self.llama_cpp = address;
        self
    }

    /// Asks no servers, and finds none.
    pub const fn without_servers(mut self) -> Self {
        self.asks_servers = false;
        self
    }

    /// Sets how long a program may take to tell its version. 3 s unless set. One that takes longer counts as found, with
    /// no version.
    pub const fn version_wait(mut self, wait: Duration) -> Self {
        self.version_wait = wait;
        self
    }

    /// Sets how long a server may take to list its models. 300 ms unless set.
    pub const fn answer_wait(mut self, wait: Duration) -> Self {
        self.answer_wait = wait;
        self
    }

    /// Looks, everywhere at the same time. Gives every agent that is known, in the order of their ids, found or not.
    ///
    /// Cancel safe: what was started is killed.
    pub async fn run(&self) -> Vec<Candidate> {
        let mut looks = JoinSet::new();
        for known in PROGRAMS {
            let (path, wait) = (self.path.clone(), self.version_wait);
            looks.spawn(async move {
                let presence = program::look(known, &path, wait).await;
                Candidate { id: known.id, name: known.name, driver: known.driver, presence }
            });
        }
        for known in SERVERS.iter().filter(|_| self.asks_servers) {
            let address = if known.id == "ollama" { self.ollama } else { self.llama_cpp };
            let (path, wait) = (self.path.clone(), self.answer_wait);
            looks.spawn(async move {
                let presence = server::look(known, address, &path, wait).await;
                Candidate { id: known.id, name: known.name, driver: Driver::Chat, presence }
            });
        }
        let mut found = looks.join_all().await;
        found.sort_by_key(|candidate| candidate.id);
        found
    }
}

impl Default for Detection {
    fn default() -> Self {
        Self::new()
    }
}

const VERSION_WAIT: Duration = Duration::from_secs(3);
const ANSWER_WAIT: Duration = Duration::from_millis(300);
