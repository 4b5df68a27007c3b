//! nginx with nchan: channels in memory, viewers over server-sent events.

use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{Server, eventually, program};
use crate::answer::{Result, verify};
use crate::usage::{children_of, cpu_of, memory_of};

/// A server, and where it listens.
#[derive(Debug)]
pub(crate) struct Nchan {
    server: Server,
    pub(crate) address: String,
    // Last: it goes when the server is gone.
    _place: tempfile::TempDir,
}

/// A connection that publishes.
#[derive(Debug)]
pub(crate) struct Publisher {
    socket: TcpStream,
    address: String,
}

impl Nchan {
    /// Nothing, where it is not installed. Set up as Debian has it: a worker for each core.
    pub(crate) async fn start(place: tempfile::TempDir) -> Result<Option<Self>> {
        let Some(nginx) = program("nginx") else { return Ok(None) };
        if !Path::new(MODULE).is_file() {
            return Ok(None);
        }
        // It cannot be told to choose a port, so one that is free is chosen for it.
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
        let file = place.path().join("nginx.conf");
        let user = if rustix::process::geteuid().is_root() { "user root;" } else { "" };
        let here = place.path().display();
        let settings = format!(
            "{user} daemon off; worker_processes auto; error_log {here}/error.log; pid {here}/pid;
            load_module {MODULE};
            events {{ worker_connections 15000; }}
            http {{
                access_log off; keepalive_requests 100000000; client_body_temp_path {here}/body;
                proxy_temp_path {here}/a; fastcgi_temp_path {here}/b; uwsgi_temp_path {here}/c; scgi_temp_path {here}/d;
                nchan_max_reserved_memory 1024M;
                server {{
                    listen {address} backlog=4096;
                    location = /pub {{
                        nchan_publisher; nchan_channel_id $arg_id;
                        nchan_message_buffer_length 20000; nchan_message_timeout 1h;
                    }}
                    location = /sub {{
                        nchan_subscriber eventsource; nchan_channel_id $arg_id; nchan_subscriber_first_message oldest;
                    }}
                }}
            }}"
        );
        std::fs::write(&file, settings)?;
        let mut command = Command::new(nginx);
        command
            .arg("-e")
            .arg(place.path().join("error.log"))
            .arg("-p")
            .arg(place.path())
            .arg("-c")
            .arg(&file);
        let nchan = Self { server: Server::start(&mut command)?, address, _place: place };
        eventually("nginx", || async { nchan.publisher().await.map(drop) }).await?;
        Ok(Some(nchan))
    }

    pub(crate) async fn publisher(&self) -> Result<Publisher> {
        let socket = TcpStream::connect(&self.address).await?;
        socket.set_nodelay(true)?;
        Ok(Publisher { socket, address: self.address.clone() })
    }

    /// Where viewers of a channel connect.
    pub(crate) fn path(channel: &str) -> String {
        format!("/sub?id={channel}")
    }

    /// Processor time so far.
    pub(crate) fn cpu(&self) -> Result<f64> {
        cpu_of(&self.processes()?)
    }

    /// Bytes of memory.
    pub(crate) fn memory(&self) -> Result<f64> {
        memory_of(&self.processes()?)
    }

    fn processes(&self) -> Result<Vec<u32>> {
        let mut all = children_of(self.server.id())?;
        all.push(self.server.id());
        Ok(all)
    }
}

impl Publisher {
    /// Publishes all, one request behind the other without waiting, and then waits for all answers.
    pub(crate) async fn publish(&mut self, channel: &str, messages: &[String]) -> Result<()> {
        // Answers are read while requests are written: the server reads no further when nobody takes its answers.
        let Self { socket, address } = self;
        let mut requests = Vec::new();
        for message in messages {
            let length = message.len();
            let head = format!(
                "POST /pub?id={channel} HTTP/1.1\r\nHost: {address}\r\nContent-Length: {length}\r\n\r\n"
            );
            requests.extend_from_slice(head.as_bytes());
            requests.extend_from_slice(message.as_bytes());
        }
        let (mut reading, mut writing) = socket.split();
        let write = async { Ok(writing.write_all(&requests).await?) };
        let read = async {
            let (mut answers, mut read) = (0, Vec::new());
            while answers < messages.len() {
                let more = reading.read_buf(&mut read).await?;
                verify(more > 0, || "nginx hung up".to_owned())?;
                let mut taken = 0;
                while let Some(at) = memchr::memmem::find(&read[taken..], b"HTTP/1.1 ") {
                    let status = taken + at + 9;
                    let Some(code) = read.get(status..status + 3) else { break };
                    let accepted = matches!(code, b"200" | b"201" | b"202");
                    verify(accepted, || String::from_utf8_lossy(&read).into_owned())?;
                    answers += 1;
                    taken = status + 3;
                }
                // A mark may be cut in two.
                let keep = read.len().saturating_sub(12).max(taken);
                read.drain(..keep);
            }
            Ok(())
        };
        let done: (Result<()>, Result<()>) = tokio::join!(write, read);
        done.0.and(done.1)
    }
}

const MODULE: &str = "/usr/lib/nginx/modules/ngx_nchan_module.so";
