//! When, on the wall clock?
//!
//! [`Timestamp`] is UTC and may come from a test clock. Rules, calls and records use it; media uses
//! `Instant`. No function takes both.

use std::{fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Serialize};

/// A moment on the wall clock, UTC, to the millisecond. Written as RFC 3339 with `Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Timestamp {
    unix_ms: i64,
}

/// A text that is not a moment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an RFC 3339 time in UTC, such as 2026-11-22T18:00:00Z")]
pub struct TimestampError;

/// The years 0000 to 9999, the range RFC 3339 can write, but for the last day: it has no moment in
/// every time zone, so the calendar has none of it.
const UNIX_MS_RANGE: std::ops::RangeInclusive<i64> = -62_135_596_800_000..=253_402_207_200_000;

impl Timestamp {
    /// From milliseconds since 1970; a moment outside the years 1 to 9999 is brought to the nearest.
    #[must_use]
    pub fn from_unix_ms(unix_ms: i64) -> Self {
        Self { unix_ms: unix_ms.clamp(*UNIX_MS_RANGE.start(), *UNIX_MS_RANGE.end()) }
    }

    /// From seconds since 1970.
    #[must_use]
    pub fn from_unix(seconds: i64) -> Self {
        Self::from_unix_ms(seconds.saturating_mul(1000))
    }

    /// Whole seconds since 1970, rounded down: the API's `timestamp` fields.
    #[must_use]
    pub fn unix(self) -> i64 {
        self.unix_ms.div_euclid(1000)
    }

    /// Milliseconds since 1970.
    #[must_use]
    pub fn unix_ms(self) -> i64 {
        self.unix_ms
    }

    /// How long ago `earlier` was; zero when it lies ahead.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.unix_ms - earlier.unix_ms).unwrap_or(0))
    }

    /// This moment on the calendar, for rules that depend on a time zone.
    #[must_use]
    pub fn to_jiff(self) -> jiff::Timestamp {
        jiff::Timestamp::from_millisecond(self.unix_ms).expect("clamped to the calendar's range")
    }
}

impl std::ops::Add<Duration> for Timestamp {
    type Output = Self;

    fn add(self, span: Duration) -> Self {
        let ms = i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
        Self::from_unix_ms(self.unix_ms.saturating_add(ms))
    }
}

impl std::ops::Sub<Duration> for Timestamp {
    type Output = Self;

    fn sub(self, span: Duration) -> Self {
        let ms = i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
        Self::from_unix_ms(self.unix_ms.saturating_sub(ms))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.unix_ms % 1000 == 0 {
            write!(f, "{}", self.to_jiff())
        } else {
            write!(f, "{:.3}", self.to_jiff())
        }
    }
}

impl FromStr for Timestamp {
    type Err = TimestampError;

    fn from_str(text: &str) -> Result<Self, TimestampError> {
        let at: jiff::Timestamp = text.parse().map_err(|_| TimestampError)?;
        Ok(Self::from_unix_ms(at.as_millisecond()))
    }
}

impl TryFrom<String> for Timestamp {
    type Error = TimestampError;

    fn try_from(text: String) -> Result<Self, TimestampError> {
        text.parse()
    }
}

impl From<Timestamp> for String {
    fn from(at: Timestamp) -> Self {
        at.to_string()
    }
}

#[cfg(feature = "schema")]
impl utoipa::PartialSchema for Timestamp {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        use utoipa::openapi::{KnownFormat, ObjectBuilder, SchemaFormat, schema::Type};
        let text = ObjectBuilder::new().schema_type(Type::String);
        let text = text.description(Some("RFC 3339, UTC, to the millisecond"));
        text.format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime))).into()
    }
}

#[cfg(feature = "schema")]
impl utoipa::ToSchema for Timestamp {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_and_read_back_as_rfc_3339() {
        let at = Timestamp::from_unix(1_783_000_000);
        assert_eq!(at.to_string(), "2026-07-02T13:46:40Z");
        assert_eq!(at.to_string().parse(), Ok(at));
        let fine = Timestamp::from_unix_ms(1_783_000_000_120);
        assert_eq!(fine.to_string(), "2026-07-02T13:46:40.120Z");
        assert_eq!(fine.to_string().parse(), Ok(fine));
    }

    #[test]
    fn spans_never_overflow() {
        let end = Timestamp::from_unix(i64::MAX) + Duration::MAX;
        assert_eq!(end.unix(), 253_402_207_200);
        assert_eq!(end.to_string(), "9999-12-30T22:00:00Z");
        assert_eq!(Timestamp::from_unix(5).since(Timestamp::from_unix(9)), Duration::ZERO);
    }
}
