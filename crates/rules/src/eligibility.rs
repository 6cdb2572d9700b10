//! Is this call, or this request for permission, allowed?
//!
//! The checks run in the platform's order (fact sheet 4.7), so the first refusal is the one a
//! client would meet at WhatsApp. The body and its SDP are read between the two halves; the types
//! keep that order: [`check_number`] (over SIP [`check_sip_number`]) gives a [`NumberCleared`], which
//! [`check_call`] turns into a [`Permit`], and only a permit makes a [`crate::call::Call`] to a user.
//!
//! ```text
//! SIP → enabled → country → restriction │ body │ payment → callable → permission (→ window)
//!   → one call a pair → pair's day → number's day → concurrency
//! ```

use terms::{Country, Timestamp};

use crate::{
    Refusal,
    hours::{self, CallHours},
    limits::{NumberKind, Use},
    permission::{self, Consent, Consented},
    rulebook::{ConcurrencyScope, CountryScope, Rulebook},
    window::Window,
};

/// What is known about the business number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NumberFacts {
    /// Its country; `None` when the digits belong to none.
    pub country: Option<Country>,
    /// Real or test number.
    pub kind: NumberKind,
    /// `sip.status` is `ENABLED`.
    pub sip_enabled: bool,
    /// `calling.status` is `ENABLED`.
    pub calling_enabled: bool,
    /// End of a restriction of business-initiated calls.
    pub business_calls_restricted_until: Option<Timestamp>,
    /// End of a restriction of user-initiated calls.
    pub user_calls_restricted_until: Option<Timestamp>,
    /// The account's payment method is valid.
    pub payment_valid: bool,
}

/// What is known about the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UserFacts {
    /// `None` if the user can be called, else why not.
    pub uncallable: Option<&'static str>,
    /// The user has blocked the number.
    pub blocks_number: bool,
    /// There is such a user.
    pub is_on_whatsapp: bool,
    /// The app takes calls of businesses and shows their permission requests.
    pub app_is_recent: bool,
    /// The app shows call buttons.
    pub shows_buttons: bool,
    /// On the number's allowed list; asked of the kinds of numbers that have one.
    pub on_allowed_list: bool,
}

/// How busy the number and its account are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Load {
    /// New business-initiated calls of the number; see [`crate::limits::Rolling`].
    pub placed: Use,
    /// Running calls of the number.
    pub running_of_number: u32,
    /// Running calls of the account.
    pub running_of_account: u32,
    /// A call between this number and this user is running.
    pub pair_in_call: bool,
}

/// Proof that the number may use calls at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NumberCleared(());

/// Proof that this business may call this user now; the only way to dial.
#[derive(Debug, PartialEq, Eq)]
pub struct Permit {
    consented: Consented,
    until: Option<Timestamp>,
}

impl Permit {
    /// The user's permission.
    #[must_use]
    pub fn consented(&self) -> Consented {
        self.consented
    }

    /// The next moment at which the answer changes by time alone: the permission or a needed
    /// window ends.
    #[must_use]
    pub fn changes_at(&self) -> Option<Timestamp> {
        self.until
    }
}

/// Proof that this business may ask this user for permission now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestPermit(());

/// How a request for permission is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestForm {
    /// An interactive message; needs an open window.
    FreeForm,
    /// A template; always possible.
    Template,
}

/// The first half of the checks for any Graph call action that starts a call.
///
/// # Errors
///
/// The first refusal in order.
pub fn check_number(
    number: &NumberFacts,
    book: &Rulebook,
    now: Timestamp,
) -> Result<NumberCleared, Refusal> {
    if number.sip_enabled {
        return Err(Refusal::SipEnabled);
    }
    check_open_to_business(number, book, now)?;
    Ok(NumberCleared(()))
}

/// The same for a call that a business signals over SIP, where Graph's actions are off.
///
/// # Errors
///
/// The first refusal in order.
pub fn check_sip_number(
    number: &NumberFacts,
    book: &Rulebook,
    now: Timestamp,
) -> Result<NumberCleared, Refusal> {
    check_open_to_business(number, book, now)?;
    Ok(NumberCleared(()))
}

/// The second half: may this business call this user now?
///
/// # Errors
///
/// The first refusal in order.
#[expect(clippy::too_many_arguments, reason = "each is one kind of fact the platform loads apart")]
pub fn check_call(
    _cleared: NumberCleared,
    number: &NumberFacts,
    user: &UserFacts,
    consent: &Consent,
    window: &Window,
    load: &Load,
    book: &Rulebook,
    now: Timestamp,
) -> Result<Permit, Refusal> {
    if !number.payment_valid {
        return Err(Refusal::PaymentMissing { code: book.eligibility.payment_code.value });
    }
    check_user(number, user, book)?;
    if !user.app_is_recent {
        return Err(Refusal::Uncallable {
            why: "the user's app is too old for calls of businesses",
        });
    }
    let consented = permission::check(consent, now)?;
    let mut until = consented.until();
    if book.eligibility.call_needs_window.value {
        let closes_at = window.check(book, now)?;
        until = Some(until.map_or(closes_at, |at| at.min(closes_at)));
    }
    check_load(consent, load, book, now)?;
    Ok(Permit { consented, until })
}

