//! Which platform and gateway are loaded when none are named?
//!
//! Two processes of the same binary on free ports of the loopback address, with the demo's business
//! number, a flow that echoes, as many agents as it takes, and a folder that is deleted at the end.

use std::{
    fmt::Write as _,
    io::{BufRead, BufReader},
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHasher, SaltString},
};
use serde_json::Value;
use terms::{AgentId, WaId};
use tokio::time::timeout;

use crate::{
    agent::LogInAs,
    bots::{self, Bots},
    plan::Kind,
    process::Watched,
    relay::{Exchange, Trunk},
    system::{Front, System},
    world,
};

/// How long a server may take to say that it is ready, on a busy machine.
const READY_MAX: Duration = Duration::from_secs(60);

/// How long it may take to stop.
const STOP_MAX: Duration = Duration::from_secs(20);

/// How often one looks whether it has.
const STOP_POLL: Duration = Duration::from_millis(50);

/// The demo's business number.
const BUSINESS: &str = "551140000000";

/// Everybody's password: nobody else reaches these servers.
const PASSWORD: &str = "load";

/// What webhooks are signed with: the demo's.
const APP_SECRET: &str = "demo-app-secret";

/// Where the gateway takes webhooks.
const WEBHOOK: &str = "/webhooks/whatsapp";

/// What the gateway's callers hear: by their numbers some get a bot, if there is one.
const FLOW: &str = r#"start = "echo"

[step.echo]
echo = "600s"
next = "echo"
"#;

const FLOW_WITH_BOTS: &str = r#"start = "who"

[step.who]
when = [{ caller = "{callers}", next = "bot" }]
otherwise = "echo"

[step.bot]
bot = "load"
next = "end"
otherwise = "end"

[step.end]
hang_up = true

[step.echo]
echo = "600s"
next = "echo"
"#;

const BOTS: &str = r#"
[[bots]]
name = "load"
url = "{url}"
protocol = "native"
rate = {rate}
connect_timeout_s = 10
"#;

const GATEWAY: &str = r#"http = "{listen}"
api_key_env = "OFFHOOK_LOAD_API_KEY"
flow = "flow.toml"
ring_for_s = 30
connect_age_max_s = 86400

[number]
phone_number_id = "109876543210987"
digits = "551140000000"
name = "Loja Aurora"

[upstream]
edition = "meta"
base_url = "{platform}"
token_env = "OFFHOOK_LOAD_TOKEN"
app_secret_env = "OFFHOOK_LOAD_APP_SECRET"
verify_token_env = "OFFHOOK_LOAD_VERIFY_TOKEN"

[media]
browsers = "127.0.0.1:0"
"#;

