//! Meta or 360dialog: which URL, which header, which path?
//!
//! The two editions carry the same bodies. Three values differ, and all three are here (fact sheet
//! 10.6): the base URL, the header with the secret, and the path. Nothing else may ask which
//! edition it is.

use terms::{AppId, MediaId, PhoneNumberId, WabaId};

use crate::graph::{analytics::CallAnalyticsRequest, permission::PermissionQuery};

/// Meta's address.
pub const META_BASE_URL: &str = "https://graph.facebook.com";

/// 360dialog's address.
pub const DIALOG360_BASE_URL: &str = "https://waba-v2.360dialog.io";

/// The version of the Graph API spoken when nothing is said.
pub const GRAPH_VERSION_DEFAULT: GraphVersion = GraphVersion(23);

/// The first version with calling.
pub const GRAPH_VERSION_MIN: GraphVersion = GraphVersion(17);

/// A version of the Graph API, `v23.0` on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct GraphVersion(pub u16);

/// A text that is not a version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a Graph API version, such as v23.0")]
pub struct GraphVersionError;

impl std::str::FromStr for GraphVersion {
    type Err = GraphVersionError;

    fn from_str(text: &str) -> Result<Self, GraphVersionError> {
        let number = text.strip_prefix('v').and_then(|rest| rest.strip_suffix(".0"));
        let number = number.filter(|n| (1..=3).contains(&n.len()) && !n.starts_with('+'));
        number.and_then(|n| n.parse().ok()).map(Self).ok_or(GraphVersionError)
    }
}

impl std::fmt::Display for GraphVersion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "v{}.0", self.0)
    }
}

/// Whose front door it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edition {
    /// The Graph API: the path names the number.
    Meta {
        /// Which version.
        version: GraphVersion,
        /// Which number.
        phone_number_id: PhoneNumberId,
    },
    /// 360dialog: the key selects the number.
    Dialog360,
}

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Endpoint<'a> {
    /// `POST`: an action on a call.
    Calls,
    /// `POST`: change the settings.
    WriteSettings,
    /// `GET`: the settings.
    ReadSettings {
        /// With the SIP password; 360dialog always includes it.
        sip_credentials: bool,
    },
    /// `GET`: may this user be called?
    CallPermissions(&'a PermissionQuery),
    /// `POST`: send a message.
    Messages,
}

impl Endpoint<'_> {
    /// The HTTP method.
    #[must_use]
    pub fn method(self) -> &'static str {
        match self {
            Self::Calls | Self::WriteSettings | Self::Messages => "POST",
            Self::ReadSettings { .. } | Self::CallPermissions(_) => "GET",
        }
    }
}

impl Edition {
    /// Where it is when nothing is configured.
    #[must_use]
    pub fn default_base_url(&self) -> &'static str {
        match self {
            Self::Meta { .. } => META_BASE_URL,
            Self::Dialog360 => DIALOG360_BASE_URL,
        }
    }

    /// The header that carries the secret: its name and value.
    #[must_use]
    pub fn auth_header(&self, secret: &str) -> (&'static str, String) {
        match self {
            Self::Meta { .. } => ("authorization", format!("Bearer {secret}")),
            Self::Dialog360 => ("d360-api-key", secret.to_owned()),
        }
    }

    /// The path and query, from the slash after the base URL.
    #[must_use]
    pub fn path(&self, endpoint: Endpoint<'_>) -> String {
        match self {
            Self::Meta { version, phone_number_id } => {
                format!("/{version}/{phone_number_id}{}", meta_path(endpoint))
            }
            Self::Dialog360 => dialog360_path(endpoint),
        }
    }

    /// The whole URL below a base URL.
    #[must_use]
    pub fn url(&self, base_url: &str, endpoint: Endpoint<'_>) -> String {
        format!("{}{}", base_url.trim_end_matches('/'), self.path(endpoint))
    }

    /// The path of a media file: of what is known of it, and a link. A number asks for its own alone.
    #[must_use]
    pub fn media_path(&self, file: &MediaId) -> String {
        match self {
            Self::Meta { version, phone_number_id } => {
                format!("/{version}/{file}?phone_number_id={phone_number_id}")
            }
            Self::Dialog360 => format!("/{file}"),
        }
    }

    /// Where a media file's link leads with the secret of this edition: Meta's links are Meta's, at
    /// 360dialog the same path is at its own address. `None` for a link that is none, or would carry the
    /// secret in clear although the API is not asked so.
    #[must_use]
    pub fn media_url(&self, base_url: &str, link: &str) -> Option<String> {
        let (scheme, rest) = link.split_once("://")?;
        let in_clear = base_url.starts_with("http://");
        if rest.is_empty() || !(scheme == "https" || scheme == "http" && in_clear) {
            return None;
        }
        match self {
            Self::Meta { .. } => Some(link.to_owned()),
            Self::Dialog360 => {
                let (_, path) = rest.split_once('/')?;
                Some(format!("{}/{path}", base_url.trim_end_matches('/')))
            }
        }
    }
}

