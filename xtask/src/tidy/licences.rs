//! May we ship what we link? Licences, sources and bans, read from `deny.toml`, without the network.

use anyhow::{Context, Result};
use serde::Deserialize;

use super::metadata::{Metadata, Package};
use crate::shell;

#[derive(Debug, Deserialize)]
struct Deny {
    licenses: Licenses,
    bans: Bans,
}

#[derive(Debug, Deserialize)]
struct Licenses {
    allow: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Bans {
    deny: Vec<Banned>,
}

#[derive(Debug, Deserialize)]
struct Banned {
    name: String,
    reason: String,
}

pub(super) fn check(metadata: &Metadata, findings: &mut Vec<String>) -> Result<()> {
    let text = std::fs::read_to_string(shell::root().join("deny.toml")).context("deny.toml")?;
    let deny: Deny = toml::from_str(&text).context("deny.toml")?;
    for package in metadata.others() {
        licence(package, &deny.licenses.allow, findings);
        source(package, findings);
        if let Some(ban) = deny.bans.deny.iter().find(|ban| ban.name == package.name) {
            findings.push(format!("{} is banned: {}", package.name, ban.reason));
        }
    }
    for package in metadata.ours() {
        for dependency in package.dependencies.iter().filter(|d| d.path.is_none() && d.req == "*") {
            findings.push(format!("{}: {} has no version", package.name, dependency.name));
        }
    }
    Ok(())
}

fn licence(package: &Package, allowed: &[String], findings: &mut Vec<String>) {
    let name = format!("{} {}", package.name, package.version);
    let Some(text) = &package.license else {
        let file = package.license_file.as_deref().unwrap_or("none");
        findings.push(format!("{name}: no licence expression (file: {file})"));
        return;
    };
    let parsed = spdx::Expression::parse_mode(text, spdx::ParseMode::LAX);
    let Ok(expression) = parsed else {
        findings.push(format!("{name}: licence {text:?} is not an SPDX expression"));
        return;
    };
    if !expression.evaluate(|requirement| allowed.contains(&requirement.to_string())) {
        findings.push(format!("{name}: licence {text} is not on the list of deny.toml"));
    }
}

fn source(package: &Package, findings: &mut Vec<String>) {
    let registry = package.source.as_deref().is_some_and(|s| s.starts_with("registry+"));
    if !registry {
        findings.push(format!("{} {}: comes from no registry", package.name, package.version));
    }
}
