//! `/{PNID}/settings`: how is a number set up for calls?

use std::sync::Arc;

use axum::{
    Json,
    response::{IntoResponse as _, Response},
};
use rules::{
    Refusal,
    quality::Restriction,
    settings::{
        self, CallingSettings, Change, Codec, IconVisibility, KeyExchange, Prerequisites, Switch,
        Voicemail,
    },
};
use serde_json::{Value, json};
use terms::{Country, Timestamp};
use wire::graph::{Success, settings as graph};

use super::{Answer, refusals::ApiRefusal};
use crate::{
    directory::Number,
    quality,
    webhooks::{Lane, compose},
    world::World,
};

/// `GET`.
pub(crate) fn show(number: &Number, now: Timestamp) -> Response {
    let mut calling = shown(&number.calling);
    calling.restrictions = restrictions(number, now);
    Json(graph::Settings {
        calling: Some(calling),
        storage_configuration: Some(json!({ "status": "DEFAULT" })),
    })
    .into_response()
}

/// What is taken from the number now (fact sheet 11.1).
fn restrictions(number: &Number, now: Timestamp) -> Option<graph::Restrictions> {
    let shown = |restriction: &Restriction| graph::Restriction {
        kind: restriction.kind.as_str().to_owned(),
        reason: Some(restriction.reason.clone()),
        expiration: restriction.until,
    };
    let active = number.restrictions.iter().filter(|restriction| restriction.is_active(now));
    let restrictions_list: Vec<_> = active.map(shown).collect();
    (!restrictions_list.is_empty()).then_some(graph::Restrictions { restrictions_list })
}

/// `POST`.
pub(crate) async fn change(world: &World, number: &Arc<Number>, body: &[u8]) -> Answer {
    let wanted = graph::Settings::parse(body).map_err(ApiRefusal::Body)?;
    let Some(calling) = wanted.calling else { return Ok(Json(Success::bare()).into_response()) };
    let now = world.clock.now();
    settings::may_change(&number.restrictions, &world.book(number), now)?;
    let account = world.directory.account(&number.account);
    let prerequisites = Prerequisites {
        tier: number.tier,
        kind: world.directory.kind_of(number),
        country: number.known_country(),
        use_case: account.map(|account| account.use_case.clone()).unwrap_or_default(),
        app_listens: app_listens(world, number),
    };
    let change = to_change(&calling)?;
    let applied =
        settings::apply(&number.calling, &change, &prerequisites, &world.book(number), now)?;
    let mut changed = Number { calling: applied.settings, ..Number::clone(number) };
    quality::note_settings(world, &mut changed).await?;
    world.directory.save_number(changed.clone()).await?;
    if applied.notify {
        let lane = Lane(format!("{}/settings", number.id));
        world.outbox.emit(&changed, &lane, compose::settings(&changed, now)).await?;
    }
    Ok(Json(Success::bare()).into_response())
}

/// The same fields in the rules' words; both sides read the API's names.
fn to_change(calling: &graph::Calling) -> Result<Change, ApiRefusal> {
    serde_json::to_value(calling).and_then(serde_json::from_value).map_err(|fault| {
        let (field, reason) = ("settings".to_owned(), fault.to_string());
        Refusal::SettingInvalid { field, reason }.into()
    })
}

fn app_listens(world: &World, number: &Number) -> bool {
    let account = world.directory.account(&number.account);
    let apps = account.iter().flat_map(|account| &account.apps);
    apps.filter_map(|id| world.directory.app(id))
        .any(|app| app.fields.iter().any(|field| field == "calls"))
}

/// The settings as the API shows them (fact sheet 2.7).
pub(crate) fn shown(settings: &CallingSettings) -> graph::Calling {
    let icons = &settings.icon_countries;
    graph::Calling {
        status: Some(switch_or_not_set(settings.status)),
        call_icon_visibility: Some(match settings.call_icon_visibility {
            Some(IconVisibility::Default) => graph::IconVisibility::Default,
            Some(IconVisibility::DisableAll) => graph::IconVisibility::DisableAll,
            None => graph::IconVisibility::NotSet,
        }),
        call_icons: (!icons.is_empty()).then(|| graph::CallIcons {
            restrict_to_user_countries: icons.iter().map(Country::to_string).collect(),
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
            additional_codecs: codecs
                .iter()
                .map(|codec| match codec {
                    Codec::Pcma => graph::AudioCodec::Pcma,
                    Codec::Pcmu => graph::AudioCodec::Pcmu,
                })
                .collect(),
        }),
        sip: settings.sip.as_ref().map(shown_sip),
        voicemail: settings.voicemail.as_ref().map(shown_voicemail),
        video: settings.video_status.map(|status| json!({ "status": status })),
        restrictions: None,
    }
}

fn shown_sip(sip: &settings::Sip) -> graph::Sip {
    let server = |server: &settings::SipServer| graph::SipServer {
        app_id: None,
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
