//! Who is there before the first call? Users with connected phones, agents at their consoles.

use std::time::Duration;

use engine::Engine;
use futures_util::{StreamExt, TryStreamExt, stream};
use handset::{ConnectError, Handset, Settings, sound::SoundError};
use serde::Serialize;
use terms::WaId;
use tokio::sync::mpsc;
use wire::sandbox::{
    Behaviour, DecidePermission, NewUser, PermissionAction, Reaction, WriteMessage,
};

use crate::{
    agent::{Agent, AgentError, LogInAs, Speech},
    caller::Caller,
    own,
    plan::{Direction, Kind, Plan},
    relay::{Exchange, Line, LineSettings},
    seat::{News, Order, Seat},
    sound::{Sounds, Voice},
    system::{Front, System},
};

/// How many are made at the same time.
const AT_ONCE: usize = 16;

/// Orders that may wait for a seat.
const ORDERS_MAX: usize = 16;

/// How long one request may take.
const REQUEST_MAX: Duration = Duration::from_secs(20);

/// Why the world is not ready.
#[derive(Debug, thiserror::Error)]
pub enum WorldError {
    /// A tone.
    #[error("cannot prepare what is played")]
    Sound(#[from] SoundError),
    /// The HTTP client.
    #[error("cannot make an HTTP client")]
    Client(#[source] reqwest::Error),
    /// The sandbox API.
    #[error("cannot reach the platform's sandbox API")]
    Sandbox(#[source] reqwest::Error),
    /// The sandbox API said no.
    #[error("the platform's sandbox API refused {path} with status {status}: {text}")]
    Refused {
        /// What was asked.
        path: String,
        /// The HTTP status.
        status: u16,
        /// Its words.
        text: String,
    },
    /// A phone.
    #[error("a phone cannot connect")]
    Phone(#[from] ConnectError),
    /// An agent.
    #[error("an agent cannot work")]
    Agent(#[from] AgentError),
    /// Calls of bots reach nobody.
    #[error("calls of bots need an address at which the gateway dials them")]
    NoBots,
    /// A business calls by a platform only.
    #[error("without a platform, only users call: direction user")]
    NoPlatform,
    /// More persons than agents.
    #[error("{needed} calls of persons need as many agents, there are {there}")]
    Agents {
        /// How many it takes.
        needed: u32,
        /// How many there are.
        there: usize,
    },
}

/// What the run holds of a seat.
#[derive(Debug)]
pub(crate) struct Taken {
    pub(crate) orders: mpsc::Sender<Order>,
}

/// Makes the users and fills every seat.
pub(crate) async fn prepare(
    engine: &Engine,
    plan: &Plan,
    system: &System,
    news: &mpsc::Sender<(u32, News)>,
) -> Result<Vec<Taken>, WorldError> {
    let needed = plan.agents();
    if system.agents.len() < needed as usize {
        return Err(WorldError::Agents { needed, there: system.agents.len() });
    }
    if matches!(system.front, Front::Exchange(_)) && plan.direction != Direction::User {
        return Err(WorldError::NoPlatform);
    }
    if system.bots.is_none() && plan.mix.bot > 0 {
        return Err(WorldError::NoBots);
    }
    let http =
        reqwest::Client::builder().timeout(REQUEST_MAX).build().map_err(WorldError::Client)?;
    let maker = Maker { engine, plan, system, http, sounds: Sounds::make()? };
    let mut agents = system.agents.iter();
    let seats = (0..plan.calls).map(|number| {
        let kind = plan.kind(number);
        (number, kind, if kind.has_agent() { agents.next() } else { None })
    });
    let making = seats.map(|(number, kind, agent)| maker.seat(number, kind, agent, news.clone()));
    stream::iter(making).buffered(AT_ONCE).try_collect().await
}

struct Maker<'a> {
    engine: &'a Engine,
    plan: &'a Plan,
    system: &'a System,
    http: reqwest::Client,
    sounds: Sounds,
}

impl Maker<'_> {
    async fn seat(
        &self,
        number: u32,
        kind: Kind,
        agent: Option<&LogInAs>,
        news: mpsc::Sender<(u32, News)>,
    ) -> Result<Taken, WorldError> {
        let user = user_of(number, kind);
        let decodes = self.plan.decodes(number);
        let caller = match &self.system.front {
            Front::Platform(platform) => {
                Caller::Phone(Box::new(self.phone(platform, &user, number, kind).await?))
            }
            Front::Exchange(exchange) => Caller::Line(self.line(exchange, &user, number)),
        };
        let speech = Speech { sound: self.sounds.of(Voice::Agent(number)), decodes };
        let agent = match agent {
            Some(who) => {
                let gateway = self.system.gateway.trim_end_matches('/');
                Some(Agent::sign_in(self.engine, &self.http, gateway, who, speech).await?)
            }
            None => None,
        };
        let (orders, inbox) = mpsc::channel(ORDERS_MAX);
        let business = self.system.business.clone();
        let bot = match kind {
            Kind::Bot => self.system.bots.as_ref().and_then(|bots| bots.of(number)),
            Kind::PersonByUser | Kind::PersonByBusiness | Kind::Flow => None,
        };
        let seat = Seat { number, kind, user, business, caller, agent, bot, orders: inbox, news };
        tokio::spawn(seat.run());
        Ok(Taken { orders })
    }

    async fn phone(
        &self,
        platform: &str,
        user: &WaId,
        number: u32,
        kind: Kind,
    ) -> Result<Handset, WorldError> {
        self.make_user(platform, user, number).await?;
        if kind == Kind::PersonByBusiness {
            self.let_be_called(platform, user).await?;
        }
        let settings = Settings {
            // Picked up by hand, so that no ring is missed.
            behaviour: Behaviour { answer: Reaction::Ignore, ..Behaviour::default() },
            decodes: self.plan.decodes(number),
            sound: Some(self.sounds.of(Voice::User(number))),
            ..Settings::new(platform, user.clone())
        };
        Ok(Handset::connect(self.engine, settings).await?)
    }

    fn line(&self, exchange: &Exchange, user: &WaId, number: u32) -> Line {
        let gateway = self.system.gateway.trim_end_matches('/');
        let settings = LineSettings {
            exchange: exchange.clone(),
            trunk: own::trunk(gateway, &self.system.business),
            user: user.clone(),
            sound: self.sounds.of(Voice::User(number)),
            decodes: self.plan.decodes(number),
        };
        Line::open(self.engine, settings)
    }

    async fn make_user(&self, platform: &str, user: &WaId, number: u32) -> Result<(), WorldError> {
        let new = NewUser {
            wa_id: user.clone(),
            name: format!("Load {number}"),
            country: None,
            user_id: None,
            parent_user_id: None,
            username: None,
            hides_number: false,
            client: None,
            behaviour: None,
        };
        match self.post(platform, "users", &new).await {
            // A run before made it.
            Err(WorldError::Refused { status: 409, .. }) | Ok(()) => Ok(()),
            Err(other) => Err(other),
        }
    }

    /// A business calls only whom it may, in an open window.
    async fn let_be_called(&self, platform: &str, user: &WaId) -> Result<(), WorldError> {
        let to = self.system.business.clone();
        let text = "Please call me.".to_owned();
        let hello = WriteMessage { to: to.clone(), text, reply_to: None };
        self.post(platform, &format!("users/{}/message", user.as_str()), &hello).await?;
        let action = PermissionAction::AcceptPermanent;
        let permit = DecidePermission { to, action, request_id: None, in_profile: false };
        self.post(platform, &format!("users/{}/permission", user.as_str()), &permit).await
    }

    async fn post(
        &self,
        platform: &str,
        path: &str,
        body: &impl Serialize,
    ) -> Result<(), WorldError> {
        let url = format!("{}/sandbox/v1/{path}", platform.trim_end_matches('/'));
        let answer = self.http.post(url).json(body).send().await.map_err(WorldError::Sandbox)?;
        if answer.status().is_success() {
            return Ok(());
        }
        let status = answer.status().as_u16();
        let text = answer.text().await.unwrap_or_default();
        // The path of a user's own address has the number in it.
        let path = path.split('/').filter(|part| !part.starts_with(char::is_numeric));
        let path = path.collect::<Vec<_>>().join("/…/");
        Err(WorldError::Refused { path, status, text })
    }
}

/// How the number of a user begins: by it a flow tells who is to have a bot.
const fn beginning(kind: Kind) -> &'static str {
    match kind {
        Kind::PersonByUser | Kind::PersonByBusiness | Kind::Flow => "551191",
        Kind::Bot => "551192",
    }
}

/// The callers of such calls, as flows write them.
pub(crate) fn callers(kind: Kind) -> String {
    format!("+{}*", beginning(kind))
}

/// The number of a seat's user.
fn user_of(seat: u32, kind: Kind) -> WaId {
    format!("{}{seat:07}", beginning(kind)).parse().expect("thirteen digits are a number")
}

/// Whose number that is, in calls of such a kind.
pub(crate) fn seat_of(user: &WaId, kind: Kind) -> Option<u32> {
    user.as_str().strip_prefix(beginning(kind))?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_users_number_names_the_seat_and_who_is_to_have_a_bot() {
        for seat in [0, 7, 999_999] {
            assert_eq!(seat_of(&user_of(seat, Kind::Bot), Kind::Bot), Some(seat));
            assert_eq!(seat_of(&user_of(seat, Kind::Flow), Kind::Bot), None);
            let begins = callers(Kind::Bot).trim_matches(['+', '*']).to_owned();
            assert!(user_of(seat, Kind::Bot).as_str().starts_with(&begins));
        }
    }
}
