//! What time is it on the platform, and what time should it be?

use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::output;

/// Arguments of `offhook clock`.
#[derive(Debug, Args)]
#[command(after_help = "Example: offhook clock advance P7D")]
pub(crate) struct ClockArgs {
    #[command(subcommand)]
    what: Option<What>,
    /// The platform's address.
    #[arg(long, default_value = "http://127.0.0.1:8400", global = true)]
    platform: String,
    /// Prints the platform's answer as JSON.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Shows the platform's time.
    Get,
    /// Sets it, such as 2026-12-24T18:00:00Z.
    Set {
        /// RFC 3339, UTC.
        at: String,
    },
    /// Moves it forward by an ISO 8601 duration, such as P7D or PT90S.
    Advance {
        /// How far.
        by: String,
    },
    /// Stops it.
    Freeze,
    /// Lets it run at real time again.
    Resume,
}

/// Asks the platform and prints its time.
pub(crate) async fn run(args: &ClockArgs) -> ExitCode {
    match ask(args).await {
        Ok(clock) if args.json => output::say(&clock.to_string()),
        Ok(clock) => output::say(&format!("{} ({})", text(&clock, "now"), text(&clock, "mode"))),
        Err(fault) => return output::could_not_run(&fault),
    }
    ExitCode::SUCCESS
}

async fn ask(args: &ClockArgs) -> Result<Value> {
    let url = format!("{}/sandbox/v1/clock", args.platform.trim_end_matches('/'));
    let client = reqwest::Client::new();
    let request = match args.what.as_ref().unwrap_or(&What::Get) {
        What::Get => client.get(&url),
        What::Set { at } => client.post(&url).json(&json!({ "set": at })),
        What::Advance { by } => client.post(&url).json(&json!({ "advance": by })),
        What::Freeze => client.post(&url).json(&json!({ "mode": "frozen" })),
        What::Resume => client.post(&url).json(&json!({ "mode": "running" })),
    };
    let answer = request.send().await.with_context(|| format!("no answer from {url}"))?;
    let status = answer.status();
    let body: Value = answer.json().await.context("the platform's answer is not JSON")?;
    if !status.is_success() {
        bail!("the platform refused: {body}");
    }
    Ok(body)
}

fn text<'a>(clock: &'a Value, field: &str) -> &'a str {
    clock.get(field).and_then(Value::as_str).unwrap_or("?")
}
