use std::net::SocketAddr;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use crate::support::{App, id, within};

const EVENTS: u64 = 100_000;

/// A reader that takes nothing must cost the writer nothing, hold nothing, and miss nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_stops_reading_gets_everything_afterwards_and_nothing_piles_up() {
    let mut app = App::new().await;
    let (path, act) = app.running("hello").await;
    let mut connection = connect(&app, &format!("{path}/stream")).await;
    let mut line = String::new();
    while !line.starts_with("event: caught_up") {
        line.clear();
        within(connection.read_line(&mut line)).await.expect("the stream goes on");
    }

    // Nobody reads from here on.
    let padding = "x".repeat(200);
    for n in 0..EVENTS {
        act.cx.custom("n", &(n, &padding)).await.expect("running");
    }
    act.finish(Ok(()));
    within(app.tasks.wait(id(&path))).await.expect("settled, whoever reads");
    let metrics = app.get("/metrics").await.text;
    let sent =
        metrics.lines().find_map(|line| line.strip_prefix("task_stream_events_total ")).expect("a sample");
    let sent: u64 = sent.parse().expect("a number");
    assert!(sent < EVENTS / 2, "{sent} events were encoded for a reader that takes none");

    let mut next = None;
    loop {
        line.clear();
        within(connection.read_line(&mut line)).await.expect("the stream goes on");
        if line.starts_with("event: end") {
            break;
        }
        if let Some(seq) = line.strip_prefix("id: ") {
            let seq: u64 = seq.trim().parse().expect("a number");
            assert_eq!(seq, next.unwrap_or(seq), "no gap, no repeat, no reordering");
            next = Some(seq + 1);
        }
    }
    let end = app.tasks.get(id(&path)).await.expect("there").seq.get();
    assert_eq!(next, Some(end + 1));
    assert!(end > EVENTS);
}

/// A stream over a real connection, read line by line, the answer's head behind us. Its receive buffer is small.
async fn connect(app: &App, path: &str) -> BufReader<TcpStream> {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address: SocketAddr = listener.local_addr().expect("bound");
    let router = app.router.clone();
    tokio::spawn(async move { axum::serve(listener, router).await });

    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(16 << 10).expect("a size");
    let mut connection = within(socket.connect(address)).await.expect("listening");
    let bearer = app.token.reveal();
    let request =
        format!("GET /api{path} HTTP/1.0\r\nHost: localhost:3000\r\nAuthorization: Bearer {bearer}\r\n\r\n");
    connection.write_all(request.as_bytes()).await.expect("sent");
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(within(connection.read_u8()).await.expect("a head"));
    }
    assert!(
        head.starts_with(b"HTTP/1.0 200") || head.starts_with(b"HTTP/1.1 200"),
        "{}",
        String::from_utf8_lossy(&head)
    );
    BufReader::new(connection)
}
