//! How many calls were there, how long, at what cost: by half-hour, day or month?
//!
//! [`Tally`] takes calls one by one and gives the points of `call_analytics` (fact sheet 8.6). Its
//! buckets are those of the account's calendar and tile it without gap or overlap, so a day may have
//! twenty-three hours. Only connected calls count.

use std::{collections::BTreeMap, time::Duration};

use jiff::tz::TimeZone;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use terms::{Country, Direction, Timestamp, WaId};

use crate::{
    hours,
    rulebook::{EdgeBuckets, Rulebook},
};

const HALF_HOUR_S: i64 = 1_800;

/// How long a bucket is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Granularity {
    /// From a full or half hour to the next.
    HalfHour,
    /// From midnight to midnight.
    Daily,
    /// From the first midnight of a month to that of the next.
    Monthly,
}

/// A stretch of time, its end not in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bucket {
    /// Its first moment.
    pub start: Timestamp,
    /// The first moment after it.
    pub end: Timestamp,
}

impl Granularity {
    /// The wire form.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::HalfHour => "HALF_HOUR",
            Self::Daily => "DAILY",
            Self::Monthly => "MONTHLY",
        }
    }

    /// The bucket of a moment.
    #[must_use]
    pub fn bucket(self, zone: &TimeZone, at: Timestamp) -> Bucket {
        let local = zone.to_datetime(at.to_jiff());
        match self {
            Self::HalfHour => {
                let past = i64::from(local.minute()) * 60 + i64::from(local.second());
                let start = Timestamp::from_unix(at.unix() - past % HALF_HOUR_S);
                Bucket { start, end: Timestamp::from_unix(start.unix() + HALF_HOUR_S) }
            }
            Self::Daily => {
                let day = local.date();
                let midnight = |days| hours::midnight(zone, day, days);
                Bucket { start: midnight(0), end: midnight(1) }
            }
            Self::Monthly => {
                let first = local.date().first_of_month();
                let days = i32::from(first.days_in_month());
                let midnight = |days| hours::midnight(zone, first, days);
                Bucket { start: midnight(0), end: midnight(days) }
            }
        }
    }

    /// About how many of its buckets cover this time.
    fn buckets_in(self, span: Duration) -> u64 {
        let length_s = match self {
            Self::HalfHour => 1_800,
            Self::Daily => 86_400,
            Self::Monthly => 28 * 86_400,
        };
        span.as_secs().div_ceil(length_s)
    }
}

/// What the points are split by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Dimensions {
    /// The business number.
    pub phone: bool,
    /// Who called.
    pub direction: bool,
    /// The user's country.
    pub country: bool,
}

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// The first moment.
    pub start: Timestamp,
    /// The first moment after.
    pub end: Timestamp,
    /// How long a bucket is.
    pub granularity: Granularity,
    /// Only these business numbers; empty: all.
    pub phones: Vec<WaId>,
    /// Only users of these countries; empty: all.
    pub countries: Vec<Country>,
    /// Only calls of these directions; empty: all.
    pub directions: Vec<Direction>,
    /// What the points are split by.
    pub dimensions: Dimensions,
}

/// A question that has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{parameter}: {reason}")]
pub struct QueryError {
    /// The parameter to change.
    pub parameter: &'static str,
    /// What is wrong with it.
    pub reason: String,
}

/// A connected call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The moment it counts at; see [`crate::usage::counted_at`].
    pub at: Timestamp,
    /// The business number.
    pub phone: WaId,
    /// Who called.
    pub direction: Direction,
    /// The user's country.
    pub country: Option<Country>,
    /// How long it was connected.
    pub connected: Duration,
    /// What it cost; `None` where no rate is known.
    pub cost: Option<Decimal>,
}

/// What one point of the answer is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    bucket: Bucket,
    phone: Option<WaId>,
    direction: Option<Direction>,
    country: Option<Option<Country>>,
}

#[derive(Debug, Clone, Copy)]
struct Sum {
    count: u64,
    connected: Duration,
    cost: Option<Decimal>,
}

