//! By which rules and rates are calls priced, what may they cost, and what may they put at risk?

use std::{fs, path::Path, path::PathBuf, sync::Arc, time::Duration};

use jiff::tz::TimeZone;
use rules::{
    price::{Card, Cards, RateCard},
    rulebook::Rulebook,
    usage::{self, Month},
};
use rust_decimal::Decimal;
use serde::Deserialize;
use switchboard::{
    budget::Budget,
    guard::{PickupRules, StreakRules},
};
use terms::{Currency, Money, Timestamp};

use super::{ConfigError, read::value};

/// What calls are estimated to cost.
#[derive(Debug, Clone)]
pub struct Price {
    /// Which rules count.
    pub rulebook: Arc<Rulebook>,
    /// The cards there are.
    pub cards: Arc<Cards>,
    /// A family of cards, of which the one in force on the day holds, or one dated card.
    pub card: String,
    /// The account's currency.
    pub currency: Currency,
    /// The account's calendar: in it a day and a month begin.
    pub zone: TimeZone,
}

/// What stops us before the platform does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Guard {
    /// How many calls in a row a user may leave unanswered.
    pub streak: StreakRules,
    /// How many of the users' calls must be picked up.
    pub pickup: PickupRules,
    /// Whether a call that might cost the permission is not made; else it is warned of.
    pub refuse: bool,
}

impl Default for Price {
    /// The sandbox's example card by the default rulebook, in the calendar of UTC.
    fn default() -> Self {
        Self {
            rulebook: Rulebook::beta(),
            cards: Arc::new(Cards::shipped()),
            card: "example".into(),
            currency: Currency::USD,
            zone: TimeZone::UTC,
        }
    }
}

impl Price {
    /// The card that holds at this moment.
    #[must_use]
    pub fn card_at(&self, at: Timestamp) -> Option<&RateCard> {
        let day = usage::day(&self.zone, at);
        self.cards.calls(&self.card, self.currency, day).map(AsRef::as_ref)
    }

    /// The month of this moment, by the account's calendar.
    #[must_use]
    pub fn month_at(&self, at: Timestamp) -> Month {
        Month::of(&self.zone, at)
    }

    /// The calendar's name, such as `America/Sao_Paulo`.
    #[must_use]
    pub fn zone_name(&self) -> &str {
        self.zone.iana_name().unwrap_or("UTC")
    }
}

impl Guard {
    /// The limits of this rulebook, warned of.
    #[must_use]
    pub fn of(book: &Rulebook) -> Self {
        Self {
            streak: StreakRules {
                nudge_after: book.permission.nudge_after.value,
                revoke_after: book.permission.revoke_after.value,
            },
            pickup: PickupRules {
                window: book.quality.pickup_window.value,
                sample_min: book.quality.pickup_sample_min.value,
                warn_percent: book.quality.pickup_warn_percent.value,
                hide_percent: book.quality.pickup_hide_percent.value,
            },
            refuse: false,
        }
    }
}

/// The table `[price]`.
#[derive(Deserialize, Default, Clone)]
#[serde(deny_unknown_fields)]
pub(super) struct PriceTable {
    rulebook: Option<String>,
    card: Option<String>,
    #[serde(default)]
    card_files: Vec<PathBuf>,
    currency: Option<Currency>,
}

impl PriceTable {
    /// The same for a number that says some of it itself.
    pub(super) fn with(
        &self,
        rulebook: Option<String>,
        card: Option<String>,
        currency: Option<Currency>,
    ) -> Self {
        Self {
            rulebook: rulebook.or_else(|| self.rulebook.clone()),
            card: card.or_else(|| self.card.clone()),
            card_files: self.card_files.clone(),
            currency: currency.or(self.currency),
        }
    }

    /// Card files lie relative to `folder`; the calendar is the number's.
    pub(super) fn checked(self, folder: &Path, zone: &TimeZone) -> Result<Price, ConfigError> {
        let mut price = Price::default();
        if let Some(name) = &self.rulebook {
            price.rulebook = rules::rulebook::named(name)
                .ok_or_else(|| value("price.rulebook", format!("no rulebook is named {name}")))?;
        }
        let mut cards = Cards::shipped();
        for file in self.card_files {
            cards.add(read_card(&folder.join(file))?);
        }
        price.cards = Arc::new(cards);
        price.card = self.card.unwrap_or(price.card);
        price.currency = self.currency.unwrap_or(price.currency);
        if !price.cards.knows(&price.card) {
            let families = price.cards.families().join(", ");
            let why = format!("no rate card is named {}; there are {families}", price.card);
            return Err(value("price.card", why));
        }
        price.zone = zone.clone();
        Ok(price)
    }
}

/// The name of a card is its file's, without the ending.
fn read_card(path: &Path) -> Result<Card, ConfigError> {
    let text = fs::read_to_string(path)
        .map_err(|source| ConfigError::ReadFile { path: path.to_owned(), source })?;
    let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
    Card::parse(name, &text).map_err(|error| value("price.card_files", error.to_string()))
}

/// The table `[budget]`.
#[derive(Deserialize, Clone)]
#[serde(deny_unknown_fields)]
pub(super) struct BudgetTable {
    monthly: Decimal,
    currency: Option<Currency>,
    #[serde(default)]
    warn_at: Vec<f64>,
    #[serde(default)]
    stop: bool,
}

