//! What belongs to one business number?
//!
//! A [`Line`] is a business number as the gateway serves it: its front door at the platform with the
//! keys for it, its flow, its prices, and whose it is. Every call, record, event, entry of the ledger,
//! contact and parked call is of one line. There is at least one.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use switchboard::access::{Act, may};
use terms::{PhoneNumberId, Timestamp, UserRef, WabaId};
use tokio::sync::watch;
use wire::console;

use crate::{
    config::{self, FlowSource},
    events::Consoles,
    flows::ask::FlowClient,
    graph::Graph,
    metrics::Metrics,
    organisation::{Organisation, Organisations},
    prompts::{House, Shelf, ShelfError},
    serve::StartError,
    store::{ContactKey, LineSet},
    tariff::Tariff,
    upstream_sip::Edge,
};

/// One business number.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) config: config::Line,
    pub(crate) organisation: Arc<Organisation>,
    /// The way to its platform.
    pub(crate) graph: Graph,
    /// The same for its calls, where they come and go by SIP.
    pub(crate) sip: Option<Edge>,
    pub(crate) shelf: Arc<Shelf>,
    /// The business's endpoint for flows, if it has one.
    pub(crate) asker: Option<FlowClient>,
    /// The numbers whose minutes count together for the price's tiers, this one among them.
    pub(crate) counted_with: LineSet,
    /// How many entries its consent ledger has got since the start.
    pub(crate) ledger: watch::Sender<u64>,
}

impl Line {
    /// Its id at the platform, which names the line everywhere.
    pub(crate) fn id(&self) -> &PhoneNumberId {
        &self.config.number.phone_number_id
    }

    /// By what its platform is spoken to about calls, where not by Graph.
    pub(crate) fn signalling(&self) -> Option<String> {
        self.sip.as_ref().map(|_| "sip".to_owned())
    }

    /// The number as people read it.
    pub(crate) fn digits(&self) -> &str {
        self.config.number.digits.as_str()
    }

    /// Those who take its calls.
    pub(crate) fn consoles(&self) -> &Consoles {
        &self.organisation.consoles
    }

    /// By what its calls are priced and counted.
    pub(crate) fn tariff(&self) -> Tariff {
        let config = &self.config;
        Tariff {
            number: self.id().clone(),
            price: config.price.clone(),
            budget: config.budget.clone(),
            counted_with: self.counted_with.clone(),
        }
    }

    /// Now, by the clock of its platform.
    pub(crate) fn now(&self) -> Timestamp {
        self.graph.now()
    }

    /// A user, as this line knows one.
    pub(crate) fn contact(&self, user: &UserRef) -> ContactKey {
        ContactKey { line: self.id().clone(), user: user.clone() }
    }

    /// The number as consoles show it.
    pub(crate) fn shown(&self) -> console::Number {
        console::Number {
            phone_number_id: self.id().clone(),
            display: self.digits().to_owned(),
            name: self.config.number.name.clone(),
        }
    }

    /// Whether this text names it: its digits or its id.
    pub(crate) fn is_named(&self, text: &str) -> bool {
        self.digits() == text || self.id().as_str() == text
    }
}

/// Every line, by its id.
#[derive(Debug)]
pub(crate) struct Lines {
    by_id: BTreeMap<PhoneNumberId, Arc<Line>>,
    /// As they are configured.
    all: Vec<Arc<Line>>,
}