/// One point of the answer. A dimension that was not asked for is absent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Point {
    /// When.
    pub bucket: Bucket,
    /// The business number.
    pub phone: Option<WaId>,
    /// Who called.
    pub direction: Option<Direction>,
    /// The user's country; inside, `None` is a number of no country.
    pub country: Option<Option<Country>>,
    /// Connected calls.
    pub count: u64,
    /// How long they were, together.
    pub connected: Duration,
    /// What they cost; absent if one of them has no known price.
    pub cost: Option<Decimal>,
}

impl Point {
    /// The mean length of a call, in whole seconds, rounded to the nearest.
    #[must_use]
    pub fn average_s(&self) -> u64 {
        let half = u128::from(self.count) * 500;
        let mean = (self.connected.as_millis() + half) / (u128::from(self.count.max(1)) * 1_000);
        u64::try_from(mean).unwrap_or(u64::MAX)
    }
}

/// The points so far.
#[derive(Debug)]
pub struct Tally<'a> {
    query: &'a Query,
    zone: &'a TimeZone,
    edges: EdgeBuckets,
    sums: BTreeMap<Key, Sum>,
}

impl<'a> Tally<'a> {
    /// Begins with none.
    ///
    /// # Errors
    ///
    /// The range is empty, or has more buckets than one request may ask for.
    pub fn new(query: &'a Query, zone: &'a TimeZone, book: &Rulebook) -> Result<Self, QueryError> {
        if query.end <= query.start {
            let reason = "must lie after start".to_owned();
            return Err(QueryError { parameter: "end", reason });
        }
        let max = book.analytics.buckets_max.value;
        let buckets = query.granularity.buckets_in(query.end.since(query.start));
        if buckets > u64::from(max) {
            let name = query.granularity.as_str();
            let reason = format!("{buckets} points of {name}; a request may ask for {max}");
            return Err(QueryError { parameter: "granularity", reason });
        }
        let edges = book.analytics.edge_buckets.value;
        Ok(Self { query, zone, edges, sums: BTreeMap::new() })
    }

    /// Adds a call, if it was asked for.
    pub fn add(&mut self, call: &Call) {
        let query = self.query;
        let is_asked = (query.start..query.end).contains(&call.at)
            && wanted(&query.phones, &call.phone)
            && wanted(&query.directions, &call.direction)
            && (query.countries.is_empty()
                || call.country.is_some_and(|it| query.countries.contains(&it)));
        if !is_asked {
            return;
        }
        let split = query.dimensions;
        let key = Key {
            bucket: query.granularity.bucket(self.zone, call.at),
            phone: split.phone.then(|| call.phone.clone()),
            direction: split.direction.then_some(call.direction),
            country: split.country.then_some(call.country),
        };
        let nothing = Sum { count: 0, connected: Duration::ZERO, cost: Some(Decimal::ZERO) };
        let sum = self.sums.entry(key).or_insert(nothing);
        sum.count += 1;
        sum.connected = sum.connected.saturating_add(call.connected);
        sum.cost = sum.cost.zip(call.cost).and_then(|(sum, cost)| sum.checked_add(cost));
    }

    /// The points with calls, by time.
    #[must_use]
    pub fn finish(self) -> Vec<Point> {
        let (query, edges) = (self.query, self.edges);
        let point = |(key, sum): (Key, Sum)| Point {
            bucket: match edges {
                EdgeBuckets::Whole => key.bucket,
                EdgeBuckets::Clipped => Bucket {
                    start: key.bucket.start.max(query.start),
                    end: key.bucket.end.min(query.end),
                },
            },
            phone: key.phone,
            direction: key.direction,
            country: key.country,
            count: sum.count,
            connected: sum.connected,
            cost: sum.cost.map(|cost| cost.normalize()),
        };
        self.sums.into_iter().map(point).collect()
    }
}

fn wanted<T: PartialEq>(only: &[T], it: &T) -> bool {
    only.is_empty() || only.contains(it)
}
