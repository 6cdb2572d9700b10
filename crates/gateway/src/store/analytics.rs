//! What do the calls of a span add up to, and by what?
//!
//! One pass of the database for each kind of figure; only sums leave it. Hours and days come as spans,
//! for the database knows no time zone.

use std::collections::BTreeMap;

use rusqlite::{Connection, named_params};
use terms::{Money, Timestamp};

use super::{
    LineSet, Store, StoreError, amount,
    figures::{count, count_if},
};

/// What calls are grouped by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Grouping {
    /// By nothing: one row of all.
    All,
    /// By stretches of time, which do not overlap.
    Spans(Vec<(Timestamp, Timestamp)>),
    /// By the user's country.
    Country,
    /// By the agent who had the call.
    Agent,
    /// By who called.
    Direction,
}

/// What the calls of one group add up to. What is not known is absent, never zero.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Grouped {
    /// All calls.
    pub calls: u64,
    /// Those that were picked up.
    pub answered: u64,
    /// How long half of the answered ones waited at most, and 95 of 100.
    pub wait_ms: Option<(u64, u64)>,
    /// How long the answered ones were together, as far as that is known, and of how many it is.
    pub duration: Option<(u64, u64)>,
    /// What they cost, by currency.
    pub cost: Vec<Money>,
    /// Those that were not picked up, by reason.
    pub missed: BTreeMap<String, u64>,
}

/// The calls of a span with the group each is in: the same for every kind of figure.
const CALLS: &str = "
WITH span (place, from_ms, to_ms) AS (
    SELECT key, value ->> 0, value ->> 1 FROM json_each(:spans)),
calls AS (
    SELECT f.*, CASE :by WHEN 'country' THEN f.country WHEN 'agent' THEN f.agent
        WHEN 'direction' THEN f.direction WHEN 'span' THEN CAST(span.place AS TEXT) ELSE '' END AS grp
    FROM span JOIN call_figures f ON f.started_ms >= span.from_ms AND f.started_ms < span.to_ms
    WHERE f.number IN (SELECT value FROM json_each(:lines)))";

/// Groups by their key: the place of a span, a country, an agent, a direction.
type Groups = BTreeMap<Option<String>, Grouped>;

impl Store {
    /// What the calls of these lines that started in this span add up to, by group; groups without calls are not
    /// there. The key of a span is its place in the list.
    ///
    /// # Errors
    ///
    /// The store failed.
    pub(crate) async fn analytics(
        &self,
        lines: LineSet,
        span: (Timestamp, Timestamp),
        by: Grouping,
    ) -> Result<Groups, StoreError> {
        let (word, spans) = match by {
            Grouping::All => ("all", vec![span]),
            Grouping::Spans(spans) => ("span", spans),
            Grouping::Country => ("country", vec![span]),
            Grouping::Agent => ("agent", vec![span]),
            Grouping::Direction => ("direction", vec![span]),
        };
        let spans: Vec<_> = spans.iter().map(|(from, to)| [from.unix_ms(), to.unix_ms()]).collect();
        let spans = serde_json::to_string(&spans)?;
        self.run(move |db| {
            let asked = Asked { db, spans: &spans, by: word, lines: &lines };
            let mut groups = Groups::new();
            asked.counts(&mut groups)?;
            asked.waits(&mut groups)?;
            asked.costs(&mut groups)?;
            asked.missed(&mut groups)?;
            Ok(groups)
        })
        .await
    }
}

struct Asked<'a> {
    db: &'a Connection,
    spans: &'a str,
    by: &'static str,
    lines: &'a LineSet,
}

