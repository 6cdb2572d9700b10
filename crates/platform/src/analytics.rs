//! What do the figures of an account's calls say?
//!
//! The request's words become a question of the rules, the account's ended calls their facts.

use rules::analytics::{self, Dimensions, Point, Query, Tally};
use wire::graph::analytics::{
    CallAnalytics, CallAnalyticsRequest, DataPoint, Dimension, Granularity, Metric,
};

use crate::{api::refusals::ApiRefusal, billing, directory::Account, world::World};

/// Answers a request.
pub(crate) async fn call_analytics(
    world: &World,
    account: &Account,
    request: &CallAnalyticsRequest,
) -> Result<CallAnalytics, ApiRefusal> {
    let (query, zone) = (query(request), billing::zone(account));
    let mut tally = Tally::new(&query, &zone, &world.book_of(account))
        .map_err(|fault| ApiRefusal::Parameter(format!("call_analytics.{fault}")))?;
    let range = (query.start, query.end);
    let add = |call: &analytics::Call| tally.add(call);
    world.store.connected_calls(&account.id, account.currency, range, add).await?;
    Ok(CallAnalytics {
        granularity: request.granularity,
        phone_numbers: request.phone_numbers.clone(),
        country_codes: request.country_codes.clone(),
        directions: request.directions.clone(),
        data_points: tally.finish().into_iter().map(|point| shown(request, point)).collect(),
    })
}

fn query(request: &CallAnalyticsRequest) -> Query {
    let splits = |dimension| request.dimensions.contains(&dimension);
    Query {
        start: request.start,
        end: request.end,
        granularity: match request.granularity {
            Granularity::HalfHour => analytics::Granularity::HalfHour,
            Granularity::Daily => analytics::Granularity::Daily,
            Granularity::Monthly => analytics::Granularity::Monthly,
        },
        phones: request.phone_numbers.clone(),
        countries: request.country_codes.clone(),
        directions: request.directions.clone(),
        dimensions: Dimensions {
            phone: splits(Dimension::Phone),
            direction: splits(Dimension::Direction),
            country: splits(Dimension::Country),
        },
    }
}

fn shown(request: &CallAnalyticsRequest, point: Point) -> DataPoint {
    let tells = |metric| request.tells(metric);
    let average = point.average_s();
    DataPoint {
        start: point.bucket.start,
        end: point.bucket.end,
        direction: point.direction,
        country: point.country.flatten(),
        phone_number: point.phone,
        cost: point.cost.filter(|_| tells(Metric::Cost)).and_then(|cost| as_number(&cost)),
        count: tells(Metric::Count).then_some(point.count),
        average_duration: tells(Metric::AverageDuration).then_some(average),
    }
}

/// The API writes a plain number; this is the one nearest to the decimal's text.
fn as_number(cost: &impl ToString) -> Option<f64> {
    cost.to_string().parse().ok()
}
