//! Who is told what happens, how, and for how long is it kept?

use std::time::Duration;

use reqwest::Url;
use serde::Deserialize;
use terms::OrganisationId;
use wire::event::{
    Format, KINDS,
    signature::{Scheme, SigningKey},
};

use super::{ConfigError, Organisation, read::value};
use crate::outbox::schedule::RETRIES_DEFAULT;

/// Who is told what happens.
#[derive(Debug, Clone)]
pub struct Events {
    /// The receivers.
    pub endpoints: Vec<Endpoint>,
    /// How long events are kept.
    pub keep: Duration,
    /// How long to wait after each attempt that failed; then the delivery is dead.
    pub retries: Vec<Duration>,
    /// How long a receiver may take to answer.
    pub timeout: Duration,
    /// How long before its end it is told that a service window closes.
    pub window_closing: Duration,
}

/// A receiver of events.
#[derive(Clone)]
pub struct Endpoint {
    /// Whose events it gets.
    pub organisation: OrganisationId,
    /// Its name: what was delivered is kept by it.
    pub name: String,
    /// Where it is.
    pub url: Url,
    /// What deliveries are signed with.
    pub key: SigningKey,
    /// How it reads them.
    pub format: Format,
    /// The types it wants, such as `call.ended` or `call.*`; empty means all.
    pub types: Vec<String>,
}

/// How long events are kept when nothing is said.
const KEEP_DEFAULT: Duration = Duration::from_secs(30 * 86_400);
/// How long a receiver may take when nothing is said: Standard Webhooks says 15 to 30 s.
const TIMEOUT_DEFAULT: Duration = Duration::from_secs(15);
/// When it is told that a window closes when nothing is said: time for one more message.
const WINDOW_CLOSING_DEFAULT: Duration = Duration::from_secs(30 * 60);

impl Default for Events {
    fn default() -> Self {
        Self {
            endpoints: Vec::new(),
            keep: KEEP_DEFAULT,
            retries: RETRIES_DEFAULT.to_vec(),
            timeout: TIMEOUT_DEFAULT,
            window_closing: WINDOW_CLOSING_DEFAULT,
        }
    }
}

/// The table `[outbox]`.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct OutboxTable {
    keep_days: Option<u64>,
    retries_s: Option<Vec<u64>>,
    timeout_s: Option<u64>,
    window_closing_s: Option<u64>,
}

impl OutboxTable {
    /// The settings, without receivers.
    ///
    /// # Errors
    ///
    /// A span that makes no sense.
    pub(super) fn checked(self) -> Result<Events, ConfigError> {
        let defaults = Events::default();
        let seconds = |given: Option<u64>, or| given.map_or(or, Duration::from_secs);
        let days = |days: u64| Duration::from_secs(days.saturating_mul(86_400));
        let events = Events {
            endpoints: Vec::new(),
            keep: self.keep_days.map_or(defaults.keep, days),
            retries: self.retries_s.map_or(defaults.retries, |waits| {
                waits.into_iter().map(Duration::from_secs).collect()
            }),
            timeout: seconds(self.timeout_s, defaults.timeout),
            window_closing: seconds(self.window_closing_s, defaults.window_closing),
        };
        if events.timeout.is_zero() {
            return Err(value("outbox.timeout_s", "write at least 1 second".into()));
        }
        // A delivery must not be forgotten while it waits; luck makes waits up to a fifth longer.
        let tried_for =
            events.retries.iter().fold(Duration::ZERO, |sum, wait| sum.saturating_add(*wait));
        if events.keep < tried_for.saturating_mul(2) || events.keep.is_zero() {
            return Err(value(
                "outbox.keep_days",
                "keep events twice as long as they are tried".into(),
            ));
        }
        Ok(events)
    }
}

/// Why an endpoint cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// The address.
    #[error("url: write one that starts with http:// or https://")]
    Url,
    /// The secret.
    #[error("secret: {0}")]
    Key(#[from] wire::event::signature::KeyError),
    /// A type.
    #[error("types: there is no event {0:?}")]
    Type(String),
}

impl std::fmt::Debug for Endpoint {
    /// Without the URL, which may hold a token of the receiver's.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Endpoint").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Endpoint {
    /// A checked endpoint of the organisation there is when none is written.
    ///
    /// # Errors
    ///
    /// A URL, secret or type that cannot be used.
    pub fn new(
        name: &str,
        url: &str,
        scheme: Scheme,
        secret: &str,
        types: Vec<String>,
    ) -> Result<Self, EndpointError> {
        let url: Url = url.parse().map_err(|_| EndpointError::Url)?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(EndpointError::Url);
        }
        let unknown = |pattern: &&String| !KINDS.iter().any(|kind| fits(pattern, kind));
        if let Some(pattern) = types.iter().find(unknown) {
            return Err(EndpointError::Type(pattern.clone()));
        }
        let key = SigningKey::new(scheme, secret)?;
        let organisation = Organisation::default().id;
        let (name, format) = (name.to_owned(), Format::default());
        Ok(Self { organisation, name, url, key, format, types })
    }

    /// Whether it wants events of this type.
    #[must_use]
    pub fn wants(&self, kind: &str) -> bool {
        self.types.is_empty() || self.types.iter().any(|pattern| fits(pattern, kind))
    }
}

