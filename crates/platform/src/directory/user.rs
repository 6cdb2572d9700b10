//! Which WhatsApp users are there?

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use terms::{Country, PhoneNumberId, UserId, WaId};

use rules::client::Client;
use wire::sandbox::Behaviour;

/// A WhatsApp user.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct User {
    pub(crate) wa_id: WaId,
    pub(crate) name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) country: Option<Country>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) user_id: Option<UserId>,
    /// The id one level up, the same for all of a business's portfolios.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) parent_user_id: Option<UserId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) username: Option<String>,
    /// Businesses see the ids and the username, not the phone number.
    #[serde(default)]
    pub(crate) hides_number: bool,
    /// The business numbers the user has blocked.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub(crate) blocks: BTreeSet<PhoneNumberId>,
    /// The app on the user's phone.
    #[serde(default)]
    pub(crate) client: Client,
    #[serde(default)]
    pub(crate) behaviour: Behaviour,
}

impl User {
    /// A user with a number and a name; the rest is derived or as usual.
    pub(crate) fn named(wa_id: WaId, name: String) -> Self {
        Self {
            wa_id,
            name,
            country: None,
            user_id: None,
            parent_user_id: None,
            username: None,
            hides_number: false,
            blocks: BTreeSet::new(),
            client: Client::default(),
            behaviour: Behaviour::default(),
        }
    }

    /// Derives what the seed or the sandbox API left out.
    pub(crate) fn complete(&mut self) {
        self.country = self.country.or_else(|| Country::of(&self.wa_id));
        if self.user_id.is_none() {
            self.user_id = Some(derived_user_id(&self.wa_id, self.country));
        }
    }

    /// The BSUID, derived where none was given.
    pub(crate) fn known_id(&self) -> UserId {
        let derived = || derived_user_id(&self.wa_id, self.country);
        self.user_id.clone().unwrap_or_else(derived)
    }

    /// The phone number as businesses see it; `None` for a user who hides it.
    pub(crate) fn shown_wa_id(&self) -> Option<WaId> {
        (!self.hides_number).then(|| self.wa_id.clone())
    }
}

/// A stable BSUID for a user without one: the country, a dot, twenty digits.
fn derived_user_id(wa_id: &WaId, country: Option<Country>) -> UserId {
    let digest = Sha256::digest(wa_id.as_str().as_bytes());
    let digits: String = digest.iter().take(20).map(|byte| char::from(b'0' + byte % 10)).collect();
    let country = country.map_or_else(|| "ZZ".to_owned(), |country| country.to_string());
    format!("{country}.{digits}").parse().expect("two letters, a dot and digits")
}
