//! The server by itself, for programs that are no Rust tests. Prints where it listens, and ends on Ctrl-C or at the end
//! of its input.

use std::io::Read;

use fake_model_api::FakeModelApi;

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let api = FakeModelApi::start().await?;
    println!("listening on {}", api.url());
    // Whoever started it may die without a word; the pipe then says so.
    let (ended, end) = futures::channel::oneshot::channel();
    std::thread::spawn(move || {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        let _ = ended.send(());
    });
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = end => {}
    }
    Ok(())
}