/// May this business ask this user for permission now?
///
/// # Errors
///
/// The first refusal in order.
pub fn check_request(
    form: RequestForm,
    number: &NumberFacts,
    user: &UserFacts,
    consent: &Consent,
    window: &Window,
    book: &Rulebook,
    now: Timestamp,
) -> Result<RequestPermit, Refusal> {
    check_open_to_business(number, book, now)?;
    check_user(number, user, book)?;
    match form {
        RequestForm::FreeForm => {
            window.check_message(book, now)?;
        }
        RequestForm::Template => {}
    }
    permission::check_request(consent, book, number.kind, now)?;
    Ok(RequestPermit(()))
}

/// May this business send this user a message that is no request for permission?
///
/// # Errors
///
/// The first refusal in order.
pub fn check_message(
    form: RequestForm,
    number: &NumberFacts,
    user: &UserFacts,
    window: &Window,
    book: &Rulebook,
    now: Timestamp,
) -> Result<(), Refusal> {
    check_recipient(number, user, book)?;
    match form {
        RequestForm::FreeForm => window.check_message(book, now).map(drop),
        RequestForm::Template => Ok(()),
    }
}

/// What a message needs of the user's app.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shows {
    /// Nothing but a chat.
    Text,
    /// The request for permission to call.
    PermissionRequest,
    /// A call button.
    CallButton,
}

/// Does a message that was taken reach the user? If not, its status is `failed`.
///
/// # Errors
///
/// [`Refusal::Undeliverable`] or [`Refusal::AppTooOld`].
pub fn check_delivery(shows: Shows, user: &UserFacts) -> Result<(), Refusal> {
    if !user.is_on_whatsapp {
        return Err(Refusal::Undeliverable { why: "this number is not on WhatsApp" });
    }
    let is_shown = match shows {
        Shows::Text => true,
        Shows::PermissionRequest => user.app_is_recent,
        Shows::CallButton => user.shows_buttons,
    };
    if is_shown { Ok(()) } else { Err(Refusal::AppTooOld) }
}

/// May this user ask this business, closed now, to call back?
///
/// # Errors
///
/// [`Refusal::NoCallbackOffered`], or what would refuse the user's call at any hour.
pub fn check_callback_request(
    number: &NumberFacts,
    hours: Option<&CallHours>,
    grants_callback: bool,
    book: &Rulebook,
    now: Timestamp,
) -> Result<(), Refusal> {
    check_open_to_users(number, book, now)?;
    let is_closed = matches!(hours::check(hours, book, now), hours::Verdict::Closed { .. });
    if is_closed && offers_callback(number, grants_callback, book) {
        return Ok(());
    }
    Err(Refusal::NoCallbackOffered)
}

/// May this business answer a user's call now? The account may have lost its payment method since the
/// call was offered.
///
/// # Errors
///
/// [`Refusal::PaymentMissing`], which also makes an error webhook.
pub fn check_answer(number: &NumberFacts, book: &Rulebook) -> Result<(), Refusal> {
    let code = book.eligibility.user_payment_code.value;
    if number.payment_valid { Ok(()) } else { Err(Refusal::PaymentMissing { code }) }
}

/// May this user call this business now? Refusals are for the user's phone, except
/// [`Refusal::PaymentMissing`], which also makes an error webhook.
///
/// # Errors
///
/// The first refusal in order.
pub fn check_user_call(
    number: &NumberFacts,
    hours: Option<&CallHours>,
    grants_callback: bool,
    load: &Load,
    book: &Rulebook,
    now: Timestamp,
) -> Result<(), Refusal> {
    check_open_to_users(number, book, now)?;
    if let hours::Verdict::Closed { opens_at } = hours::check(hours, book, now) {
        let callback = offers_callback(number, grants_callback, book);
        return Err(Refusal::OutOfHours { opens_at, callback });
    }
    check_answer(number, book)?;
    if load.pair_in_call {
        return Err(Refusal::CallRunning);
    }
    check_concurrency(load, book)
}

/// Whether a user whom a closed business does not take may ask to be called back.
fn offers_callback(number: &NumberFacts, grants_callback: bool, book: &Rulebook) -> bool {
    let rule = book.permission.callback_out_of_hours.value;
    grants_callback && rule && has_permissions(number.country, book)
}

