//! The storm of viewers over real connections: hundreds of them attach, read, are cut off in the middle of a frame and
//! come back, while tasks write. What each has received is compared with the log.
//!
//! `HTTP_ATTACHES` sets how many attaches there are; 1,500 unless set. `SEED` repeats a run.

mod http;

use std::collections::hash_map::DefaultHasher;
use std::convert::Infallible;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use agent_tasks_tests::random::{Random, number, seed};
use axum::Router;
use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::get;
use futures::{StreamExt, TryStreamExt, stream};
use http::{Answer, Client};
use serde::Deserialize;
use serde_json::value::RawValue;
use task_axum::{Guard, TaskApi, Token};
use task_core::{Event, Limits, NewTask, RunContext, RunResult, Seq, TaskId, TaskManager, TaskStatus};
use task_store_sqlite::SqliteStore;
use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;

const VIEWERS: u64 = 200;
const TASKS: u64 = 4;
const ROUND: u64 = 1_500;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_viewer_has_the_log_event_for_event() {
    let seed = seed("http storm");
    let attaches = number("HTTP_ATTACHES").unwrap_or(ROUND);
    let server = Server::start().await;
    let (mut left, mut found) = (attaches, Found::default());
    while left > 0 {
        // In rounds, so that a long storm needs no more room than a short one.
        let attaches = left.min(ROUND);
        left -= attaches;
        found.add(&server.round("/api", attaches, seed ^ left).await);
    }
    println!("http storm: {found:?}");
    assert!(found.attaches >= attaches && found.events > attaches && found.cut_in_a_frame > attaches / 20);
    assert_eq!((found.lost, found.doubled, found.disordered, found.wrong), (0, 0, 0, 0), "{found:?}");
}

/// The storm has to be able to see a loss: a server that copies the history and then joins the live stream at what is
/// then its end, as is often done, loses what was written in between.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_storm_sees_what_a_snapshot_and_a_later_subscription_lose() {
    let seed = seed("http storm on a broken server");
    let server = Server::start().await;
    let found = server.round("/broken", 300, seed).await;
    println!("http storm on a broken server: {found:?}");
    assert!(found.lost > 0, "nothing was written between the copy and the subscription: {found:?}");
}

/// What the comparison of all records with the logs found.
#[derive(Debug, Default)]
struct Found {
    attaches: u64,
    events: u64,
    pages: u64,
    cut_in_a_frame: u64,
    lost: u64,
    doubled: u64,
    disordered: u64,
    wrong: u64,
}

/// What came over one connection: a cursor, and then events.
struct Record {
    task: usize,
    after: u64,
    events: Vec<Received>,
}

#[derive(Clone, Copy)]
struct Received {
    seq: u64,
    digest: u64,
}

impl Found {
    fn add(&mut self, other: &Self) {
        let Self { attaches, events, pages, cut_in_a_frame, lost, doubled, disordered, wrong } = other;
        self.attaches += attaches;
        self.events += events;
        self.pages += pages;
        self.cut_in_a_frame += cut_in_a_frame;
        self.lost += lost;
        self.doubled += doubled;
        self.disordered += disordered;
        self.wrong += wrong;
    }

    /// Compares what was received with the log, which is numbered from 1.
    fn compare(&mut self, record: &Record, log: &[u64]) {
        let mut last = record.after;
        for event in &record.events {
            match event.seq {
                seq if seq == last => self.doubled += 1,
                seq if seq < last => self.disordered += 1,
                seq => self.lost += seq - last - 1,
            }
            last = last.max(event.seq);
            let stored = usize::try_from(event.seq - 1).ok().and_then(|at| log.get(at));
            self.wrong += u64::from(stored != Some(&event.digest));
        }
        self.events += record.events.len() as u64;
    }
}

/// A server on a port of its own, and the tasks behind it. Dropping it ends it.
struct Server {
    tasks: TaskManager,
    client: Client,
    _serving: AbortOnDropHandle<()>,
    _dir: tempfile::TempDir,
}

