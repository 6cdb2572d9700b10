//! Who calls, as far as a flow may ask?
//!
//! Facts from the shell, taken when the call arrives. What is not known is absent, and no condition is
//! met by what is absent.

use terms::{Country, UserId, WaId};

/// What is known of a user when the call arrives.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Caller {
    /// The number.
    pub number: Option<WaId>,
    /// The id scoped to the business.
    pub user_id: Option<UserId>,
    /// The name the user gave.
    pub name: Option<String>,
    /// What the button or the deep link carried.
    pub payload: Option<String>,
    /// Whether the service window was open before this call.
    pub window_open: Option<bool>,
    /// How many calls there were with this user before.
    pub past_calls: Option<u32>,
}

impl Caller {
    /// The country of the number; where that is not known, of the id.
    #[must_use]
    pub fn country(&self) -> Option<Country> {
        let of_number = self.number.as_ref().map(Country::of);
        of_number.unwrap_or_else(|| self.user_id.as_ref().and_then(Country::of_user_id))
    }
}
