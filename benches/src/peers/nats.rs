//! NATS JetStream with a store in files. It answers before the disk has what it was given.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use tokio::net::TcpStream;

use super::wire::{Alone, Protocol, Together, Wire, together};
use super::{Server, eventually, program};
use crate::answer::{Result, verify};
use crate::usage::cpu_of;

/// A server, and where it listens.
#[derive(Debug)]
pub(crate) struct Nats {
    server: Server,
    address: String,
    connections: AtomicU64,
    // Last: it goes when the server is gone.
    _place: tempfile::TempDir,
}

/// A subject for each appender, in one stream; answers come to the connection's own inbox.
#[derive(Debug)]
pub(crate) struct Stream {
    inbox: String,
}

impl Nats {
    /// Nothing, where it is not installed.
    pub(crate) async fn start(place: tempfile::TempDir) -> Result<Option<Self>> {
        let Some(program) = program("nats-server") else { return Ok(None) };
        let path = place.path().to_owned();
        let mut command = Command::new(program);
        command.args(["--addr", "127.0.0.1", "--port", "-1", "--jetstream", "--store_dir"]).arg(&path);
        command.arg("--ports_file_dir").arg(&path);
        let server = Server::start(&mut command)?;
        let ports = path.join(format!("nats-server_{}.ports", server.id()));
        let address = eventually("nats-server", || async {
            let ports: serde_json::Value = serde_json::from_slice(&std::fs::read(&ports)?)?;
            let address = ports["nats"][0].as_str().and_then(|url| url.strip_prefix("nats://"));
            Ok(address.ok_or("it listens nowhere")?.to_owned())
        });
        let address = address.await?;
        let nats = Self { server, address, connections: AtomicU64::new(0), _place: place };
        nats.make().await?;
        Ok(Some(nats))
    }

    /// Processor time so far.
    pub(crate) fn cpu(&self) -> Result<f64> {
        cpu_of(&[self.server.id()])
    }

    /// Appenders, each on a connection of its own.
    pub(crate) async fn alone(&self, appenders: usize) -> Result<Vec<Alone<Stream>>> {
        let mut all = Vec::with_capacity(appenders);
        for who in 0..appenders {
            all.push(Alone { who, wire: self.connect().await? });
        }
        Ok(all)
    }

    /// Appenders on one connection.
    pub(crate) async fn together(&self, appenders: usize) -> Result<Vec<Together<Stream>>> {
        Ok(together(self.connect().await?, appenders))
    }

    /// The stream has all that was acknowledged; then begins anew.
    pub(crate) async fn check(&self, appended: u64) -> Result<()> {
        let info = self.ask("INFO", "").await?;
        let found = info["state"]["messages"].as_u64();
        verify(found == Some(appended), || format!("{found:?} messages are kept of {appended}"))?;
        let purged = self.ask("PURGE", "").await?;
        verify(purged["success"] == true, || format!("it does not forget: {purged}"))
    }

    async fn make(&self) -> Result<()> {
        let stream = r#"{"name":"S","subjects":["s.>"],"storage":"file"}"#;
        let made = self.ask("CREATE", stream).await?;
        verify(made["error"].is_null(), || format!("no stream: {made}"))
    }

    async fn ask(&self, what: &str, body: &str) -> Result<serde_json::Value> {
        let mut wire = self.connect().await?;
        let (_, inbox) = self.inbox();
        let request =
            format!("SUB {inbox} 2\r\nPUB $JS.API.STREAM.{what}.S {inbox} {}\r\n{body}\r\n", body.len());
        wire.send(request.as_bytes()).await?;
        let mark = format!("MSG {inbox} 2 ");
        let answer = wire.receive(|read| {
            let from = memchr::memmem::find(read, mark.as_bytes())?;
            let head = line(&read[from..])?;
            let length = std::str::from_utf8(&read[from + mark.len()..from + head - 2]).ok()?;
            let end = from + head + length.parse::<usize>().ok()? + 2;
            (read.len() >= end).then_some(end)
        });
        let answer = answer.await?;
        let from = memchr::memchr(b'{', &answer[memchr::memmem::rfind(&answer, b"MSG ").unwrap_or(0)..]);
        let from = from.ok_or("no answer")? + memchr::memmem::rfind(&answer, b"MSG ").unwrap_or(0);
        Ok(serde_json::from_slice(&answer[from..answer.len() - 2])?)
    }

    fn inbox(&self) -> (u64, String) {
        let number = self.connections.fetch_add(1, Relaxed);
        (number, format!("_INBOX.{number}"))
    }

    async fn connect(&self) -> Result<Wire<Stream>> {
        let socket = TcpStream::connect(&self.address).await?;
        socket.set_nodelay(true)?;
        let (_, inbox) = self.inbox();
        let hello = format!("CONNECT {{\"verbose\":false}}\r\nSUB {inbox} 1\r\nPING\r\n");
        let mut wire = Wire::new(socket, &Arc::new(Stream { inbox }));
        wire.send(hello.as_bytes()).await?;
        wire.receive(|read| memchr::memmem::find(read, b"PONG\r\n").map(|at| at + 6)).await?;
        Ok(wire)
    }
}

impl Protocol for Stream {
    fn request(&self, who: usize, payload: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(format!("PUB s.{who} {} {}\r\n", self.inbox, payload.len()).as_bytes());
        out.extend_from_slice(payload);
        out.extend_from_slice(b"\r\n");
    }

    /// Each is a message: a line that ends with its length, and the message.
    fn answers(&self, read: &[u8]) -> Result<(usize, usize)> {
        let (mut answers, mut bytes) = (0, 0);
        while let Some(head) = line(&read[bytes..]) {
            let words = std::str::from_utf8(&read[bytes..bytes + head])?;
            let Some(words) = words.strip_prefix("MSG ") else {
                if words.starts_with("-ERR") {
                    return Err(format!("refused: {words}").into());
                }
                bytes += head;
                continue;
            };
            let length: usize = words.trim_end().rsplit(' ').next().unwrap_or_default().parse()?;
            let Some(message) = read.get(bytes + head..bytes + head + length) else { break };
            if read.len() < bytes + head + length + 2 {
                break;
            }
            if memchr::memmem::find(message, b"\"error\"").is_some() {
                return Err(format!("refused: {}", String::from_utf8_lossy(message)).into());
            }
            answers += 1;
            bytes += head + length + 2;
        }
        Ok((answers, bytes))
    }
}

/// Where the first line ends.
fn line(read: &[u8]) -> Option<usize> {
    memchr::memmem::find(read, b"\r\n").map(|end| end + 2)
}
