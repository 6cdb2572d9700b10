//! `call_analytics` of an account, as a field with parameters and as an edge (fact sheet 8.6).

use serde::{Deserialize, Serialize};
use terms::{Country, Direction, Timestamp, WaId};

use crate::RequestFault;

/// How long a point is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[expect(missing_docs, reason = "the three words of the API")]
pub enum Granularity {
    HalfHour,
    Daily,
    Monthly,
}

/// What points are split by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dimension {
    /// The business number.
    Phone,
    /// Who called.
    Direction,
    /// The user's country.
    Country,
}

/// What is told of a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metric {
    /// How many calls.
    Count,
    /// What they cost.
    Cost,
    /// Their mean length.
    AverageDuration,
}

/// The names of the parameters.
pub const PARAMETERS: [&str; 8] = [
    "start",
    "end",
    "granularity",
    "phone_numbers",
    "country_codes",
    "directions",
    "dimensions",
    "metric_types",
];

/// What is asked. An empty list means all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallAnalyticsRequest {
    /// From when.
    pub start: Timestamp,
    /// Until when.
    pub end: Timestamp,
    /// How long a point is.
    pub granularity: Granularity,
    /// Only these business numbers.
    pub phone_numbers: Vec<WaId>,
    /// Only users of these countries.
    pub country_codes: Vec<Country>,
    /// Only these directions.
    pub directions: Vec<Direction>,
    /// What points are split by; empty means by nothing.
    pub dimensions: Vec<Dimension>,
    /// What is told of a point.
    pub metric_types: Vec<Metric>,
}

impl CallAnalyticsRequest {
    /// Reads the parameters; of one that stands twice the last counts.
    ///
    /// # Errors
    ///
    /// The first that is missing, not known or not readable, by its name.
    pub fn read(parameters: &[(String, String)]) -> Result<Self, RequestFault> {
        for (name, _) in parameters {
            if !PARAMETERS.contains(&name.as_str()) {
                let why = format!("expected one of {}", PARAMETERS.join(", "));
                return Err(RequestFault::invalid(path(name), why));
            }
        }
        let find = |name: &str| {
            parameters.iter().rev().find(|(known, _)| known == name).map(|(_, text)| text.as_str())
        };
        let required =
            |name: &str| find(name).ok_or_else(|| RequestFault::Missing { path: path(name) });
        let list = |name: &'static str| items(name, find(name).unwrap_or(""));
        Ok(Self {
            start: moment("start", required("start")?)?,
            end: moment("end", required("end")?)?,
            granularity: granularity(required("granularity")?)?,
            phone_numbers: each("phone_numbers", list("phone_numbers")?, "digits", |text| {
                WaId::from_dialled(text).ok()
            })?,
            country_codes: each("country_codes", list("country_codes")?, COUNTRY, |text| {
                text.to_ascii_uppercase().parse().ok()
            })?,
            directions: each("directions", list("directions")?, DIRECTION, direction)?,
            dimensions: each("dimensions", list("dimensions")?, DIMENSION, dimension)?,
            metric_types: each("metric_types", list("metric_types")?, METRIC, metric)?,
        })
    }

    /// The field with its parameters, as `fields` has it.
    #[must_use]
    pub fn to_field(&self) -> String {
        let (start, end) = (self.start.unix(), self.end.unix());
        let granularity = match self.granularity {
            Granularity::HalfHour => "HALF_HOUR",
            Granularity::Daily => "DAILY",
            Granularity::Monthly => "MONTHLY",
        };
        let mut field =
            format!("call_analytics.start({start}).end({end}).granularity({granularity})");
        let phones = self.phone_numbers.iter().map(|it| it.as_str().to_owned());
        let countries = self.country_codes.iter().map(|it| it.as_str().to_owned());
        let directions = self.directions.iter().map(|it| it.as_str().to_owned());
        let dimensions = self.dimensions.iter().map(|it| it.as_str().to_owned());
        let metrics = self.metric_types.iter().map(|it| it.as_str().to_owned());
        for (name, items) in [
            ("phone_numbers", phones.collect::<Vec<_>>()),
            ("country_codes", countries.collect()),
            ("directions", directions.collect()),
            ("dimensions", dimensions.collect()),
            ("metric_types", metrics.collect()),
        ] {
            if !items.is_empty() {
                field.push_str(&format!(".{name}([\"{}\"])", items.join("\",\"")));
            }
        }
        field
    }

    /// Whether this is told of a point.
    #[must_use]
    pub fn tells(&self, metric: Metric) -> bool {
        self.metric_types.is_empty() || self.metric_types.contains(&metric)
    }
}

impl Dimension {
    /// The word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Phone => "phone",
            Self::Direction => "direction",
            Self::Country => "country",
        }
    }
}

