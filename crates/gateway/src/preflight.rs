//! May this user be called now, which entry proves it, and until when does the answer hold?
//!
//! Our own rules come first ([`clearance`]). Then the platform is asked: it knows the user's word and
//! the limits, and where it differs from our account it wins. The ledger gives the evidence, knows the
//! window where the rulebook wants one, and answers alone when the platform does not.

use std::time::Duration;

use rules::limits::Use;
use switchboard::consent::{Grant, Standing};
use terms::{Direction, Timestamp, UserRef};
use wire::{
    console::{PermissionState, Preflight, PreflightPrice},
    graph::permission::{ActionName, CallPermissions, Limit, PermissionStatus},
};

use crate::{
    calls::clearance::{self, Held},
    consent, contacts,
    evidence::{Evidence, Sentence},
    graph::GraphError,
    line::Line,
    office::Office,
    repetition,
    store::{self, ContactRow, StoreError},
};

/// The rule that says no while there is no permission.
pub(crate) const PERMISSION_REQUIRED: &str = "permission.required";

/// The rule of a yes that the platform has not confirmed, for it does not answer.
pub(crate) const OUR_WORD_ALONE: &str = "ledger.permission";

/// The platform's code of a call without permission.
const NO_PERMISSION: i64 = 138_006;

/// The answer without its price.
struct Answer {
    allowed: bool,
    rule: String,
    evidence: Evidence,
    changes_at: Option<Timestamp>,
}

/// What is known of the user on our side.
struct Known {
    now: Timestamp,
    standing: Standing,
    contact: Option<ContactRow>,
    /// The entry that proves the permission or its absence.
    proof: Sentence,
}

/// May this user be called now?
///
/// # Errors
///
/// The store failed.
pub(crate) async fn check(
    office: &Office,
    line: &Line,
    to: &UserRef,
) -> Result<Preflight, StoreError> {
    let warnings = match clearance::ask(office, line, to).await? {
        Ok(cleared) => cleared.warnings().to_vec(),
        Err(held) => return no_of_ours(office, line, to, held).await,
    };
    let answer = match line.graph.permissions(to).await {
        Ok(said) => {
            // Its answer may have told that time has passed.
            consent::write_expired(office, line).await?;
            consent::reconcile(office, line, to, &said).await?;
            remember(office, line, to.clone(), &said).await?;
            by_platform(line, &said, &known(office, line, to).await?)
        }
        // It has enough of our questions for a moment, and says nothing about this user.
        Err(GraphError::Refused { code, text }) if repetition::is_throttled(code) => {
            by_ledger(line, &known(office, line, to).await?, &text)
        }
        Err(GraphError::Refused { code, text }) => Answer {
            allowed: false,
            rule: format!("platform.{code}"),
            evidence: Sentence::Platform { code, text }.into(),
            changes_at: None,
        },
        Err(GraphError::Unreachable { why }) => {
            by_ledger(line, &known(office, line, to).await?, &why)
        }
    };
    Ok(Preflight {
        allowed: answer.allowed,
        rule: answer.rule,
        evidence: answer.evidence.to_string(),
        said: answer.evidence.said(),
        changes_at: answer.changes_at,
        price: price(office, line, to).await?,
        warnings,
    })
}

/// Our own no needs no question to the platform.
async fn no_of_ours(
    office: &Office,
    line: &Line,
    to: &UserRef,
    held: Held,
) -> Result<Preflight, StoreError> {
    Ok(Preflight {
        allowed: false,
        rule: held.rule.into(),
        evidence: held.evidence.to_string(),
        said: held.evidence.said(),
        changes_at: held.changes_at,
        price: price(office, line, to).await?,
        warnings: Vec::new(),
    })
}

async fn known(office: &Office, line: &Line, to: &UserRef) -> Result<Known, StoreError> {
    let standing = office.store.standing(line.contact(to)).await?;
    let record = match standing.proof() {
        Some(no) => office.store.consent(no).await?,
        None => None,
    };
    let proof = match record {
        Some(record) => entry(record),
        None => Sentence::NoEntry,
    };
    let contact = office.store.contact(line.contact(to)).await?;
    Ok(Known { now: line.now(), standing, contact, proof })
}

fn entry(record: store::Record) -> Sentence {
    let store::Record { no, user: _, user_id: _, body } = record;
    let message = body.evidence.message_id.map(|id| id.to_string());
    Sentence::Entry { no: no.0, what: body.entry.what, at: body.entry.at, message }
}

/// What the platform says of the permission is what consoles show.
async fn remember(
    office: &Office,
    line: &Line,
    to: UserRef,
    said: &CallPermissions,
) -> Result<(), StoreError> {
    let state = match said.permission.status {
        PermissionStatus::Temporary => PermissionState::Temporary,
        PermissionStatus::Permanent => PermissionState::Permanent,
        PermissionStatus::NoPermission | PermissionStatus::Unknown(_) => PermissionState::None,
    };
    let known = office.store.contact(line.contact(&to)).await?;
    let asked = known.as_ref().is_some_and(|row| row.grant.state == PermissionState::Requested);
    // A user who was never seen and says nothing makes no contact; a request stays a request.
    if state == PermissionState::None && (known.is_none() || asked) {
        return Ok(());
    }
    let grant = store::Grant {
        state,
        expires_at: said.permission.expiration_time,
        learnt_at: known.and_then(|row| row.grant.learnt_at).max(Some(line.now())),
    };
    contacts::set_grant(office, line, to, grant).await
}

