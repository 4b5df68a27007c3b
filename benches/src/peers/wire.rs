//! Those who append over a socket: each on a connection of its own, or all on one.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::answer::Result;
use crate::workload::{Appender, Payload};

/// How an append is asked for and answered.
pub(crate) trait Protocol: Send + Sync + 'static {
    /// Writes the request of appender `who`.
    fn request(&self, who: usize, payload: &[u8], out: &mut Vec<u8>);

    /// How many whole answers `read` begins with, and how many bytes those are. An error when one is a refusal.
    fn answers(&self, read: &[u8]) -> Result<(usize, usize)>;
}

pub(crate) trait Socket: AsyncRead + AsyncWrite + Send + Unpin + 'static {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin + 'static> Socket for S {}

/// One connection.
pub(crate) struct Wire<P> {
    socket: Box<dyn Socket>,
    protocol: Arc<P>,
    read: Vec<u8>,
    out: Vec<u8>,
}

impl<P: Protocol> Wire<P> {
    pub(crate) fn new(socket: impl Socket, protocol: &Arc<P>) -> Self {
        let protocol = Arc::clone(protocol);
        Self { socket: Box::new(socket), protocol, read: Vec::new(), out: Vec::new() }
    }

    /// Sends bytes as they are.
    pub(crate) async fn send(&mut self, bytes: &[u8]) -> Result<()> {
        Ok(self.socket.write_all(bytes).await?)
    }

    /// Reads until `end` says where the answer ends, and takes it.
    pub(crate) async fn receive(&mut self, end: impl Fn(&[u8]) -> Option<usize>) -> Result<Vec<u8>> {
        loop {
            if let Some(end) = end(&self.read) {
                return Ok(self.read.drain(..end).collect());
            }
            self.more().await?;
        }
    }

    async fn more(&mut self) -> Result<()> {
        let read = self.socket.read_buf(&mut self.read).await?;
        if read == 0 { Err("the server hung up".into()) } else { Ok(()) }
    }
}

/// One appender with a connection of its own.
pub(crate) struct Alone<P> {
    pub(crate) who: usize,
    pub(crate) wire: Wire<P>,
}

impl<P: Protocol> Appender for Alone<P> {
    async fn append(&mut self, payload: &Payload) -> Result<()> {
        let wire = &mut self.wire;
        wire.out.clear();
        wire.protocol.request(self.who, payload.text.as_bytes(), &mut wire.out);
        wire.socket.write_all(&wire.out).await?;
        loop {
            let (answers, bytes) = wire.protocol.answers(&wire.read)?;
            wire.read.drain(..bytes);
            if answers > 0 {
                return Ok(());
            }
            wire.more().await?;
        }
    }
}

/// One of many appenders on one connection, as a client with pipelining has it.
pub(crate) struct Together<P> {
    who: usize,
    protocol: Arc<P>,
    requests: mpsc::UnboundedSender<Request>,
    _connection: Arc<Connection>,
}

type Request = (Vec<u8>, oneshot::Sender<()>);

/// Ends with its last appender.
struct Connection([JoinHandle<()>; 2]);

impl Drop for Connection {
    fn drop(&mut self) {
        self.0.iter().for_each(JoinHandle::abort);
    }
}

/// So many appenders on one connection. A refusal ends the connection, and with it everybody's appends.
pub(crate) fn together<P: Protocol>(wire: Wire<P>, appenders: usize) -> Vec<Together<P>> {
    let Wire { socket, protocol, mut read, .. } = wire;
    let (mut reading, mut writing) = tokio::io::split(socket);
    let (requests, mut asked) = mpsc::unbounded_channel::<Request>();
    let waiting = Arc::new(Mutex::new(VecDeque::<oneshot::Sender<()>>::new()));
    let (answered, answering) = (Arc::clone(&waiting), Arc::clone(&protocol));
    let writer = tokio::spawn(async move {
        let (mut batch, mut out) = (Vec::new(), Vec::new());
        while asked.recv_many(&mut batch, 1024).await > 0 {
            out.clear();
            {
                let mut waiting = waiting.lock().unwrap_or_else(PoisonError::into_inner);
                for (request, answer) in batch.drain(..) {
                    out.extend_from_slice(&request);
                    waiting.push_back(answer);
                }
            }
            if writing.write_all(&out).await.is_err() {
                return;
            }
        }
    });
    let reader = tokio::spawn(async move {
        while reading.read_buf(&mut read).await.is_ok_and(|bytes| bytes > 0) {
            let Ok((answers, bytes)) = answering.answers(&read) else { break };
            read.drain(..bytes);
            let mut waiting = answered.lock().unwrap_or_else(PoisonError::into_inner);
            for answer in waiting.drain(..answers) {
                // Whoever went away does not want to know.
                answer.send(()).ok();
            }
        }
        answered.lock().unwrap_or_else(PoisonError::into_inner).clear();
    });
    let connection = Arc::new(Connection([writer, reader]));
    let one = |who| Together {
        who,
        protocol: Arc::clone(&protocol),
        requests: requests.clone(),
        _connection: Arc::clone(&connection),
    };
    (0..appenders).map(one).collect()
}

impl<P: Protocol> Appender for Together<P> {
    async fn append(&mut self, payload: &Payload) -> Result<()> {
        let mut request = Vec::new();
        self.protocol.request(self.who, payload.text.as_bytes(), &mut request);
        let (answered, answer) = oneshot::channel();
        self.requests.send((request, answered)).map_err(|_| "the connection is closed")?;
        Ok(answer.await?)
    }
}
