//! What does the platform say about our token, our number and our subscriptions?
//!
//! A few reads, one after another, each bounded by the configured time; what an answer means is
//! [`super::judge`]'s. 360dialog has two of the reads, by other paths. One that fails leaves a
//! warning, never silence.

use reqwest::{Client, header};
use serde::de::DeserializeOwned;
use terms::{AppId, Timestamp, WabaId};
use wire::{
    edition::{self, Edition, Endpoint, GraphVersion},
    graph::{error::ErrorAnswer, settings::Settings},
};

use super::{finding::Finding, judge};
use crate::{
    clock,
    config::{Line, LineSip, Number, Upstream},
};

/// The longest answer that is read.
const ANSWER_MAX: usize = 256 * 1024;

/// What was found, and where webhooks go.
#[derive(Debug, Default)]
pub(super) struct Examined {
    pub(super) findings: Vec<Finding>,
    /// The callback URL of the app, where it is known.
    pub(super) callback_url: Option<String>,
}

/// Asks the platform.
pub(super) async fn examine(line: &Line) -> Examined {
    let (upstream, number) = (&line.upstream, &line.number);
    let mut examined = Examined::default();
    let client = match Client::builder().http1_only().timeout(upstream.timeout).build() {
        Ok(client) => client,
        Err(error) => {
            let fix = "Look at this machine's root certificates.";
            let why = error.to_string();
            let fault = Finding::fault("upstream.client", "client_unusable", &why, fix);
            let fault = fault.with("why", &why);
            examined.findings.push(fault.of_line(&number.phone_number_id));
            return examined;
        }
    };
    let mut reader = Reader { client, upstream, by_sip: line.sip.as_ref(), ahead_ms: None };
    match &upstream.edition {
        Edition::Meta { version, .. } => reader.meta(*version, number, &mut examined).await,
        Edition::Dialog360 => reader.dialog360(number, &mut examined).await,
    }
    examined.findings.extend(reader.ahead_ms.map(judge::clock));
    let of_line = |finding: Finding| finding.of_line(&number.phone_number_id);
    examined.findings = examined.findings.into_iter().map(of_line).collect();
    examined
}

/// Where a number's webhooks go, at 360dialog.
#[derive(Debug, serde::Deserialize)]
struct Dialog360Callback {
    #[serde(default)]
    url: Option<String>,
}

struct Reader<'a> {
    client: Client,
    upstream: &'a Upstream,
    by_sip: Option<&'a LineSip>,
    ahead_ms: Option<i64>,
}

/// What the platform is asked for.
#[derive(Debug, Clone, Copy)]
enum Asked {
    Token,
    Number,
    Settings,
    Apps,
    Fields,
    Callback,
}

impl Asked {
    fn in_words(self) -> &'static str {
        match self {
            Self::Token => "the token",
            Self::Number => "the number",
            Self::Settings => "the calling settings",
            Self::Apps => "the account's apps",
            Self::Fields => "the app's subscription",
            Self::Callback => "where webhooks go",
        }
    }

    /// The code of a finding that it could not be read.
    fn unread(self) -> &'static str {
        match self {
            Self::Token => "token_unread",
            Self::Number => "number_unread",
            Self::Settings => "settings_unread",
            Self::Apps => "apps_unread",
            Self::Fields => "fields_unread",
            Self::Callback => "callback_unread",
        }
    }
}

/// Why there is no answer.
enum Unread {
    /// The platform said no.
    Refused { code: i64, text: String },
    /// It did not answer.
    Unreachable(String),
    /// It said something else.
    Odd(String),
}