impl Metric {
    /// The word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Count => "COUNT",
            Self::Cost => "COST",
            Self::AverageDuration => "AVERAGE_DURATION",
        }
    }
}

const COUNTRY: &str = "ISO 3166-1 codes such as BR";
const DIRECTION: &str = "USER_INITIATED or BUSINESS_INITIATED";
const DIMENSION: &str = "phone, direction or country";
const METRIC: &str = "COUNT, COST or AVERAGE_DURATION";

fn path(name: &str) -> String {
    format!("call_analytics.{name}")
}

fn moment(name: &str, text: &str) -> Result<Timestamp, RequestFault> {
    let seconds: i64 = unquoted(text)
        .parse()
        .map_err(|_| RequestFault::invalid(path(name), "expected Unix seconds"))?;
    Ok(Timestamp::from_unix(seconds))
}

fn granularity(text: &str) -> Result<Granularity, RequestFault> {
    match unquoted(text).to_ascii_uppercase().as_str() {
        "HALF_HOUR" => Ok(Granularity::HalfHour),
        "DAILY" => Ok(Granularity::Daily),
        "MONTHLY" => Ok(Granularity::Monthly),
        _ => {
            Err(RequestFault::invalid(path("granularity"), "expected HALF_HOUR, DAILY or MONTHLY"))
        }
    }
}

fn direction(text: &str) -> Option<Direction> {
    [Direction::UserInitiated, Direction::BusinessInitiated]
        .into_iter()
        .find(|direction| direction.as_str().eq_ignore_ascii_case(text))
}

fn dimension(text: &str) -> Option<Dimension> {
    match text.to_ascii_lowercase().as_str() {
        "phone" => Some(Dimension::Phone),
        "direction" => Some(Dimension::Direction),
        "country" => Some(Dimension::Country),
        _ => None,
    }
}

fn metric(text: &str) -> Option<Metric> {
    match text.to_ascii_uppercase().as_str() {
        "COUNT" => Some(Metric::Count),
        "COST" => Some(Metric::Cost),
        "AVERAGE_DURATION" => Some(Metric::AverageDuration),
        _ => None,
    }
}

fn each<T>(
    name: &str,
    items: Vec<String>,
    expected: &str,
    read: impl Fn(&str) -> Option<T>,
) -> Result<Vec<T>, RequestFault> {
    let read = |text: String| {
        read(&text).ok_or_else(|| {
            RequestFault::invalid(path(name), format!("expected {expected}, found {text:?}"))
        })
    };
    items.into_iter().map(read).collect()
}

/// A list: JSON, or a single value with or without quotes.
fn items(name: &str, text: &str) -> Result<Vec<String>, RequestFault> {
    let text = text.trim();
    if !text.starts_with('[') {
        let single = unquoted(text);
        return Ok(if single.is_empty() { Vec::new() } else { vec![single.to_owned()] });
    }
    let list: Vec<Item> = serde_json::from_str(text)
        .map_err(|_| RequestFault::invalid(path(name), "expected a JSON array of texts"))?;
    Ok(list.into_iter().map(Item::text).collect())
}

/// Digits are written as numbers too.
#[derive(Deserialize)]
#[serde(untagged)]
enum Item {
    Text(String),
    Number(u64),
}

impl Item {
    fn text(self) -> String {
        match self {
            Self::Text(text) => text,
            Self::Number(number) => number.to_string(),
        }
    }
}

fn unquoted(text: &str) -> &str {
    let text = text.trim();
    text.strip_prefix('"').and_then(|it| it.strip_suffix('"')).unwrap_or(text)
}

/// The figures of an account's calls. What was not asked for is absent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CallAnalytics {
    /// How long a point is.
    pub granularity: Granularity,
    /// The business numbers asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub phone_numbers: Vec<WaId>,
    /// The countries asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub country_codes: Vec<Country>,
    /// The directions asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "one_or_more")]
    pub directions: Vec<Direction>,
    /// The points with calls, by time.
    pub data_points: Vec<DataPoint>,
}

/// The answer to a read of an account with its figures.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AccountFigures {
    /// They are absent where the platform has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call_analytics: Option<CallAnalytics>,
}

/// A single value may stand without a list.
fn one_or_more<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Vec<Direction>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Given {
        One(Direction),
        Many(Vec<Direction>),
    }
    Ok(match Given::deserialize(from)? {
        Given::One(direction) => vec![direction],
        Given::Many(directions) => directions,
    })
}

