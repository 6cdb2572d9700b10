//! Which rules hold, and in what do two rulebooks differ?

use std::{process::ExitCode, sync::Arc};

use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use rules::rulebook::{self, Entry, Raw, Rulebook};
use serde_json::{Value, json};

use crate::output;

/// Arguments of `offhook rulebook`.
#[derive(Debug, Args)]
#[command(after_help = "Example: offhook rulebook diff 2025-beta 2026-10")]
pub(crate) struct RulebookArgs {
    #[command(subcommand)]
    what: What,
    /// Prints JSON.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Names the rulebooks.
    #[command(after_help = "Example: offhook rulebook list")]
    List,
    /// Shows every rule of one, with its source.
    #[command(after_help = "Example: offhook rulebook show 2026-10")]
    Show {
        /// Its name.
        name: String,
    },
    /// Shows the rules that differ.
    #[command(after_help = "Example: offhook rulebook diff 2025-beta 2026-10 --json")]
    Diff {
        /// The one before.
        before: String,
        /// The one after.
        after: String,
    },
}

/// Prints what was asked for.
pub(crate) fn run(args: &RulebookArgs) -> ExitCode {
    let shown = match &args.what {
        What::List => Ok(list()),
        What::Show { name } => show(name),
        What::Diff { before, after } => diff(before, after),
    };
    match shown {
        Ok((_, json)) if args.json => output::say(&json.to_string()),
        Ok((lines, _)) => lines.iter().for_each(|line| output::say(line)),
        Err(fault) => return output::could_not_run(&fault),
    }
    ExitCode::SUCCESS
}

type Shown = (Vec<String>, Value);

fn list() -> Shown {
    let names: Vec<String> = rulebook::list().iter().map(|book| book.name.clone()).collect();
    let json = json!(names);
    (names, json)
}

fn show(name: &str) -> Result<Shown> {
    let book = named(name)?;
    let lines = book
        .entries()
        .iter()
        .map(|e| format!("{:<44} {:<28} {}", e.path, e.value.to_string(), e.source));
    let json = book.entries().iter().map(entry).collect();
    Ok((lines.collect(), Value::Array(json)))
}

fn diff(before: &str, after: &str) -> Result<Shown> {
    let rows = rulebook::diff(&*named(before)?, &*named(after)?);
    let mut lines = vec![format!("{:<40} {before:<34} {after}", "rule")];
    for row in &rows {
        let text = |e: &Option<Entry>| {
            e.as_ref().map_or_else(|| "absent".to_owned(), |e| e.value.to_string())
        };
        lines.push(format!("{:<40} {:<34} {}", row.path, text(&row.before), text(&row.after)));
    }
    let json = rows.iter().map(|row| {
        json!({
            "rule": row.path,
            "before": row.before.as_ref().map(entry),
            "after": row.after.as_ref().map(entry),
        })
    });
    Ok((lines, Value::Array(json.collect())))
}

fn named(name: &str) -> Result<Arc<Rulebook>> {
    rulebook::named(name).with_context(|| {
        let names: Vec<&str> = rulebook::list().iter().map(|book| book.name.as_str()).collect();
        format!("no rulebook called {name:?}; there are: {}", names.join(", "))
    })
}

fn entry(entry: &Entry) -> Value {
    let value = match &entry.value {
        Raw::One(text) => json!(text),
        Raw::Many(items) => json!(items),
    };
    json!({ "rule": entry.path, "value": value, "source": entry.source })
}
