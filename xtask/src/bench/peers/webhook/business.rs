//! Who takes webhooks: our gateway, or pipecat?

use std::{
    fs,
    net::SocketAddr,
    path::Path,
    process::Command,
    sync::{Arc, Mutex},
    thread::{self, JoinHandle},
    time::Instant,
};

use anyhow::{Context, Result, bail};
use serde_json::Value;
use wire::webhook::signature;

use super::super::{place, relays, spoken::Spoken};
use crate::{bench::client::Client, shell};

/// What webhooks are signed with; both check it.
const SECRET: &str = "demo-app-secret";

/// Where pipecat listens: it has the namespace for itself.
const PIPECAT: &str = "127.0.0.1:8082";

/// What comes behind an answered call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::bench::peers) enum Answers {
    /// Nothing that would cost much.
    Only,
    /// A bot that says what it hears, its voice encoded with this effort where that can be chosen.
    Bot { complexity: u8 },
}

/// A process that takes webhooks and answers calls.
#[derive(Debug)]
pub(in crate::bench::peers) struct Business {
    pub(in crate::bench::peers) name: &'static str,
    process: Spoken,
    host: String,
    path: &'static str,
    idle: Arc<Mutex<Vec<Client>>>,
}

impl Business {
    /// The release binary's gateway, with a data folder on disk. Nobody is at the console, so its flow
    /// answers.
    pub(in crate::bench::peers) fn ours(
        work: &Path,
        graph: SocketAddr,
        answers: Answers,
    ) -> Result<Self> {
        let folder = work.join("gateway");
        // What an earlier run left there; there may be nothing.
        drop(fs::remove_dir_all(&folder));
        fs::create_dir_all(&folder)?;
        let from = shell::root().join("bench/peers");
        let (flow, complexity) = match answers {
            Answers::Only => ("flow.toml", 5),
            Answers::Bot { complexity } => ("bot.toml", complexity),
        };
        fs::copy(from.join(flow), folder.join("flow.toml"))?;
        let config = fs::read_to_string(from.join("gateway.toml"))?;
        let config = config.replace("@GRAPH@", &graph.to_string());
        let config = config.replace("@ADDRESS@", place::ADDRESS);
        let config = config.replace("@COMPLEXITY@", &complexity.to_string());
        fs::write(folder.join("gateway.toml"), config)?;
        let program = shell::target().join("release/offhook");
        let mut command = place::pinned(place::MEASURED, program.as_os_str());
        command
            .args(["gateway", "--listen", "127.0.0.1:0", "--json", "--config"])
            .arg(folder.join("gateway.toml"))
            .arg("--data")
            .arg(folder.join("data"))
            .env("OFFHOOK_LOG", "error")
            .env("BENCH_SECRET", SECRET);
        let mut gateway = Self::start("ours", command, String::new(), "/webhooks/whatsapp")?;
        let url = gateway.process.ready["gateway"].as_str().context("no address")?;
        gateway.host = url.strip_prefix("http://").context("not a http address")?.to_owned();
        Ok(gateway)
    }

    /// pipecat behind `bench/peers/pipecat_answer.py`.
    pub(in crate::bench::peers) fn pipecat(graph: SocketAddr, answers: Answers) -> Result<Self> {
        let mut command = relays::python();
        let port = PIPECAT.rsplit(':').next().unwrap_or_default();
        let graph = format!("http://{graph}/v23.0/");
        command.arg(shell::root().join("bench/peers/pipecat_answer.py"));
        command.args([port, &graph, SECRET]);
        if answers != Answers::Only {
            command.arg("echo");
        }
        Self::start("pipecat", command, PIPECAT.to_owned(), "/")
    }

    fn start(
        name: &'static str,
        command: Command,
        host: String,
        path: &'static str,
    ) -> Result<Self> {
        let process = Spoken::start(name, command)?;
        Ok(Self { name, process, host, path, idle: Arc::default() })
    }

    pub(in crate::bench::peers) fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Sends a webhook on a thread of its own, since its answer may come late; tells when it left.
    pub(super) fn send(&self, webhook: &Value) -> JoinHandle<Result<Instant>> {
        let body = webhook.to_string();
        let signed = signature::sign(SECRET, body.as_bytes());
        let (host, path, idle) = (self.host.clone(), self.path, Arc::clone(&self.idle));
        thread::spawn(move || {
            let kept = idle.lock().expect("nobody panics with the lock").pop();
            let mut client = kept.map_or_else(|| Client::connect(&host), Ok)?;
            let left = Instant::now();
            let answer = client.post(path, ("x-hub-signature-256", &signed), &body)?;
            if answer.status != 200 {
                bail!("a webhook was answered with {}: {}", answer.status, answer.body);
            }
            idle.lock().expect("nobody panics with the lock").push(client);
            Ok(left)
        })
    }
}