impl Reader<'_> {
    async fn meta(&mut self, version: GraphVersion, number: &Number, examined: &mut Examined) {
        let found = &mut examined.findings;
        let path = edition::debug_token_path(version, self.upstream.token.expose());
        match self.read::<wire::graph::token::TokenAnswer>(&path, None).await {
            Ok(answer) => found.push(judge::token(&answer.data, clock::now())),
            // Nothing else will be answered either.
            Err(Unread::Unreachable(why)) => return found.push(unreachable(&why)),
            Err(unread) => found.push(not_read("upstream.token", Asked::Token, unread)),
        }
        let path = edition::number_health_path(version, &number.phone_number_id);
        let (mut account, mut app) = (None, None);
        match self.read::<wire::graph::health::Number>(&path, None).await {
            Ok(answer) => {
                found.extend(judge::number(&answer, &number.digits));
                (account, app) = judge::owners(&answer);
            }
            Err(unread) => found.push(not_read("upstream.number", Asked::Number, unread)),
        }
        self.settings(number, found).await;
        let (Some(Ok(account)), Some(app)) = (account.map(|id| id.parse::<WabaId>()), app) else {
            let fix = "Look at the subscriptions in the app's dashboard.";
            let what = "Which account and app the number belongs to is not known.";
            return found.push(Finding::warning("webhooks.account", "owners_unknown", what, fix));
        };
        let path = edition::subscribed_apps_path(version, &account);
        found.push(match self.read(&path, None).await {
            Ok(apps) => judge::subscribed(&apps, &app),
            Err(unread) => not_read("webhooks.account", Asked::Apps, unread),
        });
        self.fields(version, &app, examined).await;
    }

    /// 360dialog's key is the number's: what it may read is its settings and where its webhooks go.
    async fn dialog360(&mut self, number: &Number, examined: &mut Examined) {
        let found = &mut examined.findings;
        let path = edition::DIALOG360_WEBHOOK_PATH;
        match self.read::<Dialog360Callback>(path, None).await {
            Ok(Dialog360Callback { url }) => {
                let what = "360dialog accepts the API key.";
                found.push(Finding::ok("upstream.token", "dialog_key_fit", what));
                found.push(judge::channel_webhook(url.as_deref()));
                examined.callback_url = url;
            }
            // Nothing else will be answered either.
            Err(Unread::Unreachable(why)) => return found.push(unreachable(&why)),
            Err(Unread::Refused { code: 0 | 190 | 401 | 403, text }) => {
                let fix = "Make a new API key in the 360dialog hub and put it where the \
                           configuration names it.";
                let what = "360dialog does not accept the API key.";
                let fault = Finding::fault("upstream.token", "dialog_key_refused", what, fix);
                return found.push(fault.seen(text));
            }
            Err(unread @ (Unread::Refused { .. } | Unread::Odd(_))) => {
                found.push(not_read("webhooks.callback", Asked::Callback, unread));
            }
        }
        self.settings(number, &mut examined.findings).await;
    }

    async fn settings(&mut self, number: &Number, found: &mut Vec<Finding>) {
        let endpoint = Endpoint::ReadSettings { sip_credentials: false };
        let path = self.upstream.edition.path(endpoint);
        match self.read::<Settings>(&path, None).await {
            Ok(settings) => {
                let calling = settings.calling.unwrap_or_default();
                found.extend(judge::settings(&calling, &number.phone_number_id, self.by_sip));
            }
            Err(unread) => found.push(not_read("calling.status", Asked::Settings, unread)),
        }
    }

    /// The app's own subscription is read with the app's own token.
    async fn fields(&mut self, version: GraphVersion, app: &str, examined: &mut Examined) {
        let Some(secret) = &self.upstream.app_secret else { return };
        let Ok(id) = app.parse::<AppId>() else { return };
        let path = edition::app_subscriptions_path(version, &id);
        let token = format!("{app}|{}", secret.expose());
        let finding = match self.read(&path, Some(token)).await {
            Ok(subscriptions) => {
                examined.callback_url = judge::callback_url(&subscriptions);
                judge::fields(&subscriptions)
            }
            Err(unread) => not_read("webhooks.fields", Asked::Fields, unread),
        };
        examined.findings.push(finding);
    }

    async fn read<A: DeserializeOwned>(
        &mut self,
        path: &str,
        token: Option<String>,
    ) -> Result<A, Unread> {
        let upstream = self.upstream;
        let url = format!("{}{path}", upstream.base_url.trim_end_matches('/'));
        let token = token.as_deref().unwrap_or_else(|| upstream.token.expose());
        let (name, value) = upstream.edition.auth_header(token);
        let sent = clock::now();
        let answer = self.client.get(url).header(name, value).send().await;
        let mut answer = answer.map_err(|error| broken(&error))?;
        let date = answer.headers().get(header::DATE).and_then(|date| date.to_str().ok());
        if let Some(there) = date.and_then(clock::read) {
            self.ahead_ms = Some(ahead(there, sent, clock::now()));
        }
        let status = answer.status();
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(|error| broken(&error))? {
            if body.len() + chunk.len() > ANSWER_MAX {
                return Err(Unread::Odd("its answer is far too long".into()));
            }
            body.extend_from_slice(&chunk);
        }
        if !status.is_success() {
            let error = ErrorAnswer::parse(&body);
            let code = error.code().unwrap_or_else(|| i64::from(status.as_u16()));
            return Err(Unread::Refused { code, text: error.text().to_owned() });
        }
        serde_json::from_slice(&body).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            Unread::Odd(format!("its answer cannot be read at {line}:{column}"))
        })
    }
}

/// How far the platform's clock is ahead: its `Date` was written between sending and now.
fn ahead(there: Timestamp, sent: Timestamp, now: Timestamp) -> i64 {
    // `Date` has whole seconds: any moment of its second may be meant.
    let (first, last) = (there.unix_ms(), there.unix_ms() + 999);
    if last < sent.unix_ms() {
        last - sent.unix_ms()
    } else if first > now.unix_ms() {
        first - now.unix_ms()
    } else {
        0
    }
}

fn broken(error: &reqwest::Error) -> Unread {
    let why = if error.is_timeout() {
        "no answer in time"
    } else if error.is_connect() {
        "no connection"
    } else {
        "the connection broke"
    };
    Unread::Unreachable(why.into())
}

fn unreachable(why: &str) -> Finding {
    let fix = "Check [upstream] base_url, DNS, the way out by HTTPS and the platform's status.";
    Finding::fault("upstream.reachable", "platform_silent", "The platform does not answer.", fix)
        .seen(why)
}

fn not_read(check: &'static str, what: Asked, unread: Unread) -> Finding {
    let text = format!("It was not possible to read {}.", what.in_words());
    let kind = what.unread();
    match unread {
        Unread::Refused { code: code @ (0 | 190), text: said } => {
            let fix = "Make a new access token and put it where the configuration names it.";
            Finding::fault(
                check,
                "token_refused",
                "The platform does not accept the access token.",
                fix,
            )
            .seen(format!("{said} ({code})"))
        }
        Unread::Refused { code, text: said } => {
            let fix = "Give the token whatsapp_business_management, or look in the dashboard.";
            Finding::warning(check, kind, text, fix).seen(format!("{said} ({code})"))
        }
        Unread::Unreachable(why) | Unread::Odd(why) => {
            let fix = "Ask again in a moment; look at the platform's status.";
            Finding::warning(check, kind, text, fix).seen(why)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_within_the_request_is_the_same_time() {
        let at = Timestamp::from_unix_ms;
        assert_eq!(ahead(at(10_000), at(10_400), at(10_900)), 0);
        assert_eq!(ahead(at(10_000), at(9_400), at(10_200)), 0);
        assert_eq!(ahead(at(20_000), at(9_400), at(10_000)), 10_000);
        assert_eq!(ahead(at(2_000), at(10_999), at(11_500)), -8_000);
    }
}
