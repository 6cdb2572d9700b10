//! Where do webhooks go? The three levels of subscription (fact sheet 10.2).

use serde::{Deserialize, Serialize};

use crate::{
    RequestFault,
    read::{self, Fields},
};

/// `POST /{APP_ID}/subscriptions`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppSubscription {
    /// Where to send.
    pub callback_url: String,
    /// Which webhook fields.
    pub fields: Vec<String>,
    /// What the handshake carries.
    pub verify_token: String,
}

impl AppSubscription {
    /// Reads the raw body. `fields` may be a list or a text with commas.
    ///
    /// # Errors
    ///
    /// The first fault.
    pub fn parse(bytes: &[u8]) -> Result<Self, RequestFault> {
        let map = read::body(bytes)?;
        let fields = Fields::root(&map);
        read::check_word(
            "object",
            fields.required_text("object")?,
            &["whatsapp_business_account"],
        )?;
        let list = match fields.value("fields") {
            Some(serde_json::Value::String(text)) => {
                text.split(',').map(|field| field.trim().to_owned()).collect()
            }
            _ => fields.texts("fields")?.ok_or_else(|| fields.missing("fields"))?,
        };
        Ok(Self {
            callback_url: fields.required_text("callback_url")?.to_owned(),
            fields: list,
            verify_token: fields.required_text("verify_token")?.to_owned(),
        })
    }
}

/// `POST /{WABA_ID}/subscribed_apps` and the `webhook_configuration` of `POST /{PNID}`: both may
/// name another callback.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallbackOverride {
    /// Where to send instead; empty clears.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub override_callback_uri: Option<String>,
    /// What the handshake carries.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verify_token: Option<String>,
}

impl CallbackOverride {
    /// Reads the body of `POST /{WABA_ID}/subscribed_apps`; an empty body is an empty override.
    ///
    /// # Errors
    ///
    /// The first fault.
    pub fn parse(bytes: &[u8]) -> Result<Self, RequestFault> {
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Ok(Self::default());
        }
        let map = read::body(bytes)?;
        Self::read(Fields::root(&map))
    }

    /// Reads the body of `POST /{PNID}`.
    ///
    /// # Errors
    ///
    /// The first fault.
    pub fn parse_number(bytes: &[u8]) -> Result<Self, RequestFault> {
        let map = read::body(bytes)?;
        Fields::root(&map).required_object("webhook_configuration", Self::read)
    }

    fn read(fields: Fields<'_>) -> Result<Self, RequestFault> {
        Ok(Self {
            override_callback_uri: fields.text("override_callback_uri")?.map(str::to_owned),
            verify_token: fields.text("verify_token")?.map(str::to_owned),
        })
    }
}

/// 360dialog's `POST /v1/configs/webhook`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dialog360Webhook {
    /// Where to send.
    pub url: String,
    /// Headers to add to each delivery.
    pub headers: Vec<(String, String)>,
}

impl Dialog360Webhook {
    /// Reads the raw body.
    ///
    /// # Errors
    ///
    /// The first fault.
    pub fn parse(bytes: &[u8]) -> Result<Self, RequestFault> {
        let map = read::body(bytes)?;
        let fields = Fields::root(&map);
        let headers = fields.object("headers", |headers| headers.text_pairs())?;
        Ok(Self {
            url: fields.required_text("url")?.to_owned(),
            headers: headers.unwrap_or_default(),
        })
    }
}

/// The answer to `GET /{APP_ID}/subscriptions`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppSubscriptions {
    /// One for each object.
    #[serde(default)]
    pub data: Vec<ObjectSubscription>,
}

/// What an app hears of one kind of object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectSubscription {
    /// The kind, such as `whatsapp_business_account`.
    pub object: String,
    /// Where webhooks go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub callback_url: Option<String>,
    /// Whether they do.
    #[serde(default)]
    pub active: bool,
    /// Which.
    #[serde(default)]
    pub fields: Vec<SubscribedField>,
}

/// One webhook field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubscribedField {
    /// Its name.
    pub name: String,
}

/// The answer to `GET /{WABA_ID}/subscribed_apps`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubscribedApps {
    /// One for each app.
    #[serde(default)]
    pub data: Vec<SubscribedApp>,
}

/// An app that gets an account's webhooks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubscribedApp {
    /// Which.
    pub whatsapp_business_api_data: AppName,
    /// Where to, when not to the app's own URL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub override_callback_uri: Option<String>,
}

/// An app's id and name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppName {
    /// Its id.
    pub id: String,
    /// Its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}