impl Server {
    async fn start() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let store = SqliteStore::open(dir.path().join("tasks.db")).await.expect("opens");
        // Tails so short that readers are behind them as often as not.
        let mut limits = Limits::default();
        limits.tail_bytes = 20_000;
        limits.tails_bytes = 60_000;
        limits.pages_bytes = 200_000;
        let builder = TaskManager::builder(store).runner("writer", writer).limits(limits);
        let tasks = builder.start().await.expect("starts");

        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let token = Token::random().expect("randomness");
        let client = Client { address, token: token.reveal().to_owned() };
        let streams = usize::try_from(2 * VIEWERS).expect("small");
        let api = TaskApi::new(tasks.clone(), Guard::new(token, address.port())).max_streams(streams);
        let broken = Router::new().route("/tasks/{id}/stream", get(broken)).with_state(tasks.clone());
        let app = Router::new().nest("/api", api.router()).nest("/broken", broken);
        let serving = tokio::spawn(async move { axum::serve(listener, app).await.expect("it serves") });
        Self { tasks, client, _serving: AbortOnDropHandle::new(serving), _dir: dir }
    }

    /// Lets viewers come and go while tasks write, and compares what they received with the logs.
    async fn round(&self, prefix: &'static str, attaches: u64, seed: u64) -> Found {
        let mut ids = Vec::new();
        for _ in 0..TASKS {
            ids.push(self.tasks.create(NewTask::new("writer", "write")).await.expect("created").id);
        }
        let left = Arc::new(AtomicU64::new(attaches));
        let viewers: Vec<_> = (0..VIEWERS)
            .map(|n| {
                let task = usize::try_from(n % TASKS).expect("small");
                let viewer = Viewer {
                    client: self.client.clone(),
                    prefix,
                    task,
                    id: ids[task],
                    random: Random::new(seed ^ n),
                    records: Vec::new(),
                    cursor: 0,
                    found: Found::default(),
                };
                AbortOnDropHandle::new(tokio::spawn(viewer.view(Arc::clone(&left))))
            })
            .collect();
        // The writers end when nobody attaches any more; viewers then read to the end.
        while left.load(Ordering::Relaxed) > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        for id in &ids {
            self.tasks.cancel(*id).await.expect("asked to stop");
        }
        let mut logs = Vec::new();
        for id in &ids {
            assert_eq!(self.tasks.wait(*id).await.expect("it settles").status, TaskStatus::Cancelled);
            let log: Vec<Event> =
                self.tasks.subscribe(*id, Seq::ZERO).try_collect().await.expect("the log can be read");
            assert!(log.iter().zip(1..).all(|(event, n)| event.seq().get() == n), "the log has no gap");
            logs.push(log.iter().map(|event| digest(event.json())).collect::<Vec<_>>());
        }
        let mut found = Found::default();
        for viewer in viewers {
            let Viewer { records, found: counted, cursor, task, .. } = viewer.await.expect("no viewer fails");
            found.add(&counted);
            // What is missing at the end is missing, too.
            found.lost += (logs[task].len() as u64).abs_diff(cursor);
            records.iter().for_each(|record| found.compare(record, &logs[record.task]));
        }
        for id in &ids {
            self.tasks.delete(*id).await.expect("deleted");
        }
        found
    }
}

/// One who attaches again and again.
struct Viewer {
    client: Client,
    prefix: &'static str,
    task: usize,
    id: TaskId,
    random: Random,
    records: Vec<Record>,
    /// Everything up to here has been received, one attach going on where the last was cut off.
    cursor: u64,
    found: Found,
}

/// A page of the log, as it is sent.
#[derive(Deserialize)]
struct Page {
    events: Vec<Box<RawValue>>,
    seq: u64,
    has_more: bool,
}

/// What is looked at in an event.
#[derive(Deserialize)]
struct Numbered {
    seq: u64,
}

impl Viewer {
    async fn view(mut self, left: Arc<AtomicU64>) -> Self {
        while left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok() {
            if self.random.below(4) == 0 {
                // Any place before, which changes nothing of what is known.
                let (after, bytes) = (self.random.below(self.cursor + 1), 1 + self.random.below(30_000));
                self.attach(after, Some(bytes)).await;
            } else {
                let bytes = 1 + self.random.below(20_000);
                self.cursor = self.attach(self.cursor, Some(bytes)).await;
            }
            if self.prefix == "/api" && self.random.below(4) == 0 {
                self.page().await;
            }
        }
        // To the end, which is told; and then there is no more to have.
        self.cursor = self.attach(self.cursor, None).await;
        if self.prefix == "/api" {
            let header = format!("Last-Event-ID: {}\r\n", self.cursor);
            let answer = self.client.get(&self.path("stream"), &header).await;
            assert_eq!(answer.status, 204, "there is nothing after the end");
        }
        self
    }

    fn path(&self, what: &str) -> String {
        format!("{}/tasks/{}/{what}", self.prefix, self.id)
    }

