//! Whose endpoint is a webhook for?

use terms::{AppId, PhoneNumberId};

use crate::directory::{Directory, Endpoint};

/// Whose endpoint a webhook is for; its text is the row's `target`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    /// An app's callback URL, or what the number or its account puts in its place.
    App(AppId, PhoneNumberId),
    /// A number's channel webhook (360dialog edition).
    Channel(PhoneNumberId),
}

impl Target {
    /// The form kept in the row.
    pub(crate) fn to_text(&self) -> String {
        match self {
            Self::App(app, number) => format!("app:{app}/{number}"),
            Self::Channel(number) => format!("channel:{number}"),
        }
    }

    /// Reads the form kept in the row.
    pub(crate) fn from_text(text: &str) -> Option<Self> {
        let (kind, id) = text.split_once(':')?;
        match kind {
            "app" => {
                let (app, number) = id.split_once('/')?;
                Some(Self::App(app.parse().ok()?, number.parse().ok()?))
            }
            "channel" => id.parse().ok().map(Self::Channel),
            _ => None,
        }
    }

    /// The number whose webhooks these are.
    pub(crate) fn number(&self) -> &PhoneNumberId {
        match self {
            Self::App(_, number) | Self::Channel(number) => number,
        }
    }

    /// Where it wants its webhooks at this moment.
    pub(crate) fn endpoint(&self, directory: &Directory) -> Option<Endpoint> {
        match self {
            Self::App(app, number) => directory.endpoint_of(app, number),
            Self::Channel(number) => {
                let channel = directory.number(number)?.channel_webhook.clone()?;
                Some(Endpoint { url: channel.url, headers: channel.headers })
            }
        }
    }

    /// The certificate the platform shows there (mTLS), as the app has it set.
    pub(crate) fn certificate(&self, directory: &Directory) -> Option<String> {
        match self {
            Self::App(app, _) => directory.app(app)?.client_certificate.clone(),
            Self::Channel(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_reads_what_it_writes() {
        let number: PhoneNumberId = "109876543210987".parse().unwrap();
        let app = "401234567890123".parse().unwrap();
        for target in [Target::App(app, number.clone()), Target::Channel(number)] {
            assert_eq!(Target::from_text(&target.to_text()), Some(target));
        }
        assert_eq!(Target::from_text("app"), None);
        assert_eq!(Target::from_text("app:401234567890123"), None);
    }
}
