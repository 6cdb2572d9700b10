//! `/{PNID}/settings`: how is a number set up for calls?

use axum::{
    Json,
    response::{IntoResponse as _, Response},
};
use rules::{
    Refusal,
    media_files::UseCase,
    quality::Restriction,
    settings::{
        self, Asker, Change, Codec, IconVisibility, KeyExchange, Prerequisites, Switch, Voicemail,
    },
};
use serde_json::{Value, json};
use terms::{Country, PhoneNumberId, Timestamp};
use wire::graph::{Success, settings as graph};

use super::{Answer, refusals::ApiRefusal};
use crate::{
    directory::{App, Number, OtherSettings},
    media_files::{self, MediaFile},
    phones::businesses,
    quality,
    webhooks::{Lane, compose},
    world::World,
};

/// Who reads or changes settings.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Viewer<'a> {
    /// An app by its token.
    App(&'a App),
    /// A client of the 360dialog edition, or the sandbox: nobody's app.
    Direct,
}

impl Viewer<'_> {
    fn asker(self) -> Asker {
        match self {
            Self::App(app) => Asker { app: Some(app.id.clone()), is_live: app.is_live },
            Self::Direct => Asker::DIRECT,
        }
    }
}

/// `GET`; with the SIP password of whoever asks, if wanted.
pub(crate) fn show(
    world: &World,
    number: &Number,
    viewer: Viewer<'_>,
    with_credentials: bool,
) -> Response {
    let mut calling = shown(number, world.clock.now());
    if let (true, Some(sip), Some(stored)) =
        (with_credentials, &mut calling.sip, &number.calling.sip)
    {
        let own = viewer.asker().app;
        for (server, stored) in sip.servers.iter_mut().flatten().zip(&stored.servers) {
            let password = stored.password.as_ref().filter(|_| stored.app == own);
            server.sip_user_password = password.map(|password| password.0.clone());
        }
    }
    let others = &number.other_settings;
    let storage = others.storage_configuration.clone();
    Json(graph::Settings {
        calling: Some(calling),
        storage_configuration: Some(storage.unwrap_or_else(|| json!({ "status": "DEFAULT" }))),
        user_identity_change: others.user_identity_change.clone(),
        payload_encryption: others.payload_encryption.clone(),
    })
    .into_response()
}

fn shown_restrictions(number: &Number, now: Timestamp) -> Option<graph::Restrictions> {
    let shown = |it: &Restriction| graph::Restriction {
        kind: it.kind.as_str().to_owned(),
        reason: Some(it.reason.clone()),
        expiration: it.until,
    };
    let list: Vec<_> =
        number.restrictions.iter().filter(|it| it.is_active(now)).map(shown).collect();
    (!list.is_empty()).then_some(graph::Restrictions { restrictions_list: list })
}

/// `POST`: from how the settings are now, all or nothing.
pub(crate) async fn change(
    world: &World,
    id: &PhoneNumberId,
    viewer: Viewer<'_>,
    body: &[u8],
) -> Answer {
    let wanted = graph::Settings::parse(body).map_err(ApiRefusal::Body)?;
    let writing = world.directory.writing().await;
    let unknown = || ApiRefusal::UnknownObject { id: id.to_string() };
    let number = world.directory.number(id).ok_or_else(unknown)?;
    let mut changed = Number::clone(&number);
    set_others(&mut changed.other_settings, &wanted);
    let notify = match &wanted.calling {
        Some(calling) => change_calling(world, &mut changed, viewer, calling).await?,
        None => false,
    };
    writing.save_number(changed.clone()).await?;
    businesses::tell(world, &changed);
    if notify {
        // Before the next change, so that the webhooks come in the order of the changes.
        let lane = Lane(format!("{id}/settings"));
        let change = compose::settings(&changed, world.clock.now());
        world.outbox.emit(&changed, &lane, change).await?;
    }
    Ok(Json(Success::bare()).into_response())
}

/// Changes the calling settings; whether the change is announced.
async fn change_calling(
    world: &World,
    number: &mut Number,
    viewer: Viewer<'_>,
    calling: &graph::Calling,
) -> Result<bool, ApiRefusal> {
    let (now, book) = (world.clock.now(), world.book(number));
    settings::may_change(&number.restrictions, &book, now)?;
    let account = world.directory.account(&number.account);
    let prerequisites = Prerequisites {
        tier: number.tier,
        kind: world.directory.kind_of(number),
        country: number.known_country(),
        app_listens: account.as_ref().is_some_and(|account| {
            let (key, webhook) = (number.d360_key.is_some(), number.channel_webhook.is_some());
            world.directory.is_heard(account) || account.is_heard_by_channel(key, webhook)
        }),
        use_case: account.map(|account| account.use_case.clone()).unwrap_or_default(),
        asker: viewer.asker(),
    };
    let change = to_change(calling)?;
    check_announcement(world, number, &change).await?;
    let applied = settings::apply(&number.calling, &change, &prerequisites, &book, now)?;
    number.calling = applied.settings;
    number.draw_passwords();
    quality::note_settings(world, number).await?;
    Ok(applied.notify)
}

