//! Who is there?

use std::sync::Arc;

use rules::{
    call::{Call, Ending},
    limits::{NumberKind, Rolling},
    permission::Consent,
    price::RateCard,
    rulebook::{self, Rulebook},
    settings::{CallingSettings, Switch},
    window::Window,
};
use terms::{Direction, Timestamp};

use super::{Plan, outbox::Health};
use crate::{
    dice::Dice,
    model::{Ceilings, Model},
};

pub(super) type AccountNo = usize;
pub(super) type NumberNo = usize;
pub(super) type UserNo = usize;
pub(super) type CallNo = usize;

/// Zones with and without changes of the clock; Lord Howe's change is of half an hour.
pub(super) const ZONES: [&str; 5] = [
    "America/Sao_Paulo",
    "America/New_York",
    "Europe/Berlin",
    "Asia/Kolkata",
    "Australia/Lord_Howe",
];

/// Most numbers are real ones.
const KINDS: [NumberKind; 8] = {
    use NumberKind::{Production, Sandbox, Test};
    [Production, Production, Production, Production, Production, Production, Test, Sandbox]
};

/// A card whose tiers a small run gets through.
const CARD: &str = "Market,Currency,0-10,11-50,51+\nMexico,USD,0.10,0.08,0.05\n\
                    Brazil,USD,0.20,0.10,0.02\nOther,USD,0.30,0.20,0.10\n";

/// The numbers of the limits, as the references know them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) concurrent: usize,
    pub(super) placed: usize,
    pub(super) connected: usize,
    pub(super) free_messages: usize,
}

const WIDE: Limits =
    Limits { concurrent: 1_000, placed: 10_000, connected: 100, free_messages: 1_000 };
const TIGHT: Limits = Limits { concurrent: 2, placed: 4, connected: 2, free_messages: 3 };
const TIGHT_RULES: [(&str, &str); 4] = [
    ("price.free_messages_per_month", "3"),
    ("limits.concurrent", "2"),
    ("limits.placed_per_day", "4"),
    ("limits.connected_per_day", "2"),
];

/// An account: what its numbers share.
#[derive(Debug)]
pub(super) struct Account {
    pub(super) book: Arc<Rulebook>,
    pub(super) is_beta: bool,
    pub(super) limits: Limits,
    pub(super) zone: &'static str,
    pub(super) use_case: &'static str,
    pub(super) payment_valid: bool,
    pub(super) health: Health,
}

/// A business number.
#[derive(Debug)]
pub(super) struct Number {
    pub(super) account: AccountNo,
    pub(super) country: &'static str,
    pub(super) kind: NumberKind,
    pub(super) tier: u32,
    pub(super) settings: CallingSettings,
    pub(super) placed: Rolling,
    pub(super) business_calls_restricted_until: Option<Timestamp>,
    pub(super) user_calls_restricted_until: Option<Timestamp>,
}

/// A person with a phone.
#[derive(Debug, Clone, Copy)]
pub(super) struct User {
    pub(super) country: &'static str,
    pub(super) is_listed: bool,
    pub(super) app_is_recent: bool,
    /// Lets calls ring.
    pub(super) is_shy: bool,
}

/// What stands between a number and a user, as the rules keep it, and what the reference saw.
#[derive(Debug, Default)]
pub(super) struct Pair {
    pub(super) consent: Consent,
    pub(super) window: Window,
    pub(super) model: Model,
}

/// A call and everything that came of it.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) number: NumberNo,
    pub(super) user: UserNo,
    pub(super) direction: Direction,
    pub(super) call: Call,
    pub(super) answered_at: Option<Timestamp>,
    pub(super) ending: Option<Ending>,
    pub(super) terminates: u32,
    pub(super) bills: u32,
    pub(super) webhooks: Vec<&'static str>,
    /// The SDP a business gave first.
    pub(super) first_sdp: Option<&'static str>,
}

impl Entry {
    pub(super) fn is_live(&self) -> bool {
        self.call.ending().is_none()
    }
}

pub(super) fn card() -> RateCard {
    RateCard::parse("crowd", CARD).expect("a card in the form of the shipped ones")
}

pub(super) fn accounts(plan: &Plan, dice: &mut Dice) -> Vec<Account> {
    let shipped = rulebook::list();
    (0..plan.shape.accounts)
        .map(|no| {
            let book = &shipped[no % shipped.len()];
            let is_tight = plan.checked && dice.chance(50);
            let (tight, limits) =
                if is_tight { (&TIGHT_RULES[..], TIGHT) } else { (&[][..], WIDE) };
            let rules = [tight, &plan.rules].concat();
            let book = Arc::new(book.with(&rules).expect("rules of these names"));
            Account {
                is_beta: no % shipped.len() == 0,
                book,
                limits,
                zone: dice.pick(&ZONES),
                use_case: dice.pick(&["service", "service", "service", "cold calling"]),
                payment_valid: true,
                health: Health::Well,
            }
        })
        .collect()
}

pub(super) fn numbers(plan: &Plan, dice: &mut Dice) -> Vec<Number> {
    (0..plan.shape.numbers)
        .map(|no| Number {
            account: no % plan.shape.accounts,
            country: dice.pick(&["BR", "BR", "BR", "BR", "IN", "IN", "DE", "DE", "TR", "US"]),
            kind: dice.pick(&KINDS),
            tier: dice.pick(&[250, 1_000, 1_999, 2_000, 100_000, 100_000]),
            settings: settings(dice),
            placed: Rolling::default(),
            business_calls_restricted_until: None,
            user_calls_restricted_until: None,
        })
        .collect()
}

fn settings(dice: &mut Dice) -> CallingSettings {
    let callback = if dice.chance(60) { Switch::Enabled } else { Switch::Disabled };
    CallingSettings {
        status: Some(Switch::Enabled),
        callback_permission_status: Some(callback),
        ..CallingSettings::default()
    }
}

pub(super) fn users(plan: &Plan, dice: &mut Dice) -> Vec<User> {
    (0..plan.shape.users)
        .map(|_| User {
            country: dice.pick(&["MX", "MX", "BR", "NG"]),
            is_listed: dice.chance(85),
            app_is_recent: dice.chance(90),
            is_shy: dice.chance(25),
        })
        .collect()
}

impl Pair {
    pub(super) fn new(number: &Number, limits: Limits) -> Self {
        let ceilings = match number.kind {
            NumberKind::Production => Ceilings::REAL,
            NumberKind::Test | NumberKind::Sandbox => Ceilings::TEST,
        };
        let ceilings = Ceilings { connected_per_day: limits.connected, ..ceilings };
        Self { model: Model::new(ceilings), ..Self::default() }
    }
}
