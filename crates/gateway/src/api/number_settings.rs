//! When may users call a number of ours, and who sees its call icon?
//!
//! The calling settings live on the platform: a read asks it, a change goes to it. Only what decides
//! who sees the call icon and when can be changed here. How media and signalling travel is part of how
//! this gateway is set up; a form that changed it would cut the gateway off from its own calls. Who asked
//! for which change, and what the platform said, is written into the audit.

use std::sync::Arc;

use axum::{
    Json,
    body::Bytes,
    extract::{Path, State},
};
use serde::Serialize;
use serde_json::json;
use switchboard::access::Act;
use terms::PhoneNumberId;
use wire::graph::settings::{
    CallHours, CallIcons, Calling, IconVisibility, Restrictions, Settings, Switch,
};

use super::ApiError;
use crate::{console::session::Caller, graph::GraphError, line::Line, office::Office};

/// How a number takes calls.
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct NumberSettings {
    phone_number_id: PhoneNumberId,
    #[schema(value_type = CallingShown)]
    calling: Calling,
}

/// The settings that decide when users may call and who sees the icon.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "the settings are answered as they were read")]
struct CallingShown {
    /// Calls on or off.
    status: Option<Switch>,
    /// Whether users see the call icon.
    call_icon_visibility: Option<IconVisibility>,
    /// To whom the icon is shown.
    call_icons: Option<CallIcons>,
    /// When users may call.
    call_hours: Option<CallHours>,
    /// Whether a user's call grants permission to call back.
    callback_permission_status: Option<Switch>,
    /// What is not allowed now.
    restrictions: Option<Restrictions>,
}

/// A change: what is absent stays.
#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "a change is read field by field")]
struct SettingsChange {
    calling: CallingChange,
}

#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "a change is read field by field")]
struct CallingChange {
    /// `ENABLED` or `DISABLED`.
    status: Option<Switch>,
    /// `DEFAULT` or `DISABLE_ALL`.
    call_icon_visibility: Option<IconVisibility>,
    call_icons: Option<CallIcons>,
    /// Replaces the stored hours as a whole.
    call_hours: Option<CallHours>,
    /// `ENABLED` or `DISABLED`.
    callback_permission_status: Option<Switch>,
}

/// When may users call this number, and who sees the call icon?
#[utoipa::path(get, path = "/v1/numbers/{id}/settings", tag = "numbers",
    params(("id" = String, Path, description = "The number's `phone_number_id`")),
    responses((status = 200, body = NumberSettings,
               description = "`{phone_number_id, calling}`: `status`, `call_icon_visibility`, `call_icons`, `call_hours`, `callback_permission_status` and `restrictions` as the platform has them"),
              (status = 404, body = super::Refused, description = "It is not our number"),
              (status = 409, body = super::Refused, description = "The platform says no"),
              (status = 502, body = super::Refused, description = "The platform does not answer")))]
pub(super) async fn read_settings(
    State(office): State<Arc<Office>>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<NumberSettings>, ApiError> {
    read(ours(&office, &caller, &id)?).await
}

/// Change them; what is not named stays as it is.
#[utoipa::path(patch, path = "/v1/numbers/{id}/settings", tag = "numbers",
    params(("id" = String, Path, description = "The number's `phone_number_id`")),
    request_body(content = SettingsChange, description = "`{calling: {status?, call_icon_visibility?, call_icons?, call_hours?, callback_permission_status?}}`; `call_hours` replaces the stored hours as a whole"),
    responses((status = 200, body = NumberSettings, description = "The settings as they are then"),
              (status = 400, body = super::Refused, description = "A field cannot be read, or is not changed here"),
              (status = 403, body = super::Refused, description = "Agents change no settings"),
              (status = 404, body = super::Refused, description = "It is not our number"),
              (status = 409, body = super::Refused, description = "The platform says no"),
              (status = 502, body = super::Refused, description = "The platform does not answer")))]
