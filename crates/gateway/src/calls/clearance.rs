//! Do our own rules let this user be called?
//!
//! The platform's rules are its own to tell. Ours come first and are few: the month's budget, and not
//! to lose a permission by calling in vain. Whoever places a call must hold a [`Cleared`], which only
//! [`ask`] makes.

use switchboard::guard::Risk;
use terms::{Timestamp, UserId, UserRef};
use wire::console::Warning;

use crate::{
    clock,
    evidence::{Evidence, Sentence},
    line::Line,
    office::Office,
    spending,
    store::StoreError,
};

/// The rule of the month's budget.
pub(crate) const BUDGET: &str = "budget";

/// The rule of calls in vain.
pub(crate) const UNANSWERED: &str = "guard.unanswered";

/// Proof that our own rules let this user be called.
#[derive(Debug)]
pub(crate) struct Cleared {
    to: UserRef,
    parent_user_id: Option<UserId>,
    warnings: Vec<Warning>,
    asked_at: Timestamp,
}

impl Cleared {
    /// What the call puts at risk.
    pub(crate) fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// When it was asked, by our clock.
    pub(super) fn asked_at(&self) -> Timestamp {
        self.asked_at
    }

    /// Whom to call, and the id scoped to the business above, where known.
    pub(super) fn into_user(self) -> (UserRef, Option<UserId>) {
        (self.to, self.parent_user_id)
    }
}

/// A rule of ours says no.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{evidence}")]
pub(crate) struct Held {
    /// Which rule.
    pub rule: &'static str,
    /// What it looked at.
    pub evidence: Evidence,
    /// When the answer changes by itself.
    pub changes_at: Option<Timestamp>,
}

/// May this user be called, as far as our own rules go?
///
/// # Errors
///
/// The store failed; inside, which rule says no.
pub(crate) async fn ask(
    office: &Office,
    line: &Line,
    to: &UserRef,
) -> Result<Result<Cleared, Held>, StoreError> {
    let asked_at = clock::now();
    if let Err(held) = within_budget(office, line).await? {
        return Ok(Err(held));
    }
    let standing = office.store.standing(line.contact(to)).await?;
    let (guard, streak) = (&line.config.guard, standing.unanswered_in_a_row());
    let risk = guard.streak.risk(streak);
    if risk == Risk::Revoke && guard.refuse {
        let evidence =
            Evidence::new(in_words(risk, streak).into_iter().chain([Sentence::LetThemCall]));
        return Ok(Err(Held { rule: UNANSWERED, evidence, changes_at: None }));
    }
    let warning = |sentence: Sentence| Warning {
        rule: UNANSWERED.into(),
        text: sentence.to_string(),
        said: vec![sentence.said()],
    };
    let warnings = in_words(risk, streak).map(warning).into_iter().collect();
    let known = office.store.contact(line.contact(to)).await?;
    let parent_user_id = known.and_then(|known| known.parent_user_id);
    Ok(Ok(Cleared { to: to.clone(), parent_user_id, warnings, asked_at }))
}

async fn within_budget(office: &Office, line: &Line) -> Result<Result<(), Held>, StoreError> {
    let Some(spending) = spending::of(&office.store, line).await? else { return Ok(Ok(())) };
    Ok(spending.verdict().map_err(|no| Held {
        rule: BUDGET,
        evidence: Sentence::Spent { spent: no.spent, monthly: no.monthly }.into(),
        changes_at: Some(no.until),
    }))
}

fn in_words(risk: Risk, streak: u32) -> Option<Sentence> {
    match risk {
        Risk::None => None,
        Risk::Nudge => Some(Sentence::Nudge { streak }),
        Risk::Revoke => Some(Sentence::Revoke { streak }),
    }
}