/// Why the servers do not run.
#[derive(Debug, thiserror::Error)]
pub enum OwnError {
    /// A file or folder.
    #[error("cannot write the servers' folder")]
    Folder(#[source] std::io::Error),
    /// A process.
    #[error("cannot start the {name}")]
    Start {
        /// Which.
        name: &'static str,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// It did not say that it is ready.
    #[error("the {name} is not ready: {log}")]
    NotReady {
        /// Which.
        name: &'static str,
        /// The end of its log.
        log: String,
    },
    /// No port is free.
    #[error("no port is free")]
    Port(#[source] std::io::Error),
}

/// Servers of our own.
#[derive(Debug)]
pub struct Own {
    /// In the order in which they stop.
    servers: Vec<Server>,
    /// Deleted when dropped.
    _folder: tempfile::TempDir,
}

impl Own {
    /// Starts a platform and a gateway from this binary, with this many agents, and bots to dial.
    ///
    /// # Errors
    ///
    /// What did not start.
    pub async fn start(
        binary: &Path,
        agents: u32,
        bots: Option<Bots>,
    ) -> Result<(Self, System), OwnError> {
        let folder = tempfile::tempdir().map_err(OwnError::Folder)?;
        let listen = free_port().map_err(OwnError::Port)?;
        let webhook = format!("http://{listen}{WEBHOOK}");
        let start = Start { binary, folder: folder.path() };
        let args = ["--webhook", webhook.as_str(), "--no-handshake", "--listen", "127.0.0.1:0"];
        let (platform, ready) = start.server("platform", &args).await?;
        let url = address(&ready, "platform");
        let log_ins: Vec<LogInAs> = (0..agents.max(1)).map(log_in).collect();
        let with = With { agents: &log_ins, bots: bots.as_ref() };
        let (gateway, ready) = start.gateway(&listen, &url, with).await?;
        let watched = vec![platform.watched("platform"), gateway.watched("gateway")];
        let system = system(Front::Platform(url), &ready, (log_ins, bots), watched);
        Ok((Self { servers: vec![gateway, platform], _folder: folder }, system))
    }

    /// Starts a gateway alone, for calls of the load's own exchange.
    ///
    /// # Errors
    ///
    /// What did not start.
    pub async fn start_gateway(
        binary: &Path,
        agents: u32,
        bots: Option<Bots>,
        exchange: Exchange,
    ) -> Result<(Self, System), OwnError> {
        let folder = tempfile::tempdir().map_err(OwnError::Folder)?;
        let listen = free_port().map_err(OwnError::Port)?;
        let start = Start { binary, folder: folder.path() };
        let log_ins: Vec<LogInAs> = (0..agents.max(1)).map(log_in).collect();
        let with = With { agents: &log_ins, bots: bots.as_ref() };
        let (gateway, ready) = start.gateway(&listen, &exchange.url(), with).await?;
        let watched = vec![gateway.watched("gateway")];
        let system = system(Front::Exchange(exchange), &ready, (log_ins, bots), watched);
        Ok((Self { servers: vec![gateway], _folder: folder }, system))
    }

    /// Stops them, as Ctrl-C would.
    pub async fn stop(mut self) {
        for server in &mut self.servers {
            server.ask_to_stop();
            let until = Instant::now() + STOP_MAX;
            while server.runs() && Instant::now() < until {
                tokio::time::sleep(STOP_POLL).await;
            }
        }
    }
}

/// A server's process; killed when dropped.
#[derive(Debug)]
struct Server(Child);

impl Server {
    fn runs(&mut self) -> bool {
        matches!(self.0.try_wait(), Ok(None))
    }

    fn watched(&self, name: &str) -> Watched {
        Watched { name: name.to_owned(), pid: self.0.id() }
    }

    fn ask_to_stop(&self) {
        use rustix::process::{Pid, Signal, kill_process};

        let pid = i32::try_from(self.0.id()).ok().and_then(Pid::from_raw);
        if let Some(pid) = pid
            && let Err(fault) = kill_process(pid, Signal::TERM)
        {
            tracing::debug!(%fault, "a server is gone already");
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.runs() && self.0.kill().and_then(|()| self.0.wait().map(drop)).is_err() {
            tracing::warn!("a server did not stop");
        }
    }
}

/// Who answers at a gateway.
#[derive(Clone, Copy)]
struct With<'a> {
    agents: &'a [LogInAs],
    bots: Option<&'a Bots>,
}

/// How a server is started.
struct Start<'a> {
    binary: &'a Path,
    folder: &'a Path,
}

impl Start<'_> {
    async fn gateway(
        &self,
        listen: &SocketAddr,
        upstream: &str,
        with: With<'_>,
    ) -> Result<(Server, Value), OwnError> {
        let path = self.folder.join("gateway.toml");
        let callers = world::callers(Kind::Bot);
        let flow = match with.bots {
            Some(_) => FLOW_WITH_BOTS.replace("{callers}", &callers),
            None => FLOW.to_owned(),
        };
        write(&path, &gateway_config(listen, upstream, with))?;
        write(&self.folder.join("flow.toml"), &flow)?;
        std::fs::create_dir(self.folder.join("prompts")).map_err(OwnError::Folder)?;
        self.server("gateway", &["--config", &path.to_string_lossy()]).await
    }

    /// Starts a server and returns it with its ready line.
    async fn server(&self, name: &'static str, args: &[&str]) -> Result<(Server, Value), OwnError> {
        let log = self.folder.join(format!("{name}.log"));
        let log_file = std::fs::File::create(&log).map_err(OwnError::Folder)?;
        let fault = |source| OwnError::Start { name, source };
        let mut server = Command::new(self.binary)
            .arg(name)
            .args(args)
            .args(["--media", "127.0.0.1:0", "--json", "--data"])
            .arg(self.folder.join(name))
            .env("OFFHOOK_LOG", "warn")
            .env("OFFHOOK_LOAD_API_KEY", "demo-api-key")
            .env("OFFHOOK_LOAD_TOKEN", "demo-token")
            .env("OFFHOOK_LOAD_APP_SECRET", APP_SECRET)
            .env("OFFHOOK_LOAD_VERIFY_TOKEN", "demo-verify")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log_file)
            .spawn()
            .map(Server)
            .map_err(fault)?;
        let stdout = server.0.stdout.take();
        let ready = tokio::task::spawn_blocking(move || -> Option<Value> {
            let mut line = String::new();
            BufReader::new(stdout?).read_line(&mut line).ok()?;
            serde_json::from_str(&line).ok()
        });
        match timeout(READY_MAX, ready).await {
            Ok(Ok(Some(ready))) => Ok((server, ready)),
            Ok(Ok(None) | Err(_)) | Err(_) => Err(OwnError::NotReady { name, log: end_of(&log) }),
        }
    }
}

