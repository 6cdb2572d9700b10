//! When are the embedded pages out of date?
//!
//! `web/dist/phone` and `web/dist/manager` are embedded where they exist and may be absent. A folder that
//! is not there cannot be watched without building every time, so its parent is watched until it appears.

use std::path::Path;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    for pages in ["../../web/dist/phone", "../../web/dist/manager"] {
        let watched = [pages, "../../web/dist", "../../web"]
            .into_iter()
            .find(|folder| Path::new(folder).is_dir());
        if let Some(folder) = watched {
            println!("cargo::rerun-if-changed={folder}");
        }
    }
}
