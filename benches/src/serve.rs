//! A server in a process of its own, so that its processor time and memory are not those of its viewers.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use task_axum::{Guard, TaskApi};
use task_core::testing::{Act, Puppet};
use task_core::{Limits, NewTask, TaskId, TaskManager};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpListener;
use tokio::process::ChildStdout;
use tokio::task::JoinSet;

use crate::answer::{Result, verify};
use crate::numbered::{Bodies, refused};
use crate::stores::Kind;
use crate::usage::{cpu_of, memory_of};

/// A server that was started here. It ends with this.
#[derive(Debug)]
pub(crate) struct Served {
    child: Child,
    orders: ChildStdin,
    told: BufReader<ChildStdout>,
    pub(crate) address: String,
}

/// In the process of its own: serves what is at `place`, and does what its input says, a line each, until that ends.
pub(crate) async fn serve(place: PathBuf, seed: u64, bytes: usize) -> Result<()> {
    let (puppet, mut stage) = Puppet::new();
    let store = Kind::Sqlite.open(&place).await?;
    let limits = Limits::default();
    let tasks = TaskManager::builder(store).limits(limits).runner("stage", puppet).start().await?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let api = TaskApi::new(tasks.clone(), Guard::without_token(address.port())).max_streams(20_000);
    let app = Router::<()>::new().nest("/api", api.router());
    tokio::spawn(accept(listener, app));
    say(&address.to_string())?;

    let bodies = Bodies::new(seed, bytes);
    let mut acts: Vec<Act> = Vec::new();
    while let Some(order) = tokio::task::spawn_blocking(read_line).await?? {
        let words: Vec<_> = order.split_whitespace().collect();
        match words[..] {
            ["tasks", count] => {
                for _ in 0..count.parse()? {
                    let task = tasks.create(NewTask::new("stage", "play")).await?;
                    acts.push(stage.next().await);
                    say(&task.id.to_string())?;
                }
            }
            ["emit", first, count] => {
                let act = acts.last().ok_or("no task")?;
                let first: u64 = first.parse()?;
                for number in first..first + count.parse::<u64>()? {
                    act.cx.emit(bodies.output(number)?).await.map_err(refused)?;
                }
                act.cx.flush().await.map_err(refused)?;
                say("done")?;
            }
            ["pace", each_second, count] => {
                let (each_second, count) = (each_second.parse()?, count.parse()?);
                let mut at_work = JoinSet::new();
                for (place, act) in acts.drain(..).enumerate() {
                    // Not all at the same moment.
                    let late = Duration::from_secs_f64(place as f64 / 500.0 / f64::from(each_second));
                    at_work.spawn(pace(act, bodies.clone(), each_second, count, late));
                }
                while let Some(ended) = at_work.join_next().await {
                    acts.push(ended??);
                }
                say("done")?;
            }
            _ => return Err(format!("{order} is no order").into()),
        }
    }
    Ok(())
}

/// As `axum-server` does: a connection holds a third of what it does under `axum::serve`.
async fn accept(listener: TcpListener, app: Router) -> std::io::Result<()> {
    loop {
        let (socket, _) = listener.accept().await?;
        socket.set_nodelay(true)?;
        let app = TowerToHyperService::new(app.clone());
        tokio::spawn(
            http1::Builder::new()
                .timer(TokioTimer::new())
                .max_buf_size(64 << 10)
                .serve_connection(TokioIo::new(socket), app),
        );
    }
}

async fn pace(act: Act, bodies: Bodies, each_second: u32, count: u64, late: Duration) -> Result<Act> {
    tokio::time::sleep(late).await;
    let mut tick = tokio::time::interval(Duration::from_secs(1) / each_second);
    for number in 1..=count {
        tick.tick().await;
        act.cx.emit(bodies.output(number)?).await.map_err(refused)?;
    }
    act.cx.flush().await.map_err(refused)?;
    Ok(act)
}

fn read_line() -> std::io::Result<Option<String>> {
    let mut line = String::new();
    Ok((std::io::stdin().read_line(&mut line)? > 0).then_some(line))
}

fn say(what: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{what}")?;
    Ok(out.flush()?)
}

impl Served {
    /// Starts it on what is at `place`.
    pub(crate) async fn start(place: &Path, seed: u64, bytes: usize) -> Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(["serve", "--seed", &seed.to_string(), "--bytes", &bytes.to_string(), "--place"])
            .arg(place)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let orders = child.stdin.take().ok_or("no input")?;
        let told = child.stdout.take().ok_or("no output")?;
        let told = BufReader::new(ChildStdout::from_std(told)?);
        let mut served = Self { child, orders, told, address: String::new() };
        served.address = served.hear().await?;
        Ok(served)
    }

    /// Creates tasks that run and say nothing.
    pub(crate) async fn tasks(&mut self, count: usize) -> Result<Vec<TaskId>> {
        self.order(&format!("tasks {count}"))?;
        let mut tasks = Vec::with_capacity(count);
        for _ in 0..count {
            tasks.push(self.hear().await?.parse()?);
        }
        Ok(tasks)
    }

    /// Lets the newest task emit events of these numbers, and waits until they are stored.
    pub(crate) async fn emit(&mut self, first: u64, count: u64) -> Result<()> {
        self.order(&format!("emit {first} {count}"))?;
        self.done().await
    }

    /// Lets every task emit events from number 1 on, so many a second, and waits until they are stored.
    pub(crate) async fn pace(&mut self, each_second: u32, count: u64) -> Result<()> {
        self.order(&format!("pace {each_second} {count}"))?;
        self.done().await
    }

    /// The path of a task's stream.
    pub(crate) fn path(task: TaskId) -> String {
        format!("/api/tasks/{task}/stream?after=0")
    }

    /// Processor time so far.
    pub(crate) fn cpu(&self) -> Result<f64> {
        cpu_of(&[self.child.id()])
    }

    /// Bytes of memory.
    pub(crate) fn memory(&self) -> Result<f64> {
        memory_of(&[self.child.id()])
    }

    /// Ends it as a crash would, at once.
    pub(crate) fn kill(mut self) -> Result<Instant> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(Instant::now())
    }

    fn order(&mut self, order: &str) -> Result<()> {
        writeln!(self.orders, "{order}")?;
        Ok(self.orders.flush()?)
    }

    async fn done(&mut self) -> Result<()> {
        let told = self.hear().await?;
        verify(told == "done", || told)
    }

    /// A line. The viewers go on meanwhile.
    async fn hear(&mut self) -> Result<String> {
        let mut line = String::new();
        let read = self.told.read_line(&mut line).await?;
        verify(read > 0, || "the server ended".to_owned())?;
        Ok(line.trim_end().to_owned())
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // It may have ended by itself.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
