//! The business's side, alone.

use std::{net::SocketAddr, path::PathBuf, process::ExitCode};

use ::gateway::Config;
use anyhow::Result;
use clap::Args;
use serde_json::json;

use crate::{output, stop};

/// Arguments of `offhook gateway`; a flag wins over the file.
#[derive(Debug, Args)]
#[command(after_help = "Example: offhook gateway --config gateway.toml --data /var/lib/offhook")]
pub(crate) struct GatewayArgs {
    /// The configuration, a TOML file.
    #[arg(long)]
    config: PathBuf,
    /// The folder that keeps records and the inbox; without one nothing is kept.
    #[arg(long)]
    data: Option<PathBuf>,
    /// Where HTTP listens.
    #[arg(long)]
    listen: Option<SocketAddr>,
    /// Where agents' browsers send media, one UDP port.
    #[arg(long)]
    media: Option<SocketAddr>,
    /// Prints one JSON line when ready, and nothing else.
    #[arg(long)]
    json: bool,
}

/// Runs until asked to stop.
pub(crate) async fn run(args: GatewayArgs) -> ExitCode {
    match serve(args).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => output::could_not_run(&fault),
    }
}

async fn serve(args: GatewayArgs) -> Result<()> {
    let mut config = Config::read(&args.config)?;
    if let Some(listen) = args.listen {
        config.http = listen;
    }
    if let Some(media) = args.media {
        config.media.browsers = media;
    }
    if args.data.is_some() {
        config.data_dir = args.data;
    }
    let mut requests = stop::Requests::listen()?;
    let scheme = if config.tls.is_some() { "https" } else { "http" };
    let running = ::gateway::serve(config).await?;
    let url = format!("{scheme}://{}", running.address());
    if args.json {
        output::say(&json!({ "gateway": url, "console": format!("{url}/") }).to_string());
    } else {
        output::say(&format!("The agents' console   {url}/"));
        output::say(&format!("Webhook               {url}/webhooks/whatsapp"));
        output::say("Ctrl-C lets live calls finish and stops; again, it ends them at once.");
    }
    requests.next().await;
    tokio::select! {
        () = running.drain() => {}
        () = requests.next() => {}
    }
    running.stop().await;
    Ok(())
}
