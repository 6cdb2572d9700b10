//! Which business numbers are there, and what belongs to each?
//!
//! ```toml
//! [number]                                # the only number, or the first
//! phone_number_id = "109876543210987"
//! digits = "551140000000"
//! name = "Loja Aurora"
//! account = "201234567890123"             # its WABA; without it account-wide webhooks are everybody's
//! portfolio = "aurora"                    # optional: numbers with the same word share price tiers
//! time_zone = "America/Sao_Paulo"
//!
//! [[numbers]]                             # one for each further number
//! phone_number_id = "209876543210987"
//! digits = "5215550009999"
//! organisation = "brisa"                  # of [[organisations]]; the first when absent
//! flow = "brisa/flow.toml"                # what is absent here is as in the whole file
//! rulebook = "2026-10"
//! card = "meta"
//! currency = "EUR"
//!
//! [numbers.sip]                           # see `line_sip`
//! hostname = "sip.brisa.example"
//!
//! [numbers.upstream]                      # without it the file's [upstream]
//! edition = "360dialog"
//! token_env = "BRISA_KEY"
//! verify_token_env = "BRISA_VERIFY"
//! ```

use std::{path::PathBuf, time::Duration};

use jiff::tz::TimeZone;
use serde::Deserialize;
use switchboard::budget::Budget;
use terms::{Currency, OrganisationId, PhoneNumberId, WaId, WabaId};
use wire::edition::{Edition, GRAPH_VERSION_DEFAULT, GraphVersion};

use super::{
    ConfigError, FlowEndpoint, FlowSource, Guard, LineSip, Number, Organisation,
    PermissionTemplate, Price, TIMEOUT_DEFAULT, Upstream,
    flow::FlowSetting,
    line_sip::LineSipTable,
    price::{BudgetTable, GuardTable, PriceTable},
    read::{Secrets, value},
};

/// One business number with all that is its own.
#[derive(Debug, Clone)]
pub struct Line {
    /// The number.
    pub number: Number,
    /// The account it belongs to at the platform, where known.
    pub account: Option<WabaId>,
    /// The portfolio with whose other numbers it reaches price tiers together, where it is said.
    pub portfolio: Option<String>,
    /// Whose it is.
    pub organisation: OrganisationId,
    /// Where its days begin and end.
    pub time_zone: TimeZone,
    /// The Calling API and our keys for it.
    pub upstream: Upstream,
    /// How its calls come and go by SIP; by Graph and webhooks, when absent.
    pub sip: Option<LineSip>,
    /// What answers when no agent does; without it such calls are rejected.
    pub flow: Option<FlowSource>,
    /// Whom a flow is asked for when a user calls; the one above is used when that fails.
    pub ask: Option<FlowEndpoint>,
    /// What calls are estimated to cost.
    pub price: Price,
    /// What a month may cost.
    pub budget: Option<Budget>,
    /// What stops us before the platform does.
    pub guard: Guard,
    /// Approved templates that ask for permission to call outside the service window.
    pub permission_templates: Vec<PermissionTemplate>,
}

/// Every line; there is at least one.
#[derive(Debug, Clone)]
pub struct Lines {
    /// The only one, or the first.
    pub first: Line,
    /// The others.
    pub others: Vec<Line>,
}

impl Lines {
    /// All of them, the first one first.
    pub fn iter(&self) -> impl Iterator<Item = &Line> {
        std::iter::once(&self.first).chain(&self.others)
    }
}

/// What a line has where it says nothing of its own.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct Shared {
    pub(super) upstream: Option<UpstreamTable>,
    pub(super) flow: Option<FlowSetting>,
    pub(super) price: PriceTable,
    pub(super) budget: Option<BudgetTable>,
    pub(super) guard: GuardTable,
    pub(super) permission_templates: Vec<TemplateTable>,
}

#[derive(Deserialize, Clone)]
#[serde(deny_unknown_fields)]
pub(super) struct NumberTable {
    phone_number_id: PhoneNumberId,
    digits: WaId,
    name: Option<String>,
    account: Option<WabaId>,
    portfolio: Option<String>,
    organisation: Option<OrganisationId>,
    time_zone: Option<String>,
    flow: Option<FlowSetting>,
    rulebook: Option<String>,
    card: Option<String>,
    currency: Option<Currency>,
    budget: Option<BudgetTable>,
    upstream: Option<UpstreamTable>,
    sip: Option<LineSipTable>,
    permission_templates: Option<Vec<TemplateTable>>,
}