fn by_platform(line: &Line, said: &CallPermissions, known: &Known) -> Answer {
    let proof = known.proof.clone();
    let (kind, allowed, until) = match said.permission.status {
        PermissionStatus::Temporary => {
            let until = said.permission.expiration_time;
            ("temporary", Sentence::AllowedForATime { until }, until)
        }
        PermissionStatus::Permanent => ("permanent", Sentence::AllowedForGood, None),
        PermissionStatus::NoPermission | PermissionStatus::Unknown(_) => {
            let told = Sentence::Platform { code: NO_PERMISSION, text: String::new() };
            return no(PERMISSION_REQUIRED, Evidence::new([told, proof]), None);
        }
    };
    let start = said.action(&ActionName::StartCall);
    let reached = start.and_then(|action| action.limits.iter().find(|limit| is_reached(limit)));
    if let Some(limit) = reached {
        let (used, max) = (limit.current_usage, limit.max_allowed);
        let evidence = Sentence::CallsUsed { used, max, period: limit.time_period.clone() };
        return no("limits.connected_per_day", evidence.into(), limit.limit_expiration_time);
    }
    let window = match open_window(line, known) {
        Ok(window) => window,
        Err(closed) => return closed,
    };
    if start.is_some_and(|action| !action.can_perform_action) {
        return no("platform.start_call", Sentence::CannotStart.into(), None);
    }
    Answer {
        allowed: true,
        rule: format!("permission.{kind}"),
        evidence: Evidence::new([allowed, proof]),
        // Where a window is needed, too, whichever ends first changes the answer.
        changes_at: [until, window].into_iter().flatten().min(),
    }
}

fn is_reached(limit: &Limit) -> bool {
    limit.limit_expiration_time.is_some() || limit.current_usage >= limit.max_allowed
}

/// Where the rulebook wants a window: until when it is open, as far as we saw.
fn open_window(line: &Line, known: &Known) -> Result<Option<Timestamp>, Answer> {
    if !line.config.price.rulebook.eligibility.call_needs_window.value {
        return Ok(None);
    }
    let window = known.contact.as_ref().and_then(|row| row.window_until);
    if window.is_some_and(|until| until > known.now) {
        return Ok(window);
    }
    Err(no("window.open", Sentence::NoWindow.into(), None))
}

fn no(rule: &str, evidence: Evidence, changes_at: Option<Timestamp>) -> Answer {
    Answer { allowed: false, rule: rule.into(), evidence, changes_at }
}

/// Our own account, which says that it is ours alone.
fn by_ledger(line: &Line, known: &Known, why: &str) -> Answer {
    let alone = Sentence::OursAlone { why: why.to_owned() };
    let grant = match known.standing.permission(known.now) {
        Ok(grant) => grant,
        Err(absence) => {
            let evidence = [alone, Sentence::WereNotAllowed(absence), known.proof.clone()];
            return no(PERMISSION_REQUIRED, Evidence::new(evidence), None);
        }
    };
    let used = connected(line, known);
    if used.is_reached() {
        let counted = Sentence::CallsInADay { used: used.used, max: used.max };
        return no("limits.connected_per_day", Evidence::new([alone, counted]), used.allowed_at);
    }
    let window = match open_window(line, known) {
        Ok(window) => window,
        Err(closed) => {
            return Answer { evidence: closed.evidence.after(alone), ..closed };
        }
    };
    let until = match grant {
        Grant::Temporary { until } => Some(until),
        Grant::Permanent => None,
    };
    Answer {
        allowed: true,
        rule: OUR_WORD_ALONE.into(),
        evidence: Evidence::new([alone, Sentence::WereAllowed, known.proof.clone()]),
        changes_at: [until, window].into_iter().flatten().min(),
    }
}

fn connected(line: &Line, known: &Known) -> Use {
    let limits = &line.config.price.rulebook.limits;
    let (max, day) = (limits.connected_per_day.value, limits.day.value);
    consent::usage(known.standing.connected(), max, day, known.now)
}

/// At the tier the month has reached.
async fn price(
    office: &Office,
    line: &Line,
    to: &UserRef,
) -> Result<Option<PreflightPrice>, StoreError> {
    let (price, now) = (&line.config.price, line.now());
    let country = to.country();
    let Some(card) = price.card_at(now) else { return Ok(None) };
    let Some((market, _)) = card.market(country) else { return Ok(None) };
    let month = price.month_at(now).to_string();
    let used = office.store.used(line.counted_with.clone(), month, market.to_owned()).await?;
    let (direction, minute) = (Direction::BusinessInitiated, Duration::from_secs(60));
    let cost = rules::price::price(card, direction, country, minute, used, &price.rulebook);
    Ok(cost.map(|cost| PreflightPrice {
        pulse: cost.per_pulse.amount.to_string(),
        per_minute: cost.per_minute.amount.to_string(),
        currency: cost.per_pulse.currency.to_string(),
        card: cost.card,
    }))
}
