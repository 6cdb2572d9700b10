//! Where do two accounts of the same calls differ, and which calls explain it?
//!
//! Ours and the platform's, day by day, direction by direction, country by country. A figure one side
//! does not tell is not compared. The platform gives whole seconds of a mean and a rounded number of
//! money, so what lies within that rounding is the same.

use std::{collections::BTreeMap, time::Duration};

use jiff::tz::TimeZone;
use rust_decimal::Decimal;
use serde::Serialize;
use terms::{CallId, Country, Direction, Timestamp};

use crate::analytics::{Bucket, Granularity};

/// The calls listed for one difference.
const CALLS_MAX: usize = 50;
/// How far from a day's edge a call may have been counted on the other side of it.
const EDGE: Duration = Duration::from_secs(60);
/// Sums of money this close are the same: half of the fourth decimal, and as much again for each
/// party's rounding.
const SAME_MONEY: Decimal = Decimal::from_parts(1, 0, 0, false, 4);

/// A connected call of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ours {
    /// Which.
    pub call_id: CallId,
    /// The moment it counts at.
    pub at: Timestamp,
    /// Who called.
    pub direction: Direction,
    /// The user's country.
    pub country: Option<Country>,
    /// How long it was connected.
    pub connected: Duration,
    /// What it cost; absent where no rate is known.
    pub cost: Option<Decimal>,
    /// Whether the platform told its figures.
    pub is_confirmed: bool,
}

/// What one party says of a day, a direction and a country.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Figures {
    /// Connected calls.
    pub calls: u64,
    /// Their mean length in whole seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mean_s: Option<u64>,
    /// What they cost.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>))]
    pub cost: Option<Decimal>,
}

/// What figures are about, in the order they are listed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cell {
    /// The first moment of the day.
    pub day: Timestamp,
    /// Who called.
    pub direction: Direction,
    /// The user's country.
    pub country: Option<Country>,
}

/// A figure that differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Differs {
    /// How many calls.
    Calls,
    /// Their mean length.
    Duration,
    /// What they cost.
    Cost,
}

/// Why a call may explain a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// The platform never told its figures of it.
    Unconfirmed,
    /// We know no rate for it.
    Unpriced,
    /// It counts within a minute of midnight.
    EdgeOfDay,
    /// It is one of the calls of the day.
    InCell,
}

/// A call that may explain a difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Suspect {
    /// Which.
    pub call_id: CallId,
    /// Why it may.
    pub why: Why,
}

/// What two parties say differently.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Of what.
    pub cell: Cell,
    /// What we say; absent: nothing.
    pub ours: Option<Figures>,
    /// What the platform says; absent: nothing.
    pub theirs: Option<Figures>,
    /// Which figures differ.
    pub differs: Vec<Differs>,
    /// Calls of ours that may explain it, the likeliest first.
    pub calls: Vec<Suspect>,
}

/// The differences, by day; and how many cells were compared.
#[must_use]
pub fn reconcile(
    ours: &[Ours],
    theirs: &[(Cell, Figures)],
    zone: &TimeZone,
) -> (usize, Vec<Difference>) {
    let mut cells: BTreeMap<Cell, (Vec<&Ours>, Option<Figures>)> = BTreeMap::new();
    for call in ours {
        cells.entry(cell_of(call, zone)).or_default().0.push(call);
    }
    for (cell, figures) in theirs {
        cells.entry(cell.clone()).or_default().1 = Some(*figures);
    }
    let count = cells.len();
    let differences = cells.into_iter().filter_map(|(cell, (calls, theirs))| {
        let ours = (!calls.is_empty()).then(|| sum(&calls));
        let differs = compare(ours.as_ref(), theirs.as_ref());
        if differs.is_empty() {
            return None;
        }
        let calls = suspects(&calls, &differs, zone);
        Some(Difference { cell, ours, theirs, differs, calls })
    });
    (count, differences.collect())
}

fn cell_of(call: &Ours, zone: &TimeZone) -> Cell {
    let day = Granularity::Daily.bucket(zone, call.at).start;
    Cell { day, direction: call.direction, country: call.country }
}

fn sum(calls: &[&Ours]) -> Figures {
    let count = u64::try_from(calls.len()).unwrap_or(u64::MAX);
    let connected_ms: u128 = calls.iter().map(|call| call.connected.as_millis()).sum();
    let mean = (connected_ms + u128::from(count) * 500) / (u128::from(count.max(1)) * 1_000);
    let cost = calls.iter().try_fold(Decimal::ZERO, |sum, call| sum.checked_add(call.cost?));
    Figures {
        calls: count,
        mean_s: u64::try_from(mean).ok(),
        cost: cost.map(|cost| cost.normalize()),
    }
}

