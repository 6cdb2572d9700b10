//! What would this call cost?

use std::{process::ExitCode, time::Duration};

use anyhow::{Context, Result};
use clap::Args;
use rules::{
    price::{self, Price},
    rulebook,
};
use serde_json::json;
use terms::{Country, Direction, WaId};

use crate::output;

/// Arguments of `offhook quote`.
#[derive(Debug, Args)]
#[command(after_help = "Example: offhook quote --to 5215550000001 --for 70s")]
pub(crate) struct QuoteArgs {
    /// The user who would be called, digits.
    #[arg(long)]
    to: String,
    /// How long the call would last, such as 70s or 2.5m.
    #[arg(long = "for", value_parser = seconds)]
    lasting: f64,
    /// The rate card.
    #[arg(long, default_value = "example")]
    card: String,
    /// The rulebook.
    #[arg(long, default_value = "2025-beta")]
    rulebook: String,
    /// Minutes this market has used in the month so far.
    #[arg(long, default_value_t = 0)]
    used_minutes: u64,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
}

/// Prints the price.
pub(crate) fn run(args: &QuoteArgs) -> ExitCode {
    let price = match quote(args) {
        Ok(price) => price,
        Err(fault) => return output::could_not_run(&fault),
    };
    if args.json {
        output::say(&json!(price).to_string());
    } else {
        output::say(&format!(
            "{} pulses × {} = {} (market {}, {} per minute, card {})",
            price.pulses, price.per_pulse, price.total, price.market, price.per_minute, price.card
        ));
    }
    ExitCode::SUCCESS
}

fn quote(args: &QuoteArgs) -> Result<Price> {
    let to = WaId::from_dialled(&args.to).context("--to takes digits")?;
    let book = rulebook::named(&args.rulebook)
        .with_context(|| format!("no rulebook called {:?}", args.rulebook))?;
    let card =
        price::card(&args.card).with_context(|| format!("no rate card called {:?}", args.card))?;
    price::price(
        &card,
        Direction::BusinessInitiated,
        Country::of(&to),
        Duration::from_secs_f64(args.lasting),
        Duration::from_secs(args.used_minutes * 60),
        &book,
    )
    .context("the rate card has no rate for this number")
}

/// Reads `70s`, `2.5m` or `1h`; at most a year.
fn seconds(text: &str) -> Result<f64, String> {
    let (number, unit) = text.split_at(text.len() - usize::from(text.ends_with(['s', 'm', 'h'])));
    let factor = match unit {
        "m" => 60.0,
        "h" => 3600.0,
        _ => 1.0,
    };
    let seconds: f64 = number.parse().map_err(|_| "expected a time such as 70s".to_owned())?;
    let span = seconds * factor;
    if (0.0..=31_536_000.0).contains(&span) { Ok(span) } else { Err("at most a year".to_owned()) }
}
