//! How does a call begin?
//!
//! A user's phone places one with its offer, a business with an action `connect`. Here the facts are
//! gathered, the rules asked, the legs opened and the call's actor started; everything after that is
//! the actor's.

use std::sync::Arc;

use engine::{Password, TranscoderSeat};
use media::sdp::{Keying, SdpRefusal};
use rules::{
    button,
    call::{Call, Voicemail},
    capture::Plan,
    client::Feature,
    eligibility,
    rulebook::{PaymentError, Rulebook},
    settings::KeyExchange,
};
use terms::{CallId, Direction, MessageId, WaId};
use tokio::sync::mpsc;
use wire::{graph::call::Recipient, webhook::WebhookError};

use super::{
    actor::CallActor,
    legs::{self, Leg, Legs},
    record::{CallRecord, Facts},
    registry::{CallHandle, INBOX_MAX, Over},
};
use crate::{
    api::refusals::ApiRefusal,
    chats, codecs, consent,
    directory::{Number, User},
    ids::Stream,
    phones::PhoneHandle,
    sdp::{self, Described},
    sip_edge::Line,
    users,
    webhooks::{Lane, compose},
    world::World,
};

/// What a phone asks for.
#[derive(Debug)]
pub(crate) struct UserCall {
    pub(crate) user: Arc<User>,
    pub(crate) to: WaId,
    pub(crate) phone: PhoneHandle,
    pub(crate) offer: String,
    pub(crate) deeplink_payload: Option<String>,
    pub(crate) cta_payload: Option<String>,
    /// The message whose button was pressed.
    pub(crate) button: Option<MessageId>,
}

/// What a business asks for, its body read.
#[derive(Debug)]
pub(crate) struct BusinessCall {
    pub(crate) number: Arc<Number>,
    pub(crate) to: Recipient,
    pub(crate) offer: Offer,
    pub(crate) opaque: Option<String>,
    pub(crate) cleared: eligibility::NumberCleared,
    /// What is to be kept of the call.
    pub(crate) capture: Option<Plan>,
    /// Its dialog, if it came over SIP.
    pub(crate) line: Option<Line>,
}

/// A business's offer that was read, and the seat it needs if it is for G.711.
#[derive(Debug)]
pub(crate) struct Offer {
    described: Described,
    seat: Option<TranscoderSeat>,
}

/// Reads a business's offer with the codecs its number may have now.
pub(crate) fn read_offer(world: &World, number: &Number, text: &str) -> Result<Offer, ApiRefusal> {
    let wanted = codecs::beside_opus(&number.calling);
    let seat = world.transcoder.seat(wanted.clone());
    let described =
        sdp::read_business_offer(text, keying(number), TranscoderSeat::codecs(seat.as_ref()));
    let described = described.map_err(|refusal| {
        // The number has what the offer asks for, and the platform no room for it.
        let has_no_room = seat.is_none()
            && matches!(refusal, SdpRefusal::NoOpus { has_g711: true, .. })
            && sdp::read_business_offer(text, keying(number), &wanted).is_ok();
        if has_no_room { ApiRefusal::NoMedia } else { ApiRefusal::Sdp(refusal) }
    });
    Ok(Offer { described: described?, seat })
}

/// Starts a user's call.
pub(crate) async fn from_user(world: &Arc<World>, call: UserCall) -> Result<CallId, ApiRefusal> {
    let number = users::business(world, &call.to)?;
    let book = world.book(&number);
    let offer = sdp::read_phone_offer(&call.offer).map_err(ApiRefusal::Sdp)?;
    let placing = world.placing.lock().await;
    check_user_call(world, &number, &call.user, &book).await?;
    let said = Said::of(world, &number, &call, &book).await?;

    let business = open_business_leg(world, (keying(&number) == Keying::Sdes).then_some(1))?;
    let mut user_leg = open_leg(world, Password::Plain, Some(&business))?;
    let seat = world.transcoder.seat(codecs::beside_opus(&number.calling));
    let id = new_id(world, &call.user, &number, Direction::UserInitiated);
    let facts = Facts {
        id: id.clone(),
        direction: Direction::UserInitiated,
        user: call.user,
        number,
        deeplink_payload: said.deeplink_payload,
        cta_payload: said.cta_payload,
        platform_sdp: sdp::platform_offer(
            &business.local,
            business.crypto.as_ref(),
            TranscoderSeat::codecs(seat.as_ref()),
            &world.ids,
            world.clock.now(),
        ),
    };
    let inbox = register(world, &facts);
    drop(placing);

    let phone_answer = offer.answer(&user_leg.local);
    user_leg.meet(offer.far_end, offer.types);
    let mut legs = Legs::new(business, seat);
    legs.add_user(user_leg);

    let now = world.clock.now();
    let mut effects = Vec::new();
    let grants = facts.number.calling.grants_callback()
        && eligibility::has_permissions(facts.number.known_country(), &book);
    let voicemail = Voicemail::of(&facts.number.calling, &book);
    let machine = Call::offer(&book, grants, now, &mut effects).with_voicemail(voicemail);
    let record = CallRecord::new(&facts, machine, now);
    let phones = vec![call.phone];
    let mut actor = CallActor::new(Arc::clone(world), facts, record, legs, phones, inbox);
    actor.listen();
    actor.phone_answer = Some(phone_answer);
    world.tasks.spawn(actor.run(effects));
    Ok(id)
}

