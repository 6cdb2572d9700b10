//! Are these SIP and voicemail settings possible?

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use terms::AppId;

use super::{
    Asker, Switch,
    change::{AnnouncementChange, Port, SipChange, SipServerChange, VoicemailChange},
    invalid, word,
};
use crate::{Refusal, rulebook::Rulebook};

/// `sip`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sip {
    /// Calls are signalled over SIP, and Graph call actions are off.
    pub status: Switch,
    /// Webhooks for SIP calls.
    pub webhook_delivery: Switch,
    /// At most one in practice; switching SIP off keeps it.
    pub servers: Vec<SipServer>,
}

/// The business's SIP server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SipServer {
    /// The app that set it; `None` without one, as in the 360dialog edition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app: Option<AppId>,
    /// The digest password of this number and app; drawn by the shell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<SipPassword>,
    /// Its name, which its certificate must match.
    pub hostname: String,
    /// Its TLS port.
    pub port: u16,
    /// Parameters added to the user part of the Request-URI.
    pub request_uri_user_params: BTreeMap<String, String>,
}

/// A digest password, which must be shown again and so is kept; `Debug` hides it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SipPassword(pub String);

impl std::fmt::Debug for SipPassword {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

/// `voicemail`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Voicemail {
    /// On or off.
    pub status: Switch,
    /// What starts it.
    pub triggers: Vec<Trigger>,
    /// What it plays, and after which wait.
    pub announcement: Option<Announcement>,
}

/// What starts voicemail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Trigger {
    /// The business rejects.
    Reject,
    /// The wait is over.
    Timeout,
}

/// `voicemail.audio.default`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Announcement {
    /// The uploaded audio.
    pub media_id: u64,
    /// Seconds from ringing; without it the timeout trigger is off.
    pub timeout_s: Option<u64>,
}

/// Checks `sip`; the servers of other apps stay as they are.
pub(super) fn check_sip(
    current: Option<&Sip>,
    change: &SipChange,
    asker: &Asker,
    book: &Rulebook,
) -> Result<Sip, Refusal> {
    let mut sip = current.cloned().unwrap_or(Sip {
        status: Switch::Disabled,
        webhook_delivery: Switch::Disabled,
        servers: Vec::new(),
    });
    if let Some(status) = &change.status {
        sip.status = word("sip.status", status)?;
    }
    if let Some(delivery) = &change.webhook_delivery {
        sip.webhook_delivery = word("sip.webhook_delivery", delivery)?;
    }
    if let Some(servers) = &change.servers {
        let max = book.settings.sip_servers_max.value;
        if servers.len() > max as usize {
            return Err(invalid("sip.servers", &format!("at most {max} server")));
        }
        let servers: Vec<_> =
            servers.iter().map(|server| check_server(server, book)).collect::<Result<_, _>>()?;
        // A server that stays keeps its password; one that was deleted gets another.
        let own = |server: &SipServer| server.app == asker.app;
        let password = sip.servers.iter().find(|it| own(it)).and_then(|it| it.password.clone());
        sip.servers.retain(|server| !own(server));
        sip.servers.extend(servers.into_iter().map(|server| SipServer {
            app: asker.app.clone(),
            password: password.clone(),
            ..server
        }));
    }
    let uses_sip = sip.status == Switch::Enabled;
    let is_new = change.servers.as_ref().is_some_and(|servers| !servers.is_empty());
    if !asker.is_live && (is_new || (uses_sip && change.status.is_some())) {
        return Err(Refusal::AppNotLive { code: book.settings.app_not_live_code.value });
    }
    if uses_sip && sip.servers.is_empty() {
        return Err(invalid("sip.servers", "SIP needs a server while it is enabled"));
    }
    Ok(sip)
}

fn check_server(server: &SipServerChange, book: &Rulebook) -> Result<SipServer, Refusal> {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b".-".contains(&byte);
    if server.hostname.is_empty() || !server.hostname.bytes().all(legal) {
        return Err(invalid("sip.servers.hostname", "must be a host name"));
    }
    let port = match &server.port {
        None => Some(book.settings.sip_port_default.value),
        Some(Port::Number(number)) => u16::try_from(*number).ok(),
        Some(Port::Text(text)) => text.parse().ok(),
    };
    let Some(port) = port.filter(|port| *port != 0) else {
        return Err(invalid("sip.servers.port", "must be a TCP port"));
    };
    let max = book.settings.sip_parameter_chars_max.value as usize;
    let too_long = |text: &String| text.chars().count() > max;
    let params = &server.request_uri_user_params;
    if params.keys().chain(params.values()).any(too_long) {
        let reason = format!("keys and values have at most {max} characters");
        return Err(invalid("sip.servers.request_uri_user_params", &reason));
    }
    Ok(SipServer {
        app: None,
        password: None,
        hostname: server.hostname.clone(),
        port,
        request_uri_user_params: params.clone(),
    })
}

/// Checks `voicemail`; what the change leaves out stays as it is.
pub(super) fn check_voicemail(
    current: Option<&Voicemail>,
    change: &VoicemailChange,
    book: &Rulebook,
) -> Result<Voicemail, Refusal> {
    let status = match (&change.status, current) {
        (Some(status), _) => word("voicemail.status", status)?,
        (None, Some(current)) => current.status,
        (None, None) => return Err(invalid("voicemail.status", "is required")),
    };
    let triggers = match (&change.triggers, current) {
        (Some(triggers), _) => triggers
            .iter()
            .map(|trigger| word("voicemail.triggers", trigger))
            .collect::<Result<Vec<Trigger>, _>>()?,
        (None, Some(current)) => current.triggers.clone(),
        (None, None) => Vec::new(),
    };
    let wanted = change.audio.as_ref().and_then(|audio| audio.default.as_ref());
    let announcement = announcement(current.and_then(|it| it.announcement), wanted);
    let max = book.settings.voicemail_timeout_max.value.as_secs();
    if wanted.and_then(|it| it.timeout_seconds).is_some_and(|timeout| timeout > max) {
        let reason = format!("must be from 0 to {max}");
        return Err(invalid("voicemail.audio.default.timeout_seconds", &reason));
    }
    match status {
        Switch::Enabled if triggers.is_empty() => {
            Err(invalid("voicemail.triggers", "voicemail needs at least one trigger"))
        }
        Switch::Enabled if announcement.is_none() => {
            let field = "voicemail.audio.default.announcement_media_id";
            Err(invalid(field, "voicemail needs an announcement"))
        }
        Switch::Enabled | Switch::Disabled => Ok(Voicemail { status, triggers, announcement }),
    }
}

fn announcement(
    current: Option<Announcement>,
    wanted: Option<&AnnouncementChange>,
) -> Option<Announcement> {
    let media_id = wanted.and_then(|it| it.announcement_media_id);
    let timeout_s = wanted.and_then(|it| it.timeout_seconds);
    Some(Announcement {
        media_id: media_id.or_else(|| current.map(|it| it.media_id))?,
        timeout_s: timeout_s.or_else(|| current.and_then(|it| it.timeout_s)),
    })
}