#[derive(Deserialize, Clone)]
#[serde(deny_unknown_fields)]
pub(super) struct UpstreamTable {
    edition: EditionWord,
    version: Option<String>,
    base_url: Option<String>,
    token_file: Option<PathBuf>,
    token_env: Option<String>,
    app_secret_file: Option<PathBuf>,
    app_secret_env: Option<String>,
    verify_token_file: Option<PathBuf>,
    verify_token_env: Option<String>,
    timeout_s: Option<u64>,
}

#[derive(Deserialize, Clone, Copy)]
enum EditionWord {
    #[serde(rename = "meta")]
    Meta,
    #[serde(rename = "360dialog")]
    Dialog360,
}

#[derive(Deserialize, Clone)]
#[serde(deny_unknown_fields)]
pub(super) struct TemplateTable {
    name: String,
    language: String,
}

/// Checks every table of a number, `[number]` first.
///
/// # Errors
///
/// The first thing that is wrong.
pub(super) fn lines(
    secrets: &Secrets<'_>,
    tables: impl IntoIterator<Item = NumberTable>,
    shared: &Shared,
    organisations: &[Organisation],
) -> Result<Lines, ConfigError> {
    let mut lines: Vec<Line> = Vec::new();
    for table in tables {
        let line = line(secrets, table, shared, organisations)?;
        let number = &line.number;
        let twice = lines.iter().any(|known| {
            known.number.phone_number_id == number.phone_number_id
                || known.number.digits == number.digits
        });
        if twice {
            return Err(value(&key_of(number), "this number stands twice".into()));
        }
        lines.push(line);
    }
    let mut lines = lines.into_iter();
    let none = || value("number", "add a [number] table, or [[numbers]] tables".into());
    Ok(Lines { first: lines.next().ok_or_else(none)?, others: lines.collect() })
}

/// What is wrong with each table; one fault hides no other.
pub(super) fn faults(
    secrets: &Secrets<'_>,
    tables: Vec<NumberTable>,
    shared: &Shared,
    organisations: &[Organisation],
) -> Vec<ConfigError> {
    let single = |table: &NumberTable| line(secrets, table.clone(), shared, organisations).err();
    let faults: Vec<ConfigError> = tables.iter().filter_map(single).collect();
    if faults.is_empty() {
        return lines(secrets, tables, shared, organisations).err().into_iter().collect();
    }
    faults
}

impl NumberTable {
    /// Its number, where its calls come and go by SIP.
    pub(super) fn by_sip(&self) -> Option<&PhoneNumberId> {
        self.sip.as_ref().map(|_| &self.phone_number_id)
    }
}

fn key_of(number: &Number) -> String {
    format!("numbers.{}", number.phone_number_id)
}

fn line(
    secrets: &Secrets<'_>,
    table: NumberTable,
    shared: &Shared,
    organisations: &[Organisation],
) -> Result<Line, ConfigError> {
    let NumberTable { phone_number_id, digits, name, account, portfolio, .. } = table;
    let number = Number { phone_number_id, digits, name };
    let key = key_of(&number);
    let upstream = match (&table.upstream, &shared.upstream) {
        (Some(own), _) => upstream(secrets, &format!("{key}.upstream"), own, &number)?,
        (None, Some(shared)) => upstream(secrets, "upstream", shared, &number)?,
        (None, None) => {
            let why = "add an [upstream] table for all numbers, or one below this number";
            return Err(value(&format!("{key}.upstream"), why.into()));
        }
    };
    let time_zone = time_zone(table.time_zone.as_deref(), &key)?;
    let price = shared.price.with(table.rulebook, table.card, table.currency);
    let price = price.checked(secrets.folder, &time_zone)?;
    let budget = table.budget.as_ref().or(shared.budget.as_ref());
    let own = table.permission_templates;
    let flow = table.flow.or_else(|| shared.flow.clone());
    let ask = flow.as_ref().and_then(|flow| flow.ask.clone());
    let ask = ask.map(|table| secrets.ask(table)).transpose()?;
    Ok(Line {
        organisation: organisation(organisations, table.organisation, &key)?,
        account,
        portfolio,
        time_zone,
        upstream,
        sip: table.sip.map(|table| table.checked(secrets, &key)).transpose()?,
        budget: budget.map(|table| table.checked(&price)).transpose()?,
        guard: shared.guard.checked(&price.rulebook)?,
        price,
        ask,
        flow: flow.map(|flow| FlowSource::File(secrets.folder.join(flow.file))),
        permission_templates: templates(own.as_ref().unwrap_or(&shared.permission_templates))?,
        number,
    })
}

