//! The Cloud API Calling server, alone.

mod edge;

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use ::platform::{Config, Randomness, Seed};
use anyhow::{Context, Result, bail};
use clap::Args;
use serde::Deserialize;
use serde_json::json;

use self::edge::{EdgeArgs, EdgeTable};
use crate::{output, quote, stop};

/// Arguments of `offhook platform`; a flag wins over the file.
#[derive(Debug, Args)]
#[command(
    after_help = "Example: offhook platform --seed demo --webhook http://127.0.0.1:9000/hook"
)]
pub(crate) struct PlatformArgs {
    /// The world of a new data folder: `demo`, or a TOML file.
    #[arg(long)]
    seed: Option<String>,
    /// The folder that keeps the state; without one nothing is kept.
    #[arg(long)]
    data: Option<PathBuf>,
    /// Sets the demo app's callback URL, once it answers the verification handshake.
    #[arg(long)]
    webhook: Option<String>,
    /// Takes a callback URL without asking it.
    #[arg(long)]
    no_handshake: bool,
    /// Where HTTP listens.
    #[arg(long)]
    listen: Option<SocketAddr>,
    /// Where clients reach HTTP when that is not where it listens, such as
    /// `https://platform.example`: the beginning of the links that are handed out.
    #[arg(long)]
    public_url: Option<String>,
    /// Where all media arrives, one UDP port.
    #[arg(long)]
    media: Option<SocketAddr>,
    /// Draws every id from this number: the same requests give the same ids.
    #[arg(long)]
    random_seed: Option<u64>,
    /// A rate card beside the shipped ones, as CSV; its file's name is its name: the family an
    /// account names, and the day from which it holds, such as ours-2026-10-01.csv.
    #[arg(long)]
    rate_card: Vec<PathBuf>,
    /// A command that writes a call down: runs for each voice, gets the path of its WAV file (16 kHz)
    /// at its end or in place of `{wav}`, prints text or JSON.
    #[arg(long)]
    transcriber: Option<String>,
    /// A command that speaks the purpose of a recording: `{text}` and `{language}` are replaced,
    /// prints WAV. Such as `espeak-ng --stdout -v {language} {text}`.
    #[arg(long)]
    speech: Option<String>,
    /// A rule in place of every rulebook's, such as `call.answer_window=30 s`; may be given again.
    /// `offhook rulebook show` lists them; a list is separated by commas.
    #[arg(long, value_name = "PATH=VALUE", value_parser = read_rule)]
    rule: Vec<(String, String)>,
    /// A TOML file with the keys http, media, advertised, `public_url`, data, seed, webhook, handshake,
    /// transcriber, speech, `random_seed`, `rate_cards`, `webhook_roots` (a PEM file),
    /// `sandbox_token_env`, `calls_max`, `webhook_timeout_s` and the tables `[rules]` and `[sip]`.
    #[arg(long)]
    config: Option<PathBuf>,
    #[command(flatten)]
    edge: EdgeArgs,
    /// Prints one JSON line when ready, and nothing else.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    http: Option<SocketAddr>,
    media: Option<SocketAddr>,
    #[serde(default)]
    advertised: Vec<IpAddr>,
    public_url: Option<String>,
    data: Option<PathBuf>,
    seed: Option<String>,
    webhook: Option<String>,
    handshake: Option<bool>,
    random_seed: Option<u64>,
    webhook_roots: Option<PathBuf>,
    #[serde(default)]
    rate_cards: Vec<PathBuf>,
    sandbox_token_env: Option<String>,
    transcriber: Option<String>,
    speech: Option<String>,
    calls_max: Option<usize>,
    webhook_timeout_s: Option<u64>,
    sip: Option<EdgeTable>,
    #[serde(default, deserialize_with = "::platform::read_rules")]
    rules: BTreeMap<String, String>,
}

/// Runs until asked to stop.
pub(crate) async fn run(args: PlatformArgs) -> ExitCode {
    match serve(args).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => output::could_not_run(&fault),
    }
}

async fn serve(args: PlatformArgs) -> Result<()> {
    let json = args.json;
    let running = ::platform::serve(config(args)?).await?;
    let url = running.base_url();
    if json {
        let mut ready = json!({ "platform": url, "phone": format!("{url}/phone") });
        if let Some(address) = running.sip_address() {
            ready["sip"] = json!(address);
        }
        output::say(&ready.to_string());
    } else {
        output::say(&format!("Graph API and sandbox   {url}"));
        output::say(&format!("The user's phone        {url}/phone"));
        if let Some(address) = running.sip_address() {
            output::say(&format!("Calls over SIP, TLS     {address}"));
        }
        output::say("Ctrl-C stops.");
    }
    stop::asked().await?;
    running.shutdown().await;
    Ok(())
}

fn config(args: PlatformArgs) -> Result<Config> {
    let file = args.config.as_deref().map(read).transpose()?.unwrap_or_default();
    let default = Config::default();
    Ok(Config {
        http: args.listen.or(file.http).unwrap_or(default.http),
        media: args.media.or(file.media).unwrap_or(default.media),
        advertised: file.advertised,
        public_url: args.public_url.or(file.public_url),
        data: args.data.or(file.data),
        seed: seed(args.seed.or(file.seed).as_deref().unwrap_or("demo"))?,
        webhook_url: args.webhook.or(file.webhook),
        handshake: !args.no_handshake && file.handshake.unwrap_or(true),
        randomness: args
            .random_seed
            .or(file.random_seed)
            .map_or(Randomness::System, Randomness::Seeded),
        webhook_roots: file.webhook_roots.as_deref().map(pem).transpose()?,
        sandbox_token: file.sandbox_token_env.as_deref().map(secret).transpose()?,
        rate_cards: file
            .rate_cards
            .iter()
            .chain(&args.rate_card)
            .map(|path| quote::read_card(path))
            .collect::<Result<_>>()?,
        transcriber: args.transcriber.or(file.transcriber),
        speech: args.speech.or(file.speech),
        sip: edge::config(args.edge, file.sip)?,
        rules: file.rules.into_iter().chain(args.rule).collect(),
        calls_max: file.calls_max.unwrap_or(default.calls_max),
        webhook_timeout: file.webhook_timeout_s.map(Duration::from_secs),
        ..default
    })
}

fn read(path: &Path) -> Result<File> {
    let text =
        std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    match toml::from_str(&text) {
        Ok(file) => Ok(file),
        Err(fault) => bail!("{}: {}", path.display(), ::gateway::config::explain(&text, &fault)),
    }
}

/// Reads `PATH=VALUE`.
fn read_rule(text: &str) -> Result<(String, String), String> {
    let (path, value) = text.split_once('=').ok_or("expected PATH=VALUE")?;
    Ok((path.trim().to_owned(), value.trim().to_owned()))
}

fn pem(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))
}

fn seed(name: &str) -> Result<Seed> {
    if name == "demo" {
        return Ok(Seed::demo());
    }
    Seed::read(Path::new(name)).with_context(|| format!("seed {name}"))
}

fn secret(name: &str) -> Result<String> {
    std::env::var(name).with_context(|| format!("the environment has no {name}"))
}