fn meta_path(endpoint: Endpoint<'_>) -> String {
    match endpoint {
        Endpoint::Calls => "/calls".into(),
        Endpoint::WriteSettings | Endpoint::ReadSettings { sip_credentials: false } => {
            "/settings".into()
        }
        Endpoint::ReadSettings { sip_credentials: true } => {
            "/settings?include_sip_credentials=true".into()
        }
        Endpoint::CallPermissions(PermissionQuery::WaId(user)) => {
            format!("/call_permissions?user_wa_id={}", user.as_str())
        }
        Endpoint::CallPermissions(PermissionQuery::UserId(user)) => {
            format!("/call_permissions?recipient={}", escape(user.as_str()))
        }
        Endpoint::Messages => "/messages".into(),
    }
}

fn dialog360_path(endpoint: Endpoint<'_>) -> String {
    match endpoint {
        Endpoint::Calls => "/calling/calls".into(),
        Endpoint::WriteSettings | Endpoint::ReadSettings { .. } => "/calling/settings".into(),
        Endpoint::CallPermissions(PermissionQuery::WaId(user)) => {
            format!("/calling/permissions/{}", user.as_str())
        }
        Endpoint::CallPermissions(PermissionQuery::UserId(user)) => {
            format!("/calling/permissions/{}", escape(user.as_str()))
        }
        Endpoint::Messages => "/messages".into(),
    }
}

/// The path of where a number's webhooks go; 360dialog only.
pub const DIALOG360_WEBHOOK_PATH: &str = "/v1/configs/webhook";

/// The path of an account's call to subscribe an app; Meta only.
#[must_use]
pub fn subscribed_apps_path(version: GraphVersion, waba: &WabaId) -> String {
    format!("/{version}/{waba}/subscribed_apps")
}

/// The path of an app's subscription; Meta only.
#[must_use]
pub fn app_subscriptions_path(version: GraphVersion, app: &AppId) -> String {
    format!("/{version}/{app}/subscriptions")
}

/// The path of an account's figures of calls; Meta only.
#[must_use]
pub fn call_analytics_path(
    version: GraphVersion,
    waba: &WabaId,
    request: &CallAnalyticsRequest,
) -> String {
    format!("/{version}/{waba}?fields={}", escape(&request.to_field()))
}

/// The path of what is known of a token; Meta only.
#[must_use]
pub fn debug_token_path(version: GraphVersion, token: &str) -> String {
    format!("/{version}/debug_token?input_token={}", escape(token))
}

/// The path of a number and its health; Meta only.
#[must_use]
pub fn number_health_path(version: GraphVersion, number: &PhoneNumberId) -> String {
    format!("/{version}/{number}?fields=id,verified_name,display_phone_number,health_status")
}

/// Percent-escapes a text for a path segment or a query value.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}
