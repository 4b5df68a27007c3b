//! An HTTP client of few words, for hundreds of connections at once: it sees every byte, and goes when it likes.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Where to ask, and by what right.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    pub(crate) address: SocketAddr,
    pub(crate) token: String,
}

/// An answer whose body is still to be read. Dropping it cuts the connection.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    connection: TcpStream,
    /// What has arrived and is not decoded yet.
    raw: Vec<u8>,
    body: Body,
}

/// How the end of a body is known.
#[derive(Debug)]
enum Body {
    /// So much is left of a chunk, and of the line break behind it.
    Chunk(usize),
    /// The size of the next chunk comes.
    Chunks,
    Length(usize),
    Ended,
}

impl Client {
    /// Sends a GET and reads the head of the answer.
    pub(crate) async fn get(&self, path: &str, headers: &str) -> Answer {
        let mut connection = soon(TcpStream::connect(self.address)).await.expect("it listens");
        let Self { address, token } = self;
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\
             {headers}\r\n"
        );
        soon(connection.write_all(request.as_bytes())).await.expect("sent");
        let mut raw = Vec::new();
        let end = loop {
            if let Some(at) = find(&raw, b"\r\n\r\n") {
                break at;
            }
            assert_ne!(
                receive(&mut connection, &mut raw, PIECE).await,
                0,
                "the connection ended in the head"
            );
        };
        let head = String::from_utf8(raw.drain(..end + 4).collect()).expect("text").to_lowercase();
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let body = match length {
            Some(length) => Body::Length(length.parse().expect("a number")),
            None if head.contains("transfer-encoding: chunked") => Body::Chunks,
            None => Body::Ended,
        };
        Answer { status, connection, raw, body }
    }
}

impl Answer {
    /// More of the body, of at most about `bytes` from the connection; `None` when the body is whole.
    pub(crate) async fn more(&mut self, bytes: usize) -> Option<Vec<u8>> {
        loop {
            match self.decode() {
                Some(part) => return Some(part),
                None if matches!(self.body, Body::Ended) => return None,
                None => {
                    let received = receive(&mut self.connection, &mut self.raw, bytes).await;
                    assert_ne!(received, 0, "the connection ended before the body");
                }
            }
        }
    }

    /// The whole body.
    pub(crate) async fn body(mut self) -> Vec<u8> {
        let mut body = Vec::new();
        while let Some(part) = self.more(PIECE).await {
            body.extend(part);
        }
        body
    }

    /// What can be decoded of what has arrived.
    fn decode(&mut self) -> Option<Vec<u8>> {
        match self.body {
            Body::Ended => None,
            Body::Length(0) => {
                self.body = Body::Ended;
                None
            }
            Body::Length(_) if self.raw.is_empty() => None,
            Body::Length(left) => {
                let part: Vec<u8> = self.raw.drain(..left.min(self.raw.len())).collect();
                self.body = Body::Length(left - part.len());
                Some(part)
            }
            Body::Chunks => {
                let line = find(&self.raw, b"\r\n")?;
                let size = std::str::from_utf8(&self.raw[..line]).ok();
                let size = size.and_then(|size| usize::from_str_radix(size, 16).ok()).expect("a size");
                self.raw.drain(..line + 2);
                self.body = if size == 0 { Body::Ended } else { Body::Chunk(size + LINE_BREAK) };
                self.decode()
            }
            Body::Chunk(0) => {
                self.body = Body::Chunks;
                self.decode()
            }
            Body::Chunk(_) if self.raw.is_empty() => None,
            Body::Chunk(left) => {
                let came: Vec<u8> = self.raw.drain(..left.min(self.raw.len())).collect();
                self.body = Body::Chunk(left - came.len());
                let data = left.saturating_sub(LINE_BREAK).min(came.len());
                if data == 0 { self.decode() } else { Some(came[..data].to_vec()) }
            }
        }
    }
}

async fn receive(connection: &mut TcpStream, raw: &mut Vec<u8>, bytes: usize) -> usize {
    let mut piece = vec![0; bytes.max(1)];
    let received = soon(connection.read(&mut piece)).await.expect("the connection is there");
    raw.extend_from_slice(&piece[..received]);
    received
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

async fn soon<T>(work: impl Future<Output = T>) -> T {
    timeout(Duration::from_secs(30), work).await.expect("the server answers")
}

/// What is behind the data of a chunk.
const LINE_BREAK: usize = 2;

/// Bytes that are read at once.
const PIECE: usize = 16 << 10;
