//! What people would pick instead, from Debian's packages, started here on loopback with files of its own.

mod nats;
mod nchan;
mod postgres;
mod redis;
mod wire;

pub(crate) use nats::Nats;
pub(crate) use nchan::Nchan;
pub(crate) use postgres::Postgres;
pub(crate) use redis::Redis;

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::answer::{Error, Result};

/// A program that was started here, and ends with this.
#[derive(Debug)]
pub(crate) struct Server(Child);

impl Server {
    /// Starts it without a terminal.
    pub(crate) fn start(command: &mut Command) -> Result<Self> {
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        Ok(Self(child.map_err(|error| format!("{command:?}: {error}"))?))
    }

    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Server {
    /// Asks it to end first: one that is killed leaves its workers behind.
    fn drop(&mut self) {
        let asked = rustix::process::kill_process(rustix::process::Pid::from_child(&self.0), Signal::TERM);
        let give_up = Instant::now() + Duration::from_secs(5);
        while asked.is_ok() && Instant::now() < give_up {
            if !matches!(self.0.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        // It may have ended by itself.
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// The place of a program, if it is installed. Servers are where only root looks.
pub(crate) fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let more = ["/usr/sbin".into(), "/sbin".into()];
    std::env::split_paths(&path).chain(more).map(|place| place.join(name)).find(|place| place.is_file())
}

/// Tries until it works: a server that was just started needs a moment.
pub(crate) async fn eventually<T, F>(what: &str, mut attempt: impl FnMut() -> F) -> Result<T>
where
    F: Future<Output = Result<T>>,
{
    let give_up = Instant::now() + Duration::from_secs(20);
    loop {
        match attempt().await {
            Ok(done) => return Ok(done),
            Err(error) if Instant::now() >= give_up => return Err(Error::from(format!("{what}: {error}"))),
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
}
