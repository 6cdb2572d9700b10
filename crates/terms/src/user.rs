//! By what is a WhatsApp user known?
//!
//! By the business-scoped id (BSUID), by the phone number, or by both. Numbers change hands and are
//! hidden by whoever adopts a username; so where both are known the BSUID says who it is, and the
//! number where the user is reached.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{Country, IdError, UserId, WaId};

/// A user, known by one id at least. Written as one text, it is the number where that is known, else
/// the BSUID; `Debug` shows four characters of each.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(value_type = String))]
pub struct UserRef(Ids);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Ids {
    Number(WaId),
    Scoped(UserId),
    Both(WaId, UserId),
}

/// How a request names a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReachedBy<'a> {
    /// By the number, which platforms of every age take.
    Number(&'a WaId),
    /// By the business-scoped id: the number is not known.
    UserId(&'a UserId),
}

impl UserRef {
    /// The user of these ids; `None` without any.
    #[must_use]
    pub fn new(wa_id: Option<WaId>, user_id: Option<UserId>) -> Option<Self> {
        match (wa_id, user_id) {
            (Some(wa_id), Some(user_id)) => Some(Self(Ids::Both(wa_id, user_id))),
            (Some(wa_id), None) => Some(Self(Ids::Number(wa_id))),
            (None, Some(user_id)) => Some(Self(Ids::Scoped(user_id))),
            (None, None) => None,
        }
    }

    /// The phone number, where known.
    #[must_use]
    pub fn wa_id(&self) -> Option<&WaId> {
        match &self.0 {
            Ids::Number(wa_id) | Ids::Both(wa_id, _) => Some(wa_id),
            Ids::Scoped(_) => None,
        }
    }

    /// The business-scoped id, where known.
    #[must_use]
    pub fn user_id(&self) -> Option<&UserId> {
        match &self.0 {
            Ids::Scoped(user_id) | Ids::Both(_, user_id) => Some(user_id),
            Ids::Number(_) => None,
        }
    }

    /// How a request names this user.
    #[must_use]
    pub fn reached_by(&self) -> ReachedBy<'_> {
        match &self.0 {
            Ids::Number(wa_id) | Ids::Both(wa_id, _) => ReachedBy::Number(wa_id),
            Ids::Scoped(user_id) => ReachedBy::UserId(user_id),
        }
    }

    /// The number where it is known, else the BSUID.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self.reached_by() {
            ReachedBy::Number(wa_id) => wa_id.as_str(),
            ReachedBy::UserId(user_id) => user_id.as_str(),
        }
    }

    /// The same user, with what the other reference knows beside.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        let number = self.wa_id().or_else(|| other.wa_id()).cloned();
        let user_id = self.user_id().or_else(|| other.user_id()).cloned();
        Self::new(number, user_id).unwrap_or(self)
    }

    /// Whether both mean one user, as far as they say: by the BSUID, else by the number.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        match (self.user_id(), other.user_id()) {
            (Some(one), Some(two)) => one == two,
            (_, _) => self.wa_id().is_some() && self.wa_id() == other.wa_id(),
        }
    }

    /// The country of the number; where it is not known, the one the BSUID begins with.
    #[must_use]
    pub fn country(&self) -> Option<Country> {
        match self.reached_by() {
            ReachedBy::Number(wa_id) => Country::of(wa_id),
            ReachedBy::UserId(user_id) => Country::of_user_id(user_id),
        }
    }
}

impl From<WaId> for UserRef {
    fn from(wa_id: WaId) -> Self {
        Self(Ids::Number(wa_id))
    }
}

impl From<UserId> for UserRef {
    fn from(user_id: UserId) -> Self {
        Self(Ids::Scoped(user_id))
    }
}

/// Digits, with or without a leading `+`, are a number; a BSUID has a point in it.
impl FromStr for UserRef {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        match WaId::from_dialled(text) {
            Ok(wa_id) => Ok(wa_id.into()),
            Err(error) => text.parse::<UserId>().map(Self::from).map_err(|_| error),
        }
    }
}

impl TryFrom<String> for UserRef {
    type Error = IdError;

    fn try_from(text: String) -> Result<Self, IdError> {
        text.parse()
    }
}

impl From<UserRef> for String {
    fn from(user: UserRef) -> Self {
        user.as_str().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(wa_id: &str, user_id: &str) -> UserRef {
        UserRef::new(wa_id.parse().ok(), user_id.parse().ok()).unwrap()
    }

    #[test]
    fn a_text_is_a_number_or_a_bsuid() {
        assert_eq!("+5511988887777".parse(), Ok(known("5511988887777", "")));
        assert_eq!("BR.9021".parse(), Ok(known("", "BR.9021")));
        for wrong in ["", "+", "ana", "55 11", "BR.90 21"] {
            assert!(wrong.parse::<UserRef>().is_err(), "{wrong:?}");
        }
        let written = serde_json::to_string(&known("5511988887777", "BR.9021")).unwrap();
        assert_eq!(written, "\"5511988887777\"");
        assert_eq!(UserRef::new(None, None), None);
    }

    #[test]
    fn the_bsuid_says_who_it_is_and_the_number_where_that_is_not_known() {
        let rows = [
            (("551", "BR.1"), ("552", "BR.1"), true),
            (("551", "BR.1"), ("551", "BR.2"), false),
            (("551", "BR.1"), ("551", ""), true),
            (("551", ""), ("", "BR.1"), false),
            (("", "BR.1"), ("", "BR.1"), true),
        ];
        for ((one, id), (two, other), same) in rows {
            assert_eq!(
                known(one, id).is_same(&known(two, other)),
                same,
                "{one} {id} {two} {other}"
            );
        }
    }

    #[test]
    fn the_country_is_the_numbers_or_the_bsuids() {
        let country = |user: UserRef| user.country().map(|country| country.to_string());
        assert_eq!(country(known("5511988887777", "US.1")).as_deref(), Some("BR"));
        assert_eq!(country(known("", "US.ENT.1")).as_deref(), Some("US"));
        assert_eq!(country(known("", "u.1")), None);
    }
}
