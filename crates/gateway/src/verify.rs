//! From whose platform is this webhook?
//!
//! All numbers share one address. A body says which of them it is about, and nothing of it is believed
//! before its signature fits the secret of every one it names. What names none of ours must still fit
//! one of our secrets. What is about an account is about the numbers of that account; where nobody told
//! us which those are, about the numbers without an account whose secret it fits.

use std::{collections::BTreeSet, sync::Arc};

use terms::{PhoneNumberId, WabaId};
use wire::webhook::{
    envelope::{Change, Entry, Envelope},
    signature,
};

use crate::{
    config::Secret,
    line::{Line, Lines},
    store::LineSet,
};

/// The signature does not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BadSignature;

/// What a change is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum About<'a> {
    /// One number.
    Number(&'a PhoneNumberId),
    /// All numbers of an account.
    Account(&'a WabaId),
}

/// What this change of an account is about.
pub(crate) fn about<'a>(entry: &'a Entry, change: &'a Change) -> About<'a> {
    match change {
        Change::Calls(value) => About::Number(&value.metadata.phone_number_id),
        Change::Messages(value) => About::Number(&value.metadata.phone_number_id),
        Change::SettingsUpdate(value) => match &value.phone_number_settings {
            Some(settings) => About::Number(&settings.phone_number_id),
            None => About::Account(&entry.id),
        },
        Change::AccountUpdate(_)
        | Change::TemplateStatus(_)
        | Change::Other { .. }
        | Change::Unreadable { .. } => About::Account(&entry.id),
    }
}

/// The lines this body is proven to be for; none when it names none of ours.
///
/// # Errors
///
/// The signature does not fit a line that the body names, or, where it names none, any.
pub(crate) fn verify(
    lines: &Lines,
    body: &[u8],
    signed: &str,
    envelope: Option<&Envelope>,
) -> Result<LineSet, BadSignature> {
    let mut proofs = Proofs { body, signed, known: Vec::new() };
    let mut proven = BTreeSet::new();
    for (entry, change) in envelope.into_iter().flat_map(changes) {
        for line in named(lines, about(entry, change)) {
            if !proofs.fits(line) {
                return Err(BadSignature);
            }
            proven.insert(line.id().clone());
        }
    }
    let unclaimed = envelope.into_iter().flat_map(changes).any(|(entry, change)| {
        matches!(about(entry, change), About::Account(id) if lines.of_account(id).next().is_none())
    });
    if proven.is_empty() || unclaimed {
        let fitting: Vec<_> = lines.iter().filter(|line| proofs.fits(line)).collect();
        if fitting.is_empty() {
            return Err(BadSignature);
        }
        if unclaimed {
            let nameless = fitting.iter().filter(|line| line.config.account.is_none());
            proven.extend(nameless.map(|line| line.id().clone()));
        }
    }
    Ok(proven.into_iter().collect())
}

/// The lines a change is about, of those the webhook is proven to be for.
pub(crate) fn proven<'a>(
    lines: &'a Lines,
    about: About<'a>,
    proven: &'a LineSet,
) -> Vec<&'a Arc<Line>> {
    let mut found = named(lines, about);
    if found.is_empty() && matches!(about, About::Account(_)) {
        found = lines.iter().filter(|line| line.config.account.is_none()).collect();
    }
    found.retain(|line| proven.contains(line.id()));
    found
}

fn changes(envelope: &Envelope) -> impl Iterator<Item = (&Entry, &Change)> {
    envelope.entry.iter().flat_map(|entry| entry.changes.iter().map(move |change| (entry, change)))
}

fn named<'a>(lines: &'a Lines, about: About<'a>) -> Vec<&'a Arc<Line>> {
    match about {
        About::Number(id) => lines.get(id).into_iter().collect(),
        About::Account(id) => lines.of_account(id).collect(),
    }
}

/// Which secrets the signature fits; many lines may share one, and it is tried once.
struct Proofs<'a> {
    body: &'a [u8],
    signed: &'a str,
    known: Vec<(Secret, bool)>,
}

impl Proofs<'_> {
    fn fits(&mut self, line: &Line) -> bool {
        // 360dialog signs only where it was asked to.
        let Some(secret) = &line.config.upstream.app_secret else { return true };
        if let Some((_, fits)) = self.known.iter().find(|(known, _)| known == secret) {
            return *fits;
        }
        let fits = signature::verify(secret.expose(), self.body, self.signed);
        self.known.push((secret.clone(), fits));
        fits
    }
}
