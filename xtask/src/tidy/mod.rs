//! Is the house in order? What no compiler checks: sizes, who depends on whom, licences, links.

mod licences;
mod links;
mod metadata;
mod rooms;
mod sizes;
mod sources;

use anyhow::{Result, bail};

/// Runs every check and lists all findings before it fails.
pub(crate) fn run() -> Result<()> {
    let metadata = metadata::load()?;
    let files = sources::tracked()?;
    let mut findings = Vec::new();
    sizes::check(&files, &mut findings)?;
    rooms::check(&metadata, &mut findings)?;
    licences::check(&metadata, &mut findings)?;
    links::check(&files, &mut findings)?;
    for finding in &findings {
        eprintln!("tidy: {finding}");
    }
    if !findings.is_empty() {
        bail!("{} findings", findings.len());
    }
    Ok(())
}
