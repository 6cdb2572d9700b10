//! What does a seed, or the sandbox API, say about a new number?
//!
//! All that is kept of one, but for its calling settings: they are written as the API's clients write
//! them, and go through the same checks. So no number starts with settings a business could not have.

use std::collections::BTreeMap;

use rules::{
    Refusal,
    limits::NumberKind,
    quality::Restriction,
    rulebook::Rulebook,
    settings::{self, Asker, CallingSettings, Change, Prerequisites},
};
use serde::{Deserialize, Deserializer, de::Error as _};
use terms::{AppId, Country, PhoneNumberId, Timestamp, WaId, WabaId};

use super::{Account, AccountKind, Callback, ChannelWebhook, Number, OtherSettings};

/// A number that is not there yet.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewNumber {
    pub(crate) id: PhoneNumberId,
    pub(crate) account: WabaId,
    pub(crate) digits: WaId,
    pub(crate) name: String,
    pub(crate) tier: u32,
    #[serde(default)]
    pub(crate) country: Option<Country>,
    #[serde(default)]
    pub(crate) kind: NumberKind,
    #[serde(default)]
    pub(crate) allowed_recipients: Vec<WaId>,
    #[serde(default)]
    pub(crate) d360_key: Option<String>,
    #[serde(default)]
    pub(crate) channel_webhook: Option<ChannelWebhook>,
    #[serde(default)]
    pub(crate) callback_overrides: BTreeMap<AppId, Callback>,
    #[serde(default)]
    pub(crate) restrictions: Vec<Restriction>,
    /// The object `calling` of `POST /{PNID}/settings`; here an unknown key is an error.
    #[serde(default, deserialize_with = "known_keys_only")]
    pub(crate) calling: Change,
    #[serde(default)]
    pub(crate) other_settings: OtherSettings,
}

fn known_keys_only<'de, D: Deserializer<'de>>(given: D) -> Result<Change, D::Error> {
    let mut strange = None;
    let change = serde_ignored::deserialize(given, |path| {
        // A question mark stands for "if it is there".
        strange.get_or_insert_with(|| path.to_string().replace("?.", ""));
    })?;
    match strange {
        Some(path) => Err(D::Error::custom(format!("there is no setting {path}"))),
        None => Ok(change),
    }
}

impl NewNumber {
    /// The number, its settings those of a first change by nobody's app. `app_listens`: an app
    /// subscribed to the account subscribes to `calls`.
    ///
    /// # Errors
    ///
    /// What refuses the change over the API.
    pub(crate) fn settle(
        self,
        account: &Account,
        app_listens: bool,
        book: &Rulebook,
        now: Timestamp,
    ) -> Result<Number, Refusal> {
        let kind = match account.kind {
            AccountKind::Production => self.kind,
            AccountKind::Sandbox => NumberKind::Sandbox,
        };
        let prerequisites = Prerequisites {
            tier: self.tier,
            kind,
            country: self.country.or_else(|| Country::of(&self.digits)),
            use_case: account.use_case.clone(),
            app_listens,
            asker: Asker::DIRECT,
        };
        let audio = self.calling.voicemail.as_ref().and_then(|it| it.audio.as_ref());
        if audio.and_then(|it| it.default.as_ref()?.announcement_media_id).is_some() {
            let field = "voicemail.audio.default.announcement_media_id".to_owned();
            let reason = "a new number has no files yet".to_owned();
            return Err(Refusal::SettingInvalid { field, reason });
        }
        let nothing = CallingSettings::default();
        let applied = settings::apply(&nothing, &self.calling, &prerequisites, book, now)?;
        let mut number = Number {
            id: self.id,
            account: self.account,
            digits: self.digits,
            name: self.name,
            tier: self.tier,
            country: self.country,
            kind: self.kind,
            allowed_recipients: self.allowed_recipients,
            d360_key: self.d360_key,
            channel_webhook: self.channel_webhook,
            callback_overrides: self.callback_overrides,
            restrictions: self.restrictions,
            calling: applied.settings,
            other_settings: self.other_settings,
        };
        number.draw_passwords();
        Ok(number)
    }
}

/// A known number as one that could be new, without settings: for what a seed must not have twice.
impl From<&Number> for NewNumber {
    fn from(number: &Number) -> Self {
        let number = number.clone();
        Self {
            id: number.id,
            account: number.account,
            digits: number.digits,
            name: number.name,
            tier: number.tier,
            country: number.country,
            kind: number.kind,
            allowed_recipients: number.allowed_recipients,
            d360_key: number.d360_key,
            channel_webhook: number.channel_webhook,
            callback_overrides: number.callback_overrides,
            restrictions: number.restrictions,
            calling: Change::default(),
            other_settings: number.other_settings,
        }
    }
}
