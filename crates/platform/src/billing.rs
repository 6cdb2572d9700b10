//! What do calls and messages cost here?
//!
//! The rules price; this gathers their facts: which card holds for the account today, how much of the
//! month its portfolio has used. A call that reaches a cheaper tier is told by webhook.

use std::sync::Arc;

use rules::{
    call::Ending,
    hours,
    price::{self, Card, Category, Price},
    usage::{self, Month},
};
use terms::{Direction, MessageId, Timestamp};

use crate::{
    calls::Facts,
    consent,
    directory::{Account, Number, User},
    store::{EndedCall, Kind, Meter, SentMessage, StoreFault},
    webhooks::{Lane, Origin, compose},
    world::World,
};

/// The meter of a number's free messages.
const FREE_MESSAGES: &str = "free service messages";

/// The market of whoever has none.
const OTHER: &str = "Other";

/// Notes a call that ended: for analytics, and for the number's quality.
pub(crate) async fn note_end(
    world: &World,
    facts: &Facts,
    ending: &Ending,
) -> Result<(), StoreFault> {
    let (number, user) = (&facts.number, &facts.user);
    let book = world.book(number);
    world
        .store
        .add_call(EndedCall {
            id: facts.id.clone(),
            account: number.account.clone(),
            number: number.id.clone(),
            phone: number.digits.clone(),
            user: user.wa_id.clone(),
            direction: facts.direction,
            country: user.country,
            at: usage::counted_at(ending.answered_at, ending.ended_at, &book),
            ended_at: ending.ended_at,
            connected: ending.connected(),
        })
        .await
}

/// Prices a business's call that ended, once; `None` without a card or a rate, and for a call that
/// was priced before.
pub(crate) async fn call(
    world: &World,
    facts: &Facts,
    ending: &Ending,
) -> Result<Option<Price>, StoreFault> {
    let number = &facts.number;
    let Some(account) = world.directory.account(&number.account) else { return Ok(None) };
    let Some(connected) = ending.connected() else { return Ok(None) };
    let (book, country) = (world.book(number), facts.user.country);
    let at = usage::counted_at(ending.answered_at, ending.ended_at, &book);
    let month = month(&account, at);
    let card =
        world.cards().calls(&account.rate_card, account.currency, day(&account, at)).cloned();
    let market = card.as_ref().and_then(|card| Some(card.market(country)?.0.to_owned()));
    let meter = market.clone().map(|market| calls_meter(&account, &market, month));
    let direction = Direction::BusinessInitiated;
    let used = price::billed(direction, connected, &book);
    let (outbox, told, now) = (world.outbox.clone(), Arc::clone(number), world.clock.now());
    let price = move |before| {
        let price = card
            .as_deref()
            .and_then(|card| price::price(card, direction, country, connected, before, &book));
        let cheaper = price.as_ref().filter(|price| price.tier_before.is_some());
        let webhooks = cheaper.map(|price| {
            let change = compose::volume_tier(price, month, now);
            outbox.compose(Origin::Event, &told, &account_lane(&told), change)
        });
        (price, webhooks.unwrap_or_default())
    };
    let priced = world.store.bill_call(&facts.id, meter, used, price).await?;
    if priced.as_ref().is_some_and(|price| price.tier_before.is_some()) {
        world.outbox.wake();
    }
    Ok(priced)
}