/// The organisation something belongs to: the first when nothing is said.
pub(super) fn organisation(
    organisations: &[Organisation],
    named: Option<OrganisationId>,
    key: &str,
) -> Result<OrganisationId, ConfigError> {
    let known: Vec<&str> = organisations.iter().map(|known| known.id.as_str()).collect();
    let Some(named) = named else {
        let first = organisations.first().map(|first| first.id.clone());
        return Ok(first.unwrap_or_else(|| Organisation::default().id));
    };
    if known.contains(&named.as_str()) {
        return Ok(named);
    }
    let meant = terms::nearest(named.as_str(), &known)
        .map_or_else(String::new, |near| format!(": did you mean {near:?}?"));
    let why = format!("no [[organisations]] table has the id {:?}{meant}", named.as_str());
    Err(value(&format!("{key}.organisation"), why))
}

fn time_zone(name: Option<&str>, key: &str) -> Result<TimeZone, ConfigError> {
    let Some(name) = name else { return Ok(TimeZone::UTC) };
    let why =
        || format!("no time zone is called {name:?}; write one such as \"America/Sao_Paulo\"");
    rules::hours::zone(name).ok_or_else(|| value(&format!("{key}.time_zone"), why()))
}

fn upstream(
    secrets: &Secrets<'_>,
    key: &str,
    table: &UpstreamTable,
    number: &Number,
) -> Result<Upstream, ConfigError> {
    let edition = match table.edition {
        EditionWord::Meta => Edition::Meta {
            version: version(table.version.as_deref(), key)?,
            phone_number_id: number.phone_number_id.clone(),
        },
        EditionWord::Dialog360 => Edition::Dialog360,
    };
    let secret = |name: &str, file: &Option<PathBuf>, env: &Option<String>| {
        secrets.secret(&format!("{key}.{name}"), file.clone(), env.clone())
    };
    let signed = table.app_secret_file.is_some() || table.app_secret_env.is_some();
    let app_secret = match (table.edition, signed) {
        (EditionWord::Dialog360, false) => None,
        (EditionWord::Dialog360 | EditionWord::Meta, _) => {
            Some(secret("app_secret", &table.app_secret_file, &table.app_secret_env)?)
        }
    };
    Ok(Upstream {
        base_url: (table.base_url.clone()).unwrap_or_else(|| edition.default_base_url().to_owned()),
        edition,
        token: secret("token", &table.token_file, &table.token_env)?,
        app_secret,
        verify_token: secret("verify_token", &table.verify_token_file, &table.verify_token_env)?,
        timeout: table.timeout_s.map_or(TIMEOUT_DEFAULT, Duration::from_secs),
    })
}

fn version(text: Option<&str>, key: &str) -> Result<GraphVersion, ConfigError> {
    text.map_or(Ok(GRAPH_VERSION_DEFAULT), |text| {
        let why = || "write one such as \"v23.0\"".into();
        text.parse().map_err(|_| value(&format!("{key}.version"), why()))
    })
}

fn templates(tables: &[TemplateTable]) -> Result<Vec<PermissionTemplate>, ConfigError> {
    let mut templates: Vec<PermissionTemplate> = Vec::new();
    for TemplateTable { name, language } in tables {
        if name.is_empty() || language.is_empty() {
            let why = "a name and a language such as \"pt_BR\"".into();
            return Err(value("permission_templates", why));
        }
        if templates.iter().any(|known| known.language == *language) {
            return Err(value("permission_templates", format!("{language} stands twice")));
        }
        templates.push(PermissionTemplate { name: name.clone(), language: language.clone() });
    }
    Ok(templates)
}