/// Starts a business's call.
pub(crate) async fn from_business(
    world: &Arc<World>,
    call: BusinessCall,
) -> Result<CallId, ApiRefusal> {
    let BusinessCall { number, to, offer, opaque, cleared, capture, line } = call;
    let Offer { described: offer, seat } = offer;
    let book = world.book(&number);
    let placing = world.placing.lock().await;
    let now = world.clock.now();
    let user = find_user(world, &to);
    let known = user.as_deref().cloned().unwrap_or_else(|| stranger(&to));
    let pair = consent::load(world, &number, &known).await?;
    let direction = Direction::BusinessInitiated;
    let load = consent::load_of(world, &number, &known, direction).await?;
    let permit = eligibility::check_call(
        cleared,
        &consent::number_facts(world, &number),
        &consent::user_facts(world, &number, &known, user.is_some()),
        &pair.consent,
        &pair.window,
        &load,
        &book,
        now,
    )?;

    let business = open_business_leg(world, offer.crypto_tag())?;
    // Counted before the next call is checked, or two would pass a limit with room for one.
    consent::count_placed(world, &number).await?;
    let user = user.unwrap_or_else(|| Arc::new(known));
    let id = new_id(world, &user, &number, Direction::BusinessInitiated);
    let facts = Facts {
        id: id.clone(),
        direction: Direction::BusinessInitiated,
        user,
        number,
        deeplink_payload: None,
        cta_payload: None,
        platform_sdp: offer.platform_answer(
            &business.local,
            business.crypto.as_ref(),
            &world.ids,
            now,
        ),
    };
    let inbox = register(world, &facts);
    drop(placing);

    let said = offer.for_diagnosis(&business.local);
    let (far_end, types) = (offer.far_end, offer.types);
    let mut effects = Vec::new();
    let machine =
        Call::dial(permit, &book, opaque.map(Into::into), now, &mut effects).capturing(capture);
    let record = CallRecord::new(&facts, machine, now);
    let legs = Legs::new(business, seat);
    let mut actor = CallActor::new(Arc::clone(world), facts, record, legs, Vec::new(), inbox);
    actor.business_sdp = Some(said);
    // The faults come first, or a handshake that shall fail is over before.
    actor.spoil();
    match line {
        Some(line) => (actor.line, actor.far_end) = (Some(line), Some((far_end, types))),
        None => actor.legs.business.meet(far_end, types),
    }
    world.tasks.spawn(actor.run(effects));
    Ok(id)
}

/// May this user call this business now, with this button?
pub(crate) async fn check(
    world: &World,
    user: &Arc<User>,
    to: &WaId,
    button: Option<&MessageId>,
) -> Result<(), ApiRefusal> {
    let number = users::business(world, to)?;
    check_user_call(world, &number, user, &world.book(&number)).await?;
    match button {
        Some(id) => press(world, &number, user, id).await.map(drop),
        None => Ok(()),
    }
}

/// What goes with a user's call.
struct Said {
    deeplink_payload: Option<String>,
    cta_payload: Option<String>,
}

impl Said {
    async fn of(
        world: &World,
        number: &Number,
        call: &UserCall,
        book: &Rulebook,
    ) -> Result<Self, ApiRefusal> {
        let cta_payload = match &call.button {
            Some(id) => press(world, number, &call.user, id).await?,
            None => call.cta_payload.clone(),
        };
        if let Some(payload) = &call.deeplink_payload {
            button::check_deeplink(payload, book)?;
        }
        if !call.user.client.supports(Feature::Payload, book) {
            return Ok(Self { deeplink_payload: None, cta_payload: None });
        }
        Ok(Self { deeplink_payload: call.deeplink_payload.clone(), cta_payload })
    }
}

/// Presses the call button of a message: what it tells the business.
async fn press(
    world: &World,
    number: &Number,
    user: &User,
    id: &MessageId,
) -> Result<Option<String>, ApiRefusal> {
    let entry = chats::entry(world, number, &user.wa_id, id).await?;
    let entry = entry
        .filter(|entry| entry.button_text.is_some())
        .ok_or_else(|| ApiRefusal::Parameter("button: no such call button".to_owned()))?;
    button::check_press(entry.expires_at, world.clock.now())?;
    Ok(entry.payload)
}

