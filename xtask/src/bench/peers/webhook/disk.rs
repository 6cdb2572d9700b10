//! How long does this disk take to keep something?

use std::{
    fs::File,
    io::Write as _,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};

/// About what a webhook makes SQLite append to its log in one commit.
const COMMIT: [u8; 8_192] = [0x5A; 8_192];

/// Appends and waits for the disk, so many times; milliseconds of each.
pub(super) fn commits(folder: &Path, times: u32, every: Duration) -> Result<Vec<f64>> {
    let path = folder.join("commits");
    let mut file = File::create(&path).context("cannot write beside the gateway's data")?;
    let mut took = Vec::new();
    for _ in 0..times {
        let begin = Instant::now();
        file.write_all(&COMMIT)?;
        file.sync_data()?;
        took.push(begin.elapsed().as_secs_f64() * 1e3);
        thread::sleep(every.saturating_sub(begin.elapsed()));
    }
    std::fs::remove_file(&path)?;
    Ok(took)
}
