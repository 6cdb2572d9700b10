//! Which templates may there be, and what does a user see of one?
//!
//! A template is checked once, when it is made, and is sent only after its review; from then on a
//! message names it and brings the values of its variables (fact sheet 3.8, 4.4, 9.4). Only what
//! calling needs is here: texts, links, the call button and the request for permission to call.
//!
//! ```text
//! Draft ── check ──▶ Template ── review ──▶ approved ── fill ──▶ Filled, a message
//! ```

mod check;
mod fill;
mod variables;

use std::time::Duration;

use serde::{Deserialize, Serialize};
use terms::Timestamp;

pub use check::{Draft, DraftButton, Part, check};
pub use fill::{Filled, Given, GivenPart, GivenValue, Link, fill};

use crate::{Refusal, price, rulebook::Rulebook};

/// A template that passed its checks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Template {
    /// Its name, unique together with the language.
    pub name: String,
    /// Its language, such as `pt_BR`.
    pub language: String,
    /// What it is for; decides its price.
    pub category: Category,
    /// The line above.
    pub header: Option<String>,
    /// The text.
    pub body: String,
    /// The line below.
    pub footer: Option<String>,
    /// What can be pressed.
    pub buttons: Vec<Button>,
    /// Asks for permission to call.
    pub asks_permission: bool,
}

/// A button of a template.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Button {
    /// Calls the business.
    Call {
        /// What stands on it.
        label: String,
        /// How long it works, if the template says so.
        lifetime: Option<Duration>,
    },
    /// Opens a page.
    Url {
        /// What stands on it.
        label: String,
        /// Where it leads; may end in a variable.
        url: String,
    },
}

/// What a template is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Category {
    /// Offers.
    Marketing,
    /// Notices about something under way.
    Utility,
}

impl Category {
    /// The word of the Graph API and of the rulebook.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Marketing => "MARKETING",
            Self::Utility => "UTILITY",
        }
    }
}

impl From<Category> for price::Category {
    fn from(category: Category) -> Self {
        match category {
            Category::Marketing => Self::Marketing,
            Category::Utility => Self::Utility,
        }
    }
}

/// May an account that has this many templates make another?
///
/// # Errors
///
/// [`Refusal::TemplateCount`].
pub fn check_count(have: usize, book: &Rulebook) -> Result<(), Refusal> {
    let max = book.templates.count_max.value;
    if u32::try_from(have).is_ok_and(|have| have < max) {
        return Ok(());
    }
    Err(Refusal::TemplateCount { max })
}

/// Where a template stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "status")]
pub enum Review {
    /// It waits for its review.
    Pending {
        /// When the review ends.
        until: Timestamp,
    },
    /// It may be sent.
    Approved,
}

impl Review {
    /// A review that begins now.
    #[must_use]
    pub fn begin(book: &Rulebook, now: Timestamp) -> Self {
        Self::Pending { until: now + book.templates.review_delay.value }
    }

    /// Where it stands at `now`: a review ends by the clock alone.
    #[must_use]
    pub fn at(self, now: Timestamp) -> Self {
        match self {
            Self::Pending { until } if until <= now => Self::Approved,
            Self::Pending { .. } | Self::Approved => self,
        }
    }

    /// May the template be sent?
    ///
    /// # Errors
    ///
    /// [`Refusal::TemplateUnknown`], as for one that is not there.
    pub fn check(self, template: &Template, now: Timestamp) -> Result<(), Refusal> {
        match self.at(now) {
            Self::Approved => Ok(()),
            Self::Pending { until } => Err(Refusal::TemplateUnknown {
                name: template.name.clone(),
                language: template.language.clone(),
                approved_at: Some(until),
            }),
        }
    }
}