async fn check_user_call(
    world: &World,
    number: &Arc<Number>,
    user: &Arc<User>,
    book: &Rulebook,
) -> Result<(), ApiRefusal> {
    users::check_not_blocked(number, user)?;
    if !user.client.is_callable(book) {
        let why = "only phones take part in calls with a business";
        return Err(rules::Refusal::Uncallable { why }.into());
    }
    let load = consent::load_of(world, number, user, Direction::UserInitiated).await?;
    let checked = eligibility::check_user_call(
        &consent::number_facts(world, number),
        number.calling.call_hours.as_ref(),
        number.calling.grants_callback(),
        &load,
        book,
        world.clock.now(),
    );
    if let Err(refusal @ rules::Refusal::PaymentMissing { .. }) = &checked {
        match book.call.payment_error.value {
            PaymentError::Errors => tell_payment_missing(world, number, refusal).await?,
            PaymentError::Terminate => tell_undelivered(world, number, user, refusal).await?,
        }
    }
    Ok(checked?)
}

/// The business hears of a user's call that could not be delivered as of one that ended.
async fn tell_undelivered(
    world: &World,
    number: &Arc<Number>,
    user: &Arc<User>,
    refusal: &rules::Refusal,
) -> Result<(), ApiRefusal> {
    if !number.calling.tells_calls() {
        return Ok(());
    }
    let facts = Facts {
        id: new_id(world, user, number, Direction::UserInitiated),
        direction: Direction::UserInitiated,
        user: Arc::clone(user),
        number: Arc::clone(number),
        deeplink_payload: None,
        cta_payload: None,
        platform_sdp: String::new(),
    };
    let change = compose::undelivered(&facts, webhook_error(refusal), world.clock.now());
    world.outbox.emit(number, &Lane(facts.id.as_str().to_owned()), change).await?;
    Ok(())
}

/// The business hears of a user's call that could not be delivered (fact sheet 3.7, last line).
pub(crate) async fn tell_payment_missing(
    world: &World,
    number: &Number,
    refusal: &rules::Refusal,
) -> Result<(), ApiRefusal> {
    if !number.calling.tells_calls() {
        return Ok(());
    }
    let lane = Lane(format!("{}/errors", number.id));
    world.outbox.emit(number, &lane, compose::error(number, webhook_error(refusal))).await?;
    Ok(())
}

fn webhook_error(refusal: &rules::Refusal) -> WebhookError {
    let refusal = ApiRefusal::Rule(refusal.clone());
    let row = refusal.row();
    WebhookError::new(i64::from(row.code), row.title, &refusal.to_string())
}

/// How media keys are exchanged with this number's business.
pub(crate) fn keying(number: &Number) -> Keying {
    match number.calling.srtp_key_exchange_protocol {
        Some(KeyExchange::Sdes) => Keying::Sdes,
        Some(KeyExchange::Dtls) | None => Keying::Dtls,
    }
}

/// The business's leg: with a key of this tag in the SDP, or with DTLS.
fn open_business_leg(world: &World, sdes_tag: Option<u32>) -> Result<Leg, ApiRefusal> {
    let Some(tag) = sdes_tag else { return open_leg(world, Password::Padded, None) };
    legs::open_sdes(&world.engine, tag).map_err(|fault| {
        tracing::error!(fault = %crate::api::chain(&fault), "cannot open a leg");
        ApiRefusal::NoMedia
    })
}

fn open_leg(world: &World, password: Password, beside: Option<&Leg>) -> Result<Leg, ApiRefusal> {
    if world.calls.len() >= world.calls_max {
        return Err(ApiRefusal::NoMedia);
    }
    let beside = beside.map(|leg| &leg.handle);
    legs::open(&world.engine, password, beside).map_err(|fault| {
        tracing::error!(fault = %crate::api::chain(&fault), "cannot open a leg");
        ApiRefusal::NoMedia
    })
}

fn register(world: &World, facts: &Facts) -> mpsc::Receiver<super::Command> {
    let (sink, inbox) = mpsc::channel(INBOX_MAX);
    world.calls.add(CallHandle {
        id: facts.id.clone(),
        user: facts.user.wa_id.clone(),
        number: facts.number.id.clone(),
        account: facts.number.account.clone(),
        offer: facts.offer().map(Arc::new),
        over: Over::default(),
        nth: 0,
        inbox: sink,
    });
    inbox
}

fn new_id(world: &World, user: &User, number: &Number, direction: Direction) -> CallId {
    let random = world.ids.bytes(Stream::Call);
    wire::wacid::wacid(&user.wa_id, &number.digits, direction, random)
}

/// Whom a request means: `to` wins over `recipient` (fact sheet 1.4).
pub(crate) fn find_user(world: &World, to: &Recipient) -> Option<Arc<User>> {
    match (&to.wa_id, &to.user_id) {
        (Some(wa_id), _) => world.directory.user(wa_id),
        (None, Some(user_id)) => world.directory.user_of(user_id),
        (None, None) => None,
    }
}

/// Somebody who is not on WhatsApp; the rules refuse them in their turn.
pub(crate) fn stranger(to: &Recipient) -> User {
    let digits = || "0".parse().expect("a digit");
    User {
        user_id: to.user_id.clone(),
        hides_number: to.wa_id.is_none(),
        ..User::named(to.wa_id.clone().unwrap_or_else(digits), String::new())
    }
}
