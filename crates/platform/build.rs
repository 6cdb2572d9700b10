//! When are the embedded pages out of date?
//!
//! `web/dist/phone` is embedded where it exists and may be absent. A folder that is not there cannot be
//! watched without building every time, so its parent is watched until it appears.

use std::path::Path;

fn main() {
    let watched = ["../../web/dist/phone", "../../web/dist", "../../web"]
        .into_iter()
        .find(|folder| Path::new(folder).is_dir());
    println!("cargo::rerun-if-changed=build.rs");
    if let Some(folder) = watched {
        println!("cargo::rerun-if-changed={folder}");
    }
}
