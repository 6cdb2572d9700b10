//! Can a number do its work, and what stands in its way?
//!
//! The health a business reads (fact sheet 1.6): messages and calls over SIP, for the number, its
//! account and the app that asks. Which way a hindrance counts is the rulebook's.

use crate::rulebook::{Hindrance, Rulebook};

/// How well something works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Availability {
    /// It does.
    Available,
    /// With limits.
    Limited,
    /// It does not.
    Blocked,
}

/// What is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HealthFacts {
    /// SIP is on, and a server is set.
    pub sip_configured: bool,
    /// The app that asks is in live mode.
    pub app_is_live: bool,
    /// A restriction of the number holds.
    pub is_restricted: bool,
    /// A restriction stops users' calls.
    pub user_calls_stopped: bool,
    /// The account's payment method is valid.
    pub payment_valid: bool,
}

/// What stands in the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Issue {
    /// The number has no SIP server, or SIP is off.
    SipNotConfigured,
    /// The app is not in live mode, so it cannot use SIP.
    AppNotLive,
    /// A restriction of calling holds.
    Restricted,
    /// The account has no valid payment method.
    PaymentMissing,
}

impl Issue {
    /// Every issue, for tables.
    pub const ALL: [Self; 4] =
        [Self::SipNotConfigured, Self::AppNotLive, Self::Restricted, Self::PaymentMissing];

    /// Its code.
    #[must_use]
    pub fn code(self, book: &Rulebook) -> u32 {
        let rules = &book.health;
        match self {
            Self::SipNotConfigured => rules.sip_number_code.value,
            Self::AppNotLive => rules.sip_app_code.value,
            Self::Restricted => rules.restricted_code.value,
            Self::PaymentMissing => rules.payment_code.value,
        }
    }

    /// What is wrong, for people.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::SipNotConfigured => "SIP is not configured",
            Self::AppNotLive => "SIP is not configured: the app is not in live mode",
            Self::Restricted => "Calling is restricted for this number",
            Self::PaymentMissing => "The account has no valid payment method",
        }
    }

    /// What to do about it, for people.
    #[must_use]
    pub fn cure(self) -> &'static str {
        match self {
            Self::SipNotConfigured => "Configure a SIP server and enable SIP in the settings",
            Self::AppNotLive => "Switch the app to live mode",
            Self::Restricted => "Read restrictions in the calling settings, and wait for their end",
            Self::PaymentMissing => "Add a payment method to the account",
        }
    }
}

/// The health of one thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Messages.
    pub messages: Availability,
    /// Calls over SIP; only of the number and the app.
    pub sip: Option<Availability>,
    /// Why not.
    pub issues: Vec<Issue>,
}

/// The health of a number and of what is above it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// The number.
    pub number: Part,
    /// Its account.
    pub account: Part,
    /// The business above the account.
    pub business: Part,
    /// The app that asks.
    pub app: Part,
}

impl Health {
    /// The worst of all, for messages.
    #[must_use]
    pub fn messages(&self) -> Availability {
        let parts = [&self.number, &self.account, &self.business, &self.app];
        parts.into_iter().map(|part| part.messages).max().unwrap_or(Availability::Available)
    }
}

/// How well a number works.
#[must_use]
pub fn health(facts: &HealthFacts, book: &Rulebook) -> Health {
    let mut number = Part {
        messages: Availability::Available,
        sip: Some(if facts.sip_configured {
            Availability::Available
        } else {
            Availability::Blocked
        }),
        issues: if facts.sip_configured { Vec::new() } else { vec![Issue::SipNotConfigured] },
    };
    if facts.is_restricted {
        number.messages = hindered(book.health.restricted.value);
        number.issues.push(Issue::Restricted);
    }
    if facts.user_calls_stopped {
        number.sip = Some(Availability::Blocked);
    }
    let account = if facts.payment_valid {
        Part { messages: Availability::Available, sip: None, issues: Vec::new() }
    } else {
        let messages = hindered(book.health.payment_missing.value);
        Part { messages, sip: None, issues: vec![Issue::PaymentMissing] }
    };
    let live = facts.app_is_live;
    Health {
        number,
        account,
        business: Part { messages: Availability::Available, sip: None, issues: Vec::new() },
        app: Part {
            messages: Availability::Available,
            sip: Some(if live { Availability::Available } else { Availability::Blocked }),
            issues: if live { Vec::new() } else { vec![Issue::AppNotLive] },
        },
    }
}

fn hindered(how: Hindrance) -> Availability {
    match how {
        Hindrance::Limited => Availability::Limited,
        Hindrance::Blocked => Availability::Blocked,
    }
}
