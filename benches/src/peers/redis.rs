//! Redis with streams, synced before each answer.

use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use tokio::net::UnixStream;

use super::wire::{Alone, Protocol, Together, Wire, together};
use super::{Server, eventually, program};
use crate::answer::{Result, verify};
use crate::usage::cpu_of;
use crate::workload::Payloads;

/// A server, and where it listens.
#[derive(Debug)]
pub(crate) struct Redis {
    server: Server,
    socket: PathBuf,
    // Last: it goes when the server is gone.
    _place: tempfile::TempDir,
}

/// A stream for each appender, as a task has a log.
#[derive(Debug)]
pub(crate) struct Streams;

impl Redis {
    /// Nothing, where it is not installed.
    pub(crate) async fn start(place: tempfile::TempDir) -> Result<Option<Self>> {
        let Some(program) = program("redis-server") else { return Ok(None) };
        let socket = place.path().join("redis.sock");
        let mut command = Command::new(program);
        command.args(["--port", "0", "--save", "", "--appendonly", "yes", "--appendfsync", "always"]);
        command
            .args(["--maxclients", "6000", "--tcp-backlog", "4096", "--unixsocket"])
            .arg(&socket)
            .arg("--dir")
            .arg(place.path());
        let redis = Self { server: Server::start(&mut command)?, socket, _place: place };
        eventually("redis-server", || async { redis.connect().await.map(drop) }).await?;
        Ok(Some(redis))
    }

    /// Processor time so far.
    pub(crate) fn cpu(&self) -> Result<f64> {
        cpu_of(&[self.server.id()])
    }

    /// Appenders, each on a connection of its own.
    pub(crate) async fn alone(&self, appenders: usize) -> Result<Vec<Alone<Streams>>> {
        let mut all = Vec::with_capacity(appenders);
        for who in 0..appenders {
            all.push(Alone { who, wire: self.connect().await? });
        }
        Ok(all)
    }

    /// Appenders on one connection.
    pub(crate) async fn together(&self, appenders: usize) -> Result<Vec<Together<Streams>>> {
        Ok(together(self.connect().await?, appenders))
    }

    /// Each stream has what its appender was told, and ends with what it wrote last; then forgets all.
    pub(crate) async fn check(&self, appended: &[u64], payloads: &Payloads) -> Result<()> {
        let mut wire = self.connect().await?;
        for (who, n) in appended.iter().enumerate() {
            wire.send(format!("XLEN s{who}\r\n").as_bytes()).await?;
            let found = wire.receive(line).await?;
            let expected = format!(":{n}\r\n");
            verify(found == expected.as_bytes(), || format!("stream {who} has not {n} entries"))?;
            if let Some(last) = n.checked_sub(1) {
                wire.send(format!("XREVRANGE s{who} + - COUNT 1\r\n").as_bytes()).await?;
                let text = payloads.of(who, last).text.as_bytes();
                let end = |read: &[u8]| {
                    memchr::memmem::find(read, text)
                        .map(|at| at + text.len() + 2)
                        .filter(|end| *end <= read.len())
                };
                let found = tokio::time::timeout(std::time::Duration::from_secs(5), wire.receive(end)).await;
                found.map_err(|_| format!("stream {who} ends with another entry"))??;
            }
        }
        wire.send(b"FLUSHALL\r\n").await?;
        verify(wire.receive(line).await? == b"+OK\r\n", || "it does not forget".to_owned())
    }

    async fn connect(&self) -> Result<Wire<Streams>> {
        // Those who come too many at a time are refused, and come again.
        let socket = eventually("a connection", || async { Ok(UnixStream::connect(&self.socket).await?) });
        Ok(Wire::new(socket.await?, &Arc::new(Streams)))
    }
}

impl Protocol for Streams {
    fn request(&self, who: usize, payload: &[u8], out: &mut Vec<u8>) {
        let key = format!("s{who}");
        let head = format!(
            "*5\r\n$4\r\nXADD\r\n${}\r\n{key}\r\n$1\r\n*\r\n$1\r\np\r\n${}\r\n",
            key.len(),
            payload.len()
        );
        out.extend_from_slice(head.as_bytes());
        out.extend_from_slice(payload);
        out.extend_from_slice(b"\r\n");
    }

    /// Each is the id of the entry, behind a line with its length.
    fn answers(&self, read: &[u8]) -> Result<(usize, usize)> {
        let (mut answers, mut bytes) = (0, 0);
        while let Some(first) = read.get(bytes) {
            if *first != b'$' {
                return Err(format!("refused: {}", String::from_utf8_lossy(&read[bytes..])).into());
            }
            let Some(length) = line(&read[bytes..]) else { break };
            let Some(id) = line(&read[bytes + length..]) else { break };
            answers += 1;
            bytes += length + id;
        }
        Ok((answers, bytes))
    }
}

/// Where the first line ends.
fn line(read: &[u8]) -> Option<usize> {
    memchr::memmem::find(read, b"\r\n").map(|end| end + 2)
}