fn check_open_to_users(
    number: &NumberFacts,
    book: &Rulebook,
    now: Timestamp,
) -> Result<(), Refusal> {
    if !number.calling_enabled {
        return Err(Refusal::CallingNotEnabled);
    }
    check_country(number.country, CountryScope::Calling, book)?;
    check_restriction(number.user_calls_restricted_until, now)
}

/// May calling be switched on for a number of this country?
///
/// # Errors
///
/// [`Refusal::CountryBlocked`] where the rulebook blocks calling as a whole.
pub fn check_country_for_calling(country: Option<Country>, book: &Rulebook) -> Result<(), Refusal> {
    check_country(country, CountryScope::Calling, book)
}

/// Are there permissions to call for a number of this country? They exist only where a business may
/// call (fact sheet 1.2).
#[must_use]
pub fn has_permissions(country: Option<Country>, book: &Rulebook) -> bool {
    check_grant(country, book).is_ok()
}

/// May a user give a number of this country the permission to call?
///
/// # Errors
///
/// [`Refusal::CountryBlocked`].
pub fn check_grant(country: Option<Country>, book: &Rulebook) -> Result<(), Refusal> {
    check_country(country, CountryScope::BusinessInitiated, book)
}

fn check_open_to_business(
    number: &NumberFacts,
    book: &Rulebook,
    now: Timestamp,
) -> Result<(), Refusal> {
    if !number.calling_enabled {
        return Err(Refusal::CallingNotEnabled);
    }
    check_country(number.country, CountryScope::BusinessInitiated, book)?;
    check_restriction(number.business_calls_restricted_until, now)
}

/// Refuses a blocked country if the rulebook blocks it from `wanted`; a block of calling as a
/// whole blocks both directions.
fn check_country(
    country: Option<Country>,
    wanted: CountryScope,
    book: &Rulebook,
) -> Result<(), Refusal> {
    let scope = book.eligibility.blocked_scope.value;
    let applies = match (scope, wanted) {
        (CountryScope::Calling, CountryScope::Calling | CountryScope::BusinessInitiated)
        | (CountryScope::BusinessInitiated, CountryScope::BusinessInitiated) => true,
        (CountryScope::BusinessInitiated, CountryScope::Calling) => false,
    };
    match country {
        Some(country) if applies && book.eligibility.blocked_countries.value.contains(&country) => {
            Err(Refusal::CountryBlocked { country, scope })
        }
        Some(_) | None => Ok(()),
    }
}

fn check_restriction(until: Option<Timestamp>, now: Timestamp) -> Result<(), Refusal> {
    match until {
        Some(until) if now < until => Err(Refusal::Restricted { until }),
        Some(_) | None => Ok(()),
    }
}

fn check_recipient(number: &NumberFacts, user: &UserFacts, book: &Rulebook) -> Result<(), Refusal> {
    let has_list = book.limits.allowed_list_kinds.value.contains(&number.kind);
    if has_list && !user.on_allowed_list {
        return Err(Refusal::NotOnAllowedList);
    }
    Ok(())
}

fn check_user(number: &NumberFacts, user: &UserFacts, book: &Rulebook) -> Result<(), Refusal> {
    check_recipient(number, user, book)?;
    if user.blocks_number {
        return Err(Refusal::BlockedByUser { code: book.eligibility.blocked_by_user_code.value });
    }
    user.uncallable.map_or(Ok(()), |why| Err(Refusal::Uncallable { why }))
}

fn check_load(
    consent: &Consent,
    load: &Load,
    book: &Rulebook,
    now: Timestamp,
) -> Result<(), Refusal> {
    if load.pair_in_call {
        return Err(Refusal::CallRunning);
    }
    let connected = consent.connected_use(book, now);
    if connected.is_reached() {
        return Err(Refusal::ConnectedLimit {
            used: connected.used,
            max: connected.max,
            period: connected.period,
            allowed_at: connected.allowed_at.unwrap_or(now + connected.period),
            field: book.limits.next_call_field.value.clone(),
        });
    }
    if load.placed.is_reached() {
        return Err(Refusal::PlacedLimit {
            used: load.placed.used,
            max: load.placed.max,
            period: load.placed.period,
            allowed_at: load.placed.allowed_at,
        });
    }
    check_concurrency(load, book)
}

fn check_concurrency(load: &Load, book: &Rulebook) -> Result<(), Refusal> {
    let scope = book.limits.concurrent_scope.value;
    let running = match scope {
        ConcurrencyScope::Number => load.running_of_number,
        ConcurrencyScope::Account => load.running_of_account,
    };
    let max = book.limits.concurrent.value;
    if running >= max {
        return Err(Refusal::ConcurrencyLimit { running, max, scope });
    }
    Ok(())
}