fn compare(ours: Option<&Figures>, theirs: Option<&Figures>) -> Vec<Differs> {
    let count = |figures: Option<&Figures>| figures.map_or(0, |figures| figures.calls);
    let mut differs = Vec::new();
    if count(ours) != count(theirs) {
        differs.push(Differs::Calls);
    }
    let (Some(ours), Some(theirs)) = (ours, theirs) else { return differs };
    // Each mean is rounded by its party.
    if ours.mean_s.zip(theirs.mean_s).is_some_and(|(ours, theirs)| ours.abs_diff(theirs) > 1) {
        differs.push(Differs::Duration);
    }
    let apart = |(ours, theirs): (Decimal, Decimal)| (ours - theirs).abs() > SAME_MONEY;
    if ours.cost.zip(theirs.cost).is_some_and(apart) {
        differs.push(Differs::Cost);
    }
    // A price we do not know is a difference once the platform charges.
    if ours.cost.is_none() && theirs.cost.is_some_and(|cost| !cost.is_zero()) {
        differs.push(Differs::Cost);
    }
    differs
}

fn suspects(calls: &[&Ours], differs: &[Differs], zone: &TimeZone) -> Vec<Suspect> {
    let costs = differs.contains(&Differs::Cost);
    let why = |call: &Ours| {
        let Bucket { start, end } = Granularity::Daily.bucket(zone, call.at);
        let edge = call.at.since(start).min(end.since(call.at)) <= EDGE;
        match call {
            Ours { is_confirmed: false, .. } => Why::Unconfirmed,
            Ours { cost: None, .. } if costs => Why::Unpriced,
            Ours { .. } if edge => Why::EdgeOfDay,
            Ours { .. } => Why::InCell,
        }
    };
    let mut suspects: Vec<_> = calls
        .iter()
        .map(|call| Suspect { call_id: call.call_id.clone(), why: why(call) })
        .collect();
    suspects.sort_by_key(|suspect| suspect.why);
    suspects.truncate(CALLS_MAX);
    suspects
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 86_400;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix(1_782_950_400 + seconds)
    }

    fn call(id: &str, seconds: i64, connected_s: u64, cost: Option<&str>) -> Ours {
        Ours {
            call_id: format!("wacid.{id}").parse().unwrap(),
            at: at(seconds),
            direction: Direction::BusinessInitiated,
            country: "MX".parse().ok(),
            connected: Duration::from_secs(connected_s),
            cost: cost.map(|text| text.parse().unwrap()),
            is_confirmed: true,
        }
    }

    fn said(day: i64, calls: u64, mean_s: u64, cost: Option<&str>) -> (Cell, Figures) {
        let direction = Direction::BusinessInitiated;
        let cell = Cell { day: at(day * DAY), direction, country: "MX".parse().ok() };
        let cost = cost.map(|text| text.parse().unwrap());
        (cell, Figures { calls, mean_s: Some(mean_s), cost })
    }

    #[test]
    fn the_same_calls_have_no_difference_though_both_round() {
        let ours = [call("A", 4_000, 70, Some("0.12")), call("B", 5_000, 57, Some("0.1"))];
        let theirs = [said(0, 2, 63, Some("0.22005"))];
        assert_eq!(reconcile(&ours, &theirs, &TimeZone::UTC), (1, Vec::new()));
    }

    #[test]
    fn a_call_they_have_and_we_lack_is_a_difference_in_calls_alone() {
        let (_, found) = reconcile(&[], &[said(0, 1, 60, Some("0.1"))], &TimeZone::UTC);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].ours, &*found[0].differs), (None, &[Differs::Calls][..]));
        assert!(found[0].calls.is_empty(), "none of ours explains it");
    }

    #[test]
    fn what_explains_a_difference_comes_first() {
        let mut dead = call("A", 4_000, 60, Some("0.1"));
        dead.is_confirmed = false;
        let ours = [call("B", 5_000, 60, Some("0.1")), call("C", 30, 60, Some("0.1")), dead];
        let (_, found) = reconcile(&ours, &[said(0, 1, 60, Some("0.1"))], &TimeZone::UTC);
        let why: Vec<_> = found[0].calls.iter().map(|suspect| suspect.why).collect();
        assert_eq!(why, [Why::Unconfirmed, Why::EdgeOfDay, Why::InCell]);
        assert_eq!(found[0].differs, [Differs::Calls, Differs::Cost]);
    }

    #[test]
    fn an_unknown_price_differs_once_they_charge_and_a_figure_they_keep_back_never() {
        let ours = [call("A", 4_000, 60, None)];
        let (_, found) = reconcile(&ours, &[said(0, 1, 60, Some("0.1"))], &TimeZone::UTC);
        assert_eq!(found[0].differs, [Differs::Cost]);
        assert_eq!(found[0].calls[0].why, Why::Unpriced);
        assert!(reconcile(&ours, &[said(0, 1, 60, None)], &TimeZone::UTC).1.is_empty());
    }

    #[test]
    fn a_day_is_the_accounts() {
        let zone = crate::hours::zone("America/Sao_Paulo").unwrap();
        let ours = [call("A", 3_600, 60, None)];
        let (mut cell, figures) = said(0, 1, 60, None);
        cell.day = at(3 * 3_600 - DAY);
        assert!(reconcile(&ours, &[(cell, figures)], &zone).1.is_empty());
    }
}
