//! Does every arrow between rooms point down, and do pure rooms stay pure?
//!
//! What a pure crate must not call (clock, sockets, environment) is in its `clippy.toml`; here is
//! what it may depend on.

use anyhow::Result;

use super::metadata::{Metadata, Package};
use crate::shell;

/// A room, what it may depend on in this workspace, and whether it is pure.
struct Room {
    name: &'static str,
    below: &'static [&'static str],
    pure: bool,
}

const ROOMS: &[Room] = &[
    Room { name: "terms", below: &[], pure: true },
    Room { name: "wire", below: &["terms"], pure: true },
    Room { name: "rules", below: &["terms"], pure: true },
    Room { name: "switchboard", below: &["terms"], pure: true },
    Room { name: "media", below: &["terms"], pure: true },
    Room { name: "audio", below: &["terms"], pure: true },
    Room { name: "engine", below: &["terms", "media", "audio"], pure: false },
    Room { name: "sip", below: &["terms"], pure: false },
    Room { name: "handset", below: &["terms", "wire", "media", "audio", "engine"], pure: false },
    Room {
        name: "platform",
        below: &["terms", "wire", "rules", "media", "audio", "engine", "sip", "handset"],
        pure: false,
    },
    Room {
        name: "gateway",
        below: &["terms", "wire", "rules", "switchboard", "media", "audio", "engine", "sip"],
        pure: false,
    },
    Room {
        name: "load",
        below: &["terms", "wire", "media", "audio", "engine", "handset"],
        pure: false,
    },
    Room {
        name: "sim",
        below: &["terms", "wire", "rules", "switchboard", "media", "audio", "engine"],
        pure: false,
    },
];

/// What a pure crate may link from outside: formats, arithmetic, ciphers; nothing that waits.
const PURE_MAY_LINK: &[&str] = &[
    "aes",
    // G.722 is arithmetic on tables.
    "audio-codec",
    "aws-lc-rs",
    "base64",
    "cipher",
    "csv",
    "ctr",
    "dimpl",
    "earshot",
    "hex",
    "hmac",
    "hound",
    "realfft",
    "is",
    "jiff",
    "md-5",
    "ogg",
    "opus",
    "phonenumber",
    "prost",
    "rust_decimal",
    "sdp-types",
    "serde",
    "serde_json",
    "serde_path_to_error",
    "serde_spanned",
    "sha1",
    "sha2",
    "str0m-proto",
    "strsim",
    "subtle",
    "thiserror",
    "toml",
    // Only what types look like in a document, behind a feature.
    "utoipa",
    "zeroize",
];

pub(super) fn check(metadata: &Metadata, findings: &mut Vec<String>) -> Result<()> {
    for package in metadata.ours() {
        let Some(name) = package.name.strip_prefix("offhook-") else { continue };
        let Some(room) = ROOMS.iter().find(|room| room.name == name) else {
            findings.push(format!("crates/{name} is no room of ARCHITECTURE.md"));
            continue;
        };
        arrows(room, package, findings);
        if room.pure && !shell::root().join(format!("crates/{name}/clippy.toml")).is_file() {
            findings.push(format!("crates/{name}: a pure crate carries its own clippy.toml"));
        }
    }
    Ok(())
}

fn arrows(room: &Room, package: &Package, findings: &mut Vec<String>) {
    for dependency in package.dependencies.iter().filter(|d| d.kind.is_none()) {
        let ours = dependency.path.is_some();
        let name = dependency.name.strip_prefix("offhook-").unwrap_or(&dependency.name);
        if ours && !room.below.contains(&name) {
            findings.push(format!("crates/{} may not depend on {name}", room.name));
        }
        if !ours && room.pure && !PURE_MAY_LINK.contains(&name) {
            findings.push(format!("crates/{} is pure and may not link {name}", room.name));
        }
    }
}
