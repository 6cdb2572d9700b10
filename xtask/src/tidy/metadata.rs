//! What does cargo know of our packages and of everything they link?

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::shell;

/// The part of `cargo metadata` that the checks read.
#[derive(Debug, Deserialize)]
pub(super) struct Metadata {
    pub(super) packages: Vec<Package>,
    pub(super) workspace_members: Vec<String>,
    /// `name version` of all that is really linked: the lock file also holds what no feature asks for.
    #[serde(skip)]
    linked: BTreeSet<String>,
}

/// One package, ours or not.
#[derive(Debug, Deserialize)]
pub(super) struct Package {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) version: String,
    pub(super) license: Option<String>,
    pub(super) license_file: Option<String>,
    pub(super) source: Option<String>,
    pub(super) dependencies: Vec<Dependency>,
}

/// One line of a manifest's dependencies.
#[derive(Debug, Deserialize)]
pub(super) struct Dependency {
    pub(super) name: String,
    pub(super) req: String,
    /// `dev`, `build`, or nothing for an ordinary one.
    pub(super) kind: Option<String>,
    pub(super) path: Option<String>,
}

impl Metadata {
    /// The packages of this workspace.
    pub(super) fn ours(&self) -> impl Iterator<Item = &Package> {
        self.packages.iter().filter(|package| self.workspace_members.contains(&package.id))
    }

    /// Everything else that is linked somewhere.
    pub(super) fn others(&self) -> impl Iterator<Item = &Package> {
        self.packages.iter().filter(|package| {
            !self.workspace_members.contains(&package.id)
                && self.linked.contains(&format!("{} v{}", package.name, package.version))
        })
    }
}

/// Asks cargo, without the network.
pub(super) fn load() -> Result<Metadata> {
    let args = [
        "metadata",
        "--format-version=1",
        "--locked",
        "--offline",
        "--filter-platform=x86_64-unknown-linux-gnu",
    ];
    let mut metadata: Metadata =
        serde_json::from_str(&shell::output("cargo", &args)?).context("reading cargo metadata")?;
    let tree = ["tree", "--workspace", "--locked", "--offline", "--prefix=none", "--format={p}"];
    for line in shell::output("cargo", &tree)?.lines() {
        metadata.linked.insert(line.split(' ').take(2).collect::<Vec<_>>().join(" "));
    }
    Ok(metadata)
}