fn set_others(others: &mut OtherSettings, wanted: &graph::Settings) {
    let set = |kept: &mut Option<Value>, wanted: &Option<Value>| {
        if wanted.is_some() {
            kept.clone_from(wanted);
        }
    };
    set(&mut others.storage_configuration, &wanted.storage_configuration);
    set(&mut others.user_identity_change, &wanted.user_identity_change);
    set(&mut others.payload_encryption, &wanted.payload_encryption);
}

/// The announcement of voicemail must be a file of this number that was uploaded as one.
async fn check_announcement(
    world: &World,
    number: &Number,
    change: &Change,
) -> Result<(), ApiRefusal> {
    let audio = change.voicemail.as_ref().and_then(|it| it.audio.as_ref());
    let wanted = audio.and_then(|it| it.default.as_ref()?.announcement_media_id);
    let Some(media_id) = wanted else { return Ok(()) };
    let file = match media_id.to_string().parse() {
        Ok(id) => media_files::find(world, &id).await?,
        Err(_) => None,
    };
    let is_ours = |file: &MediaFile| {
        file.number == number.id && file.use_case == UseCase::CallVoicemailAnnouncement
    };
    if file.is_some_and(|file| is_ours(&file)) {
        return Ok(());
    }
    let field = "voicemail.audio.default.announcement_media_id".to_owned();
    let reason = "no file of this number with use_case call_voicemail_announcement".to_owned();
    Err(Refusal::SettingInvalid { field, reason }.into())
}

/// The same fields in the rules' words; both sides read the API's names.
fn to_change(calling: &graph::Calling) -> Result<Change, ApiRefusal> {
    serde_json::to_value(calling).and_then(serde_json::from_value).map_err(|fault| {
        let (field, reason) = ("settings".to_owned(), fault.to_string());
        Refusal::SettingInvalid { field, reason }.into()
    })
}

/// A number's settings as the API shows them, its restrictions among them (fact sheet 2.7).
pub(crate) fn shown(number: &Number, now: Timestamp) -> graph::Calling {
    let settings = &number.calling;
    let icons = &settings.icon_countries;
    graph::Calling {
        status: Some(switch_or_not_set(settings.status)),
        call_icon_visibility: Some(match settings.call_icon_visibility {
            Some(IconVisibility::Default) => graph::IconVisibility::Default,
            Some(IconVisibility::DisableAll) => graph::IconVisibility::DisableAll,
            None => graph::IconVisibility::NotSet,
        }),
        call_icons: (!icons.is_empty()).then(|| graph::CallIcons {
            restrict_to_user_countries: Some(icons.iter().map(Country::to_string).collect()),
        }),
        call_hours: settings.call_hours.as_ref().and_then(|hours| {
            serde_json::to_value(hours).ok().and_then(|value| serde_json::from_value(value).ok())
        }),
        callback_permission_status: Some(switch_or_not_set(settings.callback_permission_status)),
        srtp_key_exchange_protocol: settings.srtp_key_exchange_protocol.map(|way| match way {
            KeyExchange::Dtls => graph::KeyExchange::Dtls,
            KeyExchange::Sdes => graph::KeyExchange::Sdes,
        }),
        audio: settings.additional_codecs.as_ref().map(|codecs| graph::Audio {
            additional_codecs: Some(codecs.iter().map(|codec| shown_codec(*codec)).collect()),
        }),
        sip: settings.sip.as_ref().map(shown_sip),
        voicemail: settings.voicemail.as_ref().map(shown_voicemail),
        video: settings.video_status.map(|status| json!({ "status": status })),
        restrictions: shown_restrictions(number, now),
    }
}

fn shown_codec(codec: Codec) -> graph::AudioCodec {
    match codec {
        Codec::Pcma => graph::AudioCodec::Pcma,
        Codec::Pcmu => graph::AudioCodec::Pcmu,
    }
}

fn shown_sip(sip: &settings::Sip) -> graph::Sip {
    let server = |server: &settings::SipServer| graph::SipServer {
        app_id: server.app.as_ref().and_then(|app| app.as_str().parse().ok()),
        hostname: server.hostname.clone(),
        port: Some(server.port),
        request_uri_user_params: server
            .request_uri_user_params
            .iter()
            .map(|(name, value)| (name.clone(), Value::from(value.as_str())))
            .collect(),
        sip_user_password: None,
    };
    graph::Sip {
        status: Some(switch(sip.status)),
        webhook_delivery: Some(switch(sip.webhook_delivery)),
        servers: Some(sip.servers.iter().map(server).collect()),
    }
}

fn shown_voicemail(voicemail: &Voicemail) -> Value {
    let mut shown = json!({ "status": voicemail.status, "triggers": voicemail.triggers });
    if let Some(announcement) = voicemail.announcement {
        let mut default = json!({ "announcement_media_id": announcement.media_id });
        if let Some(seconds) = announcement.timeout_s {
            default["timeout_seconds"] = json!(seconds);
        }
        shown["audio"] = json!({ "default": default });
    }
    shown
}

fn switch(switch: Switch) -> graph::Switch {
    match switch {
        Switch::Enabled => graph::Switch::Enabled,
        Switch::Disabled => graph::Switch::Disabled,
    }
}

fn switch_or_not_set(status: Option<Switch>) -> graph::Switch {
    status.map_or(graph::Switch::NotSet, switch)
}
