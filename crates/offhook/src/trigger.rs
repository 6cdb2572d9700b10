//! Make something happen on the platform, or be told, right away.

use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Args;
use serde_json::{Value, json};
use wire::sandbox::TriggerEvent;

use crate::{output, token};

/// Exit code of an event a rule refused.
const REFUSED: u8 = 2;

/// Arguments of `offhook trigger`.
#[derive(Debug, Args)]
#[command(after_help = "Example: offhook trigger permission.revoked --from 5215550000001\n\
                        Exit code: 0 done, 2 refused by a rule, 3 could not run.")]
pub(crate) struct TriggerArgs {
    /// What; `--list` names them all.
    #[arg(required_unless_present = "list")]
    event: Option<String>,
    /// The user; the first one without it.
    #[arg(long)]
    from: Option<String>,
    /// The business number; the first one without it.
    #[arg(long)]
    to: Option<String>,
    /// The words of message.text.
    #[arg(long)]
    text: Option<String>,
    /// The message of message.status.failed; made up without it.
    #[arg(long)]
    message_id: Option<String>,
    /// Names every event.
    #[arg(long)]
    list: bool,
    /// The platform's address.
    #[arg(long, default_value = "http://127.0.0.1:8400")]
    platform: String,
    /// The variable that holds the sandbox's token, if the platform asks for one.
    #[arg(long, value_name = "NAME")]
    token_env: Option<String>,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
}

/// Triggers the event, or names them all.
pub(crate) async fn run(args: &TriggerArgs) -> ExitCode {
    if args.list {
        list(args.json);
        return ExitCode::SUCCESS;
    }
    match ask(args).await {
        Ok((status, answer)) => {
            output::say(&if args.json { answer.to_string() } else { words(&answer) });
            match status {
                200 => ExitCode::SUCCESS,
                409 => ExitCode::from(REFUSED),
                _ => ExitCode::from(output::COULD_NOT_RUN),
            }
        }
        Err(fault) => output::could_not_run(&fault),
    }
}

fn list(as_json: bool) {
    let rows = TriggerEvent::ALL.iter().map(|event| (event.name(), event.words().trim()));
    if as_json {
        let rows: Vec<Value> =
            rows.map(|(event, words)| json!({ "event": event, "does": words })).collect();
        return output::say(&Value::Array(rows).to_string());
    }
    rows.for_each(|(event, words)| output::say(&format!("{event:<30} {words}")));
}

async fn ask(args: &TriggerArgs) -> Result<(u16, Value)> {
    let url = format!("{}/sandbox/v1/trigger", args.platform.trim_end_matches('/'));
    let mut wanted = json!({ "event": args.event });
    let optional = [
        ("from", &args.from),
        ("to", &args.to),
        ("text", &args.text),
        ("message_id", &args.message_id),
    ];
    for (key, value) in optional {
        if let Some(value) = value {
            wanted[key] = json!(value);
        }
    }
    let request = reqwest::Client::new().post(&url).json(&wanted);
    let request = token::shown(request, args.token_env.as_deref())?;
    let answer = request.send().await.with_context(|| format!("no answer from {url}"))?;
    let status = answer.status().as_u16();
    Ok((status, answer.json().await.context("the platform's answer is not JSON")?))
}

fn words(answer: &Value) -> String {
    if let Some(text) = answer.get("text").and_then(Value::as_str) {
        let code = answer.get("code").and_then(Value::as_i64).unwrap_or_default();
        return format!("refused ({code}): {text}");
    }
    let is_told = answer.get("synthetic").and_then(Value::as_bool).unwrap_or_default();
    let event = answer.get("event").and_then(Value::as_str).unwrap_or("?");
    let id = ["call_id", "message_id"].iter().find_map(|key| answer.get(key)?.as_str());
    let how = if is_told { "told, with nothing behind it" } else { "happened" };
    id.map_or_else(|| format!("{event}: {how}"), |id| format!("{event}: {how}, {id}"))
}