/// One point.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DataPoint {
    /// Its first second.
    #[serde(with = "crate::unix::number")]
    pub start: Timestamp,
    /// The second after it.
    #[serde(with = "crate::unix::number")]
    pub end: Timestamp,
    /// Who called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub direction: Option<Direction>,
    /// The user's country.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<Country>,
    /// The business number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone_number: Option<WaId>,
    /// What the calls cost, in the account's currency; absent if one of them has no known price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<f64>,
    /// Connected calls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// Their mean length in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub average_duration: Option<u64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(parameters: &[(&str, &str)]) -> Result<CallAnalyticsRequest, RequestFault> {
        let owned: Vec<_> =
            parameters.iter().map(|(name, text)| ((*name).into(), (*text).into())).collect();
        CallAnalyticsRequest::read(&owned)
    }

    const NEEDED: [(&str, &str); 3] = [("start", "1"), ("end", "2"), ("granularity", "DAILY")];

    fn with(name: &str, text: &str) -> Result<CallAnalyticsRequest, RequestFault> {
        read(&[NEEDED.as_slice(), &[(name, text)]].concat())
    }

    #[test]
    fn lists_are_read_in_every_spelling() {
        let both = [Direction::UserInitiated, Direction::BusinessInitiated];
        let table: [(&str, &[Direction]); 6] = [
            ("[\"USER_INITIATED\", \"BUSINESS_INITIATED\"]", &both),
            ("[\"USER_INITIATED\"]", &both[..1]),
            ("USER_INITIATED", &both[..1]),
            ("\"BUSINESS_INITIATED\"", &both[1..]),
            ("[]", &[]),
            ("", &[]),
        ];
        for (text, want) in table {
            assert_eq!(with("directions", text).unwrap().directions, want, "{text}");
        }
        let split = with("dimensions", "[\"DIRECTION\",\"country\",\"Phone\"]").unwrap();
        let all = [Dimension::Direction, Dimension::Country, Dimension::Phone];
        assert_eq!(split.dimensions, all);
        let numbers = with("phone_numbers", "[551140000000,\"+4930000000\"]").unwrap();
        assert_eq!(numbers.phone_numbers.len(), 2);
        let one = with("metric_types", "COST").unwrap();
        assert!(one.tells(Metric::Cost) && !one.tells(Metric::Count));
        assert!(read(&NEEDED).unwrap().tells(Metric::AverageDuration), "all unless asked");
    }

    #[test]
    fn a_request_is_written_as_it_is_read() {
        let request = CallAnalyticsRequest {
            start: Timestamp::from_unix(1_783_000_000),
            end: Timestamp::from_unix(1_783_600_000),
            granularity: Granularity::Daily,
            phone_numbers: vec!["551140000000".parse().unwrap()],
            country_codes: Vec::new(),
            directions: vec![Direction::BusinessInitiated],
            dimensions: vec![Dimension::Direction, Dimension::Country],
            metric_types: vec![Metric::Count, Metric::Cost, Metric::AverageDuration],
        };
        let fields = crate::graph::fields::parse(&request.to_field()).unwrap();
        assert_eq!(CallAnalyticsRequest::read(&fields[0].parameters), Ok(request));
    }

    #[test]
    fn a_single_direction_stands_without_a_list() {
        let answer = r#"{"call_analytics": {"granularity": "DAILY",
            "directions": "BUSINESS_INITIATED", "data_points": []}, "id": "1"}"#;
        let read: AccountFigures = serde_json::from_str(answer).unwrap();
        let figures = read.call_analytics.unwrap();
        assert_eq!(figures.directions, [Direction::BusinessInitiated]);
    }

    #[test]
    fn a_fault_names_the_parameter() {
        let table = [
            (with("start", "soon"), "call_analytics.start is not valid: expected Unix seconds"),
            (
                with("granularity", "WEEKLY"),
                "call_analytics.granularity is not valid: expected HALF_HOUR, DAILY or MONTHLY",
            ),
            (
                with("directions", "[\"UP\"]"),
                "call_analytics.directions is not valid: expected USER_INITIATED or \
                 BUSINESS_INITIATED, found \"UP\"",
            ),
            (
                with("country_codes", "[\"BRA\"]"),
                "call_analytics.country_codes is not valid: expected ISO 3166-1 codes such as BR, \
                 found \"BRA\"",
            ),
            (
                with("dimensions", "[\"country\""),
                "call_analytics.dimensions is not valid: expected a JSON array of texts",
            ),
            (read(&NEEDED[1..]), "call_analytics.start is required"),
            (read(&NEEDED[..2]), "call_analytics.granularity is required"),
        ];
        for (got, want) in table {
            assert_eq!(got.unwrap_err().to_string(), want);
        }
        let fault = with("tz", "UTC").unwrap_err().to_string();
        assert!(fault.starts_with("call_analytics.tz is not valid: expected one of start, end"));
    }
}