impl Asked<'_> {
    /// Runs a query over the calls; `take` gets the group of each row.
    fn each(
        &self,
        query: &str,
        groups: &mut Groups,
        mut take: impl FnMut(&mut Grouped, &rusqlite::Row<'_>) -> rusqlite::Result<()>,
    ) -> Result<(), StoreError> {
        let mut statement = self.db.prepare_cached(&format!("{CALLS} {query}"))?;
        let named = named_params! { ":spans": self.spans, ":by": self.by, ":lines": self.lines };
        let mut rows = statement.query(named)?;
        while let Some(row) = rows.next()? {
            take(groups.entry(row.get(0)?).or_default(), row)?;
        }
        Ok(())
    }

    fn counts(&self, groups: &mut Groups) -> Result<(), StoreError> {
        let query = "SELECT grp, COUNT(*), SUM(answered), SUM(duration_s), COUNT(duration_s)
                     FROM calls GROUP BY grp";
        self.each(query, groups, |group, row| {
            (group.calls, group.answered) = (count(row, 1)?, count(row, 2)?);
            group.duration = count_if(row, 3)?.zip(count_if(row, 4)?);
            Ok(())
        })
    }

    /// By nearest rank: the least wait that so many of a hundred do not exceed.
    fn waits(&self, groups: &mut Groups) -> Result<(), StoreError> {
        let query = ", ranked AS (
            SELECT grp, wait_ms, ROW_NUMBER() OVER (PARTITION BY grp ORDER BY wait_ms) AS rank,
                COUNT(*) OVER (PARTITION BY grp) AS count
            FROM calls WHERE wait_ms IS NOT NULL)
            SELECT grp, MIN(wait_ms) FILTER (WHERE rank * 100 >= count * 50),
                MIN(wait_ms) FILTER (WHERE rank * 100 >= count * 95)
            FROM ranked GROUP BY grp";
        self.each(query, groups, |group, row| {
            group.wait_ms = count_if(row, 1)?.zip(count_if(row, 2)?);
            Ok(())
        })
    }

    fn costs(&self, groups: &mut Groups) -> Result<(), StoreError> {
        let query = "SELECT grp, currency, SUM(paid) FROM calls WHERE paid IS NOT NULL
                     GROUP BY grp, currency ORDER BY grp, currency";
        self.each(query, groups, |group, row| {
            group.cost.extend(amount::money(row.get(2)?, &row.get::<_, String>(1)?));
            Ok(())
        })
    }

    fn missed(&self, groups: &mut Groups) -> Result<(), StoreError> {
        let query = "SELECT grp, reason, COUNT(*) FROM calls WHERE answered = 0
                     GROUP BY grp, reason";
        self.each(query, groups, |group, row| {
            group.missed.insert(row.get(1)?, count(row, 2)?);
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rand::{Rng, RngExt, SeedableRng, rngs::StdRng};
    use switchboard::call::EndReason;
    use terms::{Direction, PhoneNumberId};
    use wire::console::Peer;

    use super::*;
    use crate::{
        cdr::Cdr,
        tariff::{
            country,
            tests::{placed, tariff},
        },
    };

    const FROM: i64 = 1_795_824_000;
    const DAY: i64 = 86_400;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix(FROM + seconds)
    }

    async fn kept(cdrs: Vec<Cdr>) -> (Store, Vec<Cdr>) {
        let tariff = tariff("UTC");
        let store = Store::open(None, &tariff.number).unwrap();
        let mut kept = Vec::new();
        for cdr in cdrs {
            kept.push(store.save_cdr(cdr, tariff.clone(), |_| Vec::new()).await.unwrap());
        }
        (store, kept)
    }

    fn mine_id() -> PhoneNumberId {
        tariff("UTC").number
    }

    fn missed(id: &str, start: Timestamp, reason: &EndReason) -> Cdr {
        let contact = Peer { wa_id: "5511988887777".parse().ok(), ..Peer::default() };
        let id = format!("wacid.{id}").parse().unwrap();
        Cdr::new(mine_id(), id, Direction::UserInitiated, contact, start, start, reason)
    }

    fn answered(id: &str, to: &str, start: Timestamp, wait_s: u64, seconds: u64) -> Cdr {
        let mut cdr = placed(id, to, &start.to_string(), seconds);
        cdr.talked(start + Duration::from_secs(wait_s), Duration::from_secs(seconds));
        cdr
    }

    #[tokio::test]
    async fn a_small_set_by_hand() {
        let (store, _) = kept(vec![
            answered("A", "5215550000001", at(10), 4, 60),
            answered("B", "5215550000002", at(20), 10, 30),
            missed("C", at(30), &EndReason::CallerGaveUp),
            missed("D", at(DAY), &EndReason::NobodyAnswered),
        ])
        .await;
        let span = (at(0), at(2 * DAY));
        let groups = store.analytics(LineSet::one(&mine_id()), span, Grouping::All).await.unwrap();
        let all = &groups[&Some(String::new())];
        assert_eq!((all.calls, all.answered), (4, 2));
        assert_eq!(all.wait_ms, Some((4_000, 10_000)));
        assert_eq!(all.duration, Some((90, 2)));
        let cost: Vec<_> = all.cost.iter().map(ToString::to_string).collect();
        assert_eq!(cost, ["0.15 USD"]);
        assert_eq!(all.missed["caller_gave_up"] + all.missed["nobody_answered"], 2);

        let days = Grouping::Spans(vec![(at(0), at(DAY)), (at(DAY), at(2 * DAY))]);
        let days = store.analytics(LineSet::one(&mine_id()), span, days).await.unwrap();
        assert_eq!(days[&Some("0".into())].calls, 3);
        let second = &days[&Some("1".into())];
        assert_eq!((second.calls, second.wait_ms, second.duration), (1, None, None));
        assert!(second.cost.is_empty(), "absent, not zero");
        let countries =
            store.analytics(LineSet::one(&mine_id()), span, Grouping::Country).await.unwrap();
        assert_eq!(countries.keys().flatten().collect::<Vec<_>>(), ["BR", "MX"]);
    }

    fn random(id: u32, rng: &mut impl Rng) -> Cdr {
        let start = at(rng.random_range(-DAY..3 * DAY));
        let id = format!("R{id}");
        if rng.random_bool(0.4) {
            let reasons = [EndReason::CallerGaveUp, EndReason::NobodyAnswered];
            return missed(&id, start, &reasons[rng.random_range(0..2)]);
        }
        let to = ["5215550000001", "4915550000001", "5511988887777"][rng.random_range(0..3)];
        let (wait_s, seconds) = (rng.random_range(0..40), rng.random_range(0..300));
        let mut cdr = answered(&id, to, start, wait_s, seconds);
        cdr.agent = rng.random_bool(0.5).then(|| "lia".parse().unwrap());
        cdr
    }

    /// The same by going through the records one by one.
    fn brute(cdrs: &[Cdr], key: impl Fn(&Cdr) -> Option<Option<String>>) -> Groups {
        let mut groups: BTreeMap<_, Vec<&Cdr>> = BTreeMap::new();
        for cdr in cdrs {
            if let Some(key) = key(cdr) {
                groups.entry(key).or_default().push(cdr);
            }
        }
        groups.into_iter().map(|(key, calls)| (key, sum(&calls))).collect()
    }

    fn sum(calls: &[&Cdr]) -> Grouped {
        let mut sum = Grouped { calls: calls.len() as u64, ..Grouped::default() };
        let (mut waits, mut cost) = (Vec::new(), None);
        for cdr in calls {
            let Some(answered_at) = cdr.answered_at else {
                *sum.missed.entry(cdr.reason.clone()).or_default() += 1;
                continue;
            };
            sum.answered += 1;
            let wait = answered_at.since(cdr.started_at);
            waits.push(u64::try_from(wait.as_millis()).unwrap());
            let (seconds, count) = sum.duration.unwrap_or_default();
            sum.duration = Some((seconds + cdr.duration_s.unwrap(), count + 1));
            cost = match (cost, cdr.price) {
                (Some(Money { amount, currency }), Some(price)) => {
                    Some(Money { amount: amount + price.amount, currency })
                }
                (cost, price) => cost.or(price),
            };
        }
        waits.sort_unstable();
        let rank = |percent: usize| waits.get((waits.len() * percent).div_ceil(100).max(1) - 1);
        sum.wait_ms = rank(50).copied().zip(rank(95).copied());
        sum.cost.extend(
            cost.map(|Money { amount, currency }| Money { amount: amount.normalize(), currency }),
        );
        sum
    }

    #[tokio::test]
    async fn sums_of_the_database_are_those_of_going_through_the_records() {
        for seed in 0..6 {
            let mut rng = StdRng::seed_from_u64(seed);
            let count = rng.random_range(0..120);
            let (store, cdrs) = kept((0..count).map(|id| random(id, &mut rng)).collect()).await;
            let span = (at(0), at(2 * DAY));
            let inside = |cdr: &Cdr| (span.0..span.1).contains(&cdr.started_at);
            let by = |by| store.analytics(LineSet::one(&mine_id()), span, by);
            let text = |word: &str| Some(word.to_owned());
            let found = by(Grouping::Direction).await.unwrap();
            let wanted = brute(&cdrs, |cdr| inside(cdr).then(|| text(cdr.direction.as_str())));
            assert_eq!(found, wanted, "seed {seed}");
            let found = by(Grouping::Agent).await.unwrap();
            let agent = |cdr: &Cdr| cdr.agent.as_ref().map(ToString::to_string);
            assert_eq!(found, brute(&cdrs, |cdr| inside(cdr).then(|| agent(cdr))), "seed {seed}");
            let found = by(Grouping::Country).await.unwrap();
            let nation = |cdr: &Cdr| country(cdr).map(|country| country.to_string());
            assert_eq!(found, brute(&cdrs, |cdr| inside(cdr).then(|| nation(cdr))), "seed {seed}");
            let spans: Vec<_> =
                (0..16).map(|nth| (at(nth * 10_800), at((nth + 1) * 10_800))).collect();
            let found = by(Grouping::Spans(spans.clone())).await.unwrap();
            let place = |cdr: &Cdr| {
                let place =
                    spans.iter().position(|span| (span.0..span.1).contains(&cdr.started_at));
                place.map(|place| Some(place.to_string()))
            };
            assert_eq!(found, brute(&cdrs, place), "seed {seed}");
        }
    }
}
