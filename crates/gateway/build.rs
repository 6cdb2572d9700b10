//! When are the embedded pages out of date?
//!
//! `web/dist/console` is embedded where it exists and may be absent. A folder that is not there cannot be
//! watched without building every time, so its parent is watched until it appears.

use std::path::Path;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let watched = ["../../web/dist/console", "../../web/dist", "../../web"]
        .into_iter()
        .find(|folder| Path::new(folder).is_dir());
    if let Some(folder) = watched {
        println!("cargo::rerun-if-changed={folder}");
    }
}
