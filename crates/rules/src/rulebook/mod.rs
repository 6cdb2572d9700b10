//! Which numbers hold for this account?
//!
//! No rule is a constant in code. A rulebook is a dated TOML file, compiled in, that holds every
//! number, country list, scope and switch, each with its source. An account names its rulebook;
//! a test or an operator may replace single rules with [`Rulebook::with`].
//!
//! A file that lacks a rule, has one too many, or a value of the wrong kind is refused with file,
//! line and reason; so a [`Rulebook`] in hand is complete.

mod choices;
mod diff;
mod entry;
mod sections;

use std::sync::{Arc, LazyLock};

pub use choices::{
    CallMoment, ConcurrencyScope, CountryScope, DeliveryOrder, DialogErrors, EdgeBuckets,
    FeedbackWithoutCall, Hindrance, HolidayMeans, PaymentError, RepeatedPreAccept,
    RestrictionTypes, TerminateAt, UnansweredStatus, UnlistedDays,
};
pub use diff::{Difference, diff};
pub use entry::{Entry, FileType, Raw, Rule, RulebookError};
pub use sections::{
    AccessRules, AnalyticsRules, CallRules, CaptureRules, ClientRules, DeliveryRules,
    EligibilityRules, FileRules, HealthRules, HoursRules, LimitRules, MediaRules, MessageRules,
    PermissionRules, PriceRules, QualityRules, SettingsRules, TemplateRules, VoicemailRules,
    WindowRules,
};

use entry::Sheet;

/// One dated set of rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rulebook {
    /// Its name, such as `2025-beta`.
    pub name: String,
    /// Deadlines of a call.
    pub call: CallRules,
    /// When silence ends a call.
    pub media: MediaRules,
    /// Who may use calling at all.
    pub eligibility: EligibilityRules,
    /// Which scope a request needs, and which versions of the API there are.
    pub access: AccessRules,
    /// How the health of a number is shown.
    pub health: HealthRules,
    /// What the user's app can do.
    pub clients: ClientRules,
    /// The user's consent to be called, and the requests for it.
    pub permission: PermissionRules,
    /// How many calls.
    pub limits: LimitRules,
    /// The customer service window.
    pub window: WindowRules,
    /// Messages of a business, and their call buttons.
    pub messages: MessageRules,
    /// Templates of messages.
    pub templates: TemplateRules,
    /// Call hours and holidays.
    pub hours: HoursRules,
    /// Pulses.
    pub price: PriceRules,
    /// Warnings and restrictions.
    pub quality: QualityRules,
    /// Figures about calls.
    pub analytics: AnalyticsRules,
    /// Bounds of the calling settings.
    pub settings: SettingsRules,
    /// Voicemail.
    pub voicemail: VoicemailRules,
    /// Recording and transcription.
    pub capture: CaptureRules,
    /// Media files.
    pub files: FileRules,
    /// Attempts to deliver a webhook.
    pub delivery: DeliveryRules,
    entries: Vec<Entry>,
}

/// Name and text of each compiled-in rulebook, oldest first.
const SHIPPED: [(&str, &str); 2] = [
    ("2025-beta", include_str!("../../rulebooks/2025-beta.toml")),
    ("2026-10", include_str!("../../rulebooks/2026-10.toml")),
];

static BOOKS: LazyLock<Vec<Arc<Rulebook>>> = LazyLock::new(|| {
    let read = |(name, text): &(&str, &str)| {
        Rulebook::parse(name, &format!("rulebooks/{name}.toml"), text).map(Arc::new)
    };
    SHIPPED.iter().map(read).collect::<Result<_, _>>().expect("tests read the shipped rulebooks")
});

/// Every shipped rulebook, oldest first.
#[must_use]
pub fn list() -> &'static [Arc<Rulebook>] {
    &BOOKS
}

/// The shipped rulebook of this name.
#[must_use]
pub fn named(name: &str) -> Option<Arc<Rulebook>> {
    BOOKS.iter().find(|book| book.name == name).map(Arc::clone)
}

