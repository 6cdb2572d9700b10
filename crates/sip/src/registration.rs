//! Does a PBX know where we are (RFC 3261, 10)?
//!
//! A trunk that registers says so again before it is forgotten, and takes it back when it goes.

use std::sync::Arc;
use std::time::Duration;

use rsipstack::dialog::registration::Registration as Asking;
use rsipstack::sip::{Response, Uri, typed};
use tokio::sync::watch;
use tracing::debug;

use crate::agent::{Desk, credential};
use crate::said::value;
use crate::{Credentials, Manners, Target, headers};

/// How long an answer may take.
const ANSWERS: Duration = Duration::from_secs(10);
/// For too short a time (RFC 3261, 21.4.17).
const TOO_BRIEF: u16 = 423;
/// How soon it is tried again when it was refused or nobody answered, and later.
const AGAIN: [u64; 4] = [5, 15, 60, 300];
/// The longest that a registrar may have us ask for.
const EXPIRES_MAX: u32 = 86_400;
/// The part of the time we are known after which we say it again.
const RENEW: f64 = 0.8;

/// Where and as whom to register.
#[derive(Clone)]
pub struct Registrar {
    /// Where it is.
    pub target: Target,
    /// Its name; the target's where absent.
    pub domain: Option<String>,
    /// Who we are there.
    pub credentials: Credentials,
    /// For how long we ask to be known.
    pub expires: Duration,
}

impl std::fmt::Debug for Registrar {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Registrar").field("target", &self.target).finish_non_exhaustive()
    }
}

/// How a registration is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Registration {
    /// Not answered yet.
    Asking,
    /// It knows us.
    Known,
    /// It does not want us, with this status.
    Refused(u16),
    /// It does not answer or cannot be reached.
    Unreachable,
}

/// A registration that is kept up. Dropping it takes it back.
#[derive(Debug)]
pub struct Registered {
    state: watch::Receiver<Registration>,
    _held: tokio::sync::oneshot::Sender<()>,
}

impl Registered {
    pub(crate) fn begin(desk: Arc<Desk>, registrar: Registrar) -> Self {
        let (tell, state) = watch::channel(Registration::Asking);
        let (held, dropped) = tokio::sync::oneshot::channel();
        drop(tokio::spawn(Box::pin(keep(desk, registrar, tell, dropped))));
        Self { state, _held: held }
    }

    /// How it is.
    #[must_use]
    pub fn state(&self) -> Registration {
        *self.state.borrow()
    }

    /// Its changes.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<Registration> {
        self.state.clone()
    }
}

async fn keep(
    desk: Arc<Desk>,
    registrar: Registrar,
    tell: watch::Sender<Registration>,
    mut dropped: tokio::sync::oneshot::Receiver<()>,
) {
    let Some((mut asking, uri)) = asking(&desk, &registrar) else {
        tell.send_replace(Registration::Unreachable);
        return;
    };
    let mut expires = u32::try_from(registrar.expires.as_secs()).unwrap_or(u32::MAX);
    let mut failed = 0;
    loop {
        let mut answer = ask(&desk, &registrar, &mut asking, &uri, expires).await;
        if let Answer::TooBrief(least) = answer
            && (expires.saturating_add(1)..=EXPIRES_MAX).contains(&least)
        {
            expires = least;
            answer = ask(&desk, &registrar, &mut asking, &uri, expires).await;
        }
        let answer = answer.registration();
        tell.send_replace(answer);
        let again = if answer == Registration::Known {
            failed = 0;
            Duration::from_secs(asking.expires().into()).mul_f64(RENEW).max(ANSWERS)
        } else {
            let seconds = AGAIN.get(failed).or(AGAIN.last()).copied().unwrap_or(300);
            failed += 1;
            Duration::from_secs(seconds)
        };
        tokio::select! {
            _ = &mut dropped => break,
            () = tokio::time::sleep(again) => {}
        }
    }
    if *tell.borrow() == Registration::Known {
        ask(&desk, &registrar, &mut asking, &uri, 0).await;
    }
}

fn asking(desk: &Arc<Desk>, registrar: &Registrar) -> Option<(Asking, Uri)> {
    let target = &registrar.target;
    let domain = match (&registrar.domain, &target.host) {
        (Some(domain), _) => headers::host(domain)?.to_owned(),
        (None, Some(host)) => host.to_string(),
        (None, None) => target.address.to_string(),
    };
    let uri = format!("sip:{domain};transport={}", target.transport.as_str());
    let uri = Uri::try_from(uri.as_str()).ok()?;
    let user = headers::user(&registrar.credentials.user, "the user").ok()?;
    let contact = desk.contact(&user, target.transport, &Manners::default())?;
    let mut asking = Asking::new(desk.endpoint(), Some(credential(&registrar.credentials)));
    asking.contact = Some(typed::Contact { display_name: None, uri: contact, params: Vec::new() });
    asking.outbound_proxy = Some(target.address);
    Some((asking, uri))
}

/// What a registrar says.
#[derive(Clone, Copy)]
enum Answer {
    Known,
    /// It wants us to be known for longer: for so many seconds (RFC 3261, 10.3).
    TooBrief(u32),
    Refused(u16),
    Unreachable,
}

impl Answer {
    fn of(response: &Response) -> Self {
        let least = value(response, "Min-Expires").and_then(|least| least.parse().ok());
        match (response.status_code.code(), least) {
            (200..=299, _) => Self::Known,
            (TOO_BRIEF, Some(least)) => Self::TooBrief(least),
            (status, _) => Self::Refused(status),
        }
    }

    const fn registration(self) -> Registration {
        match self {
            Self::Known => Registration::Known,
            Self::TooBrief(_) => Registration::Refused(TOO_BRIEF),
            Self::Refused(status) => Registration::Refused(status),
            Self::Unreachable => Registration::Unreachable,
        }
    }
}

async fn ask(
    desk: &Desk,
    registrar: &Registrar,
    asking: &mut Asking,
    uri: &Uri,
    expires: u32,
) -> Answer {
    let asked = async {
        desk.roads.ready(&registrar.target).await.map_err(|_| ())?;
        asking.register(uri.clone(), Some(expires)).await.map_err(|fault| {
            debug!(%fault, "a REGISTER could not be sent");
        })
    };
    match tokio::time::timeout(ANSWERS, Box::pin(asked)).await {
        Ok(Ok(response)) => Answer::of(&response),
        Ok(Err(())) | Err(_) => Answer::Unreachable,
    }
}