impl BudgetTable {
    pub(super) fn checked(&self, price: &Price) -> Result<Budget, ConfigError> {
        if self.monthly <= Decimal::ZERO {
            return Err(value("budget.monthly", "write an amount such as \"250.00\"".into()));
        }
        let currency = self.currency.unwrap_or(price.currency);
        if currency != price.currency {
            let why = format!("calls are priced in {}: budget them in it", price.currency);
            return Err(value("budget.currency", why));
        }
        let mut warn_at = Vec::new();
        for share in &self.warn_at {
            let read = share.to_string().parse::<Decimal>().ok();
            let fits = read.filter(|share| *share > Decimal::ZERO && *share < Decimal::ONE);
            let why = || "write shares between 0 and 1, such as [0.5, 0.8]".into();
            warn_at.push(fits.ok_or_else(|| value("budget.warn_at", why()))?);
        }
        warn_at.sort_unstable();
        warn_at.dedup();
        let monthly = Money { amount: self.monthly, currency };
        Ok(Budget { monthly, warn_at, stop: self.stop })
    }
}

/// The table `[guard]`.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct GuardTable {
    refuse: Option<bool>,
    nudge_after: Option<u32>,
    revoke_after: Option<u32>,
    pickup_window_s: Option<u64>,
    pickup_sample_min: Option<u32>,
    pickup_warn_percent: Option<u32>,
    pickup_critical_percent: Option<u32>,
}

impl GuardTable {
    pub(super) fn checked(&self, book: &Rulebook) -> Result<Guard, ConfigError> {
        let mut guard = Guard::of(book);
        guard.refuse = self.refuse.unwrap_or(guard.refuse);
        let (streak, pickup) = (&mut guard.streak, &mut guard.pickup);
        streak.nudge_after = self.nudge_after.unwrap_or(streak.nudge_after);
        streak.revoke_after = self.revoke_after.unwrap_or(streak.revoke_after);
        pickup.window = self.pickup_window_s.map_or(pickup.window, Duration::from_secs);
        pickup.sample_min = self.pickup_sample_min.unwrap_or(pickup.sample_min);
        pickup.warn_percent = self.pickup_warn_percent.unwrap_or(pickup.warn_percent);
        pickup.hide_percent = self.pickup_critical_percent.unwrap_or(pickup.hide_percent);
        if streak.revoke_after == 0 || streak.nudge_after > streak.revoke_after {
            let why = "write at least 1, and no less than nudge_after".into();
            return Err(value("guard.revoke_after", why));
        }
        if pickup.warn_percent > 100 || pickup.hide_percent > pickup.warn_percent {
            let why = "write percents, the critical one below the other".into();
            return Err(value("guard.pickup_warn_percent", why));
        }
        Ok(guard)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<T: serde::de::DeserializeOwned>(text: &str) -> T {
        toml::from_str(text).unwrap()
    }

    /// With a card of our own in it.
    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let card = "Market,Currency,0+\nMexico,EUR,0.5\n";
        fs::write(folder.path().join("ours-2026-11-01.csv"), card).unwrap();
        folder
    }

    fn sao_paulo() -> TimeZone {
        rules::hours::zone("America/Sao_Paulo").unwrap()
    }

    fn price(text: &str) -> Result<Price, String> {
        let folder = folder();
        let zone = sao_paulo();
        read::<PriceTable>(text).checked(folder.path(), &zone).map_err(|error| error.to_string())
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_family_gives_the_card_of_the_day_in_the_accounts_calendar() {
        let meta = price("card = \"meta\"").unwrap();
        let name = |text| meta.card_at(at(text)).map(|card| card.name.clone());
        assert_eq!(name("2026-10-01T02:59:59Z").as_deref(), Some("meta-2026-07-01-part"));
        assert_eq!(name("2026-10-01T03:00:00Z").as_deref(), Some("meta-2026-10-01-part"));
        assert_eq!(name("2025-07-31T12:00:00Z"), None, "no card held then");
        assert_eq!(meta.month_at(at("2026-12-01T02:59:59Z")).to_string(), "2026-11");
        assert_eq!(meta.zone_name(), "America/Sao_Paulo");
    }

    #[test]
    fn a_card_of_ones_own_is_read_and_what_is_wrong_is_said_by_key() {
        let own = "card = \"ours\"\ncard_files = [\"ours-2026-11-01.csv\"]\ncurrency = \"EUR\"";
        let own = price(own).unwrap();
        assert!(own.card_at(at("2026-11-02T00:00:00Z")).is_some());
        assert!(price("card = \"ours\"").unwrap_err().starts_with("price.card:"));
        assert!(price("card_files = [\"none.csv\"]").unwrap_err().contains("none.csv"));
    }

    #[test]
    fn a_budget_and_a_guard_are_checked() {
        let budget = |text: &str| {
            let table = read::<BudgetTable>(text);
            table.checked(&Price::default()).map_err(|error| error.to_string())
        };
        let good = budget("monthly = \"250.00\"\nwarn_at = [0.8, 0.5, 0.5]\nstop = true").unwrap();
        assert_eq!((good.warn_at.len(), good.stop), (2, true));
        assert!(good.warn_at[0] < good.warn_at[1]);
        for (wrong, key) in [
            ("monthly = \"0\"", "budget.monthly"),
            ("monthly = \"1\"\ncurrency = \"EUR\"", "budget.currency"),
            ("monthly = \"1\"\nwarn_at = [1.0]", "budget.warn_at"),
        ] {
            assert!(budget(wrong).unwrap_err().starts_with(key), "{wrong}");
        }
        let book = Rulebook::beta();
        let guard = |text: &str| read::<GuardTable>(text).checked(&book);
        assert_eq!(guard("").unwrap(), Guard::of(&book));
        assert!(guard("refuse = true\nrevoke_after = 10\nnudge_after = 5").unwrap().refuse);
        assert!(guard("nudge_after = 9").is_err());
        assert!(guard("pickup_critical_percent = 60").is_err());
    }
}