fn system(
    front: Front,
    ready: &Value,
    (agents, bots): (Vec<LogInAs>, Option<Bots>),
    watched: Vec<Watched>,
) -> System {
    let business: WaId = BUSINESS.parse().expect("digits are a number");
    System { front, gateway: address(ready, "gateway"), business, agents, bots, watched }
}

/// Where and how a gateway of ours is told of calls.
pub(crate) fn trunk(gateway: &str, business: &WaId) -> Trunk {
    Trunk {
        webhook: format!("{gateway}{WEBHOOK}"),
        secret: APP_SECRET.to_owned(),
        account: "201234567890123".parse().expect("digits are an id"),
        number: "109876543210987".parse().expect("digits are an id"),
        business: business.clone(),
    }
}

fn free_port() -> std::io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}

fn address(ready: &Value, name: &str) -> String {
    ready.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn write(path: &Path, text: &str) -> Result<(), OwnError> {
    std::fs::write(path, text).map_err(OwnError::Folder)
}

fn log_in(number: u32) -> LogInAs {
    let id: AgentId = format!("load-{number}").parse().expect("a word is an id");
    LogInAs { id, password: PASSWORD.to_owned() }
}

fn gateway_config(listen: &SocketAddr, platform: &str, with: With<'_>) -> String {
    let mut text = GATEWAY.replace("{listen}", &listen.to_string()).replace("{platform}", platform);
    let hash = cheap_hash(PASSWORD);
    if let Some(bots) = with.bots {
        text += &BOTS.replace("{url}", &bots.url()).replace("{rate}", &bots::RATE.to_string());
    }
    for agent in with.agents {
        write!(text, "\n[[agents]]\nid = \"{}\"\npassword_hash = \"{hash}\"\n", agent.id)
            .expect("a string takes all");
    }
    text
}

/// A hash that is quick to check: a thousand agents log in at once.
fn cheap_hash(password: &str) -> String {
    let params = Params::new(8, 1, 1, None).expect("the least there is");
    let salt =
        SaltString::encode_b64(&rand::random::<[u8; 16]>()).expect("sixteen bytes are a salt");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password(password.as_bytes(), &salt)
        .expect("these parameters can hash")
        .to_string()
}

fn end_of(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(3)..].join(" / ")
}
