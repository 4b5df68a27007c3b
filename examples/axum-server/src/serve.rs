use std::error::Error;
use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use axum::Router;
use task_axum::{Guard, TaskApi};
use task_core::TaskManagerBuilder;
use tokio::net::TcpListener;
use tokio_util::task::TaskTracker;

use crate::args::{Access, Settings, WrongSetting};
use crate::{connection, page, signals, store};

/// Serves until it is asked to stop.
pub(crate) async fn run(settings: Settings) -> Result<(), Box<dyn Error + Send + Sync>> {
    let Settings { listen, store, access, max_running, roots, agents, allow_hosts, ui_dir, log_format: _ } =
        settings;
    let stop = signals::watch()?;
    let listener = TcpListener::bind(&listen)
        .await
        .map_err(|error| std::io::Error::new(error.kind(), format!("--listen {listen}: {error}")))?;
    let address = listener.local_addr()?;
    let guard = guard(&access, address, &allow_hosts)?;

    let offered = async { Ok(agents.all().await) };
    let (builder, offered) = tokio::try_join!(store::open(&store), offered)?;
    let builder = offered.into_values().fold(builder, TaskManagerBuilder::agent);
    let tasks = builder.max_running(max_running).start().await?;
    let api = TaskApi::new(tasks.clone(), guard.clone())
        .roots(roots)
        .map_err(|error| WrongSetting(format!("--root: {error}")))?;
    // As a service, it answers for `/api/` too.
    let app =
        Router::new().nest_service("/api", api.router::<()>()).fallback_service(page::router(guard, ui_dir));

    announce(address, &access)?;
    let open = TaskTracker::new();
    connection::accept(listener, app, stop, open.clone()).await;

    // Streams end with the manager, and connections with their streams.
    tasks.shutdown(GRACE).await?;
    if tokio::time::timeout(LAST_ANSWERS, open.wait()).await.is_err() {
        tracing::warn!(connections = open.len(), "leaving with connections open");
    }
    tracing::info!("stopped");
    Ok(())
}

fn guard(access: &Access, address: SocketAddr, allow_hosts: &[String]) -> Result<Guard, WrongSetting> {
    let port = address.port();
    let is_local = address.ip().is_loopback();
    let guard = match access {
        Access::Anybody if !is_local => {
            return Err(WrongSetting(format!(
                "--no-token works on a loopback address only, and {address} is none"
            )));
        }
        Access::Anybody => Guard::without_token(port),
        Access::Holder(token) => {
            if !is_local && token.max_bits() < MIN_BITS {
                let bits = token.max_bits();
                return Err(WrongSetting(format!(
                    "--token: on {address} it needs {MIN_BITS} bits, and this one has {bits} at most"
                )));
            }
            Guard::new(token.clone(), port)
        }
    };
    if !is_local {
        tracing::warn!(%address, "others can reach this address, and nothing is encrypted: put TLS in front of it");
    }
    // Whoever allows a name means it with the port of this server, and behind a proxy without.
    let own = (!is_local && !address.ip().is_unspecified()).then(|| address.to_string());
    let hosts = allow_hosts.iter().flat_map(|host| {
        let has_port = host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        [Some(host.clone()), (!has_port).then(|| format!("{host}:{port}"))]
    });
    Ok(hosts.flatten().chain(own).fold(guard, Guard::allow_host))
}

/// The one line on stdout. The token is behind the `#`: browsers send that to nobody.
fn announce(address: SocketAddr, access: &Access) -> std::io::Result<()> {
    let reachable = match address.ip() {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => SocketAddr::from((Ipv4Addr::LOCALHOST, address.port())),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => SocketAddr::from((Ipv6Addr::LOCALHOST, address.port())),
        _ => address,
    };
    let fragment = match access {
        Access::Anybody => String::new(),
        Access::Holder(token) => format!("#token={}", escape(token.reveal())),
    };
    let mut out = std::io::stdout().lock();
    writeln!(out, "listening on http://{reachable}/{fragment}")?;
    out.flush()
}

/// Everything but letters, digits and `-._~` as `%XX`.
fn escape(text: &str) -> String {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~');
    text.bytes().map(|b| if is_plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

/// How long running tasks may go on once the server stops.
const GRACE: Duration = Duration::from_secs(10);

/// How long the last answers may take to arrive.
const LAST_ANSWERS: Duration = Duration::from_secs(2);

/// Bits of randomness a token needs where others can try theirs.
const MIN_BITS: usize = 128;