    /// Reads from a cursor until so many bytes have come, or to the end. Gives the last event that came whole.
    async fn attach(&mut self, after: u64, bytes: Option<u64>) -> u64 {
        self.found.attaches += 1;
        // What a browser sends when it comes back, or what a page sends that knows where it was.
        let mut answer = if self.random.below(2) == 0 {
            let header = format!("Last-Event-ID: {after}\r\n");
            self.client.get(&self.path("stream"), &header).await
        } else {
            self.client.get(&format!("{}?after={after}", self.path("stream")), "").await
        };
        if answer.status == 204 {
            return after;
        }
        assert_eq!(answer.status, 200);
        let mut record = Record { task: self.task, after, events: Vec::new() };
        let in_a_frame = read(&mut answer, &mut self.random, bytes, &mut record).await;
        self.found.cut_in_a_frame += u64::from(in_a_frame);
        let last = record.events.last().map_or(after, |event| event.seq);
        self.records.push(record);
        last
    }

    /// A page from any cursor on.
    async fn page(&mut self) {
        let (after, limit) = (self.random.below(self.cursor + 1), 1 + self.random.below(300));
        let path = format!("{}?after={after}&limit={limit}", self.path("events"));
        let answer = self.client.get(&path, "").await;
        assert_eq!(answer.status, 200);
        let page: Page = serde_json::from_slice(&answer.body().await).expect("a page");
        let events: Vec<_> = page.events.iter().map(|event| received(event.get())).collect();
        let last = events.last().map_or(after, |event| event.seq);
        assert_eq!(page.seq, last);
        assert!(events.len() as u64 <= limit && (last >= self.cursor || page.has_more));
        self.found.pages += 1;
        self.records.push(Record { task: self.task, after, events });
    }
}

/// Reads frames until so many bytes have come, in pieces of every size. Says whether it stopped within a frame.
async fn read(answer: &mut Answer, random: &mut Random, bytes: Option<u64>, record: &mut Record) -> bool {
    let (mut text, mut seen, mut told_end) = (Vec::new(), 0, None);
    while bytes.is_none_or(|bytes| seen < bytes) {
        let piece = usize::try_from(1 + random.below(8_000)).expect("small");
        let Some(part) = answer.more(piece).await else {
            assert!(text.is_empty(), "the stream ends between frames");
            assert!(told_end.is_some(), "the end is told");
            return false;
        };
        seen += part.len() as u64;
        text.extend(part);
        while let Some(end) = text.windows(2).position(|pair| pair == b"\n\n") {
            let frame = String::from_utf8(text.drain(..end + 2).collect()).expect("text");
            let data = frame.lines().find_map(|line| line.strip_prefix("data: "));
            if let Some(id) = frame.strip_prefix("id: ").and_then(|rest| rest.lines().next()) {
                let event = received(data.expect("data"));
                assert_eq!(id.parse(), Ok(event.seq), "the cursor is the number of the event");
                record.events.push(event);
            } else if frame.starts_with("event: end\n") {
                told_end = data.map(str::to_owned);
            }
        }
    }
    !text.is_empty()
}

fn received(json: &str) -> Received {
    let Numbered { seq } = serde_json::from_str(json).expect("an event");
    Received { seq, digest: digest(json) }
}

fn digest(json: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    json.hash(&mut hasher);
    hasher.finish()
}

/// Writes until it is told to stop, in bursts of every size.
async fn writer(cx: RunContext) -> RunResult {
    cx.next_message().await?;
    let mut random = Random::new(cx.task().created_at.timestamp_millis().unsigned_abs());
    let mut n = 0_u64;
    while !cx.is_cancelled() {
        for _ in 0..random.below(16) {
            n += 1;
            let size = usize::try_from(random.below(200)).expect("small");
            cx.custom("n", &(n, "x".repeat(size))).await?;
        }
        cx.flush().await?;
        tokio::time::sleep(Duration::from_millis(random.below(10))).await;
    }
    Ok(())
}

/// What must not be: the history, and then whatever comes.
async fn broken(
    State(tasks): State<TaskManager>,
    Path(id): Path<TaskId>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let header = headers.get("last-event-id").and_then(|id| id.to_str().ok()?.parse().ok());
    let query = query.as_deref().and_then(|query| query.strip_prefix("after=")?.parse().ok());
    let after = Seq::new(header.or(query).unwrap_or(0));
    let copied = tasks.events(id, after, usize::MAX).await.expect("readable");
    tokio::task::yield_now().await;
    let now = tasks.get(id).await.expect("exists").seq;
    let copied = stream::iter(copied.into_iter().map(Ok));
    let end = stream::iter([Ok("event: end\ndata: {}\n\n".to_owned())]);
    let frames = copied.chain(tasks.subscribe(id, now)).map(|event| {
        let event = event.expect("readable");
        Ok::<_, Infallible>(format!(
            "id: {}\nevent: {}\ndata: {}\n\n",
            event.seq(),
            event.kind(),
            event.json()
        ))
    });
    Response::new(Body::from_stream(frames.chain(end)))
}