fn fits(pattern: &str, kind: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => start.ends_with('.') && kind.starts_with(start),
        None => pattern == kind,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    fn endpoint(url: &str, types: &[&str]) -> Result<Endpoint, EndpointError> {
        let types = types.iter().map(|text| (*text).to_owned()).collect();
        Endpoint::new("crm", url, Scheme::Standard, SECRET, types)
    }

    #[test]
    fn an_endpoint_gets_the_types_it_names_and_all_when_it_names_none() {
        let some = endpoint("https://crm.example/hook", &["call.*", "window.closed"]).unwrap();
        assert!(some.wants("call.ended") && some.wants("window.closed"));
        assert!(!some.wants("window.opened") && !some.wants("calls"));
        assert!(endpoint("http://127.0.0.1:1", &[]).unwrap().wants("anything"));
    }

    #[test]
    fn what_cannot_be_used_is_said_at_start() {
        assert_eq!(endpoint("ftp://crm.example", &[]).err(), Some(EndpointError::Url));
        assert_eq!(endpoint("crm", &[]).err(), Some(EndpointError::Url));
        let odd = EndpointError::Type("call.rung".into());
        assert_eq!(endpoint("http://127.0.0.1:1", &["call.rung"]).err(), Some(odd));
        let all = EndpointError::Type("*".into());
        assert_eq!(endpoint("http://127.0.0.1:1", &["*"]).err(), Some(all), "leave it out");
    }

    /// A folder with a whole file that ends with these tables.
    fn written(tables: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("secret"), SECRET).unwrap();
        let head = r#"
            api_key_file = "secret"
            number = { phone_number_id = "109876543210987", digits = "551140000000" }
            upstream = { edition = "360dialog", token_file = "secret", verify_token_file = "secret" }
            agents = [{ id = "lia", password_file = "secret" }]
        "#;
        std::fs::write(folder.path().join("gateway.toml"), format!("{head}\n{tables}")).unwrap();
        folder
    }

    fn read(tables: &str) -> Result<Events, String> {
        let folder = written(tables);
        let read = crate::Config::read(&folder.path().join("gateway.toml"));
        read.map(|config| config.events).map_err(|error| error.to_string())
    }

    const CRM: &str = "[[events]]\nname = \"crm\"\nurl = \"https://crm.example/hook\"\n\
                       secret_file = \"secret\"\ntypes = [\"call.*\"]\n";

    #[test]
    fn receivers_stand_in_the_file_and_nothing_is_needed() {
        let none = read("").unwrap();
        assert!(none.endpoints.is_empty());
        assert_eq!(none.keep, KEEP_DEFAULT);
        let events = read(&format!("{CRM}[outbox]\nretries_s = [1, 60]\nkeep_days = 1\n")).unwrap();
        assert_eq!(events.endpoints.len(), 1);
        assert!(events.endpoints[0].wants("call.missed"));
        assert_eq!(events.endpoints[0].format, Format::CloudEvents);
        assert_eq!(events.retries, [Duration::from_secs(1), Duration::from_secs(60)]);
    }

    #[test]
    fn a_name_twice_and_events_kept_too_short_are_refused_by_name() {
        assert!(read(&format!("{CRM}{CRM}")).unwrap_err().starts_with("events.crm:"));
        let short = read("[outbox]\nkeep_days = 6\n").unwrap_err();
        assert!(short.starts_with("outbox.keep_days:"), "{short}");
        let typo = CRM.replace("call.*", "call.rung");
        assert!(read(&typo).unwrap_err().contains("call.rung"));
    }

    #[test]
    fn the_format_is_a_word_and_a_slip_of_it_is_understood() {
        let plain = read(&format!("{CRM}format = \"plain\"\n")).unwrap();
        assert_eq!(plain.endpoints[0].format, Format::Plain);
        let slip = read(&format!("{CRM}format = \"plane\"\n")).unwrap_err();
        assert!(slip.contains("unknown word `plane`: did you mean `plain`?"), "{slip}");
        let strange = read(&format!("{CRM}format = \"xml\"\n")).unwrap_err();
        assert!(strange.contains("unknown word `xml`: here stand cloudevents, plain"), "{strange}");
    }
}