/// Prices a message the business sent.
pub(crate) async fn message(
    world: &World,
    number: &Number,
    user: &User,
    id: &MessageId,
    category: Category,
) -> Result<(), StoreFault> {
    let Some(account) = world.directory.account(&number.account) else { return Ok(()) };
    let (now, book) = (world.clock.now(), world.book(number));
    let window = consent::load(world, number, user).await?.window;
    let window_open = window.check(&book, now).is_ok();
    let day = day(&account, now);
    let card = world.cards().messages(&account.rate_card, account.currency, day).cloned();
    let rate = card.as_ref().and_then(|card| card.rate(user.country, category));
    let each = rate.map(|rate| rate.each);
    let sent = SentMessage {
        id: id.clone(),
        account: number.account.clone(),
        number: number.id.clone(),
        user: user.wa_id.clone(),
        call: world.calls.of_pair(&number.id, &user.wa_id).map(|call| call.id),
        category,
        at: now,
    };
    let free = Meter {
        owner: number.id.to_string(),
        what: FREE_MESSAGES.to_owned(),
        month: month(&account, now).to_string(),
    };
    let price = move |used| {
        let charge = price::charge(category, window_open, used, &book);
        (charge, each.filter(|_| charge == price::Charge::Billed))
    };
    world.store.bill_message(sent, free, price).await
}

/// Adds a rate card and keeps it.
pub(crate) async fn add_card(
    world: &World,
    name: &str,
    csv: &str,
    card: Card,
) -> Result<(), StoreFault> {
    // Cards of calls and of messages may have one name.
    let rates_of = match &card {
        Card::Calls(_) => "calls",
        Card::Messages(_) => "messages",
    };
    let id = format!("{name} {} {rates_of}", card.currency());
    world.store.save(Kind::RateCard, &id, &(name, csv)).await?;
    world.add_card(card);
    Ok(())
}

/// The market of a user on the card of a number's account, and the month there; `Other` without a card
/// that knows the user's country.
pub(crate) fn market_now(world: &World, number: &Number, user: &User) -> (String, Month) {
    let now = world.clock.now();
    let Some(account) = world.directory.account(&number.account) else {
        return (OTHER.to_owned(), Month::of(&jiff::tz::TimeZone::UTC, now));
    };
    let (cards, day) = (world.cards(), day(&account, now));
    let card = cards.calls(&account.rate_card, account.currency, day);
    let market = card.and_then(|card| card.market(user.country));
    let market = market.map_or(OTHER, |(name, _)| name).to_owned();
    (market, month(&account, now))
}

/// The cards that were added in earlier runs.
pub(crate) async fn kept_cards(store: &crate::store::Store) -> Result<Vec<Card>, StoreFault> {
    let kept: Vec<(String, String)> = store.load_all(Kind::RateCard).await?;
    let read = |(name, csv): (String, String)| {
        let card = Card::parse(&name, &csv);
        card.inspect_err(|fault| tracing::error!(%fault, "a kept rate card is not readable")).ok()
    };
    Ok(kept.into_iter().filter_map(read).collect())
}

/// The lane of webhooks about a number's account.
pub(crate) fn account_lane(number: &Number) -> Lane {
    Lane(format!("{}/account", number.id))
}

fn calls_meter(account: &Account, market: &str, month: Month) -> Meter {
    Meter {
        owner: account.portfolio.clone().unwrap_or_else(|| account.id.to_string()),
        what: format!("calls to {market}"),
        month: month.to_string(),
    }
}

/// An account whose zone is unknown has the days of UTC.
pub(crate) fn zone(account: &Account) -> jiff::tz::TimeZone {
    hours::zone(&account.timezone).unwrap_or(jiff::tz::TimeZone::UTC)
}

/// When a month such as `2026-11` begins and ends by the account's calendar.
pub(crate) fn month_span(account: &Account, month: &str) -> Option<(Timestamp, Timestamp)> {
    let first: jiff::civil::Date = format!("{month}-01").parse().ok()?;
    let next = first.checked_add(jiff::Span::new().months(1)).ok()?;
    let begins = |day: jiff::civil::Date| {
        let midnight = day.to_zoned(zone(account)).ok()?;
        Some(Timestamp::from_unix_ms(midnight.timestamp().as_millisecond()))
    };
    Some((begins(first)?, begins(next)?))
}

/// The month of a moment by the account's calendar.
pub(crate) fn month(account: &Account, at: Timestamp) -> Month {
    Month::of(&zone(account), at)
}

fn day(account: &Account, at: Timestamp) -> jiff::civil::Date {
    usage::day(&zone(account), at)
}
