//! What would this call cost?

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use anyhow::{Context, Result};
use clap::Args;
use jiff::{Zoned, civil::Date};
use rules::{
    price::{self, Card, Cards, Price},
    rulebook,
};
use serde_json::{Value, json};
use terms::{Country, Currency, Direction, WaId};

use crate::output;

/// Arguments of `offhook quote`.
#[derive(Debug, Args)]
#[command(after_help = "Example: offhook quote --to 5215550000001 --for 70s\n\
                  Example: offhook quote --to 254700000001 --for 10m --card meta --on 2026-10-01 --used-minutes 49995")]
pub(crate) struct QuoteArgs {
    /// The user who would be called, digits.
    #[arg(long)]
    to: String,
    /// How long the call would last, such as 70s or 2.5m.
    #[arg(long = "for", value_parser = seconds)]
    lasting: f64,
    /// The rate cards: a family such as meta, or one dated card such as meta-2025-08-01.
    #[arg(long, default_value = "example")]
    card: String,
    /// The account's currency.
    #[arg(long, default_value = "USD")]
    currency: String,
    /// The day of the call, such as 2026-10-01; today if absent.
    #[arg(long)]
    on: Option<Date>,
    /// Another rate card, as CSV; its file's name is its name. May be given more than once.
    #[arg(long)]
    rate_card: Vec<PathBuf>,
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
        output::say(&as_json(&price).to_string());
    } else {
        output::say(&in_words(&price));
    }
    ExitCode::SUCCESS
}

/// The price, and whether the call fits the tier the month is in.
fn as_json(price: &Price) -> Value {
    let mut shown = json!(price);
    shown["currency"] = json!(price.total.currency);
    shown["fits"] = json!(price.tier_before.is_none());
    shown
}

fn in_words(price: &Price) -> String {
    let since = match price.effective {
        Some(day) => format!("in force from {day}"),
        None => "without a date".to_owned(),
    };
    let tier = match &price.tier_before {
        None => format!("tier {}, which the call fits", price.tier),
        Some(before) => format!(
            "tier {}: the call does not fit tier {before}, and has the next one's rate as a whole",
            price.tier
        ),
    };
    format!(
        "{} pulses × {} = {}\nmarket {}, {} per minute\ncard {}, {since}\n{tier}",
        price.pulses, price.per_pulse, price.total, price.market, price.per_minute, price.card
    )
}

fn quote(args: &QuoteArgs) -> Result<Price> {
    let to = WaId::from_dialled(&args.to).context("--to takes digits")?;
    let currency: Currency = args.currency.parse().context("--currency")?;
    let book = rulebook::named(&args.rulebook)
        .with_context(|| format!("no rulebook called {:?}", args.rulebook))?;
    let mut cards = Cards::shipped();
    for path in &args.rate_card {
        cards.add(read_card(path)?);
    }
    let on = args.on.unwrap_or_else(|| Zoned::now().date());
    let card = cards.calls(&args.card, currency, on).with_context(|| {
        format!("no rate card of {:?} in {currency} is in force on {on}", args.card)
    })?;
    price::price(
        card,
        Direction::BusinessInitiated,
        Country::of(&to),
        Duration::from_secs_f64(args.lasting),
        Duration::from_secs(args.used_minutes.saturating_mul(60)),
        &book,
    )
    .with_context(|| format!("card {} knows no rate for this number and tier", card.name))
}

/// Reads a rate card; the file's name without its ending is the card's.
pub(crate) fn read_card(path: &Path) -> Result<Card> {
    let name = path.file_stem().and_then(|name| name.to_str()).context("a card needs a name")?;
    let text =
        std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    Ok(Card::parse(name, &text)?)
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
