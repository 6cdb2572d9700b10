//! How long, as ISO 8601 writes it: `P7D`, `PT24H`, `PT1M30.5S`.
//!
//! Weeks, days, hours, minutes and seconds; a day is 24 hours. Years and months are refused: their
//! length depends on the calendar.

use std::{fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Serialize};

/// A length of time on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct IsoSpan(pub Duration);

/// A text that is not a length of time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an ISO 8601 duration of weeks, days, hours, minutes, seconds, such as P7D or PT90M")]
pub struct IsoSpanError;

/// A thousand years: more than any test clock needs, and far from every overflow.
const SECONDS_MAX: u64 = 1_000 * 366 * 86_400;

const DATE_UNITS: &[(char, u64)] = &[('W', 604_800), ('D', 86_400)];
const TIME_UNITS: &[(char, u64)] = &[('H', 3_600), ('M', 60), ('S', 1)];

impl FromStr for IsoSpan {
    type Err = IsoSpanError;

    fn from_str(text: &str) -> Result<Self, IsoSpanError> {
        let rest = text.strip_prefix('P').ok_or(IsoSpanError)?;
        let (date, time) = match rest.split_once('T') {
            Some((_, "")) => return Err(IsoSpanError),
            Some((date, time)) => (date, time),
            None => (rest, ""),
        };
        if rest.is_empty() {
            return Err(IsoSpanError);
        }
        let ms = part_ms(date, DATE_UNITS)? + part_ms(time, TIME_UNITS)?;
        if ms > SECONDS_MAX * 1000 {
            return Err(IsoSpanError);
        }
        Ok(Self(Duration::from_millis(ms)))
    }
}

/// The milliseconds of one half; units must come in order, each at most once.
fn part_ms(mut text: &str, units: &[(char, u64)]) -> Result<u64, IsoSpanError> {
    let mut total = 0;
    let mut units = units.iter();
    while !text.is_empty() {
        let end = text.find(|c: char| c.is_ascii_uppercase()).ok_or(IsoSpanError)?;
        let unit = text[end..].chars().next().ok_or(IsoSpanError)?;
        let (_, seconds) = units.find(|(name, _)| *name == unit).ok_or(IsoSpanError)?;
        total += count_ms(&text[..end], *seconds, unit == 'S')?;
        text = &text[end + 1..];
    }
    Ok(total)
}

fn count_ms(text: &str, seconds: u64, fraction_allowed: bool) -> Result<u64, IsoSpanError> {
    let (whole, fraction) = match text.split_once('.') {
        Some((whole, fraction)) if fraction_allowed => (whole, fraction),
        Some(_) => return Err(IsoSpanError),
        None => (text, "0"),
    };
    let count = digits(whole)?;
    if fraction.is_empty() || fraction.len() > 9 || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return Err(IsoSpanError);
    }
    let millis: u64 = format!("{fraction:0<3}")[..3].parse().map_err(|_| IsoSpanError)?;
    if count > SECONDS_MAX / seconds {
        return Err(IsoSpanError);
    }
    Ok(count * seconds * 1000 + millis)
}

fn digits(text: &str) -> Result<u64, IsoSpanError> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(IsoSpanError);
    }
    text.parse().map_err(|_| IsoSpanError)
}

impl fmt::Display for IsoSpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, ms) = (self.0.as_secs(), self.0.subsec_millis());
        if ms == 0 && seconds > 0 && seconds % 86_400 == 0 {
            return write!(f, "P{}D", seconds / 86_400);
        }
        f.write_str("PT")?;
        let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        if hours > 0 {
            write!(f, "{hours}H")?;
        }
        if minutes > 0 {
            write!(f, "{minutes}M")?;
        }
        match (rest, ms) {
            (0, 0) if seconds > 0 => Ok(()),
            (_, 0) => write!(f, "{rest}S"),
            _ => write!(f, "{rest}.{ms:03}S"),
        }
    }
}

impl TryFrom<String> for IsoSpan {
    type Error = IsoSpanError;

    fn try_from(text: String) -> Result<Self, IsoSpanError> {
        text.parse()
    }
}

impl From<IsoSpan> for String {
    fn from(span: IsoSpan) -> Self {
        span.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(text: &str) -> Option<f64> {
        text.parse::<IsoSpan>().ok().map(|span| span.0.as_secs_f64())
    }

    #[test]
    fn reads_what_the_api_and_a_test_write() {
        assert_eq!(seconds("P7D"), Some(604_800.0));
        assert_eq!(seconds("PT24H"), Some(86_400.0));
        assert_eq!(seconds("P1W2DT3H4M5.5S"), Some(604_800.0 + 172_800.0 + 11_045.5));
        assert_eq!(seconds("PT0S"), Some(0.0));
    }

    #[test]
    fn refuses_the_rest() {
        for text in
            ["", "P", "PT", "7D", "P1Y", "P1M", "PT1M1H", "P1D1D", "P-1D", "P1.5D", "PT1.S", "PTS"]
        {
            assert_eq!(seconds(text), None, "{text}");
        }
        assert_eq!(seconds("P99999999999999999999D"), None);
        assert_eq!(seconds("PT18446744073709551615S"), None);
    }

    #[test]
    fn written_and_read_back() {
        for text in ["P7D", "PT1H", "PT1M30S", "PT0S", "PT0.250S", "PT25H"] {
            assert_eq!(text.parse::<IsoSpan>().unwrap().to_string(), text);
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text in ".{0,40}") {
            let _result = text.parse::<IsoSpan>();
        }

        #[test]
        fn every_span_survives(ms in 0..SECONDS_MAX * 1000) {
            let span = IsoSpan(Duration::from_millis(ms));
            proptest::prop_assert_eq!(span.to_string().parse(), Ok(span));
        }
    }
}