impl Lines {
    /// Reads flows and prompts, and makes the ways to the platforms.
    ///
    /// # Errors
    ///
    /// The first thing of a line that does not start.
    pub(crate) fn start(
        whole: &config::Config,
        organisations: &Organisations,
        metrics: &Arc<Metrics>,
    ) -> Result<Self, StartError> {
        let mut shelves = Shelves::default();
        let mut all = Vec::new();
        for config in whole.lines.iter() {
            let organisation = Arc::clone(organisations.named(&config.organisation));
            let house = House::of(whole, config);
            let unattended = nobody_answers(config, whole).then(unattended);
            let shelf = shelves.load(config.flow.as_ref().or(unattended.as_ref()), house)?;
            let asker = match config.ask.clone() {
                Some(endpoint) => Some(FlowClient::new(endpoint, shelf.supplies.clone())?),
                None => None,
            };
            all.push(Arc::new(Line {
                organisation,
                graph: Graph::new(config.upstream.clone(), Arc::clone(metrics))?,
                sip: config.sip.clone().map(Edge::new),
                shelf,
                asker,
                ledger: watch::Sender::new(0),
                counted_with: counted_with(config, whole),
                config: config.clone(),
            }));
        }
        let by_id = all.iter().map(|line| (line.id().clone(), Arc::clone(line))).collect();
        Ok(Self { by_id, all })
    }

    /// All of them, as they are configured.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<Line>> {
        self.all.iter()
    }

    /// The one of this id.
    pub(crate) fn get(&self, id: &PhoneNumberId) -> Option<&Arc<Line>> {
        self.by_id.get(id)
    }

    /// The lines of an organisation, as they are configured.
    pub(crate) fn of<'a>(
        &'a self,
        organisation: &'a Organisation,
    ) -> impl Iterator<Item = &'a Arc<Line>> {
        self.all.iter().filter(|line| line.organisation.id == organisation.id)
    }

    /// The lines of an account.
    pub(crate) fn of_account<'a>(
        &'a self,
        account: &'a WabaId,
    ) -> impl Iterator<Item = &'a Arc<Line>> {
        self.all.iter().filter(move |line| line.config.account.as_ref() == Some(account))
    }

    /// The number of this id as people read it; of a line that is no longer configured its id.
    pub(crate) fn digits<'a>(&'a self, id: &'a PhoneNumberId) -> &'a str {
        self.get(id).map_or_else(|| id.as_str(), |line| line.digits())
    }
}

/// The numbers of this one's portfolio, or itself. What other houses use is not for it to see.
fn counted_with(own: &config::Line, whole: &config::Config) -> LineSet {
    let is_beside = |other: &&config::Line| {
        let number = &other.number.phone_number_id;
        let shares = own.portfolio.is_some() && other.portfolio == own.portfolio;
        *number == own.number.phone_number_id || (shares && other.organisation == own.organisation)
    };
    let beside = whole.lines.iter().filter(is_beside);
    beside.map(|line| line.number.phone_number_id.clone()).collect()
}

/// Whether calls of this number would reach nobody and nothing.
fn nobody_answers(line: &config::Line, whole: &config::Config) -> bool {
    let takes_calls = |agent: &config::Agent| {
        agent.organisation == line.organisation && may(agent.role, Act::TakeCalls)
    };
    line.flow.is_none() && !whole.agents.iter().any(takes_calls)
}

/// What answers then: a bot that is built in, so that a number can be tried before anybody works there.
fn unattended() -> FlowSource {
    let toml = include_str!("../assets/unattended.toml").to_owned();
    FlowSource::Embedded { toml, prompts: Vec::new() }
}

/// Flows and prompts that were read; many lines of a house may share a file.
#[derive(Default)]
struct Shelves(BTreeMap<(House, Option<PathBuf>), Arc<Shelf>>);

impl Shelves {
    fn load(
        &mut self,
        source: Option<&FlowSource>,
        house: House,
    ) -> Result<Arc<Shelf>, ShelfError> {
        let path = match source {
            None => None,
            Some(FlowSource::File(path)) => Some(path.clone()),
            Some(FlowSource::Embedded { .. }) => {
                return Ok(Arc::new(Shelf::load(source, &house)?));
            }
        };
        let key = (house, path);
        if let Some(shelf) = self.0.get(&key) {
            return Ok(Arc::clone(shelf));
        }
        let shelf = Arc::new(Shelf::load(source, &key.0)?);
        self.0.insert(key, Arc::clone(&shelf));
        Ok(shelf)
    }
}