impl Rulebook {
    /// The platform's default.
    #[must_use]
    pub fn beta() -> Arc<Self> {
        Arc::clone(&BOOKS[0])
    }

    /// Reads a rulebook.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong, with file and line.
    pub fn parse(name: &str, file: &str, text: &str) -> Result<Self, RulebookError> {
        Self::from_sheet(name, Sheet::parse(file, text)?)
    }

    /// This rulebook with some rules replaced, for tests and operators: pairs of a path such as
    /// `call.answer_window` and a value such as `30 s`; lists are separated by commas.
    ///
    /// # Errors
    ///
    /// A path that is no rule, or a value the rule cannot have.
    pub fn with(&self, changes: &[(&str, &str)]) -> Result<Self, RulebookError> {
        let mut sheet = Sheet::from_entries(&self.name, &self.entries);
        for (path, text) in changes {
            let is_list =
                self.entries.iter().any(|e| e.path == *path && matches!(e.value, Raw::Many(_)));
            let value = if is_list {
                Raw::Many(
                    text.split(',')
                        .map(|item| item.trim().to_owned())
                        .filter(|i| !i.is_empty())
                        .collect(),
                )
            } else {
                Raw::One((*text).to_owned())
            };
            sheet.replace(path, value, "set here")?;
        }
        Self::from_sheet(&self.name, sheet)
    }

    /// Every rule with its value and source, by path.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    fn from_sheet(name: &str, mut sheet: Sheet<'_>) -> Result<Self, RulebookError> {
        let entries = sheet.entries();
        let book = Self {
            name: name.to_owned(),
            call: CallRules::read(&mut sheet)?,
            media: MediaRules::read(&mut sheet)?,
            eligibility: EligibilityRules::read(&mut sheet)?,
            access: AccessRules::read(&mut sheet)?,
            health: HealthRules::read(&mut sheet)?,
            clients: ClientRules::read(&mut sheet)?,
            permission: PermissionRules::read(&mut sheet)?,
            limits: LimitRules::read(&mut sheet)?,
            window: WindowRules::read(&mut sheet)?,
            messages: MessageRules::read(&mut sheet)?,
            templates: TemplateRules::read(&mut sheet)?,
            hours: HoursRules::read(&mut sheet)?,
            price: PriceRules::read(&mut sheet)?,
            quality: QualityRules::read(&mut sheet)?,
            analytics: AnalyticsRules::read(&mut sheet)?,
            settings: SettingsRules::read(&mut sheet)?,
            voicemail: VoicemailRules::read(&mut sheet)?,
            capture: CaptureRules::read(&mut sheet)?,
            files: FileRules::read(&mut sheet)?,
            delivery: DeliveryRules::read(&mut sheet)?,
            entries,
        };
        book.check_order(&sheet)?;
        sheet.finish()?;
        Ok(book)
    }

    /// Rules that only make sense in one order.
    fn check_order(&self, sheet: &Sheet<'_>) -> Result<(), RulebookError> {
        let (p, q) = (&self.permission, &self.quality);
        let pairs = [
            ("permission.nudge_after", p.nudge_after.value, p.revoke_after.value),
            ("permission.test_nudge_after", p.test_nudge_after.value, p.test_revoke_after.value),
            ("permission.requests_per_day", p.requests_per_day.value, p.requests_per_week.value),
            (
                "quality.feedback_warn_percent",
                q.feedback_warn_percent.value,
                q.feedback_restrict_percent.value,
            ),
            (
                "quality.pickup_hide_percent",
                q.pickup_hide_percent.value,
                q.pickup_warn_percent.value,
            ),
            (
                "permission.test_requests_per_day",
                p.test_requests_per_day.value,
                p.test_requests_per_week.value,
            ),
        ];
        for (path, less, more) in pairs {
            if less > more || more == 0 {
                let line = self.entries.iter().find(|e| e.path == path).map_or(0, |e| e.line);
                let reason = format!("{path}: {less} is more than the rule it leads up to, {more}");
                return Err(sheet.fault(line, reason));
            }
        }
        Ok(())
    }
}
