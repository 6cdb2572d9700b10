//! Which country does a number belong to?
//!
//! Only the country is derived from a number. Whether the number exists in a numbering plan never
//! refuses or rewrites it: WhatsApp ids keep old forms (Mexico's `521`) that plans no longer list.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{IdError, UserId, WaId};

/// An ISO 3166-1 alpha-2 country code.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(value_type = String))]
#[serde(try_from = "String", into = "String")]
pub struct Country([u8; 2]);

impl Country {
    /// The two letters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("two ASCII letters")
    }

    /// The country of a number, shared codes (+1, +7, +44) told apart; `None` for none.
    #[must_use]
    pub fn of(number: &WaId) -> Option<Self> {
        let parsed = phonenumber::parse(None, format!("+{}", number.as_str())).ok()?;
        if let Some(id) = parsed.country().id() {
            return id.as_ref().parse().ok();
        }
        main_country(parsed.country().code())
    }

    /// The country a business-scoped id begins with, such as `BR.9021…`.
    #[must_use]
    pub fn of_user_id(user_id: &UserId) -> Option<Self> {
        user_id.as_str().split_once('.')?.0.parse().ok()
    }
}

/// The first country of a calling code, for numbers no plan lists.
fn main_country(code: u16) -> Option<Country> {
    let regions = phonenumber::metadata::DATABASE.region(&code)?;
    regions.first()?.parse().ok()
}

impl fmt::Debug for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Country {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        match text.as_bytes() {
            &[a, b] if a.is_ascii_uppercase() && b.is_ascii_uppercase() => Ok(Self([a, b])),
            _ => Err(IdError::country()),
        }
    }
}

impl TryFrom<String> for Country {
    type Error = IdError;

    fn try_from(text: String) -> Result<Self, IdError> {
        text.parse()
    }
}

impl From<Country> for String {
    fn from(country: Country) -> Self {
        country.as_str().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(digits: &str) -> Option<String> {
        Country::of(&digits.parse().unwrap()).map(|c| c.to_string())
    }

    #[test]
    fn the_demo_numbers_and_the_shared_codes() {
        assert_eq!(of("5215550000001").as_deref(), Some("MX"));
        assert_eq!(of("5511988887777").as_deref(), Some("BR"));
        assert_eq!(of("2348030000003").as_deref(), Some("NG"));
        assert_eq!(of("551140000000").as_deref(), Some("BR"));
        assert_eq!(of("12423590000").as_deref(), Some("BS"));
        assert_eq!(of("77012345678").as_deref(), Some("KZ"));
        assert_eq!(of("447911123456").as_deref(), Some("GG"));
        assert_eq!(of("999"), None);
    }
}