pub(super) async fn change_settings(
    State(office): State<Arc<Office>>,
    caller: Caller,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Json<NumberSettings>, ApiError> {
    if !caller.may(Act::Administer) {
        return Err(ApiError::forbidden("only who administers the numbers changes their settings"));
    }
    let line = ours(&office, &caller, &id)?;
    let change = change(&body)?;
    let changed = line.graph.change_settings(change.clone()).await;
    let outcome = match &changed {
        Ok(()) => "changed",
        Err(GraphError::Refused { .. }) => "refused",
        // It may have changed all the same.
        Err(GraphError::Unreachable { .. }) => "unknown",
    };
    let detail = json!({ "calling": change, "outcome": outcome });
    let deed = caller.deed("number.changed", line.id().as_str(), Some(detail));
    office.store.keep_deed(deed).await?;
    changed?;
    read(line).await
}

/// A number of the caller's organisation; another's is as unknown as none.
fn ours<'a>(office: &'a Office, caller: &'a Caller, id: &str) -> Result<&'a Arc<Line>, ApiError> {
    let mut lines = office.lines.of(&caller.organisation);
    let line = lines.find(|line| line.id().as_str() == id);
    line.ok_or_else(|| ApiError::not_found("no number of ours has this id"))
}

async fn read(line: &Line) -> Result<Json<NumberSettings>, ApiError> {
    let calling = line.graph.settings().await?.calling.unwrap_or_default();
    Ok(Json(NumberSettings { phone_number_id: line.id().clone(), calling: shown(calling) }))
}

/// What a form shows and changes; never the rest, which may name servers and passwords.
fn shown(calling: Calling) -> Calling {
    Calling {
        status: calling.status,
        call_icon_visibility: calling.call_icon_visibility,
        call_icons: calling.call_icons,
        call_hours: calling.call_hours,
        callback_permission_status: calling.callback_permission_status,
        restrictions: calling.restrictions,
        ..Calling::default()
    }
}

/// A change of what can be changed here.
fn change(body: &[u8]) -> Result<Calling, ApiError> {
    let settings = Settings::parse(body).map_err(|fault| ApiError::invalid(fault.to_string()))?;
    let others = settings.storage_configuration.is_some()
        || settings.user_identity_change.is_some()
        || settings.payload_encryption.is_some();
    let calling = settings.calling.unwrap_or_default();
    let change = shown(calling.clone());
    if others || change != calling {
        return Err(ApiError::invalid(
            "only status, call_icon_visibility, call_icons, call_hours and callback_permission_status \
             of calling are changed here",
        ));
    }
    if change == Calling::default() {
        return Err(ApiError::invalid("calling: name at least one setting"));
    }
    Ok(change)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_names_what_can_be_changed_here_and_nothing_else() {
        let text = r#"{"calling":{"status":"ENABLED","call_icon_visibility":"DISABLE_ALL"}}"#;
        assert!(change(text.as_bytes()).is_ok());
        for no in [
            r#"{"calling":{}}"#,
            r"{}",
            r#"{"calling":{"sip":{"status":"ENABLED"}}}"#,
            r#"{"calling":{"status":"ENABLED","srtp_key_exchange_protocol":"SDES"}}"#,
            r#"{"calling":{"status":"MAYBE"}}"#,
            r#"{"payload_encryption":{},"calling":{"status":"ENABLED"}}"#,
            "{",
        ] {
            assert!(change(no.as_bytes()).is_err(), "{no}");
        }
    }

    #[test]
    fn what_is_shown_names_no_server_and_no_password() {
        let all = br#"{"calling":{"status":"ENABLED","sip":{"status":"ENABLED","servers":
            [{"hostname":"sip.example.com","sip_user_password":"secret"}]}}}"#;
        let all: Settings = serde_json::from_slice(all).unwrap();
        let shown = serde_json::to_string(&shown(all.calling.unwrap())).unwrap();
        assert_eq!(shown, r#"{"status":"ENABLED"}"#);
    }
}
