//! Is this gateway ready for calls, and what is to be changed where it is not?
//!
//! An examination goes the way of a call: configuration, storage, flow, certificate, the platform's word
//! on token, number and webhooks, then the way of media. It leaves nothing behind, and nothing private
//! is in its report. `offhook doctor` examines a configuration, `GET /v1/doctor` a gateway that runs.

mod bucket;
mod by_sip;
mod callback;
mod files;
mod finding;
mod judge;
mod network;
mod relay;
mod transcriber;
mod trunks;
mod upstream;

use std::{collections::BTreeSet, path::Path, time::Duration};

use terms::{OrganisationId, PhoneNumberId};

pub use self::finding::{Finding, Grade, Report};
use crate::{
    clock,
    config::{Config, Line, TlsFiles},
    prompts::House,
};

/// Whether the gateway that is examined runs, and so has its own ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Runs {
    /// It does.
    Yes,
    /// It does not: its ports are tried.
    No,
}

/// What is wrong with a configuration file that cannot be used.
#[must_use]
pub fn faults(path: &Path) -> Report {
    let fix = "Write what is said behind the key; docs/operations.md has an example.";
    let of = |fault: String| {
        let finding = Finding::fault("configuration", "configuration_fault", fault.clone(), fix);
        finding.with("fault", fault)
    };
    Report::new(clock::now(), Config::faults(path).into_iter().map(of).collect())
}

/// Examines a gateway, of its numbers those that are asked for: nobody asks the platform of others.
pub async fn examine(
    config: &Config,
    runs: Runs,
    asked_for: impl Fn(&PhoneNumberId) -> bool + Sync,
) -> Report {
    // Whoever made it may be a command without TLS of its own.
    drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
    let mut findings = vec![Finding::ok(
        "configuration",
        "configuration_usable",
        "The configuration can be used.",
    )];
    let is_theirs = |organisation: &OrganisationId| {
        let mut lines = config.lines.iter().filter(|line| line.organisation == *organisation);
        lines.any(|line| asked_for(&line.number.phone_number_id))
    };
    let (lines, network, trunks, by_sip, bucket, transcriber) = tokio::join!(
        lines(config, &asked_for),
        network::examine(config, runs),
        trunks::examine(config, is_theirs),
        by_sip::examine(config, &asked_for, since_epoch()),
        bucket::examine(config),
        transcriber::examine(config)
    );
    let urls: BTreeSet<String> =
        lines.iter().filter_map(|line| line.callback_url.clone()).collect();
    findings.extend(local(config, urls.first().cloned()).await);
    findings.extend(bucket.into_iter().chain(transcriber));
    findings.extend(lines.into_iter().flat_map(|line| line.findings));
    for url in &urls {
        findings.extend(callback::examine(config, runs, url, since_epoch()).await);
    }
    findings.extend(network);
    findings.extend(trunks);
    findings.extend(by_sip);
    Report::new(clock::now(), findings).only(asked_for)
}

/// What the platform says of each number, one after another: its limits are shared.
async fn lines(
    config: &Config,
    asked_for: &(impl Fn(&PhoneNumberId) -> bool + Sync),
) -> Vec<upstream::Examined> {
    let mut examined = Vec::new();
    let asked_for = |line: &&Line| asked_for(&line.number.phone_number_id);
    for line in config.lines.iter().filter(asked_for) {
        examined.push(upstream::examine(line).await);
    }
    examined
}

fn since_epoch() -> Duration {
    Duration::from_millis(u64::try_from(clock::now().unix_ms()).unwrap_or_default())
}

/// What is on this machine; reading prompts takes a while and is no work for an async thread.
async fn local(config: &Config, callback_url: Option<String>) -> Vec<Finding> {
    let config = config.clone();
    let now = since_epoch();
    let looked = tokio::task::spawn_blocking(move || {
        let mut found = vec![files::storage(config.data_dir.as_deref())];
        found.extend(config.lines.iter().map(|line| {
            files::prompts(line.flow.as_ref(), &House::of(&config, line))
                .of_line(&line.number.phone_number_id)
        }));
        let certificate = |tls: &TlsFiles| files::certificate(tls, callback_url.as_deref(), now);
        found.extend(config.tls.as_ref().map(certificate));
        found.extend(files::recording_keys(&config.recording));
        found
    });
    looked.await.unwrap_or_else(|error| {
        let fix = "Report this; it is a fault of the program.";
        let why = error.to_string();
        vec![Finding::fault("storage.folder", "doctor_failed", &why, fix).with("why", &why)]
    })
}
