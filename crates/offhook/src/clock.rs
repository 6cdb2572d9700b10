//! What time is it on the platform, and what time should it be?

use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::{output, token};

/// Exit code of a time the platform does not take.
const REFUSED: u8 = 2;

/// The platform said no.
#[derive(Debug, thiserror::Error)]
#[error("the platform refused: {0}")]
struct Refused(Value);

/// Arguments of `offhook clock`.
#[derive(Debug, Args)]
#[command(after_help = "Example: offhook clock advance P7D\n\
                        Exit code: 0 done, 2 refused by the platform, 3 could not run.")]
pub(crate) struct ClockArgs {
    #[command(subcommand)]
    what: Option<What>,
    /// The platform's address.
    #[arg(long, default_value = "http://127.0.0.1:8400", global = true)]
    platform: String,
    /// The variable that holds the sandbox's token, if the platform asks for one.
    #[arg(long, value_name = "NAME", global = true)]
    token_env: Option<String>,
    /// Prints the platform's answer as JSON.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Shows the platform's time.
    #[command(after_help = "Example: offhook clock get --json")]
    Get,
    /// Sets it, such as 2026-12-24T18:00:00Z.
    #[command(after_help = "Example: offhook clock set 2026-12-24T18:00:00Z")]
    Set {
        /// RFC 3339, UTC.
        at: String,
    },
    /// Moves it forward by an ISO 8601 duration, such as P7D or PT90S.
    #[command(after_help = "Example: offhook clock advance P7D")]
    Advance {
        /// How far.
        by: String,
    },
    /// Stops it.
    #[command(after_help = "Example: offhook clock freeze")]
    Freeze,
    /// Lets it run at real time again.
    #[command(after_help = "Example: offhook clock resume")]
    Resume,
}

/// Asks the platform and prints its time.
pub(crate) async fn run(args: &ClockArgs) -> ExitCode {
    match ask(args).await {
        Ok(clock) if args.json => output::say(&clock.to_string()),
        Ok(clock) => output::say(&format!("{} ({})", text(&clock, "now"), text(&clock, "mode"))),
        Err(fault) if fault.is::<Refused>() => {
            output::could_not_run(&fault);
            return ExitCode::from(REFUSED);
        }
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
    let request = token::shown(request, args.token_env.as_deref())?;
    let answer = request.send().await.with_context(|| format!("no answer from {url}"))?;
    let status = answer.status();
    let body: Value = answer.json().await.context("the platform's answer is not JSON")?;
    if !status.is_success() {
        return Err(Refused(body).into());
    }
    Ok(body)
}

fn text<'a>(clock: &'a Value, field: &str) -> &'a str {
    clock.get(field).and_then(Value::as_str).unwrap_or("?")
}
